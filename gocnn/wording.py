"""Numbers and choices in sentences."""

import unicodedata
from collections.abc import Iterable, Sequence


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with what it counts, for people: `1 game`, `2 games`; plural: where it is not the
    noun and an s."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def either(names: Sequence[str]) -> str:
    """One of several, for people: `a`, `a or b`, `a, b or c`."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def few(names: Iterable[str], most: int = 3) -> str:
    """The first of several names, for people: `a, b, c ...`."""
    here = list(names)
    return ", ".join(here[:most]) + (" ..." if len(here) > most else "")


def padded(text: str, width: int) -> str:
    """The text with spaces up to so many columns of a terminal, of which Chinese and emoji take
    two."""
    return text + " " * (width - columns(text))


def columns(text: str) -> int:
    """How many columns of a terminal the text takes
    (https://www.unicode.org/reports/tr11/)."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )
