"""Samples from stored games: a game is replayed, planes are written where a sample is drawn, one
symmetry each. Which samples a network learns from: `gocnn.policy.source`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gocnn._jit import jit
from gocnn.board import rules, symmetry
from gocnn.board.coords import PASS, POINTS, SIZE
from gocnn.features import ladder, planes
from gocnn.features.conditioning import BLACK_WON, HANDICAP, WHITE_WON
from gocnn.games import labels
from gocnn.games.record import OWN_PLAY
from gocnn.games.store import Store
from gocnn.games.words import colour_of, index_of
from gocnn.policy.conditioning import conditioning_of_games

UNDECIDED = -1

UNKNOWN_OWNER = 2
"""What stands at a point that nobody knows the owner of: 1 is of the side to play, -1 of its
opponent, 0 of neither."""

PERMUTATIONS = symmetry.table()


@dataclass(frozen=True)
class Games:
    """Chosen games, as the kernels read them: int64 arrays `(G,)` of first word, setup stones,
    moves, conditioning (`gocnn.features.conditioning`), the first word of its label
    (-1 without; `gocnn.games.labels`), and how many of its moves are people's and may be learnt:
    all, or none of a game that a network played."""

    words: npt.NDArray[np.uint16]
    start: npt.NDArray[np.int64]
    setup: npt.NDArray[np.int64]
    moves: npt.NDArray[np.int64]
    conditioning: npt.NDArray[np.int64]
    label: npt.NDArray[np.int64]
    human: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)

    def subset(self, keep: npt.NDArray[Any]) -> "Games":
        """The games for which `keep`, bool `(G,)`, is true, or those with the numbers `keep`,
        int64."""
        return replace(self, **{key: getattr(self, key)[keep] for key in COLUMNS})

    @property
    def table(self) -> "GameTable":
        """The columns that `fill` reads."""
        return GameTable(self.words, self.start, self.setup, self.label, self.human)

    @property
    def own(self) -> npt.NDArray[np.bool_]:
        """bool `(G,)`: whether a network played the game."""
        return self.human < self.moves

    @property
    def positions(self) -> int:
        """How many positions, and so samples, the games have."""
        return int(self.moves.sum())


COLUMNS = ("start", "setup", "moves", "conditioning", "label", "human")


def games_of(
    store: Store, chosen: npt.NDArray[np.int64], records: npt.NDArray[np.void] | None = None
) -> Games:
    """The games numbered `chosen` of a store.

    What people played before a network took a game over counts as the network's here: it is in the
    game that was taken over, too, and that may be one held back for validation.
    """
    records = store.records() if records is None else records
    table = records[chosen]
    start, setup, moves = (table[key].astype(np.int64) for key in ("start", "setup", "moves"))
    human = np.where(table["flags"] & OWN_PLAY, 0, moves)
    return Games(
        store.words,
        start,
        setup,
        moves,
        conditioning_of_games(store, chosen, records),
        store.labels()[chosen],
        human,
    )


def join(parts: Sequence[Games]) -> Games:
    """Games of several stores as one (their words are copied together if there is more than
    one)."""
    if len(parts) == 1:
        return parts[0]
    shift = np.cumsum([0, *(len(p.words) for p in parts[:-1])])
    moved = {
        "start": [p.start + s for p, s in zip(parts, shift, strict=True)],
        "label": [
            np.where(p.label < 0, -1, p.label + s) for p, s in zip(parts, shift, strict=True)
        ],
    }
    columns = {
        key: np.concatenate(moved.get(key) or [getattr(p, key) for p in parts]) for key in COLUMNS
    }
    return Games(np.concatenate([p.words for p in parts]), **columns)


@jit
def set_up_game(
    words: npt.NDArray[np.uint16], start: int, n_setup: int, state: rules.State
) -> None:
    """Put `state` at the start of the game: its setup stones."""
    rules.clear(state, SIZE)
    if n_setup:
        for i in range(start, start + n_setup):
            rules.place(state, index_of(words[i]), colour_of(words[i]))
        rules.rebuild(state)


class GameTable(NamedTuple):
    """What `fill` reads of `Games`: the columns of the same names."""

    words: npt.NDArray[np.uint16]
    start: npt.NDArray[np.int64]
    setup: npt.NDArray[np.int64]
    label: npt.NDArray[np.int64]
    human: npt.NDArray[np.int64]


class Picks(NamedTuple):
    """Which samples are drawn, int64 `(n,)` each: the position before move `plies[i]` of game
    `games[i]`, after symmetry `symmetries[i]`, shown with `conditioning[i]`
    (`gocnn.features.conditioning`), to row `slots[i]`; -1: nowhere. Equal games stand together,
    plies ascending."""

    games: npt.NDArray[np.int64]
    plies: npt.NDArray[np.int64]
    conditioning: npt.NDArray[np.int64]
    symmetries: npt.NDArray[np.int64]
    slots: npt.NDArray[np.int64]


class SampleArrays(NamedTuple):
    """N samples, as `fill` writes them. All points are after the sample's symmetry.

    planes: uint8 `(N, C, 361)`; moves: int64 `(N, K)`, the move played there (361 for a pass) and
    the K - 1 after it (-1 where the game has ended, or where no person played it); won: int8
    `(N,)`, 1 where the side to play won the game, 0 where it lost, UNDECIDED where neither is
    known; owner: int8 `(N, 361)`, 1 where the point is the side's to play at the end, -1 where it
    is the opponent's, 0 where it is nobody's, UNKNOWN_OWNER where that is not known; `(0, 361)`
    where nobody asks.
    """

    planes: npt.NDArray[np.uint8]
    moves: npt.NDArray[np.int64]
    won: npt.NDArray[np.int8]
    owner: npt.NDArray[np.int8]


def new_sample_arrays(count: int, channels: int, future: int, score: bool) -> SampleArrays:
    """Room for `count` samples of so many planes, with `future` moves after the next one, with
    owners if `score`."""
    return SampleArrays(
        np.empty((count, channels, POINTS), np.uint8),
        np.empty((count, 1 + future), np.int64),
        np.empty(count, np.int8),
        np.empty((count if score else 0, POINTS), np.int8),
    )


@jit
def fill(
    table: GameTable,
    picks: Picks,
    permutations: npt.NDArray[np.int16],
    at: planes.Offsets,
    out: SampleArrays,
) -> None:
    """Write the samples `picks` to their rows of `out`. permutations: int16 `(8, 362)` of
    `gocnn.board.symmetry`; at: of `gocnn.features.planes.offsets`."""
    words = table.words
    state = np.empty(rules.STATE_SHAPE, np.int16)
    recent = np.empty(planes.HISTORY, np.int16)
    memory = planes.Memory(
        np.empty(planes.LIBERTIES_SHAPE, np.int16), np.zeros(ladder.SHAPE, np.int16)
    )
    game, ply = -1, 0
    for i in range(len(picks.games)):
        if picks.games[i] != game:
            game, ply = picks.games[i], 0
            set_up_game(words, table.start[game], table.setup[game], state)
        first = table.start[game] + table.setup[game]
        while ply < picks.plies[i]:
            w = int(words[first + ply])
            if index_of(w) == PASS:
                state[rules.META, rules.KO] = rules.NO_KO
            else:  # the size is a constant here, which spares the divisions of play_index
                rules.play_point(state, rules.field_point(index_of(w), SIZE), colour_of(w))
            ply += 1
        slot = picks.slots[i]
        if slot < 0:
            continue
        for k in range(planes.HISTORY):
            recent[k] = index_of(words[first + ply - 1 - k]) if ply > k else planes.NO_MOVE
        mine, conditioning = colour_of(int(words[first + ply])), picks.conditioning[i]
        permutation = permutations[picks.symmetries[i]]
        shown = planes.Shown(state, mine, recent, conditioning)
        planes.fill(shown, at, permutation, memory, out.planes[slot])
        out.won[slot] = _outcome(conditioning, mine)
        for k in range(out.moves.shape[1]):
            out.moves[slot, k] = (
                permutation[index_of(words[first + ply + k])]
                if ply + k < table.human[game]
                else planes.NO_MOVE
            )
        if len(out.owner):
            _owners(words, table.label[game], mine, permutation, out.owner[slot])


@jit
def _outcome(conditioning: int, mine: int) -> int:
    """Whether the side `mine` won: 1 or 0, UNDECIDED where neither side is said to have won."""
    winner = (1 if conditioning & BLACK_WON else 0) + (2 if conditioning & WHITE_WON else 0)
    return UNDECIDED if winner == 0 else int(winner == mine)


@jit
def _owners(
    words: npt.NDArray[np.uint16],
    label: int,
    mine: int,
    permutation: npt.NDArray[np.int16],
    owner: npt.NDArray[np.int8],
) -> None:
    """Fill one row of `SampleArrays.owner` from the label whose first word is `words[label]`, -1
    for none."""
    for point in range(POINTS):
        bits = labels.owner_of(words, label, point) if label >= 0 else labels.UNKNOWN
        owner[permutation[point]] = (
            UNKNOWN_OWNER
            if bits == labels.UNKNOWN
            else 0
            if bits == labels.NEUTRAL
            else 1
            if bits == mine
            else -1
        )


def positions(
    games: Games,
    plane_groups: Sequence[str],
    which: npt.NDArray[np.int64],
    plies: npt.NDArray[np.int64],
    *,
    symmetry_number: int = 0,
    shown: int = HANDICAP,
    score: bool = False,
) -> tuple[npt.NDArray[Any], ...]:
    """Planes, uint8 `(N, C, 19, 19)`, moves, int64 `(N,)`, outcomes, int8 `(N,)`, and with `score`
    owners, int8 `(N, 361)` (see `fill`), of the positions `(which[i], plies[i])`, all after one
    symmetry.

    shown: which bits of the games' conditioning the planes may show
    (`gocnn.features.conditioning`).
    """
    order = np.lexsort((plies, which))
    drawn = new_sample_arrays(len(which), planes.plane_count(plane_groups), 0, score)
    picks = Picks(
        which[order],
        plies[order],
        games.conditioning[which[order]] & (shown | BLACK_WON | WHITE_WON),
        np.full(len(which), symmetry_number),
        order,
    )
    fill(games.table, picks, PERMUTATIONS, planes.offsets(plane_groups), drawn)
    found = (drawn.planes.reshape(len(which), -1, SIZE, SIZE), drawn.moves[:, 0], drawn.won)
    return (*found, drawn.owner) if score else found


def choose_positions(
    games: Games, count: int, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """`count` distinct positions, uniformly over all (all of them if there are not more): game
    numbers and plies, int64, in order."""
    ends = np.cumsum(games.moves)
    total = games.positions
    flat = (
        np.arange(total)
        if count >= total
        else np.sort(np.random.default_rng(seed).choice(total, count, replace=False))
    )
    which = np.searchsorted(ends, flat, "right")
    return which, flat - (ends[which] - games.moves[which])
