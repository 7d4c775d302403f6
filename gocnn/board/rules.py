"""The rules of Go as compiled kernels over one small array.

A position is an int16 array `(5, 441)`, `STATE_SHAPE`: the board in the lower left of a 21x21 field
whose border is wall, so that the four neighbours of field point `p` are always `p - 1, p + 1, p -
21, p + 21`. Its rows:

    COLOUR   0 empty, 1 black, 2 white, 3 wall
    HEAD     the field point that names the chain of the stone here
    NEXT     the next stone of the same chain (a ring)
    LIBS     at a chain's head: its *pseudo-liberties*, adjacencies to empty points (0 exactly when
             it has no liberty)
    META     numbers of the position: the ko point, the size of the board, stones captured by each
             side

Copying the array copies the position. Rules: captures before suicide; suicide is illegal; simple ko
here (the point of a single stone just captured by a single stone that has no other liberty; who
took may fill it, having played twice in a row); positional superko is in `gocnn.board.Board`, which
keeps the history. Pseudo-liberties are the usual trick of fast Go programs: see "Move generation"
in the computer-go literature (e.g. Libego).
"""

import numpy as np
import numpy.typing as npt

from gocnn._jit import jit

State = npt.NDArray[np.int16]

STRIDE = 21
FIELD = STRIDE * STRIDE
STEPS = (-1, 1, -STRIDE, STRIDE)
STATE_SHAPE = (5, FIELD)

COLOUR, HEAD, NEXT, LIBS, META = 0, 1, 2, 3, 4
EMPTY, WALL = 0, 3
KO, BOARD_SIZE, CAPTURED_BY_BLACK, CAPTURED_BY_WHITE = 0, 1, 2, 3
NO_KO = -1

LEGAL, OCCUPIED, KO_BAN, SUICIDE = 0, 1, 2, 3


@jit
def clear(state: State, size: int) -> None:
    """Make `state` the empty board of `size` (1 to 19)."""
    state[:] = 0
    state[COLOUR, :] = WALL
    for row in range(size):
        for column in range(size):
            state[COLOUR, (row + 1) * STRIDE + column + 1] = EMPTY
    state[META, KO] = NO_KO
    state[META, BOARD_SIZE] = size


def new_state(size: int = 19) -> State:
    """An empty board of `size` (1 to 19)."""
    if not 1 <= size <= 19:
        raise ValueError(f"the board size must be 1 to 19, not {size}")
    state = np.empty(STATE_SHAPE, np.int16)
    clear(state, size)
    return state


@jit
def copy(state: State, target: State) -> None:
    """Make `target` the position `state`. (`target[:] = state` in a kernel would have numba compile
    the sentence that it raises where shapes differ: four seconds.)"""
    for row in range(len(state)):
        for p in range(FIELD):
            target[row, p] = state[row, p]


