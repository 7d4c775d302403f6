"""A network by rule that knows how every game ends, and the same rule for a board: what it says can
be followed through every channel."""

import numpy as np

from gocnn.board import Board
from gocnn.policy.predictions import SCORE_SCALE, USUAL_KOMI, predictions

REACH = 4.0
PRESENT = np.float32(np.log(7.5 / SCORE_SCALE))
SPREAD = 7.5
"""What it says of the margin's standard deviation."""

_ROWS, _COLUMNS = np.divmod(np.arange(361), 19)
_NEAR = np.exp(-(np.abs(_ROWS[:, None] - _ROWS) + np.abs(_COLUMNS[:, None] - _COLUMNS)) / REACH)


def influence(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Ownership, -1 to 1, float64 `(N, 361)`, seen by whose stones `own`, bool `(N, 361)`, are:
    whose stones are near. The same for every turn of the board."""
    return np.tanh((own.astype(np.float64) - other.astype(np.float64)) @ _NEAR)


def truth(board: Board) -> np.ndarray:
    """What the knower must be told to say of a board: ownership as black sees it, float64
    `(361,)`."""
    stones = board.stones().ravel()
    return influence(stones[None] == 1, stones[None] == 2)[0]


def win_for_black(margin: np.typing.ArrayLike, komi: float) -> np.ndarray:
    """What must be told of who wins: the knower's own head says that all is even with the usual
    komi. margin: black's on the board."""
    points = (np.asarray(margin) - USUAL_KOMI) / 2 - (komi - USUAL_KOMI)
    return 1 / (1 + np.exp(-points / (SPREAD * np.sqrt(3) / np.pi)))


class Knower:
    """An evaluator with a score. `tempo`: points by which it errs in favour of whoever is to play;
    `prefers`: flat indices, the best first."""

    name, plane_groups, has_value_head, scores = "knower", ("stones",), True, True

    def __init__(self, tempo: float = 0.0, prefers: tuple[int, ...] = ()) -> None:
        self.tempo, self.prefers, self.asked = tempo, prefers, 0

    def outputs(self, batch: np.ndarray):
        self.asked += len(batch)
        stones = batch.reshape(len(batch), -1, 361)
        owner = influence(stones[:, 0] > 0, stones[:, 1] > 0)
        logits = np.zeros((len(batch), 362), np.float32)
        for place, index in enumerate(self.prefers):
            logits[:, index] = 6.0 - place
        score = np.stack(
            [(owner.sum(1) + self.tempo) / SCORE_SCALE, np.full(len(batch), PRESENT)], 1
        )
        with np.errstate(divide="ignore"):
            said = predictions(
                logits,
                np.zeros(len(batch), np.float32),
                (2 * np.arctanh(owner)).astype(np.float32),
                score=score.astype(np.float32),
            )
        # what it errs by is not evened out by the owners
        return said._replace(lead=(owner.sum(1) + self.tempo).astype(np.float32))

    def logits(self, batch: np.ndarray) -> np.ndarray:
        return self.outputs(batch).logits
