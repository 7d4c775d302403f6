"""Numbers and choices in sentences."""

from collections.abc import Sequence


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with what it counts, for people: `1 game`, `2 games`; plural: where it is not the
    noun and an s."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def either(names: Sequence[str]) -> str:
    """One of several, for people: `a`, `a or b`, `a, b or c`."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
