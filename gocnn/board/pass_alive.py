"""What is alive whatever is played, and what is an eye: Benson's algorithm as a compiled kernel.

With random playouts (`gocnn.board.playouts`) this judges the end of the game: when to pass, what is
dead, who is ahead.
"""

import numpy as np
import numpy.typing as npt

from gocnn._jit import jit
from gocnn.board import rules
from gocnn.board.rules import COLOUR, EMPTY, FIELD, HEAD, META, STEPS, STRIDE, WALL, State

DIAGONALS = (-STRIDE - 1, -STRIDE + 1, STRIDE - 1, STRIDE + 1)


@jit
def is_eye(state: State, point: int, colour: int) -> bool:
    """Whether the empty field point is surrounded by `colour` and its diagonals do not make it
    false (the usual rule of playouts).

    In the middle one diagonal may be the opponent's, on the edge none (Gelly et al. 2006,
    "Modification of UCT with patterns in Monte-Carlo Go").
    """
    if state[COLOUR, point] != EMPTY:
        return False
    for step in STEPS:
        c = state[COLOUR, point + step]
        if c != colour and c != WALL:
            return False
    against, edge = 0, False
    for step in DIAGONALS:
        c = state[COLOUR, point + step]
        if c == WALL:
            edge = True
        elif c == 3 - colour:
            against += 1
    return against == 0 or (against == 1 and not edge)


@jit
def eyes(state: State, colour: int, mask: npt.NDArray[np.bool_]) -> None:
    """Fill bool `(size * size,)`: True at the eyes of `colour` (`is_eye`)."""
    size = state[META, rules.BOARD_SIZE]
    for index in range(size * size):
        mask[index] = is_eye(state, rules.field_point(index, size), colour)


@jit
def pass_alive(state: State, colour: int, mask: npt.NDArray[np.bool_]) -> None:
    """Fill bool `(size * size,)`: True at stones of `colour` that cannot be captured even if it
    always passes, and at the small regions that make them so.

    Source: D. B. Benson, "Life in the game of Go", Information Sciences 10 (1976).
    """
    size = state[META, rules.BOARD_SIZE]
    chain = np.full(FIELD, -1, np.int16)
    region = np.full(FIELD, -1, np.int16)
    chains, regions = _number(state, colour, chain, region)
    borders = np.zeros((regions, chains), np.bool_)
    vital = np.zeros((regions, chains), np.bool_)
    _find_borders(state, colour, chain, region, borders, vital)
    chain_in = np.ones(chains, np.bool_)
    region_in = np.ones(regions, np.bool_)
    _drop(borders, vital, chain_in, region_in)
    mask[:] = False
    for index in range(size * size):
        p = rules.field_point(index, size)
        if state[COLOUR, p] == colour:
            mask[index] = chain_in[chain[state[HEAD, p]]]
        elif region_in[region[p]]:
            for k in range(chains):
                if vital[region[p], k]:
                    mask[index] = True
                    break


@jit
def _number(
    state: State, colour: int, chain: npt.NDArray[np.int16], region: npt.NDArray[np.int16]
) -> tuple[int, int]:
    """Number the chains of `colour` in `chain`, int16 `(441,)`, at their heads, and in `region`,
    int16 `(441,)`, the regions that they enclose, at every point; both -1 elsewhere. Returns how
    many of each there are."""
    size = state[META, rules.BOARD_SIZE]
    stack = np.empty(FIELD, np.int16)
    chains, regions = 0, 0
    for index in range(size * size):
        p = rules.field_point(index, size)
        if state[COLOUR, p] == colour:
            head = state[HEAD, p]
            if chain[head] < 0:
                chain[head] = chains
                chains += 1
        elif region[p] < 0:
            region[p] = regions
            stack[0] = p
            count = 1
            while count:
                count -= 1
                q = stack[count]
                for step in STEPS:
                    n = q + step
                    c = state[COLOUR, n]
                    if c != WALL and c != colour and region[n] < 0:
                        region[n] = regions
                        stack[count] = n
                        count += 1
            regions += 1
    return chains, regions


@jit
def _find_borders(
    state: State,
    colour: int,
    chain: npt.NDArray[np.int16],
    region: npt.NDArray[np.int16],
    borders: npt.NDArray[np.bool_],
    vital: npt.NDArray[np.bool_],
) -> None:
    """Fill bool `(regions, chains)`: whether the chain borders on the region, and whether the
    region is vital to it: all of its empty points are liberties of the chain."""
    size = state[META, rules.BOARD_SIZE]
    empties = np.zeros(len(borders), np.int16)
    touching = np.zeros(borders.shape, np.int16)
    for index in range(size * size):
        p = rules.field_point(index, size)
        r = region[p]
        if r < 0:
            continue
        empty = state[COLOUR, p] == EMPTY
        empties[r] += empty
        for i in range(4):
            n = p + STEPS[i]
            if state[COLOUR, n] != colour:
                continue
            k = chain[state[HEAD, n]]
            borders[r, k] = True
            seen = False
            for j in range(i):
                m = p + STEPS[j]
                seen = seen or (state[COLOUR, m] == colour and chain[state[HEAD, m]] == k)
            if empty and not seen:
                touching[r, k] += 1
    for r in range(len(borders)):
        for k in range(borders.shape[1]):
            vital[r, k] = borders[r, k] and touching[r, k] == empties[r]


@jit
def _drop(
    borders: npt.NDArray[np.bool_],
    vital: npt.NDArray[np.bool_],
    chain_in: npt.NDArray[np.bool_],
    region_in: npt.NDArray[np.bool_],
) -> None:
    """Benson's loop: chains with fewer than two vital regions are dropped, then regions that border
    on a dropped chain, until none is."""
    regions, chains = borders.shape
    changed = True
    while changed:
        changed = False
        for k in range(chains):
            if chain_in[k]:
                count = 0
                for r in range(regions):
                    if region_in[r] and vital[r, k]:
                        count += 1
                if count < 2:
                    chain_in[k] = False
                    changed = True
        for r in range(regions):
            if region_in[r]:
                for k in range(chains):
                    if borders[r, k] and not chain_in[k]:
                        region_in[r] = False
                        changed = True
                        break
