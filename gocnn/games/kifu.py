"""A game record on its way from another format to SGF."""

from dataclasses import dataclass, field

from gocnn.board.coords import SGF_LETTERS
from gocnn.games.handicap import PLACES


class BadRecord(ValueError):
    """A file in a known format that cannot be read; the message says which, and what is wrong."""


@dataclass
class Kifu:
    """Texts by SGF property, handicap stones (SGF points), and moves (`B` or `W`, and an SGF point,
    empty for a pass)."""

    texts: dict[str, str] = field(default_factory=dict)
    stones: list[str] = field(default_factory=list)
    moves: list[tuple[str, str]] = field(default_factory=list)

    def give_handicap(self, number: int) -> None:
        """Stones at the fixed places of the Asian servers. Raises BadRecord if there are none for
        so many."""
        if number > 1 and number not in PLACES:
            raise BadRecord(f"it has {number} handicap stones, but no one knows where")
        if number > 1:
            self.texts["HA"] = str(number)
            self.stones = list(PLACES[number])

    def sgf(self) -> bytes:
        """The record in SGF, UTF-8."""
        properties = "".join(
            f"{name}[{_escaped(value)}]" for name, value in self.texts.items() if value.strip()
        )
        stones = (
            "AB" + "".join(f"[{point}]" for point in self.stones) + "PL[W]" if self.stones else ""
        )
        moves = "".join(f";{colour}[{point}]" for colour, point in self.moves)
        size = "" if "SZ" in self.texts else "SZ[19]"
        return f"(;GM[1]FF[4]CA[UTF-8]{size}{properties}{stones}{moves})".encode()


def point_of(column: int, row: int) -> str | None:
    """The SGF point of a column from the left and a row from the top, both from 0; None if no 19x19
    board has it."""
    return SGF_LETTERS[column] + SGF_LETTERS[row] if 0 <= column < 19 and 0 <= row < 19 else None


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("]", "\\]").strip()


def whole(text: str, low: int, high: int) -> int | None:
    """A whole number from `low` to `high` in ASCII digits; None if the text is none."""
    text = text.strip()
    return (
        int(text)
        if len(text) < 6 and text.isascii() and text.isdigit() and low <= int(text) <= high
        else None
    )
