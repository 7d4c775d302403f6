"""A review: what the network expected at every move of a game, and how what was played compares."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, WHITE, Board, symmetry
from gocnn.board.coords import PASS
from gocnn.engine.settle import settled_margin
from gocnn.features.conditioning import HANDICAP
from gocnn.games.sgf_tree import Record, Step, position_before
from gocnn.policy.evaluation import PHASES
from gocnn.policy.predictions import Floats, PolicyPredictions
from gocnn.policy.suggestion import Evaluator, log_softmax, planes_of, recent_moves
from gocnn.review.course import (
    Course,
    RecordRules,
    Standing,
    at_a_glance,
    before_and_after,
    course_of,
    looking_ahead,
    terms_of,
)
from gocnn.review.lookahead import Lookahead, Sight

CHUNK = 32
"""Positions that are evaluated at once: more of them are hardly faster, and others need not wait
long."""

SHOWN = 5
"""First choices kept for each move."""


@dataclass(frozen=True)
class MoveReview:
    """One move seen by the network: its number (from 1), who played what, its probability among the
    legal moves and its rank (1 is the first choice), how many moves were legal, and the first
    choices with their probabilities. Moves that are the same by a symmetry of the position, as the
    eight 3-4 points of an empty board, count as one."""

    number: int
    colour: int
    index: int
    probability: float
    rank: int
    legal: int
    choices: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Review:
    """A game and what was expected at each of its moves; course: who led (None if the network says
    no score); black_winrate and winrate_after: float64 `(moves + 1,)`, before each move and at the
    end, and `(moves,)`, after each (see `Course`; None if the network does not say who wins);
    network: its name; visits: of the search of each position, 0 for a glance; lines: before each
    move what the search would have played, and how it goes on, flat indices (empty at a glance)."""

    name: str
    record: Record
    moves: list[MoveReview]
    course: Course | None = None
    black_winrate: npt.NDArray[np.float64] | None = None
    winrate_after: npt.NDArray[np.float64] | None = None
    network: str = ""
    visits: int = 0
    lines: tuple[tuple[int, ...], ...] = ()

    def preferred(self, number: int) -> int:
        """What would have been played (flat index) where move `number` (from 1) was: the choice of
        the search, at a glance the network's first."""
        return self.lines[number - 1][0] if self.lines else self.moves[number - 1].choices[0][0]

    @cached_property
    def judged(self) -> list[MoveReview]:
        """The moves without the passes that close the game: nobody is asked to look at those."""
        closing = closing_passes(self.record.steps)
        return [move for move in self.moves if move.number not in closing]

    @property
    def _doubted(self) -> list[MoveReview]:
        """Of these the moves that would not have been played instead."""
        return [move for move in self.judged if move.index != self.preferred(move.number)]

    def least_expected(self, count: int = 10) -> list[MoveReview]:
        """The moves with the least probability that were not the first choice, the least first;
        closing passes are left out."""
        return sorted(
            (move for move in self.judged if move.rank > 1), key=lambda move: move.probability
        )[:count]

    def costliest(self, count: int = 5) -> list[tuple[MoveReview, float]]:
        """The moves that lost most points, and how many, the most first. Left out are closing
        passes, and what would have been played instead: that the score falls after it says that too
        much was foreseen before, not that the move was bad."""
        if self.course is None:
            return []
        return _largest(
            [(move, self.course.lost(move.number, move.colour)) for move in self._doubted], count
        )

    def mean_lost(self, colour: int) -> float | None:
        """Points that a side's moves lost on average; what `costliest` leaves out counts as 0. None
        without a score, or without moves."""
        if self.course is None:
            return None
        lost = {m.number: 0.0 for m in self.judged if m.colour == colour}
        for move in self._doubted:
            if move.colour == colour:
                lost[move.number] = max(self.course.lost(move.number, colour), 0.0)
        return float(np.mean(list(lost.values()))) if lost else None

    def setbacks(self, count: int = 5) -> list[tuple[MoveReview, float]]:
        """The moves after which their side's probability to win was less by most, and by how much,
        the most first; left out are the same as by `costliest`."""
        if self.black_winrate is None or self.winrate_after is None:
            return []
        return _largest([(move, self.chance_lost(move)) for move in self._doubted], count)

    def chance_lost(self, move: MoveReview) -> float:
        """By how much its side's probability to win was less after a move; below 0: more. The
        network must say who wins."""
        assert self.black_winrate is not None
        assert self.winrate_after is not None
        drop = float(self.black_winrate[move.number - 1] - self.winrate_after[move.number - 1])
        return drop if move.colour == BLACK else -drop


