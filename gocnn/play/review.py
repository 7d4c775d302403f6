"""A review: what the network expected at every move of a game, and how what was played compares."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, WHITE, Board
from gocnn.board.coords import SIZE
from gocnn.board.facts import HANDICAP
from gocnn.play.mainline import Record, position_after, position_before
from gocnn.policy.evaluation import PHASES
from gocnn.policy.suggestion import Evaluator, log_softmax, planes_of, recent_moves, suggest

CHUNK = 256
SHOWN = 5
"""First choices kept for each move."""


@dataclass(frozen=True)
class Expected:
    """One move seen by the network: its number (from 1), who played what, its probability among the legal moves and its rank (1 is the first
    choice), how many moves were legal, and the first choices with their probabilities."""  # fmt: skip

    number: int
    colour: int
    index: int
    probability: float
    rank: int
    legal: int
    choices: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Review:
    """A game and what was expected at each of its moves."""

    name: str
    record: Record
    moves: list[Expected]

    def least_expected(self, count: int = 10) -> list[Expected]:
        """The moves with the least probability that were not the first choice, the least first."""
        return sorted((move for move in self.moves if move.rank > 1), key=lambda move: move.probability)[:count]


def review(record: Record, name: str, evaluator: Evaluator, tick: Callable[[int], Any] = lambda n: None) -> Review:
    """Evaluate every position of the main line, in batches."""
    board = Board(SIZE)
    moves: list[Expected] = []
    stacks: list[npt.NDArray[np.uint8]] = []
    legal: list[npt.NDArray[np.bool_]] = []
    for number, step in enumerate(record.steps, 1):
        position_before(board, step)
        stacks.append(planes_of(board, recent_moves(board), evaluator.groups, HANDICAP if record.handicap else 0)[0])
        legal.append(board.legal())
        board.play(step.index, step.colour)
        if len(stacks) == CHUNK or number == len(record.steps):
            moves.extend(_judge(record, evaluator, len(moves), stacks, legal))
            tick(len(stacks))
            stacks, legal = [], []
    return Review(name, record, moves)


@dataclass(frozen=True)
class Start:
    """A record without moves: the side to play in its position, and the first choices there with their probabilities."""

    name: str
    record: Record
    to_play: int
    choices: tuple[tuple[int, float], ...]


def expected_at(record: Record, name: str, evaluator: Evaluator) -> Start:
    """What the network expects in the position of a record without moves."""
    board = position_after(record, 0)
    p = suggest(evaluator, board, HANDICAP if record.handicap else 0)
    best = np.argsort(-p, kind="stable")[:SHOWN]
    return Start(name, record, board.to_play, tuple((int(k), float(p[k])) for k in best if p[k] > 0))


def _judge(record: Record, evaluator: Evaluator, first: int, stacks: Sequence[npt.NDArray[np.uint8]], legal: Sequence[npt.NDArray[np.bool_]]
           ) -> list[Expected]:  # fmt: skip
    masks = np.stack(legal)
    p = np.exp(log_softmax(np.where(masks, evaluator.logits(np.stack(stacks)), np.float32(-np.inf))))
    best = np.argsort(-p, 1, kind="stable")[:, :SHOWN]
    steps = record.steps[first : first + len(stacks)]
    return [
        Expected(first + i + 1, step.colour, step.index, float(p[i, step.index]), int((p[i] > p[i, step.index]).sum()) + 1, int(masks[i].sum()),
                 tuple((int(k), float(p[i, k])) for k in best[i] if masks[i, k]))
        for i, step in enumerate(steps)
    ]  # fmt: skip


@dataclass(frozen=True)
class Agreement:
    """How often the network's first choice (top1), or one of its first five (top5), was played, over so many moves; and the mean
    log-probability of what was played, in nats."""  # fmt: skip

    moves: int
    top1: float
    top5: float
    log_likelihood: float


def agreement(moves: Sequence[Expected]) -> Agreement | None:
    """Over these moves; None if there are none."""
    if not moves:
        return None
    ranks = np.array([move.rank for move in moves])
    likelihood = np.log(np.maximum([move.probability for move in moves], 1e-9))
    return Agreement(len(moves), float((ranks == 1).mean()), float((ranks <= 5).mean()), float(likelihood.mean()))


def table(moves: Sequence[Expected]) -> dict[tuple[str, str], Agreement]:
    """By side (`black`, `white`, `both`) and phase (`all` and those of `gocnn.policy.evaluation`), where there are moves."""
    result: dict[tuple[str, str], Agreement] = {}
    phases = (("all", 0, 10**9), *PHASES)
    for side, colours in (("black", (BLACK,)), ("white", (WHITE,)), ("both", (BLACK, WHITE))):
        for phase, begin, end in phases:
            found = agreement([m for m in moves if m.colour in colours and begin <= m.number - 1 < end])
            if found:
                result[side, phase] = found
    return result
