"""Estimates of how a game will end, made from the answers of a network that says the score: as
black sees it, with komi counted."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, Board
from gocnn.engine.ownership import OwnershipEstimate, Playouts
from gocnn.policy.predictions import Floats, winrate_with
from gocnn.policy.suggestion import Evaluation, Evaluator, planes_of, recent_moves

if TYPE_CHECKING:
    from gocnn.engine.mcts import Search


def estimate_of(said: Evaluation, to_play: int, komi: float) -> OwnershipEstimate:
    """What the network said of a position, as black sees it. komi: what black must lead by in area
    (`gocnn.engine.game.Game.area_komi`)."""
    return _seen_by_black(said.win, said.owner, said.lead, said.spread, to_play=to_play, komi=komi)


def win_of(said: Evaluation, to_play: int, komi: float) -> float:
    """The probability that the side to play wins with this komi; what the network foresees by
    itself where it says no score."""
    if not np.isfinite(said.lead):
        return said.win
    return float(winrate_with(komi, to_play == BLACK, said.win, said.lead, said.spread))


def lead_in_words(lead: float) -> str:
    """A lead in words: `Black leads by 3.5`."""
    return (
        "even"
        if abs(lead) < 0.05
        else f"{'Black' if lead > 0 else 'White'} leads by {abs(lead):.1f}"
    )


def _seen_by_black(
    win: float, owner: Floats, lead: float, spread: float, *, to_play: int, komi: float
) -> OwnershipEstimate:
    sign = 1 if to_play == BLACK else -1
    mine = float(winrate_with(komi, to_play == BLACK, win, lead, spread))
    return OwnershipEstimate(
        (sign * owner).astype(np.float32),
        mine if to_play == BLACK else 1 - mine,
        sign * float(lead) - komi,
        float(spread),
        0,
    )


class Forecast:
    """How a game will end, as a network estimates it for a position and for those after each of
    several moves: from one look at each, or in the mean over a search."""

    def __init__(
        self,
        evaluator: Evaluator,
        position: OwnershipEstimate,
        boards: Sequence[Board],
        komis: Sequence[float],
        conditioning: int,
    ) -> None:
        """position: its own estimate. boards: the positions after the moves; komis: what black must
        lead by in each."""
        self.position = position
        self._evaluator, self._boards, self._komis, self._conditioning = (
            evaluator,
            boards,
            komis,
            conditioning,
        )

    @cached_property
    def after(self) -> list[OwnershipEstimate]:
        """What the network says of the position after each move, asked in one evaluation when this
        is first read."""
        if not self._boards:
            return []
        plane_groups = self._evaluator.plane_groups
        said = self._evaluator.outputs(
            np.concatenate(
                [
                    planes_of(
                        board, recent_moves(board), plane_groups, conditioning=self._conditioning
                    )
                    for board in self._boards
                ]
            )
        )
        return [
            _seen_by_black(
                float(said.win[i]),
                said.owner[i],
                float(said.lead[i]),
                float(said.spread[i]),
                to_play=board.to_play,
                komi=komi,
            )
            for i, (board, komi) in enumerate(zip(self._boards, self._komis, strict=True))
        ]

    def whole(self, weights: npt.NDArray[np.floating]) -> OwnershipEstimate:
        """The position's estimate without a search: the mean of what the network says of the
        position, and of what it says after the moves, these weighted by `weights` (one for each
        move). A network that favours the side to play errs one way in the first and the other way
        in the second, so that the mean does not."""
        if not self.after:
            return self.position
        w = np.concatenate([[1.0], weights / weights.sum()]) / 2
        every = [self.position, *self.after]
        owner = w @ np.stack([one.owner for one in every]).astype(np.float64)
        winrate, mean, stdev = (
            float(w @ [getattr(one, name) for one in every])
            for name in ("black_winrate", "score_mean", "score_stdev")
        )
        return OwnershipEstimate(owner.astype(np.float32), winrate, mean, stdev, 0)

    def searched(
        self, search: "Search", moves: Sequence[int], colour: int
    ) -> tuple[OwnershipEstimate, list[OwnershipEstimate]]:
        """The position's estimate, and one after each of `moves` (flat indices, in the order of
        the boards): means over all positions that a search by `colour` has seen there. A move that
        it has not visited gets what the network says of the position after it."""
        sign = 1 if colour == BLACK else -1

        def estimate(owner: Floats, win: float, lead: float, spread: float) -> OwnershipEstimate:
            return OwnershipEstimate(
                (sign * owner).astype(np.float32),
                win if colour == BLACK else 1 - win,
                sign * lead,
                spread,
                0,
            )

        each = []
        for k, index in enumerate(moves):
            stats = search.action_stats(index, 1)
            if not stats.visits:
                each.append(self.after[k])
                continue
            # a pass, where territory counts
            lead = stats.lead + sign * (search.komi - self._komis[k])
            each.append(estimate(search.owner_after(index), stats.win, lead, stats.spread))
        return estimate(search.owner(), search.win, search.lead, search.spread), each


class NetworkWithPlayouts:
    """The network's estimate, its ownership averaged with that of random playouts: at the end of a
    game each knows what the other may not. Playouts see what is captured move by move; the network
    sees which groups live in seki or die of shape."""

    def __init__(self, position: OwnershipEstimate, playouts: Playouts) -> None:
        self._position, self._playouts = position, playouts

    def win(self, colour: int) -> float:
        """The probability that `colour` wins, by the network."""
        return self._position.black_winrate if colour == BLACK else 1 - self._position.black_winrate

    def at_least(self, count: int) -> OwnershipEstimate:
        """The position's estimate, with the ownership that is the mean of the two; no more playouts
        are run than that needs."""
        said, seen = self._position, self._playouts.at_least(count)
        return OwnershipEstimate(
            ((said.owner + seen.owner) / 2).astype(np.float32),
            said.black_winrate,
            said.score_mean,
            said.score_stdev,
            seen.playouts,
        )


Estimator = Playouts | NetworkWithPlayouts
"""What estimates how a position ends; both have `at_least(count)`."""