def _largest(lost: list[tuple[MoveReview, float]], count: int) -> list[tuple[MoveReview, float]]:
    return sorted((pair for pair in lost if pair[1] > 0), key=lambda pair: -pair[1])[:count]


def closing_passes(steps: Sequence[Step]) -> frozenset[int]:
    """Numbers (from 1) of the passes that close a game: those after which their side plays no stone
    any more, and those beside another pass (which stop the game, even if dead stones are played out
    afterwards). A pass in the midst of a game is a move like others."""
    found: set[int] = set()
    going_on: set[int] = set()
    for k in reversed(range(len(steps))):
        step = steps[k]
        if step.index != PASS:
            going_on.add(step.colour)
            continue
        beside = [each.index for each in (*steps[max(k - 1, 0) : k], *steps[k + 1 : k + 2])]
        if step.colour not in going_on or PASS in beside:
            found.add(k + 1)
    return frozenset(found)


def review(
    record: Record,
    name: str,
    evaluator: Evaluator,
    *,
    visits: int = 0,
    tick: Callable[[int], object] | None = None,
) -> Review:
    """Evaluate every position of the main line; tick is told how many have been done since. visits:
    who is ahead in each is judged by a search of so many; 0: at a glance. Raises UserError for
    visits with a network that does not foresee the winner."""
    board = record.empty_board()
    terms, conditioning = terms_of(record), HANDICAP if record.handicap else 0
    lookahead = Lookahead(evaluator, visits, conditioning) if visits else None
    moves: list[MoveReview] = []
    said: list[PolicyPredictions] = []
    stacks: list[npt.NDArray[np.uint8]] = []
    legal: list[npt.NDArray[np.bool_]] = []
    images: list[npt.NDArray[np.int16] | None] = []
    apart: list[int] = []
    before, aside = _Places(terms, lookahead), _Places(terms, lookahead)

    def shown() -> npt.NDArray[np.uint8]:
        groups, recent = evaluator.plane_groups, recent_moves(board)
        planes: npt.NDArray[np.uint8] = planes_of(board, recent, groups, conditioning=conditioning)[
            0
        ]
        return planes

    others: list[npt.NDArray[np.uint8]] = []
    for number, step in enumerate(record.steps, 1):
        position_before(board, step)
        stacks.append(shown())
        legal.append(board.legal())
        images.append(symmetry.images(board.stones().ravel(), legal[-1][:PASS]))
        before.add(board)
        if lookahead and images[-1] is not None:
            kept = symmetry.keeping(board.stones().ravel(), legal[-1][:PASS])
            before.seen[-1] = before.seen[-1].turned(step.index, kept)
        board.play(step.index, step.colour)
        if _goes_on_elsewhere(record, number):
            apart.append(number)
            others.append(shown())
            aside.add(board)
        if len(stacks) == CHUNK or number == len(record.steps):
            said.append(evaluator.outputs(np.stack(stacks)))
            moves.extend(_judge(record, len(moves), said[-1].logits, legal, images))
            if tick and not lookahead:
                tick(len(stacks))
            stacks, legal, images = [], [], []
        if tick and lookahead:
            tick(1)
    if not (evaluator.scores or evaluator.has_value_head):
        return Review(name, record, moves, network=evaluator.name)
    if record.to_play and record.setup is None:
        board.to_play = record.to_play
    others.insert(0, shown())
    before.add(board)
    places = before + aside
    if lookahead:
        standing = looking_ahead(places.seen, places.to_play)
    else:
        for begin in range(0, len(others), CHUNK):
            said.append(evaluator.outputs(np.stack(others[begin : begin + CHUNK])))
        standing = at_a_glance(said, places.komis, places.to_play)
    if _is_over(record):
        _count(standing, len(moves), board, terms, evaluator)
    black_winrate, winrate_after = before_and_after(standing.win, apart)
    return Review(
        name,
        record,
        moves,
        course_of(terms, standing, apart) if evaluator.scores else None,
        black_winrate,
        winrate_after,
        evaluator.name,
        visits,
        tuple(sight.line for sight in before.seen[: len(moves)]),
    )


def _is_over(record: Record) -> bool:
    """Whether two passes, one of each side, have ended the game."""
    if record.trouble or len(record.steps) < 2:
        return False
    last, before = record.steps[-1], record.steps[-2]
    return last.index == before.index == PASS and last.colour != before.colour


def _count(
    standing: Standing, end: int, board: Board, terms: RecordRules, evaluator: Evaluator
) -> None:
    """Say of the end of a game, and of the position before the pass that ended it, what is counted
    there; of one whose network says no score, what was said before the passes."""
    for values in standing:
        values[end - 1 : end + 1] = values[end - 2]
    if evaluator.scores:
        komi = terms.komi + terms.rules.white_bonus(terms.handicap)
        margin = settled_margin(evaluator, board, komi, rules=terms.rules)
        standing.lead[end - 1 : end + 1] = margin
        standing.win[end - 1 : end + 1] = (np.sign(margin) + 1) / 2
        standing.spread[end - 1 : end + 1] = 0.0


