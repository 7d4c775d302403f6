"""A board for the terminal."""

from collections.abc import Mapping

from gocnn.board import BLACK, WHITE, Board
from gocnn.board.coords import GTP_LETTERS

STARS = {19: (3, 9, 15), 13: (3, 6, 9), 9: (2, 4, 6)}
_WOOD, _RESET = "\x1b[48;5;179m", "\x1b[0m"
_INK = {
    "line": "\x1b[38;5;94m",
    BLACK: "\x1b[38;5;16m",
    WHITE: "\x1b[38;5;231m",
    "mark": "\x1b[1;38;5;160m",
    "last": "\x1b[38;5;27m",
}


def diagram(
    board: Board,
    marks: Mapping[int, str] | None = None,
    colour: bool = True,
    *,
    unicode: bool = True,
) -> str:
    """The position as text, row 19 on top. `marks`: one character for some empty flat indices (the
    suggestions). The last move stands in brackets, or in blue with `colour`. Without `unicode`,
    stones are X (black) and O (white)."""
    marks = marks or {}
    stones = board.stones()
    last = board.moves[-1][0] if board.moves else None
    header = "   " + " ".join(GTP_LETTERS[: board.size])
    lines = [header]
    for row in reversed(range(board.size)):
        points = range(row * board.size, (row + 1) * board.size)
        cells = []
        for index in points:
            stone, mark = int(stones.flat[index]), marks.get(index)
            if colour:
                is_last = index == last
                cell = _inked(board.size, stone, index, mark=mark, is_last=is_last, unicode=unicode)
            else:
                cell = " " + _glyph(
                    board.size, stone, index, mark=mark, colour=False, unicode=unicode
                )
            cells.append(cell)
        body = "".join(cells) + " "
        if colour:
            body = _WOOD + body + _RESET
        elif last is not None and last in points:
            at = 2 * (last - points[0])
            body = f"{body[:at]}({body[at + 1]}){body[at + 3 :]}"
        lines.append(f"{row + 1:2d}{body}{row + 1:2d}")
    return "\n".join([*lines, header])


def _glyph(
    size: int, stone: int, index: int, *, mark: str | None, colour: bool, unicode: bool
) -> str:
    """The character for a point."""
    if stone:
        if not unicode:
            return {BLACK: "X", WHITE: "O"}[stone]
        return "●" if colour or stone == BLACK else "○"
    row, column = divmod(index, size)
    star = row in STARS.get(size, ()) and column in STARS.get(size, ())
    if mark:
        return mark
    if unicode and colour:
        return "╋" if star else "┼"
    return "+" if star else "."


def _inked(
    size: int, stone: int, index: int, *, mark: str | None, is_last: bool, unicode: bool
) -> str:
    """The character in its colour, with what stands on its left."""
    ink = _INK[stone] if stone else _INK["mark" if mark else "line"]
    left = f"{_INK['last']}▸" if is_last and unicode else (f"{_INK['last']}>" if is_last else " ")
    return f"{left}{ink}{_glyph(size, stone, index, mark=mark, colour=True, unicode=unicode)}"
