"""Unconditional life once more, with sets, and boards out of drawings."""

from collections.abc import Iterator, Set

import numpy as np

from gocnn.board import Board

Points = Set[tuple[int, int]]


def neighbours(row: int, column: int, size: int) -> Iterator[tuple[int, int]]:
    for r, c in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
        if 0 <= r < size and 0 <= c < size:
            yield r, c


def parts(points: Points, size: int) -> list[frozenset[tuple[int, int]]]:
    """Connected parts of a set of points."""
    left, found = set(points), []
    while left:
        stack = [left.pop()]
        part: set[tuple[int, int]] = set()
        while stack:
            p = stack.pop()
            part.add(p)
            for n in neighbours(*p, size):
                if n in left:
                    left.remove(n)
                    stack.append(n)
        found.append(frozenset(part))
    return found


def benson(stones: np.ndarray, colour: int) -> set[tuple[int, int]]:
    """Benson 1976 with sets, as it stands in the paper: chains X and regions R, both thinned out
    until nothing changes."""
    size = len(stones)
    everywhere = {(r, c) for r in range(size) for c in range(size)}
    mine = {p for p in everywhere if stones[p] == colour}
    chains_left, regions_left = parts(mine, size), parts(everywhere - mine, size)

    def next_to(points: Points) -> set[tuple[int, int]]:
        return {n for p in points for n in neighbours(*p, size)}

    def vital(region: Points, chain: Points) -> bool:
        return bool(next_to(region) & chain) and all(
            set(neighbours(*p, size)) & chain for p in region if stones[p] == 0
        )

    while True:
        kept = [x for x in chains_left if sum(vital(r, x) for r in regions_left) >= 2]
        safe = set().union(*kept) if kept else set()
        regions = [r for r in regions_left if (next_to(r) & mine) <= safe]
        if kept == chains_left and regions == regions_left:
            return safe | {p for r in regions if any(vital(r, x) for x in kept) for p in r}
        chains_left, regions_left = kept, regions


def board_from(rows: str, size: int | None = None) -> Board:
    lines = [line.split() for line in rows.strip().splitlines()][::-1]
    size = size or len(lines)
    board = Board(size)
    board.set_up(
        [r * size + c for r, line in enumerate(lines) for c, x in enumerate(line) if x == "X"],
        [r * size + c for r, line in enumerate(lines) for c, x in enumerate(line) if x == "O"],
    )
    return board
