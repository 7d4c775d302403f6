"""Feature planes: what the network is shown of a position.

`PLANES` is the table of groups; each names how many planes it has, and the width of the network's
input is the sum over the groups that a model was trained with. All planes are 0 or 1, uint8 `(C,
19, 19)`, seen from the side to play ("own" is the side to play).

    own_liberties       4   own stones whose chain has 1, 2, 3, 4 or more liberties
    opponent_liberties  4   the same for the opponent's stones
    board               1   1 everywhere: tells the board from the padding around it, that is, where
                            the edge is
    history             8   where the last move was played, the one before it, ... (passes and setup
                            stones leave a plane empty)
    ko                  1   the point that simple ko forbids to the side to play
    legal               1   points where the side to play may play (simple ko, no suicide)
    ladder_capture      1   a move there starts a ladder that works against a chain of two liberties
    ladder_escape       1   a move there gets an own chain out of atari for good, as far as ladders
                            go
    handicap            1   1 everywhere if the game began with handicap stones
    stones              2   own stones, the opponent's stones (what is left without their liberties)
    style               4   1 everywhere if the game was played at TYGEM; at TOM; at Fox; if the
                            side to play is a professional
    capture_size        4   a legal move there would capture 1, 2, 3, 4 or more stones
    self_atari_size     4   a legal move there would put its own chain, of 1, 2, 3, 4 or more stones
                            with it, into atari or leave it there
    liberties_after     4   a legal move's chain would have 1, 2, 3, 4 or more liberties (after it
                            has captured)
    eyes                2   own one-point eyes, the opponent's (`gocnn.board.pass_alive.is_eye`:
                            false eyes are none)
    last_move           6   how far the last move is away, in rings: |dx| + |dy| + max(|dx|, |dy|)
                            up to 3, 6, 9, 14, 22, and more
    many_liberties      6   own stones whose chain has 5, 6, 7 or more liberties, the opponent's
    pass_alive          2   own stones and points that are alive whatever is played (Benson,
                            `gocnn.board.pass_alive.pass_alive`), the opponent's
    black               1   1 everywhere if the side to play is Black: who komi is for

The groups from handicap on are not shown by default. Handicap and style are not on the board but
known of the game (`gocnn.features.conditioning`), or not known: then they are empty.

The groups follow AlphaGo's table (Silver et al., "Mastering the game of Go with deep neural
networks and tree search", Nature 2016, extended data table 2), with one-hot history in place of
"turns since"; it has eight planes each of liberties, capture size, self-atari size and liberties
after the move. The rings' distance is that of Coulom, "Computing Elo ratings of move patterns in
the game of Go", 2007. What each of the groups is worth is measured in docs/benchmarks.md and
docs/experiments.md.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gocnn._jit import jit
from gocnn.board.coords import POINTS, SIZE
from gocnn.board.rules import (
    COLOUR,
    EMPTY,
    FIELD,
    HEAD,
    NO_KO,
    STEPS,
    STRIDE,
    WALL,
    State,
    flat_index,
    forbidden,
)
from gocnn.features import ladder, tactics
from gocnn.features.conditioning import BLACK_PROFESSIONAL, FOX, HANDICAP, TOM, TYGEM

PLANES: dict[str, int] = {
    "own_liberties": 4,
    "opponent_liberties": 4,
    "board": 1,
    "history": 8,
    "ko": 1,
    "legal": 1,
    "ladder_capture": 1,
    "ladder_escape": 1,
    "handicap": 1,
    "stones": 2,
    "style": 4,
    "capture_size": 4,
    "self_atari_size": 4,
    "liberties_after": 4,
    "eyes": 2,
    "last_move": len(tactics.RING_ENDS),
    "many_liberties": 6,
    "pass_alive": 2,
    "black": 1,
}
DEFAULT_GROUPS = tuple(PLANES)[: tuple(PLANES).index("handicap")]
HISTORY = PLANES["history"]
NO_MOVE = -1

_OWN, _OPPONENT, _BOARD, _HISTORY, _KO, _LEGAL, _CAPTURE, _ESCAPE, _HANDICAP, _STONES, _STYLE = (
    range(11)
)
_CAPTURED, _SELF_ATARI, _AFTER, _EYES, _LAST, _MANY, _ALIVE, _BLACK = range(11, 19)

Offsets = npt.NDArray[np.int64]


class UnknownPlanes(ValueError):
    """A group of planes that this version does not have; the message names it."""


def plane_count(plane_groups: Sequence[str]) -> int:
    """How many planes the groups have together. Raises UnknownPlanes."""
    return sum(_count(name) for name in plane_groups)


def _count(name: str) -> int:
    if name not in PLANES:
        raise UnknownPlanes(f"no plane group is called {name!r}; there are {', '.join(PLANES)}")
    return PLANES[name]


def offsets(plane_groups: Sequence[str]) -> Offsets:
    """int64 `(19,)`: the first plane of each group of `PLANES`, in its order, or -1 for a group
    left out. Raises UnknownPlanes."""
    first: dict[str, int] = {}
    total = 0
    for name in plane_groups:
        first[name] = total
        total += _count(name)
    return np.array([first.get(name, -1) for name in PLANES], np.int64)


LIBERTIES_SHAPE = (3, FIELD)


@jit
def count_liberties(state: State, libs: npt.NDArray[np.int16]) -> None:
    """Fill int16 `(3, 441)`: at each chain's head, its true number of liberties, and the first two
    of them as field points."""
    libs[0] = 0
    for p in range(STRIDE, FIELD - STRIDE):
        if state[COLOUR, p] != EMPTY:
            continue
        h0, h1, h2 = -1, -1, -1
        for step in STEPS:
            n = p + step
            c = state[COLOUR, n]
            if c == EMPTY or c == WALL:
                continue
            h = state[HEAD, n]
            if h != h0 and h != h1 and h != h2:
                count = libs[0, h]
                if count < 2:
                    libs[1 + count, h] = p
                libs[0, h] = count + 1
                h2 = h1
                h1 = h0
                h0 = h


@jit
def _may_play(state: State, libs: npt.NDArray[np.int16], point: int, colour: int) -> bool:
    """Legality of an empty point other than the ko, from true liberties."""
    for step in STEPS:
        n = point + step
        c = state[COLOUR, n]
        if c == EMPTY:
            return True
        if c != WALL and (libs[0, state[HEAD, n]] > 1) == (c == colour):
            return True
    return False


@jit
def _runs_free(state: State, libs: npt.NDArray[np.int16], prey: int, move: int, run: int) -> bool:
    """Whether the prey, answering `move` by running to `run`, surely has three liberties: then
    there is nothing to read.

    They are empty points around `run`, or what is left to a chain that it joins there.
    """
    fresh = 0
    for step in STEPS:
        n = run + step
        c = state[COLOUR, n]
        if c == EMPTY:
            if n != move:
                fresh += 1
        elif c == state[COLOUR, prey]:
            head = state[HEAD, n]
            if head != prey:
                left = libs[0, head] - 1
                for other in STEPS:
                    if state[COLOUR, move + other] == c and state[HEAD, move + other] == head:
                        left -= 1
                        break
                if left >= 3:
                    return True
    return fresh >= 3


@jit
def _ladders(
    state: State,
    libs: npt.NDArray[np.int16],
    colour: int,
    at: Offsets,
    permutation: npt.NDArray[np.int16],
    scratch: ladder.Ints,
    candidates: int,
    out: npt.NDArray[np.uint8],
) -> None:
    """Mark ladder captures (of the opponent's chains with two liberties) and escapes (of own chains
    in atari).

    Their heads are the `candidates` entries of row CHAIN of `scratch`, after the place for moves.
    """
    for p in range(FIELD):
        scratch[ladder.COL, p] = state[COLOUR, p]
    ko = forbidden(state, colour)
    moves = scratch[ladder.CHAIN, FIELD : FIELD + ladder.DEFENCES]
    for i in range(candidates):
        p = scratch[ladder.CHAIN, FIELD + ladder.DEFENCES + i]
        known = False
        if state[COLOUR, p] != colour:
            for turn in range(2):
                move, run = libs[1 + turn, p], libs[2 - turn, p]
                if ko == move or _runs_free(state, libs, p, move, run):
                    continue
                if not known:
                    ladder.know_prey(scratch, state, p)
                    known = True
                if ladder.atari_captures(scratch, p, move, run):
                    out[at[_CAPTURE], permutation[flat_index(move, SIZE)]] = 1
        else:
            ladder.know_prey(scratch, state, p)
            for k in range(ladder.escaping_moves(scratch, p, libs[1, p], moves)):
                move = moves[k]
                if ko != move:
                    out[at[_ESCAPE], permutation[flat_index(move, SIZE)]] = 1


@jit
def _fill_conditioning(
    conditioning: int, colour: int, at: Offsets, out: npt.NDArray[np.uint8]
) -> None:
    """Write the groups handicap and style."""
    if at[_HANDICAP] >= 0 and conditioning & HANDICAP:
        out[at[_HANDICAP]] = 1
    if at[_STYLE] >= 0:
        for i, bit in enumerate((TYGEM, TOM, FOX, BLACK_PROFESSIONAL << (colour - 1))):
            if conditioning & bit:
                out[at[_STYLE] + i] = 1


class Shown(NamedTuple):
    """What the network is shown: a 19x19 position, and the game around it.

    state: int16 `(5, 441)` of `gocnn.board.rules`; colour: 1 or 2, whose turn it is; recent: int16
    `(8,)`, flat indices of the last moves, the latest first (361 for a pass, -1 for none);
    conditioning: of the game (`gocnn.features.conditioning`).
    """

    state: State
    colour: int
    recent: npt.NDArray[np.int16]
    conditioning: int


class Memory(NamedTuple):
    """What a kernel that fills planes works in; one for each thread. liberties: int16
    `LIBERTIES_SHAPE`; ladders: int16 `ladder.SHAPE`, zeros at first."""

    liberties: npt.NDArray[np.int16]
    ladders: ladder.Ints


def new_memory() -> Memory:
    """Memory for one thread."""
    return Memory(np.zeros(LIBERTIES_SHAPE, np.int16), ladder.new_scratch())


@jit
def fill(
    shown: Shown,
    at: Offsets,
    permutation: npt.NDArray[np.int16],
    memory: Memory,
    out: npt.NDArray[np.uint8],
) -> None:
    """Write the planes of a position, seen by the side to play, after one symmetry.

    at: `offsets(plane_groups)`; permutation: int16 `(362,)` of `gocnn.board.symmetry`; out: uint8
    `(C, 361)`, overwritten.
    """
    state, colour, recent = shown.state, shown.colour, shown.recent
    libs, scratch = memory.liberties, memory.ladders
    out[:] = 0
    count_liberties(state, libs)
    ko = forbidden(state, colour)
    own, opponent, legal = at[_OWN], at[_OPPONENT], at[_LEGAL]
    index, candidates = 0, 0
    for row in range(SIZE):
        p = (row + 1) * STRIDE + 1
        for _ in range(SIZE):
            c = state[COLOUR, p]
            if c == EMPTY:
                if legal >= 0 and p != ko and _may_play(state, libs, p, colour):
                    out[legal, permutation[index]] = 1
            else:
                head = state[HEAD, p]
                count = libs[0, head]
                first = own if c == colour else opponent
                if head == p and (
                    (count == 2 and c != colour and at[_CAPTURE] >= 0)
                    or (count == 1 and c == colour and at[_ESCAPE] >= 0)
                ):
                    scratch[ladder.CHAIN, FIELD + ladder.DEFENCES + candidates] = p
                    candidates += 1
                if at[_STONES] >= 0:
                    out[at[_STONES] + (0 if c == colour else 1), permutation[index]] = 1
                if first >= 0:
                    out[first + min(count, 4) - 1, permutation[index]] = 1
            index += 1
            p += 1
    if at[_BOARD] >= 0:
        out[at[_BOARD]] = 1
    if at[_HISTORY] >= 0:
        for i in range(HISTORY):
            if 0 <= recent[i] < POINTS:
                out[at[_HISTORY] + i, permutation[recent[i]]] = 1
    if at[_KO] >= 0 and ko != NO_KO:
        out[at[_KO], permutation[flat_index(ko, SIZE)]] = 1
    if at[_CAPTURED] >= 0 or at[_SELF_ATARI] >= 0 or at[_AFTER] >= 0:
        tactics.fill_moves(
            state, libs, colour, at[_CAPTURED], at[_SELF_ATARI], at[_AFTER], permutation, out
        )
    if at[_EYES] >= 0:
        tactics.fill_eyes(state, colour, at[_EYES], permutation, out)
    if at[_LAST] >= 0 and 0 <= recent[0] < POINTS:
        tactics.fill_rings(recent[0], at[_LAST], permutation, out)
    if at[_MANY] >= 0:
        tactics.fill_many(state, libs, colour, at[_MANY], permutation, out)
    if at[_ALIVE] >= 0:
        tactics.fill_alive(state, colour, at[_ALIVE], permutation, out)
    if at[_BLACK] >= 0 and colour == 1:
        out[at[_BLACK]] = 1
    if candidates:
        _ladders(state, libs, colour, at, permutation, scratch, candidates, out)
    if shown.conditioning:
        _fill_conditioning(shown.conditioning, colour, at, out)
