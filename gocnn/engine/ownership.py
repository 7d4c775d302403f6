"""How a position will end, as far as random playouts can tell: who owns each point, who is ahead,
what is dead.

The network only predicts moves. Whose game it is, and when it is over, comes from here: exact life
by Benson's algorithm, and Monte-Carlo ownership (Brügmann 1993, "Monte Carlo Go") for the rest.
Such estimates are good at the end of a game and coarse before it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, WHITE, Board, pass_alive, playouts
from gocnn.engine.seki import holds

Mask = npt.NDArray[np.bool_]

PLAYOUTS = 200
"""Enough that an ownership is known to about 0.07 (standard error)."""

SETTLED = 0.6
"""From this ownership on a point counts as settled."""


@dataclass(frozen=True)
class OwnershipEstimate:
    """How a game is expected to end, as black sees it.

    owner: float32 `(361,)`, +1 where black is sure to own the point at the end, -1 where white is;
    black_winrate: probability that black wins, 0 to 1; score_mean: black's expected margin in
    points, komi subtracted; score_stdev: the margin's standard deviation; playouts: how many random
    playouts it rests on (0: a network's answer).
    """

    owner: npt.NDArray[np.float32]
    black_winrate: float
    score_mean: float
    score_stdev: float
    playouts: int


class Playouts:
    """Random playouts of one position, summed up as more are asked for."""

    def __init__(self, board: Board, komi: float, seed: int = 1) -> None:
        self.board, self.komi, self.seed = board, komi, seed
        self._owned = np.zeros(board.size * board.size, np.int32)
        self._won, self._margins, self._squares, self.count = 0.0, 0.0, 0.0, 0

    def run(self, count: int) -> OwnershipEstimate:
        """Run `count` more playouts; the estimate from all so far."""
        won, margins, squares = playouts.playouts(
            self.board.state,
            self.board.to_play,
            count,
            self.seed + self.count,
            self.komi,
            self._owned,
        )
        self._won, self._margins, self._squares, self.count = (
            self._won + won,
            self._margins + margins,
            self._squares + squares,
            self.count + count,
        )
        return self.sum()

    def at_least(self, count: int) -> OwnershipEstimate:
        """The estimate from at least `count` playouts; only those that are missing are run."""
        return self.run(count - self.count) if count > self.count else self.sum()

    def sum(self) -> OwnershipEstimate:
        """The estimate from the playouts so far (even, if there are none)."""
        n = max(self.count, 1)
        lead = self._margins / n
        spread = max(self._squares / n - lead * lead, 0.0) ** 0.5
        return OwnershipEstimate(
            (self._owned / n).astype(np.float32),
            self._won / n if self.count else 0.5,
            lead,
            spread,
            self.count,
        )


def safe_points(board: Board, colour: int) -> Mask:
    """bool `(361,)`: stones and regions of `colour` that are safe whatever the opponent does
    (`gocnn.board.pass_alive.pass_alive`)."""
    mask = np.empty(board.size * board.size, np.bool_)
    pass_alive.pass_alive(board.state, colour, mask)
    return mask


def eyes(board: Board, colour: int) -> Mask:
    """bool `(361,)`: one-point eyes of `colour` that it must not fill."""
    mask = np.empty(board.size * board.size, np.bool_)
    pass_alive.eyes(board.state, colour, mask)
    return mask


def sensible_moves(board: Board, colour: int) -> Mask:
    """bool `(362,)`: legal moves that can matter: no suicide, not into an own eye, nor into a
    region that is safely someone's. The pass counts as one.

    Two kernels ask the same of positions that are no Board, and say where they differ:
    `gocnn.engine.tree_positions.look` and `gocnn.selfplay.boards.fill_planes`.
    """
    mask = board.legal(colour, suicide=False)
    mask[:-1] &= ~eyes(board, colour)
    mask[:-1] &= ~(safe_points(board, BLACK) | safe_points(board, WHITE))
    return mask


def dead_stones(board: Board, owner: npt.NDArray[np.float32], *, reading: bool = True) -> Mask:
    """bool `(361,)`: stones that will not stay, chain by chain: those in a region that is safely
    the opponent's, and those whose points mostly end up with it.

    owner: float32 `(361,)`, as in `OwnershipEstimate`. reading: a chain stays that reading finds
    cannot be captured (`gocnn.engine.seki`), whatever `owner` says.
    """
    stones = board.stones().ravel()
    safe = {colour: safe_points(board, colour) for colour in (BLACK, WHITE)}
    both = safe[BLACK] | safe[WHITE]
    dead = np.zeros(len(stones), np.bool_)
    for chain in chains(board):
        colour = int(stones[chain[0]])
        mine = float(owner[chain].mean()) * (1 if colour == BLACK else -1)
        if not safe[colour][chain[0]]:
            dead[chain] = bool(safe[3 - colour][chain[0]]) or (
                mine < 0 and not (reading and holds(board, chain.tolist(), owner, both))
            )
    return dead


def chains(board: Board) -> list[npt.NDArray[np.int64]]:
    """The chains on the board, each as flat indices."""
    stones = board.stones().ravel()
    at = np.flatnonzero(stones)
    heads = board.chain_ids()[at]
    order = np.argsort(heads, kind="stable")
    cuts = np.flatnonzero(np.diff(heads[order])) + 1
    return [part for part in np.split(at[order], cuts) if len(part)]


def is_settled(board: Board, estimate: OwnershipEstimate) -> bool:
    """Whether nothing is left to play for: every point that either side could usefully play on
    already belongs to one of them."""
    return bool((_ownership_of_open_points(board, estimate) >= SETTLED).all())


def is_open(board: Board, estimate: OwnershipEstimate) -> bool:
    """Whether it is plainly not settled: a point is so undecided that more playouts would hardly
    change it (two standard errors below)."""
    margin = 2 / max(estimate.playouts, 1) ** 0.5
    return bool((_ownership_of_open_points(board, estimate) < SETTLED - margin).any())


def _ownership_of_open_points(board: Board, estimate: OwnershipEstimate) -> npt.NDArray[np.float32]:
    """How surely each point that a side could usefully play on belongs to somebody, 0 to 1."""
    return np.abs(
        estimate.owner[sensible_moves(board, BLACK)[:-1] | sensible_moves(board, WHITE)[:-1]]
    )
