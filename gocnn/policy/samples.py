"""Samples from stored games: a game is replayed, planes are written where a sample is drawn, one
symmetry each.

Replaying is what costs, so one replay serves several positions of the game (`POSITIONS_A_GAME`).
They are spread over many batches: a *block* is drawn at once (games chosen in proportion to their
length, positions uniformly in each, so every position of the store is equally likely), shuffled,
and cut into at least 16 batches, so that a batch of 256 has about two positions of a game. Block
`b` depends on the seed and on `b` only: a run that resumes at batch `i` sees what it would have
seen.

Games that a network played (`gocnn.games.record.OWN_PLAY`) teach whose the points will be and who
wins, never a move: they are for networks that say the score, and get a share of each block of their
own (`OWN_SHARE`), since they are few, and the lopsided positions are theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn._jit import jit
from gocnn.board import rules, symmetry
from gocnn.board.coords import PASS, POINTS, SIZE
from gocnn.errors import UserError
from gocnn.features import ladder, planes
from gocnn.features.conditioning import BLACK_WON, HANDICAP, ORIGIN, WHITE_WON
from gocnn.games import labels
from gocnn.games.record import OWN_PLAY
from gocnn.games.store import Store
from gocnn.games.words import colour_of, index_of
from gocnn.policy.conditioning import conditioning_of_games

POSITIONS_A_GAME = 32
UNDECIDED = -1
HIDDEN = 0.5
"""How often a network in training is not told where a game comes from."""

UNKNOWN_OWNER = 2
"""What stands at a point that nobody knows the owner of: 1 is of the side to play, -1 of its
opponent, 0 of neither."""

OWN_SHARE = 0.08
"""Share of a block that is drawn from games that a network played, for a network that says the
score, if there are any."""

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
def begin(words: npt.NDArray[np.uint16], start: int, n_setup: int, state: rules.State) -> None:
    """Put `state` at the start of the game: its setup stones."""
    rules.clear(state, SIZE)
    if n_setup:
        for i in range(start, start + n_setup):
            rules.place(state, index_of(words[i]), colour_of(words[i]))
        rules.rebuild(state)


@jit
def draw(
    words: npt.NDArray[np.uint16],
    start: npt.NDArray[np.int64],
    setup: npt.NDArray[np.int64],
    moves: npt.NDArray[np.int64],
    games: npt.NDArray[np.int64],
    plies: npt.NDArray[np.int64],
    conditioning: npt.NDArray[np.int64],
    symmetries: npt.NDArray[np.int64],
    slots: npt.NDArray[np.int64],
    permutations: npt.NDArray[np.int16],
    at: planes.Offsets,
    out: npt.NDArray[np.uint8],
    target: npt.NDArray[np.int64],
    won: npt.NDArray[np.int8],
    label: npt.NDArray[np.int64],
    human: npt.NDArray[np.int64],
    owner: npt.NDArray[np.int8],
) -> None:
    """Write one sample for each `(games[i], plies[i])`; equal games must stand together with plies
    ascending.

    Sample `i` goes to row `slots[i]` of `out`, uint8 `(N, C, 361)`, and `target`, int64 `(N, K)`:
    the move played there (361 for a pass) and the K - 1 after it (-1 where the game has ended, or
    where no person played it), both after symmetry `symmetries[i]`; the planes show
    `conditioning[i]` (`gocnn.features.conditioning`). `won`, int8 `(N,)`: 1 where the side to play
    won the game, 0 where it lost, UNDECIDED where neither is known. `owner`, int8 `(N, 361)`, after
    the same symmetry: 1 where the point is the side's to play at the end, -1 where it is the
    opponent's, 0 where it is nobody's, UNKNOWN_OWNER where that is not known; `(0, 361)` where
    nobody asks. A slot of -1 is replayed past and not written."""
    state = np.empty(rules.STATE_SHAPE, np.int16)
    libs = np.empty(planes.LIBERTIES_SHAPE, np.int16)
    scratch = np.zeros((ladder.ROWS, ladder.WIDTH), np.int16)
    recent = np.empty(planes.HISTORY, np.int16)
    game, ply = -1, 0
    for i in range(len(games)):
        if games[i] != game:
            game, ply = games[i], 0
            begin(words, start[game], setup[game], state)
        first = start[game] + setup[game]
        while ply < plies[i]:
            w = int(words[first + ply])
            if index_of(w) == PASS:
                state[rules.META, rules.KO] = rules.NO_KO
            else:  # the size is a constant here, which spares the divisions of play_index
                rules.play_point(state, rules.field_point(index_of(w), SIZE), colour_of(w))
            ply += 1
        slot = slots[i]
        if slot < 0:
            continue
        for k in range(planes.HISTORY):
            recent[k] = index_of(words[first + ply - 1 - k]) if ply > k else planes.NO_MOVE
        w = int(words[first + ply])
        mine = colour_of(w)
        permutation = permutations[symmetries[i]]
        planes.fill(state, mine, recent, conditioning[i], at, permutation, libs, scratch, out[slot])
        winner = (1 if conditioning[i] & BLACK_WON else 0) + (
            2 if conditioning[i] & WHITE_WON else 0
        )
        won[slot] = UNDECIDED if winner == 0 else winner == mine
        for k in range(target.shape[1]):
            target[slot, k] = (
                permutation[index_of(words[first + ply + k])]
                if ply + k < human[game]
                else planes.NO_MOVE
            )
        if len(owner):
            for point in range(POINTS):
                bits = (
                    labels.owner_of(words, label[game], point)
                    if label[game] >= 0
                    else labels.UNKNOWN
                )
                owner[slot, permutation[point]] = (
                    UNKNOWN_OWNER
                    if bits == labels.UNKNOWN
                    else 0
                    if bits == 0
                    else 1
                    if bits == mine
                    else -1
                )


class PositionSource:
    """Endless training batches, addressed by number (see the module's text). Implements
    `gocnn.training.BatchSource`.

    With several processes, each gets its rows of the global batch: `rank` of `world`. `future`: how
    many moves after the next one are targets too; `outcome`: so is who won; `score`: so is who owns
    each point at the end (and who won). Without `score`, games that a network played are left out.
    """

    def __init__(
        self,
        games: Games,
        groups: Sequence[str],
        batch: int,
        seed: int,
        rank: int = 0,
        world: int = 1,
        augment: bool = True,
        future: int = 0,
        outcome: bool = False,
        score: bool = False,
    ) -> None:
        # people's games first: which of them are drawn does not depend on what others there are
        if games.own.any():
            games = games.subset(
                np.concatenate([np.flatnonzero(~games.own), np.flatnonzero(games.own & score)])
            )
        self._people = int((~games.own).sum())
        if not games.moves[: self._people].sum():
            raise UserError(
                "no position to train on: no game is left after the filters; loosen them or give"
                " more games"
            )
        if batch % world:
            raise UserError(
                f"--batch {batch} cannot be shared by {world} processes; choose a multiple of"
                f" {world}"
            )
        self.games, self.batch_size, self.seed, self.augment = games, batch, seed, augment
        self.at, self.planes = planes.offsets(groups), planes.plane_count(groups)
        self.rank, self.world, self.future, self.outcome, self.score = (
            rank,
            world,
            future,
            outcome or score,
            score,
        )
        self.block = max(16, 4096 // batch)
        """Batches drawn together: at 27 planes a block is at least 40 MB, and 160 MB of batches of
        1,024."""
        self._ends = np.cumsum(games.moves)
        self._drawn: tuple[int, tuple[npt.NDArray[Any], ...]] | None = None

    @property
    def batches_per_epoch(self) -> int:
        """Batches after which as many samples were drawn as there are positions."""
        return max(1, self.games.positions // self.batch_size)

    def batch(self, index: int) -> tuple[npt.NDArray[Any], ...]:
        """This process's part of batch `index`: planes, uint8 `(B, C, 19, 19)`, and moves, int64
        `(B,)`.

        With `future`, the moves are `(B, 1 + future)`, and -1 after the game's end. With `outcome`
        there is a third array, int8 `(B,)`: 1 where the side to play won the game, 0 where it lost,
        UNDECIDED where neither is known. With `score` there is a fourth, int8 `(B, 361)`: the
        owners (see `draw`); moves of games that a network played are -1.
        """
        number, place = divmod(index, self.block)
        if self._drawn is None or self._drawn[0] != number:
            self._drawn = None  # or two blocks would be held while the second is drawn
            self._drawn = number, self._draw_block(number)
        rows = self.batch_size // self.world
        out, moves, won, owner = (
            array[place * rows : (place + 1) * rows] for array in self._drawn[1]
        )
        batch = (
            out.reshape(rows, self.planes, SIZE, SIZE),
            moves if self.future else moves[:, 0],
            won,
            owner,
        )
        return batch[: 4 if self.score else 3 if self.outcome else 2]

    def _choose(self, rng: np.random.Generator, picks: int) -> npt.NDArray[np.int64]:
        """The games of a block, int64 `(picks,)`: those that people played, and OWN_SHARE of
        networks' games if there are any."""
        last = self._ends[self._people - 1]
        own = round(OWN_SHARE * picks) if len(self.games) > self._people else 0
        chosen = np.searchsorted(self._ends, rng.integers(0, last, picks - own), "right")
        return (
            np.concatenate(
                [
                    chosen,
                    np.searchsorted(self._ends, rng.integers(last, self._ends[-1], own), "right"),
                ]
            )
            if own
            else chosen
        )

    def _draw_block(self, number: int) -> tuple[npt.NDArray[Any], ...]:
        total = self.block * self.batch_size
        rng = np.random.default_rng((self.seed, number))
        chosen = self._choose(rng, -(-total // POSITIONS_A_GAME))
        games = np.sort(np.repeat(chosen, POSITIONS_A_GAME))[:total]
        plies = (rng.random(total) * self.games.moves[games]).astype(np.int64)
        order = np.lexsort((plies, games))
        games, plies = games[order], plies[order]
        symmetries = rng.integers(0, 8, total) if self.augment else np.zeros(total, np.int64)
        conditioning = self.games.conditioning[games] & ~np.where(
            rng.random(total) < HIDDEN, ORIGIN, 0
        )
        # A permutation cut into batches; each process keeps its rows of every batch.
        place = rng.permutation(total)
        batch, row = np.divmod(place, self.batch_size)
        rows = self.batch_size // self.world
        mine = row // rows == self.rank
        slots = np.where(mine, batch * rows + row % rows, -1)
        out = np.empty((self.block * rows, self.planes, POINTS), np.uint8)
        target = np.empty((self.block * rows, 1 + self.future), np.int64)
        g = self.games
        won = np.empty(self.block * rows, np.int8)
        owner = np.empty((self.block * rows if self.score else 0, POINTS), np.int8)
        draw(
            g.words,
            g.start,
            g.setup,
            g.moves,
            games,
            plies,
            conditioning,
            symmetries,
            slots,
            PERMUTATIONS,
            self.at,
            out,
            target,
            won,
            g.label,
            g.human,
            owner,
        )
        return out, target, won, owner


def positions(
    games: Games,
    groups: Sequence[str],
    which: npt.NDArray[np.int64],
    plies: npt.NDArray[np.int64],
    symmetry_number: int = 0,
    shown: int = HANDICAP,
    score: bool = False,
) -> tuple[npt.NDArray[Any], ...]:
    """Planes, uint8 `(N, C, 19, 19)`, moves, int64 `(N,)`, outcomes, int8 `(N,)`, and with `score`
    owners, int8 `(N, 361)` (see `draw`), of the positions `(which[i], plies[i])`, all after one
    symmetry.

    shown: which bits of the games' conditioning the planes may show
    (`gocnn.features.conditioning`).
    """
    order = np.lexsort((plies, which))
    count = planes.plane_count(groups)
    out = np.empty((len(which), count, POINTS), np.uint8)
    target, won, owner = (
        np.empty((len(which), 1), np.int64),
        np.empty(len(which), np.int8),
        np.empty((len(which) if score else 0, POINTS), np.int8),
    )
    draw(
        games.words,
        games.start,
        games.setup,
        games.moves,
        which[order],
        plies[order],
        games.conditioning[which[order]] & (shown | BLACK_WON | WHITE_WON),
        np.full(len(which), symmetry_number),
        order,
        PERMUTATIONS,
        planes.offsets(groups),
        out,
        target,
        won,
        games.label,
        games.human,
        owner,
    )
    return (out.reshape(-1, count, SIZE, SIZE), target[:, 0], won, owner)[: 4 if score else 3]


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
