"""Bytes of a file, edited at random."""


def edited(data: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    """Each edit replaces so many bytes at a place by others."""
    for at, length, new in edits:
        at %= len(data) + 1
        data = data[:at] + new + data[at + length :]
    return data
