"""Pandanet's UGF, of which files are named `.ugf` or `.ugi`.

    [Header]    Name=value lines, among them PlayerB=name,rank,...; Hdcp=stones,komi;
                Winner=B,points; Size; Date; CoordinateType=IGS or JPN; Lang
    [Data]      point,colour and player,number,seconds: `QP,B1,1,0`; a point outside of the board
                (YA) is a pass; number 0: a handicap stone

Points are two letters from A; rows count from the bottom in IGS coordinates, else from the top.
Comments and variations are passed over.
"""

import re

from gocnn.games.kifu import BadRecord, Kifu, point_of, whole

SIGNATURE = re.compile(
    rb"\A(?:#[^\r\n]*[\r\n]+)*\[(?:Header|Remote)\]\s*$", re.MULTILINE | re.IGNORECASE
)
DECLARED: re.Pattern[bytes] | None = re.compile(rb"^Lang=([A-Za-z0-9_-]+)", re.MULTILINE)

_MOVE = re.compile(r"([A-Z])([A-Z]),([BW]|MK)\d?(?:,(\d+))?")


def read(lines: list[str]) -> Kifu:
    """The game in the lines of a UGF file. Raises BadRecord if they are none."""
    kifu, header, section, data = Kifu(), {}, "", []
    for line in lines:
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].casefold()
        elif section == "header" and "=" in line:
            name, _, value = line.partition("=")
            header[name.casefold()] = value
        elif section == "data" and line[:1].isalpha():
            data.append(line)
    if "PLAIN" not in header.get("crypt", "PLAIN_UGF_FILE").upper():
        raise BadRecord("an encrypted UGF record; save it again without encryption")
    handicap = _header(kifu, header)
    size = whole(header.get("size", "19"), 1, 99) or 19
    for line in data:
        _move(kifu, line.upper(), size, header.get("coordinatetype", "").upper() == "IGS", handicap)
    if handicap > 1 and not kifu.stones and not (kifu.moves and kifu.moves[0][0] == "B"):
        kifu.give_handicap(handicap)
    return kifu


def _move(kifu: Kifu, line: str, size: int, from_bottom: bool, handicap: int) -> None:
    move = _MOVE.match(line)
    if move is None:
        raise BadRecord(f"a UGF record whose move {len(kifu.moves) + 1} is no move: {line[:40]}")
    column, row = ord(move[1]) - 65, ord(move[2]) - 65
    outside = column >= size or row >= size
    point = "" if outside else point_of(column, size - 1 - row if from_bottom else row)
    if move[4] == "0" and handicap > 1 and move[3] == "B" and not kifu.moves and point:
        kifu.stones.append(point)
        return
    last = kifu.moves[-1][0] if kifu.moves else "W"
    kifu.moves.append((move[3] if move[3] != "MK" else "BW"[last == "B"], point or ""))


def _header(kifu: Kifu, header: dict[str, str]) -> int:
    for key, name, rank in (("playerb", "PB", "BR"), ("playerw", "PW", "WR")):
        parts = [*header.get(key, "").split(","), ""]
        kifu.texts[name], kifu.texts[rank] = parts[0], parts[1]
    stones, _, komi = header.get("hdcp", "").partition(",")
    kifu.texts |= {
        "KM": komi,
        "SZ": header.get("size", "19"),
        "DT": header.get("date", "").split(",")[0],
        "EV": header.get("title", "").strip(","),
    }
    kifu.texts |= {
        "PC": header.get("place", ""),
        "RU": header.get("rule", "").replace("JPN", "Japanese"),
    }
    winner, _, by = header.get("winner", "").partition(",")
    if winner.strip().upper() in ("B", "W"):
        points = re.match(r"\s*(\d+(?:\.\d+)?)", by)
        ending = {"R": "R", "C": "R", "T": "T"}.get(by.strip().upper()[:1], "")
        kifu.texts["RE"] = f"{winner.strip().upper()}+{points[1] if points else ending}"
    number = whole(stones, 0, 99) or 0
    if number > 1:
        kifu.texts["HA"] = str(number)
    return number
