"""An analysis of a position: its candidate moves, the best first, with what a search and random playouts find out about each as time goes on.

`prior` is the network's. If it foresees the winner, a search (`gocnn.play.search`) goes on as long as the analysis does: `winrate`, `visits`, the
order of the moves and their variations are the search's. If not, the order is the prior's, the winrate comes from random playouts after each move (a
visit is eight of them), and the network plays the best move's variation on. `lead` and ownership come from such playouts in either case
(`gocnn.play.prospects`): coarse before the endgame, so no move is said to lead by more points than the best one, nor the best one by less than
the position.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, Board
from gocnn.board.coords import MOVES, PASS
from gocnn.play.game import Game
from gocnn.play.outlook import Outlook, useful
from gocnn.play.player import Player, turned
from gocnn.play.prospects import Prospects
from gocnn.play.search import UNSEEN, Search, Until
from gocnn.policy.suggestion import foresee, suggest_many

MOST_MOVES = 12
LEAST_PRIOR = 0.002
VARIATION = 16
"""Most moves of a variation, if the client does not say; KataGo's own limit."""

PLAYED_ON = 8
"""To so many moves the network plays the best variation on where there is no search."""

VISIT = 8
"""Playouts that make a visit where there is no search, and that are run between two looks at the input: about two milliseconds."""

LEAST_PLAYOUTS = 12 * VISIT
"""So many there are in all before an analysis is shown: with fewer, leads would be chance."""

MOST_PLAYOUTS = 100_000
"""After so many of each move an analysis only waits: more would change nothing that is shown."""

ENOUGH_PLAYOUTS = 400
"""So many of each move are run beside a search."""

MOST_VISITS = 50_000
"""After so many a search is over: it keeps every position that it has seen."""


@dataclass(frozen=True)
class MoveInfo:
    """One candidate, from the side to move: prior and winrate 0 to 1, visits and how many trials the winrate rests on, lead and spread in points,
    variation as flat indices, and how often the search visited the position after each of its moves."""  # fmt: skip

    index: int
    prior: float
    visits: int
    trials: int
    winrate: float
    lead: float
    spread: float
    variation: Sequence[int]
    variation_visits: Sequence[int] = ()

    @property
    def lcb(self) -> float:
        """Lower end of the winrate's 95 % interval, as if trials were independent."""
        return max(0.0, self.winrate - 1.96 * math.sqrt(max(self.winrate * (1 - self.winrate), 0.0) / max(self.trials, 1)))


@dataclass(frozen=True)
class Wishes:
    """How an analysis is to differ from the usual one. symmetries: 1 to 8, for the position itself; power, reduction, until: see
    `gocnn.play.search.Search`; least: so many candidates even if the network excludes them."""  # fmt: skip

    symmetries: int | None = None
    power: float = 1.0
    reduction: float = UNSEEN
    until: Until | None = None
    least: int = 1


