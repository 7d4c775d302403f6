"""CyberOro's (WBaduk's) NGF: twelve lines of header, then one line a move.

    title, size, white player, black player, site, handicap, 0, komi, yyyymmdd [hh:mm], minutes,
    result, number of moves
    PMnnCxyyx      nn: the move's number in letters; C: B or W; x, y: column and row from the upper
                   left, B to T, and again mirrored; AA: a pass

Komi is a whole number, and half a point more in even games. Some sites have `GI` before each line
of the header, and another order.
"""

import re

from gocnn.games.kifu import BadRecord, Kifu, point_of, whole

SIGNATURE = re.compile(rb"^(?:PM[A-Z]{2}[BW][A-Z]{2,4}|GI19)\s*$", re.MULTILINE)
DECLARED: re.Pattern[bytes] | None = None

_MOVE = re.compile(r"PM[A-Z]{2}([BW])([A-Z])([A-Z])")
_PLAYER = re.compile(r"^(.*?)(?:\s+(\S*[\d一二三四五六七八九初]\S*))?$")


def read(lines: list[str]) -> Kifu:
    """The game in the lines of a NGF file. Raises BadRecord if they are none."""
    kifu = Kifu()
    header = [line for line in lines if not _MOVE.match(line)]
    if lines and lines[0].startswith("GI"):
        _header_of_sites(
            [line[2:].strip() for line in header if line.startswith("GI")],
            [line for line in header if not line.startswith("GI")],
            kifu,
        )
    else:
        _header(header, kifu)
    for line in lines:
        if not line.startswith("PM"):
            continue
        number, move = len(kifu.moves) + 1, _MOVE.match(line)
        point = point_of(ord(move[2]) - 66, ord(move[3]) - 66) if move else None
        if move and move[2] == move[3] == "A":
            point = ""
        if move is None or point is None:
            raise BadRecord(f"an NGF record whose move {number} is no move: {line[:40]}")
        kifu.moves.append((move[1], point))
    return kifu


def _header(lines: list[str], kifu: Kifu) -> None:
    header = [*lines[:12], *[""] * (12 - len(lines))]
    size, handicap, komi = whole(header[1], 1, 99), whole(header[5], 0, 99), whole(header[7], 0, 99)
    if size is None or handicap is None:
        raise BadRecord("an NGF record with another header than this program knows")
    kifu.texts |= {
        "SZ": str(size),
        "EV": header[0],
        "PC": header[4],
        "DT": header[8],
        "RE": header[10],
    }
    _players(header[2], header[3], kifu)
    kifu.give_handicap(handicap)
    if komi is not None:
        kifu.texts["KM"] = f"{komi + (0.5 if handicap == 0 else 0):g}"


def _header_of_sites(header: list[str], rest: list[str], kifu: Kifu) -> None:
    """As Chinese sites have it: title, white, black, two lines, date, size, handicap, 0, komi,
    number of moves; last the result in a comment."""
    header = [*header[:11], *[""] * (11 - len(header))]
    size, handicap, komi = whole(header[6], 1, 99), whole(header[7], 0, 99), whole(header[9], 0, 99)
    if size is None or handicap is None:
        raise BadRecord("an NGF record with another header than this program knows")
    kifu.texts |= {"SZ": str(size), "EV": header[0], "DT": header[5]}
    _players(header[1], header[2], kifu)
    kifu.give_handicap(handicap)
    if komi is not None:
        kifu.texts["KM"] = f"{komi + (0.5 if handicap == 0 else 0):g}"
    last = re.match(r"IDB\[\d*\]\s*(.*?)(?:\(|\[EndTxt\]|$)", rest[-1]) if rest else None
    if last:
        kifu.texts["RE"] = last[1]


def _players(white: str, black: str, kifu: Kifu) -> None:
    for text, name, rank in ((white, "PW", "WR"), (black, "PB", "BR")):
        match = _PLAYER.match(text)
        assert match is not None
        kifu.texts[name], kifu.texts[rank] = match[1], match[2] or ""
