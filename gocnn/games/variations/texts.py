"""The values of properties as texts: decoded, escapes undone, lists of points written out."""

import re

from gocnn.board.coords import SGF_LETTERS
from gocnn.games.encoding import _DOUBLED, _ESCAPE

MOVES = ("B", "W")
_POINTS = frozenset(["AB", "AW", "AE", "DD", "VW", "TR", "SQ", "CR", "MA", "SL", "TB", "TW"])
"""Properties whose values are points, or rectangles of them (`aa:cc`)."""

_BREAK = re.compile("\r\n|\n\r|\n|\r")
_RECTANGLE = re.compile("([a-z])([a-z]):([a-z])([a-z])")
_BLANKS = re.compile(r"[\x00-\x09\x0b-\x20]")


def text(raw: bytes, codec: str) -> str:
    """An SGF Text value: escapes undone, line breaks kept (as line feeds), other white space made
    blanks."""
    if codec in _DOUBLED and b"\\\\" in raw:
        raw = _DOUBLED[codec].sub(lambda m: m[1] or m[2], raw)
    found = raw.decode(codec, "replace")
    if "\\" in found:
        found = _ESCAPE.sub(lambda m: "" if m[1][0] in "\r\n" else m[1], found)
    return _BLANKS.sub(" ", _BREAK.sub("\n", found))


def values(name: str, raw: list[bytes], codec: str) -> list[str]:
    """All values of a property. Moves and points are without the white space that some programs put
    into them, and rectangles are written out point by point."""
    found = [text(one, codec) for one in raw]
    if name not in _POINTS and name not in MOVES:
        return found
    found = ["".join(one.split()) for one in found]
    if name in MOVES:
        return found
    points = [point for one in found for point in _written_out(one)]
    return list(dict.fromkeys(points))


def _written_out(value: str) -> list[str]:
    """The points of a list's entry: itself, or those of the rectangle between two corners."""
    corners = _RECTANGLE.fullmatch(value)
    if corners is None:
        return [value]
    columns = sorted(SGF_LETTERS.index(corners[i]) for i in (1, 3))
    rows = sorted(SGF_LETTERS.index(corners[i]) for i in (2, 4))
    return [
        SGF_LETTERS[column] + SGF_LETTERS[row]
        for row in range(rows[0], rows[1] + 1)
        for column in range(columns[0], columns[1] + 1)
    ]