class _Places:
    """Positions in which it matters who is ahead: what black must lead by in area to win, whose
    turn it is, and what the lookahead sees, if there is one."""

    def __init__(self, terms: RecordRules, lookahead: Lookahead | None) -> None:
        self._terms, self._lookahead = terms, lookahead
        self.komis, self.to_play, self.seen = list[float](), list[int](), list[Sight]()

    def add(self, board: Board) -> None:
        """One more."""
        self.komis.append(self._terms.area_komi(board))
        self.to_play.append(board.to_play)
        if self._lookahead:
            self.seen.append(self._lookahead.look(board, self.komis[-1]))

    def __add__(self, others: "_Places") -> "_Places":
        both = _Places(self._terms, None)
        both.komis, both.to_play = self.komis + others.komis, self.to_play + others.to_play
        both.seen = self.seen + others.seen
        return both


def _goes_on_elsewhere(record: Record, number: int) -> bool:
    """Whether the position before the next move, or at the end, is another than the one after move
    `number` (from 1), or the same side is to play there."""
    colour = record.steps[number - 1].colour
    if number == len(record.steps):
        return record.setup is None and record.to_play == colour
    following = record.steps[number]
    return following.setup is not None or following.colour == colour


def _judge(
    record: Record,
    first: int,
    logits: Floats,
    legal: Sequence[npt.NDArray[np.bool_]],
    images: Sequence[npt.NDArray[np.int16] | None],
) -> list[MoveReview]:
    masks = np.stack(legal)
    each = np.exp(log_softmax(np.where(masks, logits, np.float32(-np.inf))))
    steps = record.steps[first : first + len(masks)]
    return [
        _judged(first + i + 1, step, *_as_one(p, mask, same, step.index))
        for i, (step, p, mask, same) in enumerate(zip(steps, each, masks, images, strict=True))
    ]


def _as_one(
    p: Floats, mask: npt.NDArray[np.bool_], same: npt.NDArray[np.int16] | None, played: int
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Probabilities and legal moves, `(362,)`, where of moves that are the same (see
    `gocnn.board.symmetry.images`) one stands for all: the one that was played, else the
    likeliest."""
    if same is None:
        return p, mask
    likeliest = np.lexsort((-p, np.arange(len(p)) != played))  # what was played comes first
    _, places = np.unique(same[likeliest], return_index=True)
    chosen = likeliest[places]
    together, alone = np.zeros_like(p), np.zeros_like(mask)
    together[chosen] = np.bincount(same, p, len(p))[same[chosen]]
    alone[chosen] = mask[chosen]
    return together, alone


def _judged(number: int, step: Step, p: Floats, mask: npt.NDArray[np.bool_]) -> MoveReview:
    best = np.argsort(-p, kind="stable")[:SHOWN]
    return MoveReview(
        number,
        step.colour,
        step.index,
        float(p[step.index]),
        int((p > p[step.index]).sum()) + 1,
        int(mask.sum()),
        tuple((int(k), float(p[k])) for k in best if mask[k]),
    )


@dataclass(frozen=True)
class Agreement:
    """How often the network's first choice (top1), or one of its first five (top5), was played,
    over so many moves; and the mean log-probability of what was played, in nats."""

    moves: int
    top1: float
    top5: float
    log_likelihood: float


def agreement(moves: Sequence[MoveReview]) -> Agreement | None:
    """Over these moves; None if there are none."""
    if not moves:
        return None
    ranks = np.array([move.rank for move in moves])
    likelihood = np.log(np.maximum([move.probability for move in moves], 1e-9))
    return Agreement(
        len(moves), float((ranks == 1).mean()), float((ranks <= 5).mean()), float(likelihood.mean())
    )


def table(moves: Sequence[MoveReview]) -> dict[tuple[str, str], Agreement]:
    """By side (`black`, `white`, `both`) and phase (`all` and those of `gocnn.policy.evaluation`),
    where there are moves."""
    result: dict[tuple[str, str], Agreement] = {}
    phases = (("all", 0, 10**9), *PHASES)
    for side, colours in (("black", (BLACK,)), ("white", (WHITE,)), ("both", (BLACK, WHITE))):
        for phase, begin, end in phases:
            found = agreement(
                [m for m in moves if m.colour in colours and begin <= m.number - 1 < end]
            )
            if found:
                result[side, phase] = found
    return result
