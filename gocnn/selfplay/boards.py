"""Many boards side by side, as compiled kernels: what the network is shown of them, its moves, and
whether a game is over."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gocnn._jit import jit
from gocnn.board import pass_alive, playouts, repetition, rules
from gocnn.board.coords import MOVES, PASS, POINTS, SIZE
from gocnn.board.rules import COLOUR, EMPTY, KO, META, NO_KO
from gocnn.features import ladder, planes
from gocnn.games import counting, settling
from gocnn.games.words import colour_of, index_of, word_of

LONGEST = 1200
"""Most moves of a game, those that people played included."""

GREEDY = 0.02
"""Up to this temperature the likeliest move is played."""

FIRST_LOOK, SECOND_LOOK = 16, 96
"""Playouts: after the first number a position that is plainly not settled is left at that."""

SETTLED = 0.85
"""Share of those playouts, by which each point that is still worth a move must belong to one side
(ownership 0.7)."""

DEAD_STONES = 200
"""Playouts that tell which stones are dead when the game is over."""

GOING, SETTLED_EARLY, PASSED, TOO_LONG = 0, 1, 2, 3
"""How a game stands."""

JUDGED = 4
"""It was broken off, and another engine said whose the points are."""

Bools = npt.NDArray[np.bool_]
Longs = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


class Boards(NamedTuple):
    """`B` boards. states: int16 `(B, 5, 441)`; colour: whose turn it is; moves: how many were
    played; words: uint16 `(B, LONGEST)`, the moves as a store has them; passes: how many in a row;
    conditioning: of the game (`gocnn.features.conditioning`); safe: bool `(B, 361)`, points
    that were found to be unconditionally somebody's; hashes: uint64 `(B, LONGEST + 1)`, of all
    positions so far; random: uint64, the state of each board's generator.

    Of each side (columns: black, white): temperature, and from move `noise_from` to `noise_to`
    `noise` instead; `passing`: it passes up to that move.
    """

    states: npt.NDArray[np.int16]
    colour: Longs
    moves: Longs
    words: npt.NDArray[np.uint16]
    passes: Longs
    conditioning: Longs
    safe: Bools
    hashes: npt.NDArray[np.uint64]
    random: npt.NDArray[np.uint64]
    temperature: Doubles
    noise: Doubles
    noise_from: Longs
    noise_to: Longs
    passing: Longs


def new_boards(count: int) -> Boards:
    """So many empty boards, black to play."""
    states = np.empty((count, *rules.STATE_SHAPE), np.int16)
    for state in states:
        rules.clear(state, SIZE)
    longs = [np.zeros(count, np.int64) for _ in range(4)]
    sides = [np.zeros((count, 2), np.int64) for _ in range(3)]
    temperature, noise = np.zeros((count, 2)), np.zeros((count, 2))
    safe, words = np.zeros((count, POINTS), np.bool_), np.zeros((count, LONGEST), np.uint16)
    hashes, random = np.zeros((count, LONGEST + 1), np.uint64), np.ones(count, np.uint64)
    return Boards(
        states,
        longs[0] + 1,
        longs[1],
        words,
        longs[2],
        longs[3],
        safe,
        hashes,
        random,
        temperature,
        noise,
        *sides,
    )


@jit
def set_up_board(
    state: rules.State,
    words: npt.NDArray[np.uint16],
    setup: int,
    moves: int,
    played: npt.NDArray[np.uint16],
    hashes: npt.NDArray[np.uint64],
) -> int:
    """Put one board where `setup` stones and then `moves` moves of `words` lead; its moves and
    hashes are filled. Returns whose turn it is, 0 if the words lead nowhere."""
    if not counting.set_up(words, setup, state):
        return 0
    hashes[0] = repetition.position_hash(state)
    colour = 1
    for i in range(moves):
        w = int(words[setup + i])
        colour = colour_of(w)
        if rules.play_index(state, index_of(w), colour) != rules.LEGAL:
            return 0
        played[i] = w
        hashes[i + 1] = repetition.position_hash(state)
        colour = 3 - colour
    return colour


@jit
def fill_planes(
    rows: Longs,
    boards: Boards,
    at: planes.Offsets,
    permutation: npt.NDArray[np.int16],
    out: npt.NDArray[np.uint8],
    wanted: Bools,
) -> None:
    """Fill for each board `rows[i]` its planes `out[i]`, uint8 `(C, 361)`, and the moves to choose
    from, `wanted[i]`, bool `(362,)`: legal ones that can matter, which neither fill an own eye nor
    lie where somebody safely owns the point; the pass is among them.

    A twin of `gocnn.engine.ownership.sensible_moves`: here `safe` is kept from the last time that
    it was worked out, since it is dear and only grows, and superko is left to `step`.
    """
    states, colour, moves, safe = boards.states, boards.colour, boards.moves, boards.safe
    recent = np.empty(planes.HISTORY, np.int16)
    memory = planes.Memory(
        np.empty(planes.LIBERTIES_SHAPE, np.int16), np.zeros(ladder.SHAPE, np.int16)
    )
    for i in range(len(rows)):
        b = rows[i]
        for k in range(planes.HISTORY):
            recent[k] = (
                index_of(boards.words[b, moves[b] - 1 - k]) if moves[b] > k else planes.NO_MOVE
            )
        shown = planes.Shown(states[b], colour[b], recent, boards.conditioning[b])
        planes.fill(shown, at, permutation, memory, out[i])
        for index in range(POINTS):
            p = rules.field_point(index, SIZE)
            wanted[i, index] = (
                states[b, COLOUR, p] == EMPTY
                and not safe[b, index]
                and rules.legality(states[b], p, colour[b]) == rules.LEGAL
                and not pass_alive.is_eye(states[b], p, colour[b])
            )
        wanted[i, PASS] = True


@jit
def _uniform(random: npt.NDArray[np.uint64], b: int) -> float:
    """The next number in [0, 1) of board `b`'s generator."""
    random[b] = playouts.next_number(random[b])
    return float(random[b] >> np.uint64(11)) / 9007199254740992.0


