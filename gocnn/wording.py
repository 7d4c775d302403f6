"""Numbers in sentences."""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with what it counts, for people: `1 game`, `2 games`; plural: where it is not the
    noun and an s."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
