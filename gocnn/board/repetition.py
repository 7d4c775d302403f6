"""Which moves might repeat an earlier position: a quick sieve by hash, so that the exact comparison
is made for those only."""

import numpy as np
import numpy.typing as npt

from gocnn._jit import jit
from gocnn.board import rules
from gocnn.board.rules import COLOUR, EMPTY, FIELD, WALL, State

KEYS = np.random.default_rng(19).integers(0, 2**64, (3, FIELD), np.uint64)
"""uint64 `(3, 441)`: a number for each colour at each field point."""


@jit
def position_hash(state: State) -> np.uint64:
    """The Zobrist hash of the stones (Zobrist 1970, "A new hashing method with application for game
    playing")."""
    value = np.uint64(0)
    for p in range(FIELD):
        c = state[COLOUR, p]
        if c != EMPTY and c != WALL:
            value ^= KEYS[c, p]
    return value


@jit
def first_at_least(values: npt.NDArray[np.uint64], value: np.uint64) -> int:
    """Where the first of the sorted `values` stands that is not less than `value`; behind the last
    if there is none. (As `np.searchsorted`, which takes seconds to compile.)"""
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) // 2
        if values[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@jit
def maybe_repeats(
    state: State,
    colour: int,
    legal: npt.NDArray[np.bool_],
    seen: npt.NDArray[np.uint64],
    suspects: npt.NDArray[np.bool_],
) -> None:
    """Fill bool `(size * size,)`: True for the legal moves after which the position has a hash
    among `seen`, which is sorted."""
    size = state[rules.META, rules.BOARD_SIZE]
    trial = np.empty_like(state)
    for index in range(size * size):
        suspects[index] = False
        if legal[index]:
            rules.copy(state, trial)
            rules.play(trial, rules.field_point(index, size), colour)
            value = position_hash(trial)
            row = first_at_least(seen, value)
            suspects[index] = row < len(seen) and seen[row] == value
