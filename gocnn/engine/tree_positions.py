"""The positions at the ends of a search's walks: played out from the root, which moves are legal
there and which of them a search looks at, as compiled kernels."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gocnn._jit import jit
from gocnn.board import pass_alive, repetition, rules
from gocnn.board.coords import PASS, POINTS
from gocnn.board.rules import COLOUR, EMPTY, FIELD, HEAD, LIBS, META, NEXT, STEPS, WALL, State

Mask = npt.NDArray[np.bool_]

NO_REPETITION, POSITIONAL, SITUATIONAL = 0, 1, 2
"""Superko: none; no position again; no position again by the same side."""


class Root(NamedTuple):
    """Where a search begins. state: of `gocnn.board.rules`; recent: int16 `(8,)`, the last moves,
    the latest first, -1 for none; until: int64 `(3, 362)`, for each colour the ply from which it
    may choose a move; hashes, movers: uint64 and uint8 `(P,)`, the positions that there have been,
    sorted, and the colours that moved to each, added up; at: where the network's groups of planes
    begin."""

    state: State
    colour: int
    superko: int
    conditioning: int
    komi: float
    recent: npt.NDArray[np.int16]
    until: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.uint64]
    movers: npt.NDArray[np.uint8]
    at: npt.NDArray[np.int64]


@jit
def _take_off(state: State, point: int, colour: int) -> None:
    """Play a suicide of several stones: they are taken off."""
    chain = np.zeros(FIELD, np.int16)
    inside = np.zeros(FIELD, np.bool_)
    state[COLOUR, point] = colour
    chain[0] = point
    inside[point] = True
    count, i = 1, 0
    while i < count:
        for step in STEPS:
            n = chain[i] + step
            if state[COLOUR, n] == colour and not inside[n]:
                inside[n] = True
                chain[count] = n
                count += 1
        i += 1
    for i in range(count):
        state[COLOUR, chain[i]] = EMPTY
    state[META, rules.CAPTURED_BY_BLACK + 2 - colour] += count
    rules.rebuild(state)


@jit
def play(state: State, index: int, colour: int) -> None:
    """Play a move that is legal where suicides are."""
    if rules.play_index(state, index, colour) == rules.SUICIDE:
        _take_off(state, rules.field_point(index, state[META, rules.BOARD_SIZE]), colour)


@jit
def _hash_after(state: State, value: np.uint64, point: int, colour: int) -> np.uint64:
    """The hash of the position after a legal move, that of the position now being `value`."""
    value ^= repetition.KEYS[colour, point]
    for i in range(4):
        n = point + STEPS[i]
        c = state[COLOUR, n]
        if c == EMPTY or c == WALL or c == colour:
            continue
        head = state[HEAD, n]
        touching, first = 0, True
        for j in range(4):
            m = point + STEPS[j]
            if state[COLOUR, m] == c and state[HEAD, m] == head:
                touching += 1
                first = first and j >= i
        if first and state[LIBS, head] == touching:
            p = head
            while True:
                value ^= repetition.KEYS[c, p]
                p = state[NEXT, p]
                if p == head:
                    break
    return value


@jit
def _repeats(
    root: Root, path: npt.NDArray[np.uint64], depth: int, value: np.uint64, colour: int
) -> bool:
    """Whether superko forbids `colour` to bring about a position of this hash. path: the hashes of
    positions after each of `depth` moves."""
    at = repetition.first_at_least(root.hashes, value)
    if (
        at < len(root.hashes)
        and root.hashes[at] == value
        and (root.superko == POSITIONAL or root.movers[at] & colour)
    ):
        return True
    for i in range(depth):
        mover = root.colour if i % 2 == 0 else 3 - root.colour
        if path[i] == value and (root.superko == POSITIONAL or mover == colour):
            return True
    return False


@jit
def look(
    root: Root,
    state: State,
    colour: int,
    path: npt.NDArray[np.uint64],
    depth: int,
    legal: Mask,
    keep: Mask,
) -> None:
    """Fill bool `(362,)`: legal, the moves of a position, without suicides; keep, those that a
    search looks at: sensible moves, or to pass if there is none.

    A twin of `gocnn.engine.ownership.sensible_moves`, which asks a Board: here superko is held
    against the hashes of the walk, a side may not choose some moves yet (`until`), and the pass
    counts only where nothing else is left, for a search would spend visits on it.
    """
    rules.legal_mask(state, colour, legal)
    if root.superko != NO_REPETITION:
        value = repetition.position_hash(state)
        for index in range(POINTS):
            if legal[index]:
                point = rules.field_point(index, 19)
                legal[index] = not _repeats(
                    root, path, depth, _hash_after(state, value, point, colour), colour
                )
    pass_alive.pass_alive(state, colour, keep[:POINTS])
    safe = np.zeros(POINTS, np.bool_)
    pass_alive.pass_alive(state, 3 - colour, safe)
    found = False
    for index in range(POINTS):
        wanted = (
            legal[index]
            and not keep[index]
            and not safe[index]
            and root.until[colour, index] <= depth
        )
        keep[index] = wanted and not pass_alive.is_eye(state, rules.field_point(index, 19), colour)
        found = found or keep[index]
    keep[PASS] = not found


@jit
def replay(
    root: Root,
    moves: npt.NDArray[np.int16],
    depth: int,
    state: State,
    hashes: npt.NDArray[np.uint64],
) -> int:
    """Make `state` the position after `depth` moves from the root; whose turn it is. hashes: of the
    positions after each, if there is superko."""
    rules.copy(root.state, state)
    colour = root.colour
    for i in range(depth):
        play(state, moves[i], colour)
        if root.superko != NO_REPETITION:
            hashes[i] = repetition.position_hash(state)
        colour = 3 - colour
    return colour


@jit
def over(root: Root, moves: npt.NDArray[np.int16], depth: int) -> bool:
    """Whether the last two moves of a walk, or of the game before it, were passes."""
    last = moves[depth - 1] if depth > 0 else root.recent[0]
    before = moves[depth - 2] if depth > 1 else root.recent[1 - depth]
    return bool(last == PASS and before == PASS)
