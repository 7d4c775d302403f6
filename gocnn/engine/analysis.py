"""An analysis of a position: its candidate moves, the best first, with what a search and random
playouts find out about each as time goes on.

`prior` is the network's. If it foresees the winner, a search (`gocnn.engine.mcts`) goes on as long
as the analysis does: `winrate`, `visits`, the order of the moves and their variations are the
search's. If not, the order is the prior's, the winrate comes from random playouts after each move
(a visit is eight of them), and the network plays the best move's variation on.

`lead` and ownership are the network's if it says them (`gocnn.engine.forecast`). If not, they come
from random playouts (`gocnn.engine.prospects`): coarse before the endgame, so no move is said to
lead by more points than the best one, nor the best one by less than the position.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, Board
from gocnn.board.coords import MOVES, PASS
from gocnn.engine.forecast import Forecast, estimate_of, win_of
from gocnn.engine.game import Game, with_side_to_play
from gocnn.engine.mcts import FPU_REDUCTION, Search, Until
from gocnn.engine.ownership import OwnershipEstimate, sensible_moves
from gocnn.engine.player import TINY, Player
from gocnn.engine.prospects import Prospects
from gocnn.policy.suggestion import evaluate, suggest_many

MOST_MOVES = 12
LEAST_PRIOR = 0.002
VARIATION = 16
"""Most moves of a variation, if the client does not say; KataGo's own limit."""

PLAYED_ON = 8
"""To so many moves the network plays the best variation on where there is no search."""

VISIT = 8
"""Playouts that make a visit where there is no search, and that are run between two looks at the
input: about two milliseconds."""

LEAST_PLAYOUTS = 12 * VISIT
"""So many there are in all before an analysis is shown: with fewer, leads would be chance."""

MOST_PLAYOUTS = 100_000
"""After so many of each move an analysis only waits: more would change nothing that is shown."""

ENOUGH_PLAYOUTS = 400
"""So many of each move are run beside a search."""


@dataclass(frozen=True)
class MoveInfo:
    """One candidate, from the side to move: prior and winrate 0 to 1, visits, the winrate's lower
    confidence bound, what a search makes large (-1 to 1), lead and spread in points, variation as
    flat indices, and how often the search visited the position after each of its moves."""

    index: int
    prior: float
    visits: int
    winrate: float
    lcb: float
    utility: float
    lead: float
    spread: float
    variation: Sequence[int]
    variation_visits: Sequence[int] = ()


@dataclass(frozen=True)
class AnalysisOptions:
    """How an analysis differs from the usual one. symmetries: over how many of the 8 turned and
    mirrored boards the network's answer for the position itself is averaged (None: as the player
    does). power, reduction, until: as in `gocnn.engine.mcts.Search`. least: so many candidates at
    least, however little the network gives them."""

    symmetries: int | None = None
    power: float = 1.0
    reduction: float = FPU_REDUCTION
    until: Until | None = None
    least: int = 1


