"""Endless training batches of stored games' positions.

Replaying is what costs, so one replay serves several positions of the game (`POSITIONS_A_GAME`).
They are spread over many batches: a *block* is drawn at once (games chosen in proportion to their
length, positions uniformly in each, so every position of the store is equally likely), shuffled,
and cut into at least 16 batches, so that a batch of 256 has about two positions of a game. Block
`b` depends on the seed and on `b` only: a run that resumes at batch `i` sees what it would have
seen.

Games that a network played (`gocnn.games.record.OWN_PLAY`) teach whose the points will be and who
wins, never a move: they are for networks that say the score, and get a share of each block of their
own (`own_share`), since they are few, and the lopsided positions are theirs.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn.board.coords import SIZE
from gocnn.errors import UserError
from gocnn.features import planes
from gocnn.features.conditioning import ORIGIN
from gocnn.policy.samples import PERMUTATIONS, Games, Picks, SampleArrays, fill, new_sample_arrays

POSITIONS_A_GAME = 32

HIDDEN = 0.5
"""How often a network in training is not shown where a game comes from."""

OWN_SHARE = 0.08
"""Share of the samples that are drawn from games that a network played, for a network that says the
score, if there are any and nothing else is said (go-train's default)."""


class PositionSource:
    """Endless training batches, addressed by number (see the module's text). Implements
    `gocnn.training.BatchSource`.

    With several processes, each gets its rows of the global batch: `part`, its rank and how many
    they are. `future`: how many moves after the next one are targets too; `outcome`: so is who won;
    `score`: so is who owns each point at the end (and who won). Without `score`, games that a
    network played are left out; with it they have `own_share`, 0 to 1, of the samples.
    """

    def __init__(
        self,
        games: Games,
        plane_groups: Sequence[str],
        batch: int,
        seed: int,
        *,
        part: tuple[int, int] = (0, 1),
        augment: bool = True,
        future: int = 0,
        outcome: bool = False,
        score: bool = False,
        own_share: float = OWN_SHARE,
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
        rank, world = part
        if batch % world:
            raise UserError(
                f"--batch {batch} cannot be shared by {world} processes; choose a multiple of"
                f" {world}"
            )
        self.games, self.batch_size, self.seed, self.augment = games, batch, seed, augment
        self.own_share = own_share
        self.at, self.planes = planes.offsets(plane_groups), planes.plane_count(plane_groups)
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
        self._drawn: tuple[int, SampleArrays] | None = None

    @property
    def batches_per_epoch(self) -> float:
        """Batches after which as many samples were drawn as there are positions."""
        return self.games.positions / self.batch_size

    def batch(self, index: int) -> tuple[npt.NDArray[Any], ...]:
        """This process's part of batch `index`: planes, uint8 `(B, C, 19, 19)`, and moves, int64
        `(B,)`.

        With `future`, the moves are `(B, 1 + future)`, and -1 after the game's end. With `outcome`
        there is a third array, int8 `(B,)`: 1 where the side to play won the game, 0 where it lost,
        UNDECIDED where neither is known. With `score` there is a fourth, int8 `(B, 361)`: the
        owners (see `fill`); moves of games that a network played are -1.
        """
        number, offset = divmod(index, self.block)
        if self._drawn is None or self._drawn[0] != number:
            self._drawn = None  # or two blocks would be held while the second is drawn
            self._drawn = number, self._draw_block(number)
        rows = self.batch_size // self.world
        out, moves, won, owner = (
            array[offset * rows : (offset + 1) * rows] for array in self._drawn[1]
        )
        batch = (
            out.reshape(rows, self.planes, SIZE, SIZE),
            moves if self.future else moves[:, 0],
            won,
            owner,
        )
        return batch[: 4 if self.score else 3 if self.outcome else 2]

    def _choose(self, number: int, rng: np.random.Generator, picks: int) -> npt.NDArray[np.int64]:
        """The games of a block, int64 `(picks,)`: networks' games, if there are any, in their share
        (over many blocks exactly: a small one has blocks without), then those that people
        played."""
        last = self._ends[self._people - 1]
        own = 0
        if len(self.games) > self._people:
            before, after = (int(self.own_share * picks * n) for n in (number, number + 1))
            own = after - before
        people = rng.integers(0, last, picks - own)
        networks = rng.integers(last, self._ends[-1], own) if own else people[:0]
        return np.searchsorted(self._ends, np.concatenate([networks, people]), "right")

    def _draw_block(self, number: int) -> SampleArrays:
        total = self.block * self.batch_size
        rng = np.random.default_rng((self.seed, number))
        chosen = self._choose(number, rng, -(-total // POSITIONS_A_GAME))
        # what is too much is taken from the game drawn last, which may be any of people's
        games = np.sort(np.repeat(chosen, POSITIONS_A_GAME)[:total])
        plies = (rng.random(total) * self.games.moves[games]).astype(np.int64)
        order = np.lexsort((plies, games))
        games, plies = games[order], plies[order]
        symmetries = rng.integers(0, 8, total) if self.augment else np.zeros(total, np.int64)
        conditioning = self.games.conditioning[games] & ~np.where(
            rng.random(total) < HIDDEN, ORIGIN, 0
        )
        # A permutation cut into batches; each process keeps its rows of every batch.
        shuffled = rng.permutation(total)
        batch, row = np.divmod(shuffled, self.batch_size)
        rows = self.batch_size // self.world
        mine = row // rows == self.rank
        slots = np.where(mine, batch * rows + row % rows, -1)
        drawn = new_sample_arrays(self.block * rows, self.planes, self.future, self.score)
        picks = Picks(games, plies, conditioning, symmetries, slots)
        fill(self.games.table, picks, PERMUTATIONS, self.at, drawn)
        return drawn