@jit
def field_point(index: int, size: int) -> int:
    """The field point of flat index `index`."""
    return (index // size + 1) * STRIDE + index % size + 1


@jit
def flat_index(point: int, size: int) -> int:
    """The flat index of a field point on the board."""
    return (point // STRIDE - 1) * size + point % STRIDE - 1


@jit
def forbidden(state: State, colour: int) -> int:
    """The field point that simple ko forbids to `colour`, or NO_KO. Stones of the side that took
    are all around it."""
    point = int(state[META, KO])
    if point != NO_KO:
        for step in STEPS:
            if state[COLOUR, point + step] == colour:
                return NO_KO
    return point


@jit
def legality(state: State, point: int, colour: int) -> int:
    """LEGAL, or why `colour` may not play at field point `point`: OCCUPIED, KO_BAN or SUICIDE. The
    position is left as it was."""
    if state[COLOUR, point] != EMPTY:
        return OCCUPIED
    if state[META, KO] == point and forbidden(state, colour) == point:
        return KO_BAN
    for step in STEPS:
        if state[COLOUR, point + step] == EMPTY:
            return LEGAL
    # Take the pseudo-liberties that this point gives to its neighbours; what is left decides.
    for step in STEPS:
        n = point + step
        if state[COLOUR, n] != WALL:
            state[LIBS, state[HEAD, n]] -= 1
    verdict = SUICIDE
    for step in STEPS:
        n = point + step
        c = state[COLOUR, n]
        if c != WALL and (state[LIBS, state[HEAD, n]] == 0) != (c == colour):
            verdict = LEGAL
    for step in STEPS:
        n = point + step
        if state[COLOUR, n] != WALL:
            state[LIBS, state[HEAD, n]] += 1
    return verdict


@jit
def _remove(state: State, head: int) -> int:
    """Take the chain off the board and give its neighbours their pseudo-liberties; returns how many
    stones it had."""
    removed = 0
    p = head
    while True:
        state[COLOUR, p] = EMPTY
        for step in STEPS:
            n = p + step
            c = state[COLOUR, n]
            if c != EMPTY and c != WALL:
                state[LIBS, state[HEAD, n]] += 1
        removed += 1
        p = state[NEXT, p]
        if p == head:
            return removed


@jit
def _join(state: State, a: int, b: int) -> None:
    """Make the two chains with heads `a` and `b` one, named `a`."""
    state[LIBS, a] += state[LIBS, b]
    p = b
    while True:
        state[HEAD, p] = a
        p = state[NEXT, p]
        if p == b:
            break
    swap = state[NEXT, a]
    state[NEXT, a] = state[NEXT, b]
    state[NEXT, b] = swap


@jit
def play(state: State, point: int, colour: int) -> None:
    """Play a *legal* stone of `colour` at field point `point` (legality is not checked) and set the
    ko point."""
    state[COLOUR, point] = colour
    state[HEAD, point] = point
    state[NEXT, point] = point
    libs = 0
    for step in STEPS:
        n = point + step
        c = state[COLOUR, n]
        if c == EMPTY:
            libs += 1
        elif c != WALL:
            state[LIBS, state[HEAD, n]] -= 1
    state[LIBS, point] = libs
    opponent = 3 - colour
    captured, where = 0, NO_KO
    for step in STEPS:
        n = point + step
        if state[COLOUR, n] == opponent and state[LIBS, state[HEAD, n]] == 0:
            captured += _remove(state, state[HEAD, n])
            where = n
    alone = True
    for step in STEPS:
        n = point + step
        if state[COLOUR, n] == colour:
            alone = False
            head = state[HEAD, n]
            if head != state[HEAD, point]:
                _join(state, head, state[HEAD, point])
    state[META, KO] = where if captured == 1 and alone and state[LIBS, point] == 1 else NO_KO
    if captured:
        state[META, CAPTURED_BY_BLACK + colour - 1] += captured


@jit
def play_index(state: State, index: int, colour: int) -> int:
    """Play flat index `index` (a pass lifts the ko) if that is legal; returns LEGAL or why it is
    not, the position then unchanged."""
    size = state[META, BOARD_SIZE]
    if index == size * size:
        state[META, KO] = NO_KO
        return LEGAL
    return play_point(state, field_point(index, size), colour)


@jit
def play_point(state: State, point: int, colour: int) -> int:
    """Play field point `point` if that is legal; returns LEGAL or why it is not, the position then
    unchanged."""
    verdict = legality(state, point, colour)
    if verdict == LEGAL:
        play(state, point, colour)
    return verdict


@jit
def place(state: State, index: int, colour: int) -> None:
    """Set up one stone, or take one away (`colour` 0), without capturing; call `rebuild` after the
    last."""
    state[COLOUR, field_point(index, state[META, BOARD_SIZE])] = colour


@jit
def rebuild(state: State) -> bool:
    """Work out chains and liberties from the colours alone; returns False if some chain has no
    liberty (then the position is not legal)."""
    state[META, KO] = NO_KO
    size = int(state[META, BOARD_SIZE])
    for row in range(1, size + 1):
        for p in range(row * STRIDE + 1, row * STRIDE + 1 + size):
            state[HEAD, p] = p
            state[NEXT, p] = p
            libs = 0
            if state[COLOUR, p] != EMPTY:
                for step in STEPS:
                    if state[COLOUR, p + step] == EMPTY:
                        libs += 1
            state[LIBS, p] = libs
    for row in range(1, size + 1):
        for p in range(row * STRIDE + 1, row * STRIDE + 1 + size):
            c = state[COLOUR, p]
            if c == EMPTY:
                continue
            for step in (1, STRIDE):
                if state[COLOUR, p + step] == c and state[HEAD, p] != state[HEAD, p + step]:
                    _join(state, state[HEAD, p], state[HEAD, p + step])
    for row in range(1, size + 1):
        for p in range(row * STRIDE + 1, row * STRIDE + 1 + size):
            if state[COLOUR, p] != EMPTY and state[LIBS, state[HEAD, p]] == 0:
                return False
    return True


@jit
def legal_mask(state: State, colour: int, mask: npt.NDArray[np.bool_]) -> None:
    """Fill bool `(size * size + 1,)`: True where `colour` may play under simple ko; a pass always
    may."""
    size = state[META, BOARD_SIZE]
    for index in range(size * size):
        mask[index] = legality(state, field_point(index, size), colour) == LEGAL
    mask[size * size] = True


@jit
def area(state: State, owner: npt.NDArray[np.int8]) -> None:
    """Fill int8 `(size * size,)` by Tromp-Taylor: 1 black, 2 white, 0 neither, for each point.

    A stone's point is its owner's; an empty region belongs to a colour when it reaches stones of
    that colour only. Source: https://tromp.github.io/go.html
    """
    size = state[META, BOARD_SIZE]
    done = np.zeros(FIELD, np.bool_)
    region = np.empty(FIELD, np.int16)
    for start in range(size * size):
        p = field_point(start, size)
        if state[COLOUR, p] != EMPTY:
            owner[start] = state[COLOUR, p]
            continue
        if done[p]:
            continue
        done[p] = True
        region[0] = p
        count, i, reached = 1, 0, 0
        while i < count:
            for step in STEPS:
                n = region[i] + step
                c = state[COLOUR, n]
                if c == EMPTY:
                    if not done[n]:
                        done[n] = True
                        region[count] = n
                        count += 1
                elif c != WALL:
                    reached |= c
            i += 1
        for j in range(count):
            owner[flat_index(region[j], size)] = reached if reached != 3 else 0


@jit
def count_legal_positions(size: int) -> int:
    """How many colourings of the board of `size` are legal positions; tries all `3 ** (size *
    size)`."""
    state = np.empty(STATE_SHAPE, np.int16)
    clear(state, size)
    total = 0
    for _ in range(3 ** (size * size)):
        if rebuild(state):
            total += 1
        for index in range(size * size):  # counts on: the colours are the digits of a number
            point = field_point(index, size)
            if state[COLOUR, point] < 2:
                state[COLOUR, point] += 1
                break
            state[COLOUR, point] = EMPTY
    return total
