"""A player: the network's moves, with what it does not know of - when to pass, when to resign, what
not to fill."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, Board, repetition
from gocnn.board.coords import PASS, SIZE
from gocnn.engine import levels
from gocnn.engine.forecast import Estimator, NetworkWithPlayouts, estimate_of, win_of
from gocnn.engine.game import Game, with_side_to_play
from gocnn.engine.mcts import Search
from gocnn.engine.ownership import (
    PLAYOUTS,
    OwnershipEstimate,
    Playouts,
    dead_stones,
    is_open,
    is_settled,
    sensible_moves,
)
from gocnn.policy.conditioning import conditioning_of_style
from gocnn.policy.predictions import Floats, PolicyPredictions
from gocnn.policy.suggestion import Evaluation, Evaluator, evaluate, planes_of, recent_moves

RESIGN = -1
"""Instead of a flat index."""

RESIGN_FROM = 100
"""Ply from which resigning is considered: before it, playouts say too little."""

RESIGN_AFTER = 3
"""So many own moves in a row must look lost."""

OVER_FROM = 80
"""Stones on the board from which the game may be over though not all is settled. With fewer a pass
is not answered with one, whoever is ahead: people pass early by mistake, or to try something."""

FIRST_LOOK = 32
"""Playouts after which a position that is plainly not settled is left at that."""

TINY = 1e-12
"""Least weight of a move that may be played: something must be, even where the network excludes all
that is left."""


@dataclass(frozen=True)
class Decision:
    """What a player has decided. index: the move (flat index, 361 for a pass, RESIGN to resign).
    probabilities: the network's, float32 `(362,)`, 0 where a move is illegal. winrate: the
    probability, 0 to 1, that the side to play wins; lead: its points, komi counted; both are means
    over the search where the player looked ahead, else the network's own words, and nan where the
    network does not say."""

    index: int
    probabilities: Floats
    winrate: float = math.nan
    lead: float = math.nan


class Player:
    """Chooses moves.

    temperature: 0 plays the likeliest move; else moves are drawn in proportion to `p ** (1 /
    temperature)`. resign: give up once the winrate (the share of playouts won, with a network that
    says no score) stays below this (0: never). seed: of the moves that are drawn and of playouts;
    None: of the moves another one each time. symmetries: 1 or 8. style: whose moves are asked for
    (`gocnn.features.conditioning.STYLES`). visits: positions to look ahead at before each move,
    those kept from the move before among them (`gocnn.engine.mcts`), time permitting; 0 takes the
    network's word, as does a network that does not foresee the winner.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        *,
        symmetries: int = 1,
        temperature: float = 0.0,
        resign: float = 0.0,
        seed: int | None = 1,
        style: str = "any",
        visits: int = 0,
    ) -> None:
        self.evaluator, self.symmetries, self.style = evaluator, symmetries, style
        self.temperature, self.resign = temperature, resign
        self.visits = visits if evaluator.has_value_head else 0
        self.level: levels.Level | None = None
        """The level that it plays at; visits, temperature and resign count for nothing then."""
        self.never_resigns = False
        """Whether it plays on in any case, whatever `resign` or the level say."""
        self._rng, self._seed = np.random.default_rng(seed), 1 if seed is None else seed
        self._lost: set[int] = set()  # plies of the last positions, if they looked lost
        self._search: Search | None = None

    @property
    def resigns_below(self) -> float:
        """The winrate below which it gives up; 0: never."""
        own = self.level.resign if self.level else self.resign
        return 0.0 if self.never_resigns else own

    def new_game(self) -> None:
        """Begin another game: drop the search tree, and the count of positions that looked
        lost."""
        self._lost, self._search = set(), None

    def probabilities(self, game: Game, colour: int) -> Floats:
        """The network's distribution over the legal moves, float32 `(362,)`."""
        return self.evaluation(game, colour).probabilities

    def evaluation(self, game: Game, colour: int) -> Evaluation:
        """All that the network says of the position with `colour` to play."""
        return evaluate(
            self.evaluator,
            with_side_to_play(game, colour),
            self.conditioning(game),
            symmetries=self.symmetries,
        )

    def conditioning(self, game: Game) -> int:
        """What the network is shown of the game beside its board: bits of
        `gocnn.features.conditioning`."""
        return conditioning_of_style(self.style, game.handicap_stones > 1)

    def outputs(self, game: Game, board: Board, turns: Sequence[int]) -> PolicyPredictions:
        """The network's answers for S = `len(turns)` copies of the board, each after one of those
        symmetries (numbers of `gocnn.board.symmetry`); not turned back."""
        conditioning = self.conditioning(game)
        planes = planes_of(
            board,
            recent_moves(board),
            self.evaluator.plane_groups,
            conditioning=conditioning,
            symmetries=turns,
        )
        return self.evaluator.outputs(planes)

    def decide(
        self,
        game: Game,
        colour: int,
        keep: npt.NDArray[np.bool_] | None = None,
        *,
        clean_up: bool = False,
        seconds: float | None = None,
        stopped: Callable[[], bool] | None = None,
    ) -> Decision:
        """A move for `colour`, whose turn it becomes; nothing is played. keep: bool `(362,)`, the
        moves to choose among.

        clean_up: never pass while a dead stone of the opponent stands (what a server asks before it
        counts by area). seconds, stopped: look ahead no longer than that, or than until that is so.
        """
        said = self.evaluation(game, colour)
        index = self._index(
            game, colour, said, keep=keep, clean_up=clean_up, seconds=seconds, stopped=stopped
        )
        return Decision(index, said.probabilities, *self._outlook(game, colour, said))

    def _index(
        self,
        game: Game,
        colour: int,
        said: Evaluation,
        *,
        keep: npt.NDArray[np.bool_] | None,
        clean_up: bool,
        seconds: float | None,
        stopped: Callable[[], bool] | None,
    ) -> int:
        """The move that it decides on."""
        most = self.level.seconds_within(seconds) if self.level else seconds
        deadline = math.inf if most is None else time.perf_counter() + most
        p = said.probabilities
        wanted = sensible_moves(game.board, colour)
        estimator = self._estimator(game, colour, said)
        taking = _taking(game, colour, estimator) if clean_up else np.zeros_like(wanted)
        if taking.any():
            wanted = taking
        if keep is not None:
            wanted &= keep
        if not wanted[:-1].any():
            return PASS
        if not self.evaluator.scores and self._resigns(game, colour, estimator):
            return RESIGN
        wanted[PASS] = False
        visits = self._visits(seconds)
        may_pass = (keep is None or bool(keep[PASS])) and not taking.any()
        if self.level and not visits and not taking.any():
            weights = levels.weights(
                self.level, game, colour, p=p, wanted=wanted, estimator=estimator
            )
            if not weights.any():
                if may_pass:
                    return PASS
                weights = np.where(wanted, np.maximum(p, TINY), 0.0).astype(np.float64)
        else:
            weights = self._weights(
                game, colour, said, wanted, visits=visits, deadline=deadline, stopped=stopped
            )
        if self.evaluator.scores and self._resigns(game, colour, estimator):
            return RESIGN
        index = self._pick(weights, self._heat(game, visits))
        if may_pass and _may_be_over(game, colour, index, p) and _is_over(game, colour, estimator):
            return PASS
        return index

    def _outlook(self, game: Game, colour: int, said: Evaluation) -> tuple[float, float]:
        """Winrate and lead of a position that it has just decided on (`Decision`)."""
        search, board = self._search, with_side_to_play(game, colour)
        if search and search.count and search.is_of(board):
            return search.win, search.lead
        komi = game.area_komi_for(colour)
        return win_of(said, colour, komi), said.lead + (-komi if colour == BLACK else komi)

    def take_up(self, game: Game, colour: int) -> None:
        """Get ready to play `colour` in a game whose moves so far were not chosen here. It resigns
        once several positions in a row look lost, so the last ones before moves of `colour` are
        judged now."""
        before = Player(self.evaluator, symmetries=self.symmetries, style=self.style)
        before.resign = self.resigns_below
        self._lost = set()
        if before.resign <= 0 or len(game.board.moves) < RESIGN_FROM:
            return
        for moves in range(RESIGN_AFTER - 1, 0, -1):
            past = game.copy()
            if past.undo(2 * moves) and past.board.to_play == colour:
                said = before.evaluation(past, colour)
                before._resigns(past, colour, before._estimator(past, colour, said))
        self._lost = before._lost

    def chances(self, game: Game, colour: int) -> npt.NDArray[np.float64]:
        """The probability of each move to be chosen here, float64 `(362,)`, if it neither resigns
        nor passes to end the game."""
        said, visits = self.evaluation(game, colour), self._visits(None)
        wanted = sensible_moves(game.board, colour)
        wanted[PASS] = False
        if self.level and not visits:
            estimator = self._estimator(game, colour, said)
            weights = levels.weights(
                self.level, game, colour, p=said.probabilities, wanted=wanted, estimator=estimator
            )
        else:
            weights = self._weights(game, colour, said, wanted, visits=visits)
        if not weights.any():
            weights[PASS] = 1.0
        return _flattened(weights, self._heat(game, visits))

    def _heat(self, game: Game, visits: int) -> float:
        """The temperature that moves are drawn with."""
        return (
            self.level.heat(len(game.board.moves), visits > 0) if self.level else self.temperature
        )

    def _visits(self, seconds: float | None) -> int:
        """Positions to look ahead at for a move that may take so long."""
        if self.level is None:
            return self.visits
        return self.level.visits_within(seconds) if self.evaluator.has_value_head else 0

    def _weights(
        self,
        game: Game,
        colour: int,
        said: Evaluation,
        wanted: npt.NDArray[np.bool_],
        *,
        visits: int,
        deadline: float = math.inf,
        stopped: Callable[[], bool] | None = None,
    ) -> npt.NDArray[np.float64]:
        """float64 `(362,)`: what moves are chosen by, the `wanted` ones: their probabilities, or
        how often looking ahead visited them."""
        weights = np.where(wanted, np.maximum(said.probabilities, TINY), 0.0).astype(np.float64)
        if not visits:
            return weights
        board, komi = with_side_to_play(game, colour), game.area_komi_for(colour)
        if self._search is None or not self._search.follow(board, komi, wanted, said=said):
            self._search = Search(
                self.evaluator,
                board.copy(),
                komi,
                wanted,
                conditioning=self.conditioning(game),
                symmetries=self.symmetries,
                said=said,
            )
        self._search.run(max(visits - self._search.count, 0), deadline, stopped)
        return self._search.weights + weights

    def estimate(self, game: Game) -> OwnershipEstimate:
        """How the position will end: what the network foresees, or playouts tell
        (`gocnn.engine.ownership`) where it does not."""
        colour = game.board.to_play
        if not self.evaluator.scores:
            return self._playouts(game, colour).run(PLAYOUTS)
        return estimate_of(self.evaluation(game, colour), colour, game.area_komi)

    def end(self, game: Game) -> OwnershipEstimate:
        """As `estimate`, for a game that is over or nearly so: the mean of what the network says,
        if it says a score, and of playouts."""
        colour = game.board.to_play
        said = self.evaluation(game, colour) if self.evaluator.scores else None
        return self._estimator(game, colour, said).at_least(PLAYOUTS)

    def dead(self, game: Game) -> npt.NDArray[np.bool_]:
        """bool `(361,)`: the stones that are taken off before counting; none once the game is over,
        where the rules want dead stones captured."""
        if game.over and game.must_capture:
            return np.zeros(SIZE * SIZE, np.bool_)
        return dead_stones(game.board, self.end(game).owner)

    def _estimator(self, game: Game, colour: int, said: Evaluation | None) -> Estimator:
        """What tells how the position ends, as far as it is asked."""
        playouts = self._playouts(game, colour)
        if said is None or not self.evaluator.scores:
            return playouts
        return NetworkWithPlayouts(estimate_of(said, colour, game.area_komi_for(colour)), playouts)

    def _playouts(self, game: Game, colour: int) -> Playouts:
        """The same ones whenever the position is asked about, so that the same question has the
        same answer, and no question changes the moves that are drawn later."""
        board = with_side_to_play(game, colour)
        seed = (self._seed + int(repetition.position_hash(board.state))) % 2**31
        return Playouts(board, game.area_komi_for(colour), seed=seed)

    def _pick(self, weights: npt.NDArray[np.float64], heat: float) -> int:
        if heat <= 0:
            return int(weights.argmax())
        return int(self._rng.choice(len(weights), p=_flattened(weights, heat)))

    def _resigns(self, game: Game, colour: int, estimator: Estimator) -> bool:
        least = self.resigns_below
        if least <= 0 or len(game.board.moves) < RESIGN_FROM:
            return False
        if isinstance(estimator, NetworkWithPlayouts):
            mine = (
                self._search.win
                if self._visits(None) and self._search and self._search.count
                else estimator.win(colour)
            )
        else:
            estimate = estimator.at_least(PLAYOUTS)
            mine = estimate.black_winrate if colour == BLACK else 1 - estimate.black_winrate
        now = len(game.board.moves)  # may be asked about again, or come back to
        self._lost = {ply for ply in self._lost if ply < now} | {now} if mine < least else set()
        return len(self._lost) >= RESIGN_AFTER