class Analysis:
    """Candidates of a position for `colour`, the best first; `advance` looks further ahead, and adds playouts to those that it looks at."""

    def __init__(self, player: Player, game: Game, colour: int, keep: npt.NDArray[np.bool_] | None = None, most: int = MOST_MOVES,
                 wishes: Wishes | None = None) -> None:  # fmt: skip
        wishes = wishes or Wishes()
        position, known = turned(game, colour), player.known(game)
        said = foresee(player.evaluator, position, known, wishes.symmetries or player.symmetries)
        p = said.probabilities
        self.colour, self.probabilities, self.game, self._player = colour, p, game, player
        self.network_winrate = said.win
        """The network's own probability that the side to play wins; nan if it does not foresee it."""
        self.legal = game.board.legal(colour)
        flat = p**wishes.power / (p**wishes.power).sum()
        wanted = _wanted(game.board, colour, keep)
        order = [int(i) for i in np.argsort(-p, kind="stable") if wanted[i]]
        self.candidates = [i for place, i in enumerate(order) if place < wishes.least or flat[i] >= LEAST_PRIOR][:most]
        self._boards = [position.copy() for _ in self.candidates]
        for board, index in zip(self._boards, self.candidates, strict=True):
            board.play(index)
        self._search: Search | None = None
        if player.evaluator.foresees and self.candidates:
            among = np.isin(np.arange(MOVES), self.candidates)
            self._search = Search(player.evaluator, position, game.area_komi, among, known, said=said, power=wishes.power,
                                  reduction=wishes.reduction, until=wishes.until)  # fmt: skip
        self._prospects = Prospects(self._boards or [position], game.area_komi)
        self._turn = 0
        self._played_on: list[list[int]] | None = None

    @property
    def visits(self) -> int:
        """Visits of all candidates so far."""
        return self._search.count if self._search else self._prospects.total // VISIT

    @property
    def exhausted(self) -> bool:
        """Whether going on changes nothing any more."""
        if not self.candidates:
            return self._prospects.total >= LEAST_PLAYOUTS
        if self._search:
            return self._search.count >= MOST_VISITS
        return all(self._prospects.count(place) >= MOST_PLAYOUTS for place in range(len(self.candidates)))

    def advance(self, seconds: float, stopped: Callable[[], bool], visits: int | None = None) -> None:
        """Go on for about so long, or until `stopped` says so, or there are `visits` of them."""
        end = time.monotonic() + seconds
        while not stopped() and time.monotonic() < end:
            if visits is not None and self.visits >= visits:
                return
            if self.exhausted:
                time.sleep(0.005)
                continue
            self._step()

    def _step(self) -> None:
        """One visit, and some playouts: after the move that was visited, or after each in turn."""
        place = self._turn
        self._turn = (place + 1) % max(len(self.candidates), 1)
        if self._search:
            before = self._search.visits
            self._search.run(1)
            place = self.candidates.index(int((self._search.visits - before).argmax()))
        if self._prospects.count(place) < (ENOUGH_PLAYOUTS if self._search else MOST_PLAYOUTS):
            self._prospects.run(place, VISIT)

    def _settle(self) -> None:
        """See to it that there are enough playouts to speak of."""
        lacking = LEAST_PLAYOUTS - self._prospects.total
        if lacking > 0:
            self._prospects.run(int(self._weights().argmax()), lacking)

    def _weights(self) -> npt.NDArray[np.float64]:
        """float64 `(candidates,)` (one if there are none): how much each counts for the position's own outlook."""
        if self._search and self._search.count:
            return self._search.visits[self.candidates].astype(np.float64)
        return self.probabilities[self.candidates].astype(np.float64) if self.candidates else np.ones(1)

    def moves(self, longest: int = VARIATION) -> list[MoveInfo]:
        """What is known of each candidate, with variations of up to `longest` moves."""
        if not self.candidates:
            return []
        self._settle()
        order, (whole, outlooks) = self._order(), self._prospects.outlooks(self._weights())
        sign = 1 if self.colour == BLACK else -1
        # Few playouts may put the best move below the mean of all, and then KaTrain would paint every move as a mistake.
        leads = [sign * o.lead for o in outlooks]
        most = leads[order[0]] = max(leads[order[0]], sign * whole.lead)
        infos = []
        for place in order:
            index, o = self.candidates[place], outlooks[place]
            if self._search:
                visits, winrate, told = self._search.told(index, longest)
                trials, line, seen = visits, [move for move, _ in told], [count for _, count in told]
            else:
                visits, trials, winrate = o.playouts // VISIT, o.playouts, o.black_wins if self.colour == BLACK else 1 - o.black_wins
                line = self._played(longest)[place][:longest]
                seen = [visits, *[0] * (len(line) - 1)]
            infos.append(MoveInfo(index, float(self.probabilities[index]), visits, trials, winrate, min(leads[place], most), o.spread, line, seen))
        return infos

    def _played(self, longest: int) -> list[list[int]]:
        """Each candidate's variation by the network alone: to the next move, in one evaluation; the first candidate's to `PLAYED_ON` moves."""
        if self._played_on is None:
            self._played_on = [[index] for index in self.candidates]
            known = self._player.known(self.game)
            boards = [board.copy() for board in self._boards]
            for ply in range(1, min(longest, PLAYED_ON)):
                still = range(len(boards)) if ply == 1 else range(1)
                rows = suggest_many(self._player.evaluator, [boards[i] for i in still], [known] * len(still))
                for i, row in zip(still, rows, strict=True):
                    if self._played_on[i][-2:] != [PASS, PASS]:
                        move = int(np.where(useful(boards[i], boards[i].to_play), row, -1.0).argmax())
                        self._played_on[i].append(move)
                        boards[i].play(move)
        return self._played_on

    def choice(self, keep: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Which of `keep`, bool `(362,)`, a player may choose among after this analysis: what a search found best, or to pass; all, if
        the player is of a level."""  # fmt: skip
        if self._search is None or not self._search.count or self._player.level:
            return keep
        only = np.zeros_like(keep)
        only[self.candidates[self._order()[0]]] = True
        only[PASS] = keep[PASS]
        return only

    @property
    def winrate(self) -> float:
        """The probability that the side to play wins: the mean over the search, else what the playouts say."""
        if self._search:
            return self._search.win
        if math.isfinite(self.network_winrate):
            return self.network_winrate
        wins = self.outlook().black_wins
        return wins if self.colour == BLACK else 1 - wins

    def outlook(self) -> Outlook:
        """How the game ends from here on, as black sees it."""
        self._settle()
        return self._prospects.outlooks(self._weights())[0]

    def outlooks(self) -> list[Outlook]:
        """How the game ends after each candidate, as black sees it, in the order of `moves`."""
        self._settle()
        after = self._prospects.outlooks(self._weights())[1]
        return [after[place] for place in self._order()]

    def _order(self) -> list[int]:
        places = list(range(len(self.candidates)))
        if not self._search:
            return places
        visits = self._search.visits
        return sorted(places, key=lambda place: -visits[self.candidates[place]])


def _wanted(board: Board, colour: int, keep: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.bool_]:
    """bool `(362,)`: the moves to look at: useful ones, or any legal one where the client leaves no useful one."""
    wanted: npt.NDArray[np.bool_] = useful(board, colour)
    if keep is None:
        return wanted
    return wanted & keep if (wanted & keep).any() else board.legal(colour) & keep
