"""Tygem's GIB.

    \\HS ... \\HE    the header: \\[NAME=value\\], among them GAMEBLACKNAME=name(rank),
                     GAMEINFOMAIN=...,GRLT:result,ZIPSU:points*10,GONGJE:komi*10
    \\GS ... \\GE    the game: INI 0 1 handicap ...; STO 0 number colour column row (from the upper
                     left, 0 to 18; 1 black, 2 white); SKI: a pass

Several games can follow one another in one program's memory, never in a file.
"""

import re

from gocnn.games.kifu import BadRecord, Kifu, point_of, whole

SIGNATURE = re.compile(rb"\A\\HS|\A\\\[G|^\\\[GAME[A-Z]+=|^\\GS\s", re.MULTILINE)
DECLARED: re.Pattern[bytes] | None = re.compile(rb"\\\[GIBOKIND=([A-Za-z]+)")

_HEADER = re.compile(r"\\\[([A-Z]+)=(.*?)\\\]")
_PLAYER = re.compile(r"^(.*?)\s*\(([^()]*)\)$")
_RESULTS = {"3": "B+R", "4": "W+R", "7": "B+T", "8": "W+T"}


def read(lines: list[str]) -> Kifu:
    """The game in the lines of a GIB file. Raises BadRecord if they are none."""
    kifu = Kifu()
    header: dict[str, str] = {}
    for line in lines:
        header.update(_HEADER.findall(line))
        words = line.split()
        if not words or words[0] not in ("INI", "STO", "SKI", "REM"):
            continue
        number = len(kifu.moves) + 1
        if words[0] == "INI":
            if kifu.moves:
                raise BadRecord(f"a GIB record with a new game after move {number - 1}")
            kifu.give_handicap((whole(words[3], 0, 99) or 0) if len(words) > 3 else 0)
        elif words[0] == "STO":
            numbers = [whole(word, 0, 99) for word in words[4:6]]
            point = (
                point_of(numbers[0], numbers[1])
                if len(numbers) == 2 and numbers[0] is not None and numbers[1] is not None
                else None
            )
            if point is None or words[3] not in ("1", "2"):
                raise BadRecord(f"a GIB record whose move {number} is no move: {line[:40]}")
            kifu.moves.append(("B" if words[3] == "1" else "W", point))
        elif words[0] == "SKI":
            last = kifu.moves[-1][0] if kifu.moves else ("B" if kifu.stones else "W")
            kifu.moves.append(("W" if last == "B" else "B", ""))
        else:
            raise BadRecord(
                f"a GIB record with something other than a move after move {number - 1}:"
                f" {line[:40]}"
            )
    _header(kifu, header)
    return kifu


def _header(kifu: Kifu, header: dict[str, str]) -> None:
    for key, name, rank in (("GAMEBLACKNAME", "PB", "BR"), ("GAMEWHITENAME", "PW", "WR")):
        player = _PLAYER.match(header.get(key, ""))
        kifu.texts[name], kifu.texts[rank] = (
            (player[1], player[2]) if player else (header.get(key, ""), "")
        )
    main = dict(item.partition(":")[::2] for item in header.get("GAMEINFOMAIN", "").split(","))
    tags = {item.strip()[:1]: item.strip()[1:] for item in header.get("GAMETAG", "").split(",")}
    kifu.texts["RE"] = _result(
        main.get("GRLT") or tags.get("W", ""), main.get("ZIPSU") or tags.get("Z", "")
    ) or header.get("GAMERESULT", "")
    kifu.texts["KM"] = _komi(
        header.get("GAMEGONGJE") or main.get("GONGJE") or tags.get("G", ""),
        header.get("GAMEDUM") or main.get("DUM") or tags.get("D", ""),
    )
    dated = re.match(r"(\d{4}):(\d\d):(\d\d)", tags.get("C", ""))
    kifu.texts["DT"] = "-".join(dated.groups()) if dated else header.get("GAMEDATE", "")
    kifu.texts["PC"] = "Tygem"
    kifu.texts["EV"] = header.get("GAMENAME", "")


def _result(code: str, points: str) -> str:
    if code in ("0", "1"):
        margin = whole(points, 1, 9999)
        return f"{'BW'[int(code)]}+{margin / 10:g}" if margin else ""
    return _RESULTS.get(code, "")


def _komi(deducted: str, given: str) -> str:
    """GONGJE is komi in tenths. Where it is 0 there may be another kind of komi, DUM, whose unit
    and side are not known: then komi is not either."""
    value = whole(deducted, 0, 9999)
    if value is None or (value == 0 and given.strip() not in ("", "0")):
        return ""
    return f"{value / 10:g}"
