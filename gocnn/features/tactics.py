"""What a move would do, and what is settled: feature planes that a small network cannot work out
from stones and liberties alone.

A chain may wind across half of the board, and a convolution sees a few points of it: how many
stones a move would capture, and how many liberties the chain of a move would have, are facts of
whole chains. The groups are described in `gocnn.features.planes`.
"""

import numpy as np
import numpy.typing as npt

from gocnn._jit import jit
from gocnn.board import pass_alive
from gocnn.board.coords import POINTS, SIZE
from gocnn.board.rules import (
    COLOUR,
    EMPTY,
    FIELD,
    HEAD,
    NEXT,
    STEPS,
    STRIDE,
    WALL,
    State,
    forbidden,
)

MOST = 4
"""Sizes and liberties are told apart up to this many; the last plane of four means "or more"."""

RING_ENDS = (3, 6, 9, 14, 22, 54)
"""The greatest distance in each ring around the last move."""


def _rings() -> npt.NDArray[np.int64]:
    """int64 `(19, 19)`: the ring, 0 to 5, of a point so many rows and columns away; -1 for the
    point itself."""
    rows, columns = np.indices((SIZE, SIZE))
    distance = rows + columns + np.maximum(rows, columns)
    rings = np.searchsorted(RING_ENDS, distance)
    rings[0, 0] = -1
    return rings


RINGS = _rings()


@jit
def chain_size(state: State, head: int) -> int:
    """Stones of the chain with this head, counted up to MOST."""
    size, p = 1, state[NEXT, head]
    while p != head and size < MOST:
        size += 1
        p = state[NEXT, p]
    return size


@jit
def _liberties_joined(
    state: State,
    libs: npt.NDArray[np.int16],
    colour: int,
    point: int,
    seen: npt.NDArray[np.int16],
    stamp: int,
) -> tuple[int, int]:
    """Liberties and stones, both counted up to MOST, of the chain of `colour` that a stone at
    `point` would be in.

    `seen`, int16 `(441,)`, marks with `stamp` the points that were counted; what the stone captures
    becomes liberties.
    """
    opponent = 3 - colour
    seen[point] = stamp
    found, size = 0, 1
    for step in STEPS:
        n = point + step
        c = state[COLOUR, n]
        if c == EMPTY or (c == opponent and libs[0, state[HEAD, n]] == 1):
            seen[n] = stamp
            found += 1
    for step in STEPS:
        head = state[HEAD, point + step]
        if state[COLOUR, point + step] != colour or seen[head] == stamp:
            continue
        if libs[0, head] > MOST:  # at most one of them is `point`
            return MOST, MOST
        p = head
        while found < MOST:  # only a chain in atari is asked for its size
            seen[p] = stamp
            size += 1
            for other in STEPS:
                n = p + other
                if seen[n] != stamp:
                    c = state[COLOUR, n]
                    if c == EMPTY or (
                        c == opponent
                        and libs[0, state[HEAD, n]] == 1
                        and libs[1, state[HEAD, n]] == point
                    ):
                        seen[n] = stamp
                        found += 1
            p = state[NEXT, p]
            if p == head:
                break
    return min(found, MOST), min(size, MOST)


@jit
def fill_moves(
    state: State,
    libs: npt.NDArray[np.int16],
    colour: int,
    capture: int,
    self_atari: int,
    after: int,
    permutation: npt.NDArray[np.int16],
    out: npt.NDArray[np.uint8],
) -> None:
    """Write the groups capture_size, self_atari_size and liberties_after, whose first planes are
    given (-1: left out), for all legal moves of `colour`. `libs`: as `count_liberties` fills it;
    `permutation` and `out`: as in `gocnn.features.planes.fill`, `out` empty there."""
    seen = np.zeros(FIELD, np.int16)
    opponent, ko, index = 3 - colour, forbidden(state, colour), -1
    for row in range(1, SIZE + 1):
        for p in range(row * STRIDE + 1, row * STRIDE + 1 + SIZE):
            index += 1
            if state[COLOUR, p] != EMPTY or p == ko:
                continue
            open_points, own, taken, h0, h1, h2 = 0, False, 0, -1, -1, -1
            for step in STEPS:
                n = p + step
                c = state[COLOUR, n]
                if c == EMPTY:
                    open_points += 1
                elif c == colour:
                    own = True
                elif c == opponent:
                    head = state[HEAD, n]
                    if libs[0, head] == 1 and head != h0 and head != h1 and head != h2:
                        taken += chain_size(state, head)
                        h2 = h1
                        h1 = h0
                        h0 = head
            if capture >= 0 and taken:
                out[capture + min(taken, MOST) - 1, permutation[index]] = 1
            if self_atari < 0 and after < 0:
                continue
            if own or taken:
                liberties, size = _liberties_joined(state, libs, colour, p, seen, index + 1)
            else:
                liberties, size = open_points, 1
            if self_atari >= 0 and liberties == 1:
                out[self_atari + size - 1, permutation[index]] = 1
            if after >= 0 and liberties:
                out[after + liberties - 1, permutation[index]] = 1


@jit
def fill_many(
    state: State,
    libs: npt.NDArray[np.int16],
    colour: int,
    first: int,
    permutation: npt.NDArray[np.int16],
    out: npt.NDArray[np.uint8],
) -> None:
    """Write the group many_liberties from plane `first` on."""
    index = 0
    for row in range(1, SIZE + 1):
        for p in range(row * STRIDE + 1, row * STRIDE + 1 + SIZE):
            c = state[COLOUR, p]
            if c != EMPTY:
                count = libs[0, state[HEAD, p]]
                if count > MOST:
                    out[
                        first + (0 if c == colour else 3) + min(count, MOST + 3) - MOST - 1,
                        permutation[index],
                    ] = 1
            index += 1


@jit
def fill_eyes(
    state: State,
    colour: int,
    first: int,
    permutation: npt.NDArray[np.int16],
    out: npt.NDArray[np.uint8],
) -> None:
    """Write the group eyes: those of `colour` in plane `first`, the opponent's in the next."""
    index = 0
    for row in range(1, SIZE + 1):
        for p in range(row * STRIDE + 1, row * STRIDE + 1 + SIZE):
            if state[COLOUR, p] == EMPTY:
                near = state[COLOUR, p + 1]
                if near == WALL:
                    near = state[COLOUR, p - 1]
                if near != EMPTY and pass_alive.is_eye(state, p, near):
                    out[first + (0 if near == colour else 1), permutation[index]] = 1
            index += 1


@jit
def fill_alive(
    state: State,
    colour: int,
    first: int,
    permutation: npt.NDArray[np.int16],
    out: npt.NDArray[np.uint8],
) -> None:
    """Write the group pass_alive: that of `colour` in plane `first`, the opponent's in the next."""
    mask = np.empty(POINTS, np.bool_)
    for i in range(2):
        pass_alive.pass_alive(state, colour if i == 0 else 3 - colour, mask)
        for index in range(POINTS):
            if mask[index]:
                out[first + i, permutation[index]] = 1


@jit
def fill_rings(
    last: int, first: int, permutation: npt.NDArray[np.int16], out: npt.NDArray[np.uint8]
) -> None:
    """Write the group last_move around flat index `last` from plane `first` on."""
    row, column = last // SIZE, last % SIZE
    index = 0
    for r in range(SIZE):
        for c in range(SIZE):
            ring = RINGS[abs(r - row), abs(c - column)]
            if ring >= 0:
                out[first + ring, permutation[index]] = 1
            index += 1