@jit
def _pick(logits: npt.NDArray[np.float32], wanted: Bools, temperature: float, number: float) -> int:
    """The likeliest wanted move, or one drawn in proportion to `p ** (1 / temperature)` by
    `number`, 0 to 1."""
    best = -1
    for index in range(MOVES):
        if wanted[index] and (best < 0 or logits[index] > logits[best]):
            best = index
    if temperature <= GREEDY:
        return best
    total = 0.0
    for index in range(MOVES):
        if wanted[index]:
            total += np.exp((logits[index] - logits[best]) / temperature)
    left = number * total
    for index in range(MOVES):
        if wanted[index]:
            left -= np.exp((logits[index] - logits[best]) / temperature)
            if left < 0:
                return index
    return best


@jit
def step(rows: Longs, logits: npt.NDArray[np.float32], wanted: Bools, boards: Boards) -> None:
    """Play one move on each board `rows[i]`, by `logits[i]`, float32 `(362,)`, among the moves
    `wanted[i]` (changed); none that repeats an earlier position of the board."""
    states, colour, moves = boards.states, boards.colour, boards.moves
    trial = np.empty(rules.STATE_SHAPE, np.int16)
    for i in range(len(rows)):
        b = rows[i]
        side = colour[b] - 1
        heat = boards.temperature[b, side]
        if boards.noise_from[b, side] <= moves[b] < boards.noise_to[b, side]:
            heat = boards.noise[b, side]
            wanted[i, PASS] = False
        index = PASS
        if moves[b] >= boards.passing[b, side]:
            while True:
                index = _pick(logits[i], wanted[i], heat, _uniform(boards.random, b))
                if index < 0 or index == PASS:
                    index = PASS
                    break
                rules.copy(states[b], trial)
                rules.play(trial, rules.field_point(index, SIZE), colour[b])
                value = repetition.position_hash(trial)
                repeated = False
                for k in range(moves[b], -1, -1):
                    if boards.hashes[b, k] == value:
                        repeated = True
                        break
                if not repeated:
                    rules.copy(trial, states[b])
                    break
                wanted[i, index] = False
        if index == PASS:
            states[b, META, KO] = NO_KO
            boards.passes[b] += 1
        else:
            boards.passes[b] = 0
        boards.words[b, moves[b]] = word_of(index, colour[b])
        moves[b] += 1
        boards.hashes[b, moves[b]] = repetition.position_hash(states[b])
        colour[b] = 3 - colour[b]


