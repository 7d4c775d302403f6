"""What a network answers to those who import it (`gocnn.api`)."""

from dataclasses import dataclass
from reprlib import repr as shortened

import numpy as np
import numpy.typing as npt

from gocnn.arguments import items
from gocnn.board.coords import to_gtp


@dataclass(frozen=True)
class Move:
    """A move as people and programs write it.

    Attributes:
        vertex: a point as in GTP (`Q16`; the letter I is left out), `pass` or `resign`.
        probability: that the network gives it among the legal moves, 0 to 1 (nan for `resign`).
        index: 0 to 360 a point, 361 a pass, -1 to resign.
    """

    vertex: str
    probability: float
    index: int

    def __repr__(self) -> str:
        return f"Move({self.vertex!r}, probability={self.probability:.2f})"

    def __str__(self) -> str:
        return self.vertex


@dataclass(frozen=True, eq=False)
class PositionEvaluation:
    """What a network says of a position, in the eyes of the side to play.

    What the network does not say is None.

    Attributes:
        policy: float32 `(362,)`, probabilities of the moves; illegal ones are 0, the rest sums
            to 1.
        value: the probability that the side to play wins, 0 to 1.
        score: by how many points it leads, komi counted, by the rules that the record names (else
            by Chinese ones).
        score_stdev: how sure that is, in points.
        ownership: float32 `(361,)`, +1 where a point is its own at the end of the game, -1 where
            it is the opponent's.
    """

    policy: npt.NDArray[np.float32]
    value: float | None
    score: float | None
    score_stdev: float | None
    ownership: npt.NDArray[np.float32] | None

    def __repr__(self) -> str:
        value, score = (
            "None" if each is None else f"{each:.2f}" for each in (self.value, self.score)
        )
        best = to_gtp(int(self.policy.argmax()))
        return f"<PositionEvaluation {best} {self.policy.max():.2f}, value={value}, score={score}>"


def vertices(name: str, value: object) -> list[str]:
    """The argument `value`, called `name`, as GTP vertices: texts, and moves as they are written.
    Raises TypeError."""
    words = items(name, value, 'GTP vertices such as "Q16 D4" or ["Q16", "D4"]')
    for word in words:
        if not isinstance(word, str | Move):
            raise TypeError(f"{name} must be GTP vertices such as 'Q16', not {shortened(word)}")
    return [str(word) for word in words]