def _flattened(weights: npt.NDArray[np.float64], heat: float) -> npt.NDArray[np.float64]:
    """The distribution in proportion to `weights ** (1 / heat)`; all on the greatest at 0."""
    if heat <= 0:
        powers = (np.arange(len(weights)) == weights.argmax()).astype(np.float64)
    else:
        powers = (weights / weights.max()) ** (1 / heat)
    whole: npt.NDArray[np.float64] = powers / powers.sum()
    return whole


def _taking(game: Game, colour: int, estimator: Estimator) -> npt.NDArray[np.bool_]:
    """bool `(362,)`: legal moves at liberties of the opponent's dead chains."""
    dead = dead_stones(game.board, estimator.at_least(PLAYOUTS).owner)
    stones = game.board.stones()
    near = np.zeros((SIZE + 2, SIZE + 2), np.bool_)
    theirs = dead.reshape(SIZE, SIZE) & (stones == 3 - colour)
    for rows, columns in ((0, 1), (2, 1), (1, 0), (1, 2)):
        near[rows : rows + SIZE, columns : columns + SIZE] |= theirs
    taking = game.board.legal(colour, suicide=False)
    taking[:-1] &= near[1:-1, 1:-1].ravel()
    taking[PASS] = False
    return taking


def _may_be_over(game: Game, colour: int, index: int, p: Floats) -> bool:
    """Whether it is worth looking: the opponent passed, the network would, or its move is inside an
    area that one side surrounds."""
    if game.passed(3 - colour):
        return True
    return _is_late(game) and (p[PASS] > p[index] or game.board.area().ravel()[index] != 0)


def _is_late(game: Game) -> bool:
    return int((game.board.stones() != 0).sum()) >= OVER_FROM


def _is_over(game: Game, colour: int, estimator: Estimator) -> bool:
    passed = game.passed(3 - colour)
    if not passed and is_open(game.board, estimator.at_least(FIRST_LOOK)):
        return False
    estimate = estimator.at_least(PLAYOUTS)
    if is_settled(game.board, estimate):
        return True
    if not _is_late(game):
        return False
    score = game.margin(dead_stones(game.board, estimate.owner))
    return passed and (score > 0 if colour == BLACK else score < 0)
