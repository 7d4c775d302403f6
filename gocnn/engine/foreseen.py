"""How a game will end as a network foresees it that says the score
(`gocnn.policy.network.PolicyConfig`): in black's eyes, komi counted."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, Board
from gocnn.engine.ownership import Outlook, Playouts
from gocnn.policy.predictions import Floats, winrate
from gocnn.policy.suggestion import Evaluation, Evaluator, planes_of, recent_moves

if TYPE_CHECKING:
    from gocnn.engine.mcts import Search


def outlook_of(said: Evaluation, to_play: int, komi: float) -> Outlook:
    """What the network said of a position, as black sees it. komi: what black must lead by in area
    (`gocnn.engine.game.Game.area_komi`)."""
    return _seen_by_black(said.win, said.owner, said.lead, said.spread, to_play, komi)


def win_of(said: Evaluation, to_play: int, komi: float) -> float:
    """The probability that the side to play wins with this komi; what the network foresees by
    itself where it says no score."""
    if not np.isfinite(said.lead):
        return said.win
    return float(winrate(said.win, said.lead, said.spread, -komi if to_play == BLACK else komi))


def told(lead: float) -> str:
    """A lead in words: `Black leads by 3.5`."""
    return (
        "even"
        if abs(lead) < 0.05
        else f"{'Black' if lead > 0 else 'White'} leads by {abs(lead):.1f}"
    )


def _seen_by_black(
    win: float, owner: Floats, lead: float, spread: float, to_play: int, komi: float
) -> Outlook:
    sign = 1 if to_play == BLACK else -1
    mine = float(winrate(win, lead, spread, -sign * komi))
    return Outlook(
        (sign * owner).astype(np.float32),
        mine if to_play == BLACK else 1 - mine,
        sign * float(lead) - komi,
        float(spread),
        0,
    )


class Foreseen:
    """What the network foresees of a position, and after each of several moves, seen by black: by
    itself, and in the mean over a search."""

    def __init__(
        self,
        evaluator: Evaluator,
        position: Outlook,
        boards: Sequence[Board],
        komis: Sequence[float],
        conditioning: int,
    ) -> None:
        """position: its own outlook. boards: the positions after the moves; komis: what black must
        lead by in each."""
        self.position = position
        self._evaluator, self._boards, self._komis, self._conditioning = (
            evaluator,
            boards,
            komis,
            conditioning,
        )

    @cached_property
    def after(self) -> list[Outlook]:
        """What it says of the position after each move, asked for in one evaluation."""
        if not self._boards:
            return []
        plane_groups = self._evaluator.plane_groups
        said = self._evaluator.outputs(
            np.concatenate(
                [
                    planes_of(board, recent_moves(board), plane_groups, self._conditioning)
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
                board.to_play,
                komi,
            )
            for i, (board, komi) in enumerate(zip(self._boards, self._komis, strict=True))
        ]

    def whole(self, weights: npt.NDArray[np.floating]) -> Outlook:
        """The position's before anything is searched: half of what the network says of it, half of
        what it says after the moves, by their weights. Where it errs in favour of whoever is to
        play, the mean does not."""
        if not self.after:
            return self.position
        w = np.concatenate([[1.0], weights / weights.sum()]) / 2
        every = [self.position, *self.after]
        owner = w @ np.stack([one.owner for one in every]).astype(np.float64)
        wins, leads, spreads = (
            float(w @ [getattr(one, name) for one in every])
            for name in ("black_wins", "lead", "spread")
        )
        return Outlook(owner.astype(np.float32), wins, leads, spreads, 0)

    def searched(
        self, search: "Search", moves: Sequence[int], colour: int
    ) -> tuple[Outlook, list[Outlook]]:
        """The position's and that after each of its moves (flat indices, as `boards`) in the mean
        over all that a search by `colour` has seen; of a move that it has not visited, what the
        network says."""
        sign = 1 if colour == BLACK else -1

        def outlook(owner: Floats, win: float, lead: float, spread: float) -> Outlook:
            return Outlook(
                (sign * owner).astype(np.float32),
                win if colour == BLACK else 1 - win,
                sign * lead,
                spread,
                0,
            )

        each = []
        for place, index in enumerate(moves):
            told = search.told(index, 1)
            if not told.visits:
                each.append(self.after[place])
                continue
            # a pass, where territory counts
            lead = told.lead + sign * (search.komi - self._komis[place])
            each.append(outlook(search.owner_after(index), told.win, lead, told.spread))
        return outlook(search.owner(), search.win, search.lead, search.spread), each


class Both:
    """Random playouts beside what the network foresees: at the end of a game each knows what the
    other may not - they what is captured move by move, it which groups live in seki or die of
    shape."""

    def __init__(self, position: Outlook, playouts: Playouts) -> None:
        self._position, self._playouts = position, playouts

    def win(self, colour: int) -> float:
        """The probability that `colour` wins, by the network."""
        return self._position.black_wins if colour == BLACK else 1 - self._position.black_wins

    def at_least(self, count: int) -> Outlook:
        """The position's outlook, with the ownership that is the mean of the two; no more playouts
        are run than that needs."""
        said, seen = self._position, self._playouts.at_least(count)
        return Outlook(
            ((said.owner + seen.owner) / 2).astype(np.float32),
            said.black_wins,
            said.lead,
            said.spread,
            seen.playouts,
        )


Ahead = Playouts | Both
"""What tells how a position ends."""
