"""Where a point is: the one place that converts between the ways of naming it.

The internal form is the *flat index*, an int. Row 0 is the bottom row (as in sgfmill), column 0 the
left one.

    place (19x19)    flat index   (row, column)   GTP     SGF
    lower left       0            (0, 0)          A1      as
    lower right      18           (0, 18)         T1      ss
    upper left       342          (18, 0)         A19     aa
    upper right      360          (18, 18)        T19     sa
    pass             361          None            pass    (empty) or tt

In general `index = row * size + column`, and pass is `size * size`. GTP leaves out the letter I.
SGF counts rows from the top. Sources: GTP version 2 draft, section 2.11; SGF FF[4], "Go"
(https://www.red-bean.com/sgf/go.html).
"""

SIZE = 19
POINTS = SIZE * SIZE
PASS = POINTS
MOVES = POINTS + 1

GTP_LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"
SGF_LETTERS = "abcdefghijklmnopqrstuvwxyz"

BLACK = 1
WHITE = 2
COLOUR_NAMES = {BLACK: "black", WHITE: "white"}


class BadVertex(ValueError):
    """A vertex that is not a point of the board nor a pass; the message quotes it."""


def from_row_column(row_column: tuple[int, int] | None, size: int = SIZE) -> int:
    """The flat index of `(row, column)`; None is a pass. Values are not checked."""
    return size * size if row_column is None else row_column[0] * size + row_column[1]


def to_row_column(index: int, size: int = SIZE) -> tuple[int, int] | None:
    """`(row, column)` of a flat index, None for a pass."""
    return None if index == size * size else divmod(index, size)


def from_gtp(vertex: str, size: int = SIZE) -> int:
    """The flat index of a GTP vertex such as `Q16` or `pass`, in either case. Raises BadVertex."""
    text = vertex.strip().upper()
    if text == "PASS":
        return size * size
    column = GTP_LETTERS.find(text[:1]) if text else -1
    row = int(text[1:]) - 1 if text[1:].isascii() and text[1:].isdigit() and len(text) <= 3 else -1
    if not (0 <= column < size and 0 <= row < size):
        raise BadVertex(
            f"{vertex!r} is not a point of the {size}x{size} board (A1 to"
            f" {GTP_LETTERS[size - 1]}{size}, without I) nor pass"
        )
    return row * size + column


def to_gtp(index: int, size: int = SIZE) -> str:
    """The GTP vertex of a flat index: `Q16`, `pass`."""
    row_column = to_row_column(index, size)
    return "pass" if row_column is None else f"{GTP_LETTERS[row_column[1]]}{row_column[0] + 1}"


def from_sgf(value: str, size: int = SIZE) -> int:
    """The flat index of an SGF point: two letters; empty, or `tt` on boards up to 19x19, is a pass.
    Raises BadVertex."""
    if value == "" or (value == "tt" and size <= 19):
        return size * size
    column, row = (SGF_LETTERS.find(letter) for letter in value) if len(value) == 2 else (-1, -1)
    if not (0 <= column < size and 0 <= row < size):
        raise BadVertex(f"{value!r} is not an SGF point of a {size}x{size} board")
    return (size - 1 - row) * size + column


def to_sgf(index: int, size: int = SIZE) -> str:
    """The SGF point of a flat index; empty for a pass."""
    row_column = to_row_column(index, size)
    return (
        ""
        if row_column is None
        else SGF_LETTERS[row_column[1]] + SGF_LETTERS[size - 1 - row_column[0]]
    )
