"""From a position to a distribution over its moves, by any network that evaluates planes. Nothing
here needs torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gocnn.board import Board, symmetry
from gocnn.board.coords import PASS, SIZE
from gocnn.features import planes
from gocnn.policy.predictions import Floats, PolicyPredictions, mean_owner


class Evaluator(Protocol):
    """A network that can be asked: `gocnn.policy.model.Policy` with torch,
    `gocnn.policy.runtime.OnnxPolicy` without."""

    @property
    def name(self) -> str:
        """What to call it in a line of text."""

    @property
    def plane_groups(self) -> tuple[str, ...]:
        """The groups of planes it is shown (`gocnn.features.planes`)."""

    @property
    def has_value_head(self) -> bool:
        """Whether it says who will win."""

    @property
    def scores(self) -> bool:
        """Whether it says whose each point will be, and by how many points the game is won."""

    def logits(self, batch: npt.NDArray[np.uint8]) -> Floats:
        """Logits, float32 `(N, 362)`, of planes, uint8 `(N, C, 19, 19)`."""

    def outputs(self, batch: npt.NDArray[np.uint8]) -> PolicyPredictions:
        """All that it says of N positions."""


@dataclass(frozen=True)
class Evaluation:
    """What a network says of one position. probabilities: float32 `(362,)`, of the moves of the
    side to play, illegal ones 0; the rest as in `PolicyPredictions`: win; owner, float32 `(361,)`;
    lead and spread, in points, without komi."""

    probabilities: Floats
    win: float
    owner: Floats
    lead: float
    spread: float


def planes_of(
    board: Board,
    recent: Sequence[int],
    plane_groups: Sequence[str],
    *,
    conditioning: int = 0,
    symmetries: Sequence[int] = (0,),
) -> npt.NDArray[np.uint8]:
    """Planes, uint8 `(S, C, 19, 19)`, of a 19x19 position for the side to play, one for each
    symmetry. `recent`: flat indices, the latest first; `conditioning`: of the game
    (`gocnn.features.conditioning`)."""
    count = planes.plane_count(plane_groups)
    out = np.empty((len(symmetries), count, SIZE * SIZE), np.uint8)
    last = np.full(planes.HISTORY, planes.NO_MOVE, np.int16)
    last[: len(recent[: planes.HISTORY])] = recent[: planes.HISTORY]
    shown = planes.Shown(board.state, board.to_play, last, conditioning)
    at, memory = planes.offsets(plane_groups), planes.new_memory()
    for row, s in zip(out, symmetries, strict=True):
        planes.fill(shown, at, symmetry.permutation(s), memory, row)
    return out.reshape(len(symmetries), count, SIZE, SIZE)


def mean_over_symmetries(logits: Floats, symmetries: Sequence[int]) -> Floats:
    """The geometric mean of the distributions of turned boards, turned back: log-probabilities,
    float32 `(N, 362)`.

    `logits`: float32 `(S, N, 362)`, row `s` of a board after `symmetries[s]`.
    """
    turned = np.stack(
        [
            part[:, symmetry.permutation(s).astype(np.int64)]
            for part, s in zip(logits, symmetries, strict=True)
        ]
    )
    mean: Floats = log_softmax(log_softmax(turned).mean(0))
    return mean


def log_softmax(logits: Floats) -> Floats:
    """Log-probabilities over the last axis."""
    shifted = logits - logits.max(-1, keepdims=True)
    result: Floats = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return result


def suggest_many(policy: Evaluator, boards: Sequence[Board], conditioning: Sequence[int]) -> Floats:
    """Probabilities, float32 `(N, 362)`, of the moves of the side to play on each board, in one
    evaluation; illegal ones are 0, rows sum to 1.

    `conditioning`: of each game (`gocnn.features.conditioning`).
    """
    stacks = [
        planes_of(board, recent_moves(board), policy.plane_groups, conditioning=bits)
        for board, bits in zip(boards, conditioning, strict=True)
    ]
    logits = policy.logits(np.concatenate(stacks))
    logits[~np.stack([board.legal() for board in boards])] = -np.inf
    result: Floats = np.exp(log_softmax(logits))
    return result


def recent_moves(board: Board) -> list[int]:
    """The last moves as planes show them: flat indices, the latest first."""
    return [index for index, _ in reversed(board.moves[-planes.HISTORY :])]


def suggest(
    policy: Evaluator, board: Board, conditioning: int = 0, *, symmetries: int = 1
) -> Floats:
    """Probabilities, float32 `(362,)`, of the moves of the side to play; illegal ones are 0 and the
    rest sum to 1.

    `conditioning`: of the game (`gocnn.features.conditioning`); `symmetries`: 1 or 8.
    """
    return evaluate(policy, board, conditioning, symmetries=symmetries).probabilities


def evaluate(
    policy: Evaluator, board: Board, conditioning: int = 0, *, symmetries: int = 1
) -> Evaluation:
    """All that the network says of the position, in one evaluation; arguments as for `suggest`.
    Raises ValueError if it excludes every legal move (`gocnn.policy.wrapped`)."""
    turns = range(symmetries)
    said = policy.outputs(
        planes_of(
            board,
            recent_moves(board),
            policy.plane_groups,
            conditioning=conditioning,
            symmetries=turns,
        )
    )
    log_probabilities = mean_over_symmetries(said.logits[:, None], turns)[0].astype(np.float64)
    legal = board.legal()
    assert legal[PASS]
    best = log_probabilities[legal].max()
    if not best > -np.inf:  # nan neither, where it excludes all moves
        raise ValueError(f"{policy.name} excludes every legal move, so that none can be suggested")
    probabilities = np.where(legal, np.exp(log_probabilities - best), 0.0)
    return Evaluation(
        (probabilities / probabilities.sum()).astype(np.float32),
        float(said.win.mean()),
        mean_owner(said.owner, turns),
        float(said.lead.mean()),
        float(said.spread.mean()),
    )
