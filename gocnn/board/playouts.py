"""Random playouts: a position played to its end at random, many times, counts whose each point
becomes (Brügmann 1993)."""

import numpy as np
import numpy.typing as npt

from gocnn._jit import jit
from gocnn.board import rules
from gocnn.board.pass_alive import is_eye
from gocnn.board.rules import COLOUR, EMPTY, META, STRIDE, State


@jit
def next_number(seed: np.uint64) -> np.uint64:
    """The next number of a xorshift generator (Marsaglia 2003)."""
    seed ^= seed << np.uint64(13)
    seed ^= seed >> np.uint64(7)
    seed ^= seed << np.uint64(17)
    return seed


@jit
def playout(state: State, colour: int, seed: np.uint64) -> np.uint64:
    """Play random moves from `state`, `colour` first, until neither side has one that does not fill
    its own eye; returns the next seed."""
    size = state[META, rules.BOARD_SIZE]
    empty = np.empty(size * size, np.int16)
    count, captured = 0, -1
    passes = 0
    for _ in range(3 * size * size):
        total = state[META, rules.CAPTURED_BY_BLACK] + state[META, rules.CAPTURED_BY_WHITE]
        if total != captured:
            captured = total
            count = 0
            for row in range(1, size + 1):
                for p in range(row * STRIDE + 1, row * STRIDE + 1 + size):
                    if state[COLOUR, p] == EMPTY:
                        empty[count] = p
                        count += 1
        played = False
        left = count
        while left > 0:
            # Draw without replacement: what was tried goes behind the rest.
            seed = next_number(seed)
            i = int((seed >> np.uint64(33)) % np.uint64(left))
            p = empty[i]
            left -= 1
            empty[i] = empty[left]
            empty[left] = p
            if not is_eye(state, p, colour) and rules.legality(state, p, colour) == rules.LEGAL:
                rules.play(state, p, colour)
                count -= 1
                empty[left] = empty[count]
                played = True
                break
        if played:
            passes = 0
        else:
            state[META, rules.KO] = rules.NO_KO
            passes += 1
            if passes == 2:
                break
        colour = 3 - colour
    return seed


@jit
def playouts(
    state: State, colour: int, count: int, seed: int, komi: float, owned: npt.NDArray[np.int32]
) -> tuple[float, float, float]:
    """Play `count` random games to the end and add up who owns each point (Tromp-Taylor): `owned`,
    int32 `(size * size,)`, gets +1 for black and -1 for white. Returns how many black wins with
    `komi` (a draw counts half), the sum of its margins, and of their squares."""
    size = state[META, rules.BOARD_SIZE]
    trial = np.empty_like(state)
    owner = np.empty(size * size, np.int8)
    number = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x2545F4914F6CDD1D)
    if number == 0:
        number = np.uint64(1)
    won, margins, squares = 0.0, 0.0, 0.0
    for _ in range(count):
        rules.copy(state, trial)
        number = playout(trial, colour, number)
        rules.area(trial, owner)
        margin = -komi
        for index in range(size * size):
            if owner[index] == 1:
                owned[index] += 1
                margin += 1
            elif owner[index] == 2:
                owned[index] -= 1
                margin -= 1
        if margin > 0:
            won += 1.0
        elif margin == 0:
            won += 0.5
        margins += margin
        squares += margin * margin
    return won, margins, squares