@jit
def is_settled(state: rules.State, colour: int, moves: int, safe: Bools) -> bool:
    """Whether nothing is left to play for: every point that a side could usefully play on belongs
    to the same side in nearly all playouts, or safely.

    safe: bool `(361,)`, unconditional life (`gocnn.board.pass_alive.pass_alive`) of both, is
    brought up to date.
    """
    own = np.empty(POINTS, np.bool_)
    safe[:] = False
    for c in (1, 2):
        pass_alive.pass_alive(state, c, own)
        for index in range(POINTS):
            safe[index] |= own[index]
    open_ = np.zeros(POINTS, np.bool_)
    for index in range(POINTS):
        p = rules.field_point(index, SIZE)
        if state[COLOUR, p] == EMPTY and not safe[index]:
            for c in (1, 2):
                if (
                    not pass_alive.is_eye(state, p, c)
                    and rules.legality(state, p, c) != rules.SUICIDE
                ):
                    open_[index] = True
    owned = np.zeros(POINTS, np.int32)
    done = 0
    for stage in (FIRST_LOOK, SECOND_LOOK):
        playouts.playouts(state, colour, stage - done, moves * 131 + done, 0.0, owned)
        done = stage
        bound = (2 * SETTLED - 1) * done - (2.0 * np.sqrt(done) if stage == FIRST_LOOK else 0.0)
        for index in range(POINTS):
            if open_[index] and abs(owned[index]) < bound:
                return False
    return True


@jit
def count(state: rules.State, colour: int, moves: int, owner: npt.NDArray[np.int8]) -> None:
    """Fill int8 `(361,)`: whose each point is (1 black, 2 white, 0 neither: dame, and empty points
    of a seki) once dead stones are off."""
    safe = np.empty((3, POINTS), np.bool_)
    for c in (1, 2):
        pass_alive.pass_alive(state, c, safe[c])
    owned = np.zeros(POINTS, np.int32)
    playouts.playouts(state, colour, DEAD_STONES, moves * 131 + 7, 0.0, owned)
    dead = np.empty(POINTS, np.bool_)
    settling.settle(state, owned, safe, dead)
    rest = np.empty_like(state)
    settling.take_off(state, dead, rest)
    rules.area(rest, owner)
    settling.without_seki(rest, owner)


@jit
def judge_boards(
    rows: Longs,
    every: int,
    start: Longs,
    boards: Boards,
    status: Longs,
    owners: npt.NDArray[np.int8],
) -> None:
    """Fill `status[i]` for each board `rows[i]`, and where the game is over `owners[i]`, int8
    `(361,)`. Every so many moves from `start`, and after two passes, it is looked whether the game
    is settled."""
    states, colour, moves, passes = boards.states, boards.colour, boards.moves, boards.passes
    for i in range(len(rows)):
        b = rows[i]
        status[i] = GOING
        if passes[b] >= 2 or (moves[b] - start[b]) % every == 0:
            if is_settled(states[b], colour[b], moves[b], boards.safe[b]):
                status[i] = SETTLED_EARLY
            elif passes[b] >= 4:
                status[i] = PASSED
        if status[i] == GOING and moves[b] >= LONGEST:
            status[i] = TOO_LONG
        if status[i] in (SETTLED_EARLY, PASSED):
            count(states[b], colour[b], moves[b], owners[i])