class Analysis:
    """Candidates of a position for `colour`, the best first; `advance` looks further ahead, and
    adds playouts to those that it looks at."""

    def __init__(
        self,
        player: Player,
        game: Game,
        colour: int,
        *,
        keep: npt.NDArray[np.bool_] | None = None,
        most: int = MOST_MOVES,
        options: AnalysisOptions | None = None,
    ) -> None:
        options = options or AnalysisOptions()
        position, conditioning = with_side_to_play(game, colour), player.conditioning(game)
        said = evaluate(
            player.evaluator,
            position,
            conditioning,
            symmetries=options.symmetries or player.symmetries,
        )
        p = said.probabilities
        self.colour, self.probabilities, self.game, self._player = colour, p, game, player
        komi = game.area_komi_for(colour)
        self.network_estimate = estimate_of(said, colour, komi) if player.evaluator.scores else None
        """How the network by itself foresees the end of the game; None if it says no score."""
        self.network_winrate = win_of(said, colour, komi)
        """The network's own probability that the side to play wins; nan if it does not foresee
        it."""
        self.legal = game.board.legal(colour)
        flat = p**options.power / (p**options.power).sum()
        wanted = _wanted(game.board, colour, keep)
        order = [int(i) for i in np.argsort(-p, kind="stable") if wanted[i]]
        self.candidates = [
            i for k, i in enumerate(order) if k < options.least or flat[i] >= LEAST_PRIOR
        ][:most]
        self._boards = [position.copy() for _ in self.candidates]
        for board, index in zip(self._boards, self.candidates, strict=True):
            board.play(index)
        self._search: Search | None = None
        if player.evaluator.has_value_head and self.candidates:
            among = np.isin(np.arange(MOVES), self.candidates)
            self._search = Search(
                player.evaluator,
                position,
                komi,
                among,
                conditioning=conditioning,
                said=said,
                power=options.power,
                reduction=options.reduction,
                until=options.until,
            )
        self._options, self._said = options, said
        self._prospects = (
            None if player.evaluator.scores else Prospects(self._boards or [position], komi)
        )
        self._forecast: Forecast | None = None
        if self.network_estimate:
            komis = [game.area_komi_after(index, colour) for index in self.candidates]
            self._forecast = Forecast(
                player.evaluator, self.network_estimate, self._boards, komis, conditioning
            )
        self._turn = 0
        self._played_on: list[list[int]] | None = None

    def take_over(self, before: "Analysis") -> bool:
        """Keep what another analysis has seen of this position, if moves (or none) lead here from
        its own, and network, rules and options are the same; whether it was so. `before` must not
        be used any more then, nor this one have been begun."""
        mine, theirs = self._search, before._search
        if (
            mine is None
            or theirs is None
            or self._player.evaluator is not before._player.evaluator
            or self._player.conditioning(self.game) != before._player.conditioning(before.game)
            or self.game.rules != before.game.rules
            or self._options.until
            or before._options.until
            or not (1.0 == self._options.power == before._options.power)
            or not (FPU_REDUCTION == self._options.reduction == before._options.reduction)
        ):
            return False
        among = np.isin(np.arange(MOVES), self.candidates)
        if not theirs.follow(mine.board, mine.komi, among, said=self._said):
            return False
        self._search, before._search = theirs, None
        return True

    @property
    def bytes(self) -> int:
        """How much memory the positions of its search take; 0 without one."""
        return self._search.bytes if self._search else 0

    @property
    def visits(self) -> int:
        """Visits of all candidates so far."""
        if self._search:
            return self._search.count
        return self._prospects.total // VISIT if self._prospects else 0

    @property
    def exhausted(self) -> bool:
        """Whether going on changes nothing any more."""
        if self._search:
            return self._search.full
        if not self._prospects:
            return True
        if not self.candidates:
            return self._prospects.total >= LEAST_PLAYOUTS
        return all(self._prospects.count(k) >= MOST_PLAYOUTS for k in range(len(self.candidates)))

    def advance(
        self, seconds: float, stopped: Callable[[], bool], visits: int | None = None
    ) -> None:
        """Go on for about so long, or until `stopped` says so, or there are `visits` of them. The
        first visit is made in any case: without one there is nothing to show."""
        end = time.perf_counter() + seconds
        first = not self.visits
        while first or (not stopped() and time.perf_counter() < end):
            if visits is not None and self.visits >= visits:
                return
            if not self.exhausted:
                self._step(math.inf if visits is None else visits - self.visits)
            elif not first:
                time.sleep(0.005)
            first = False

    def _step(self, visits: float) -> None:
        """Some visits, and playouts where they are needed: after the moves that were visited, or
        after each in turn."""
        if self._search:
            before = self._search.visits
            self._search.look(visits)
            added = self._search.visits - before
            for k, index in enumerate(self.candidates if self._prospects else ()):
                self._play_out(k, int(added[index]), ENOUGH_PLAYOUTS)
            return
        self._play_out(self._turn, 1, MOST_PLAYOUTS)
        self._turn = (self._turn + 1) % max(len(self.candidates), 1)

    def _play_out(self, k: int, visits: int, most: int) -> None:
        """Playouts after a candidate, a visit's worth for each, until there are the most."""
        assert self._prospects
        for _ in range(visits):
            if self._prospects.count(k) < most:
                self._prospects.run(k, VISIT)

    def _settle(self) -> None:
        """See to it that there are enough playouts to speak of."""
        if not self._prospects:
            return
        lacking = LEAST_PLAYOUTS - self._prospects.total
        if lacking > 0:
            self._prospects.run(int(self._weights().argmax()), lacking)

    def _estimates(self) -> tuple[OwnershipEstimate, list[OwnershipEstimate]]:
        """The position's, and each candidate's."""
        self._settle()
        if self._prospects:
            return self._prospects.estimates(self._weights())
        assert self._forecast
        if self._search and self._search.count:
            return self._forecast.searched(self._search, self.candidates, self.colour)
        return self._forecast.whole(self._weights()), self._forecast.after

    def _weights(self) -> npt.NDArray[np.float64]:
        """float64 `(candidates,)` (one if there are none): how much each counts for the position's
        own estimate."""
        if self._search and self._search.count:
            return self._search.visits[self.candidates].astype(np.float64)
        return (
            self.probabilities[self.candidates].astype(np.float64) + TINY
            if self.candidates
            else np.ones(1)
        )

    def moves(self, longest: int = VARIATION) -> list[MoveInfo]:
        """What is known of each candidate, with variations of up to `longest` moves."""
        if not self.candidates:
            return []
        order, (whole, estimates) = self._order(), self._estimates()
        sign = 1 if self.colour == BLACK else -1
        leads = [sign * o.score_mean for o in estimates]
        if self._prospects:
            # Few playouts may put the best move below the mean of all, and then KaTrain would paint
            # every move as a mistake.
            most = leads[order[0]] = max(leads[order[0]], sign * whole.score_mean)
            leads = [min(lead, most) for lead in leads]
        infos = []
        for k in order:
            index, o = self.candidates[k], estimates[k]
            prior = float(self.probabilities[index])
            if self._search:
                stats = self._search.action_stats(index, longest)
                line, seen = [move for move, _ in stats.line], [count for _, count in stats.line]
                win, utility = stats.win, 2 * stats.utility - 1
                if not stats.visits and self._forecast:
                    win = o.black_winrate if self.colour == BLACK else 1 - o.black_winrate
                    utility = 2 * win - 1
                infos.append(
                    MoveInfo(
                        index,
                        prior,
                        stats.visits,
                        win,
                        stats.lcb,
                        utility,
                        leads[k],
                        o.score_stdev,
                        line,
                        seen,
                    )
                )
                continue
            visits, winrate = (
                o.playouts // VISIT,
                (o.black_winrate if self.colour == BLACK else 1 - o.black_winrate),
            )
            lcb = max(
                0.0,
                winrate - 1.96 * math.sqrt(max(winrate * (1 - winrate), 0.0) / max(o.playouts, 1)),
            )
            line = self._played(longest)[k][:longest]
            seen = [visits, *[0] * (len(line) - 1)]
            infos.append(
                MoveInfo(
                    index,
                    prior,
                    visits,
                    winrate,
                    lcb,
                    2 * winrate - 1,
                    leads[k],
                    o.score_stdev,
                    line,
                    seen,
                )
            )
        return infos

    def _played(self, longest: int) -> list[list[int]]:
        """Each candidate's variation by the network alone: to the next move, in one evaluation; the
        first candidate's to `PLAYED_ON` moves."""
        if self._played_on is None:
            self._played_on = [[index] for index in self.candidates]
            conditioning = self._player.conditioning(self.game)
            boards = [board.copy() for board in self._boards]
            for ply in range(1, min(longest, PLAYED_ON)):
                still = range(len(boards)) if ply == 1 else range(1)
                rows = suggest_many(
                    self._player.evaluator, [boards[i] for i in still], [conditioning] * len(still)
                )
                for i, row in zip(still, rows, strict=True):
                    if self._played_on[i][-2:] != [PASS, PASS]:
                        move = int(
                            np.where(
                                sensible_moves(boards[i], boards[i].to_play), row, -1.0
                            ).argmax()
                        )
                        self._played_on[i].append(move)
                        boards[i].play(move)
        return self._played_on

    def choice(self, keep: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Which of `keep`, bool `(362,)`, a player may choose among after this analysis: what a
        search found best, or to pass; all, if the player is of a level."""
        if self._search is None or not self._search.count or self._player.level:
            return keep
        only = np.zeros_like(keep)
        only[self.candidates[self._order()[0]]] = True
        only[PASS] = keep[PASS]
        return only

    @property
    def winrate(self) -> float:
        """The probability that the side to play wins: the mean over the search, else what the
        playouts say."""
        if self._search:
            return self._search.win
        if math.isfinite(self.network_winrate):
            return self.network_winrate
        wins = self.estimate().black_winrate
        return wins if self.colour == BLACK else 1 - wins

    def estimate(self) -> OwnershipEstimate:
        """How the game ends from here on, as black sees it."""
        return self._estimates()[0]

    def estimates(self) -> list[OwnershipEstimate]:
        """How the game ends after each candidate, as black sees it, in the order of `moves`."""
        after = self._estimates()[1]
        return [after[k] for k in self._order()]

    def _order(self) -> list[int]:
        order = list(range(len(self.candidates)))
        if not self._search:
            return order
        weights = self._search.weights
        return sorted(order, key=lambda k: -weights[self.candidates[k]])


def _wanted(board: Board, colour: int, keep: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.bool_]:
    """bool `(362,)`: the moves to look at: sensible ones, or any legal one where the client
    leaves no sensible one."""
    wanted: npt.NDArray[np.bool_] = sensible_moves(board, colour)
    if keep is None:
        return wanted
    return wanted & keep if (wanted & keep).any() else board.legal(colour) & keep
