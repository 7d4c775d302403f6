"""What random playouts after each of several moves say, taken together: a few dozen of them tell
little of one move, but much of all.

The margin after a move is drawn towards that of the position, the more so the less the moves differ
beyond what chance explains (random effects: DerSimonian & Laird 1986, "Meta-analysis in clinical
trials", https://doi.org/10.1016/0197-2456(86)90046-2). Ownership is drawn towards the position's as
if that had been seen in a few playouts more.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gocnn.board import Board
from gocnn.engine.ownership import OwnershipEstimate, Playouts

PRIOR_PLAYOUTS = 16
"""So many playouts the position's own ownership counts for, in that after a move."""


class Prospects:
    """Playouts after each of several moves. boards: the positions after them; the methods name a
    move by its number `k` among them."""

    def __init__(self, boards: Sequence[Board], komi: float) -> None:
        self._playouts = [
            Playouts(board, komi, seed=1 + 7919 * k) for k, board in enumerate(boards)
        ]

    def count(self, k: int) -> int:
        """How many playouts there are after a move."""
        return self._playouts[k].count

    @property
    def total(self) -> int:
        """How many there are in all."""
        return sum(playouts.count for playouts in self._playouts)

    def run(self, k: int, count: int) -> None:
        """Run `count` more playouts after one move."""
        self._playouts[k].run(count)

    def estimates(
        self, weights: npt.NDArray[np.floating]
    ) -> tuple[OwnershipEstimate, list[OwnershipEstimate]]:
        """The position's estimate, and one after each move. The former is the mean over the moves
        that have playouts, weighted by `weights` (one for each move). There must be some
        playouts."""
        sums = [playouts.sum() for playouts in self._playouts]
        n = np.array([one.playouts for one in sums], np.float64)
        assert n.any()
        w = np.where(n > 0, weights, 0.0)
        w = w / w.sum() if w.sum() > 0 else n / n.sum()
        leads = np.array([one.score_mean for one in sums])
        wins = np.array([one.black_winrate for one in sums])
        variance = float(w @ np.array([one.score_stdev**2 for one in sums]))
        owners = np.stack([one.owner for one in sums]).astype(np.float64)
        owner, lead, spread = w @ owners, float(w @ leads), variance**0.5
        whole = OwnershipEstimate(
            owner.astype(np.float32), float(w @ wins), lead, spread, int(n.sum())
        )
        share = _share(n, leads, variance)
        after = (n[:, None] * owners + PRIOR_PLAYOUTS * owner) / (n[:, None] + PRIOR_PLAYOUTS)
        drawn = lead + share * (leads - lead)
        return whole, [
            OwnershipEstimate(
                after[i].astype(np.float32),
                one.black_winrate if one.playouts else whole.black_winrate,
                float(drawn[i]),
                spread,
                one.playouts,
            )
            for i, one in enumerate(sums)
        ]


def _share(
    n: npt.NDArray[np.float64], means: npt.NDArray[np.float64], variance: float
) -> npt.NDArray[np.float64]:
    """How far each mean of `n` draws is to be believed, 0 to 1, where draws have this variance and
    what they are draws of may differ too."""
    if variance <= 0:
        return (n > 0).astype(np.float64)
    total = n.sum()
    spread = float(n @ (means - n @ means / total) ** 2) / variance
    scale = float(total - (n @ n) / total)
    between = max(0.0, variance * (spread - ((n > 0).sum() - 1)) / scale) if scale > 0 else 0.0
    share: npt.NDArray[np.float64] = n * between / (n * between + variance)
    return share
