"""The end of a game, settled: which stones are dead by playouts, the board without them, points
that a side must fill before the end, and eyes in seki, as compiled kernels."""

import numpy as np
import numpy.typing as npt

from gocnn._jit import jit
from gocnn.board import rules
from gocnn.board.coords import POINTS, SIZE
from gocnn.board.rules import COLOUR, EMPTY, FIELD, HEAD, STEPS, State

MOST_DAME = 12
"""Where more neutral points than that lie together, the game is not over there: that is no seki
yet."""

SURE_EYE_SPACE = 4
"""A single eye space of so many points makes two eyes; groups that live in seki have smaller
ones."""


@jit
def settle(
    state: State,
    owned: npt.NDArray[np.int32],
    safe: npt.NDArray[np.bool_],
    dead: npt.NDArray[np.bool_],
) -> float:
    """Fill which stones are dead, bool `(361,)`: chains whose points most playouts give to the
    opponent, and those in regions safely his. Returns by how many playouts a stone the least
    certain chain that this decides is decided.

    owned: as `gocnn.board.playouts.playouts` adds it up; safe: bool `(3, 361)`, unconditional life
    of colours 1 and 2.
    """
    sums = np.zeros(FIELD, np.int64)
    stones = np.zeros(FIELD, np.int64)
    for index in range(POINTS):
        p = rules.field_point(index, SIZE)
        if state[COLOUR, p] != EMPTY:
            sums[state[HEAD, p]] += owned[index] if state[COLOUR, p] == 1 else -owned[index]
            stones[state[HEAD, p]] += 1
    least = 1e9
    for index in range(POINTS):
        p = rules.field_point(index, SIZE)
        colour = state[COLOUR, p]
        open_ = colour != EMPTY and not safe[colour, index]
        dead[index] = open_ and (safe[3 - colour, index] or sums[state[HEAD, p]] < 0)
        if open_ and not safe[3 - colour, index]:
            least = min(least, abs(sums[state[HEAD, p]]) / stones[state[HEAD, p]])
    return least


@jit
def take_off(state: State, dead: npt.NDArray[np.bool_], rest: State) -> bool:
    """Make `rest` the board without the stones of `dead`, bool `(361,)`; whether what is left can
    stand so."""
    rules.copy(state, rest)
    for index in range(POINTS):
        if dead[index]:
            rest[COLOUR, rules.field_point(index, SIZE)] = EMPTY
    sound: bool = rules.rebuild(rest)
    return sound


@jit
def to_fill(rest: State, owner: npt.NDArray[np.int8], colour: int) -> int:
    """How many points of its own `colour` must fill once the opponent has taken every neutral
    point: a chain left with one liberty connects there."""
    trial = rest.copy()
    for index in range(POINTS):
        p = rules.field_point(index, SIZE)
        if trial[COLOUR, p] == EMPTY and owner[index] == 0:
            trial[COLOUR, p] = 3 - colour
    rules.rebuild(trial)
    needed = 0
    while True:
        at = _last_liberty(trial, owner, colour)
        if at < 0:
            return needed
        trial[COLOUR, at] = colour
        rules.rebuild(trial)
        needed += 1


@jit
def _last_liberty(state: State, owner: npt.NDArray[np.int8], colour: int) -> int:
    """The field point that is the only liberty of some chain of `colour`, and its own; -1 if there
    is none."""
    liberty = np.full(FIELD, -1, np.int64)
    for index in range(POINTS):
        p = rules.field_point(index, SIZE)
        if state[COLOUR, p] == EMPTY:
            for step in STEPS:
                if state[COLOUR, p + step] == colour:
                    head = state[HEAD, p + step]
                    liberty[head] = p if liberty[head] in (-1, p) else -2
    for index in range(POINTS):
        p = rules.field_point(index, SIZE)
        if state[COLOUR, p] == colour and liberty[state[HEAD, p]] >= 0:
            at = liberty[state[HEAD, p]]
            if owner[rules.flat_index(at, SIZE)] == colour:
                return int(at)
    return -1


@jit
def without_seki(rest: State, owner: npt.NDArray[np.int8]) -> None:
    """Make the empty points neutral whose group lives only in seki: it borders on a few neutral
    points and has one small eye space.

    A group: stones of a colour and the points that only they surround, connected. The same rule,
    without a kernel and with the groups themselves: `gocnn.engine.scoring.groups`.
    """
    few = np.zeros(FIELD, np.bool_)
    part = np.empty(FIELD, np.int16)
    kind = np.full(FIELD, -1, np.int16)  # owner of each point of the board, by field point
    for index in range(POINTS):
        kind[rules.field_point(index, SIZE)] = owner[index]
    done = np.zeros(FIELD, np.bool_)
    for index in range(POINTS):
        p = rules.field_point(index, SIZE)
        if owner[index] == 0 and not done[p]:
            count = _flood(kind, p, 0, done, part)
            for i in range(count):
                few[part[i]] = count <= MOST_DAME
    inner = np.empty(FIELD, np.int16)
    eye = np.full(FIELD, -1, np.int16)
    for index in range(POINTS):
        p = rules.field_point(index, SIZE)
        eye[p] = kind[p] if rest[COLOUR, p] == EMPTY else -1
    seen = np.zeros(FIELD, np.bool_)
    for index in range(POINTS):
        p = rules.field_point(index, SIZE)
        colour = owner[index]
        if colour == 0 or done[p]:
            continue
        count = _flood(kind, p, colour, done, part)
        beside, spaces, points = False, 0, 0
        for i in range(count):
            q = part[i]
            for step in STEPS:
                beside = beside or few[q + step]
            if eye[q] == colour:
                points += 1
                if not seen[q]:
                    _flood(eye, q, colour, seen, inner)
                    spaces += 1
        if beside and spaces == 1 and points < SURE_EYE_SPACE:
            for i in range(count):
                if eye[part[i]] == colour:
                    owner[rules.flat_index(part[i], SIZE)] = 0


@jit
def _flood(
    kind: npt.NDArray[np.int16],
    start: int,
    value: int,
    done: npt.NDArray[np.bool_],
    part: npt.NDArray[np.int16],
) -> int:
    """Fill `part` with the connected field points of that kind, mark them done, return how many."""
    done[start] = True
    part[0] = start
    count, i = 1, 0
    while i < count:
        for step in STEPS:
            n = part[i] + step
            if kind[n] == value and not done[n]:
                done[n] = True
                part[count] = n
                count += 1
        i += 1
    return count
