"""An Evaluator by a function that gives logits and nothing else."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from gocnn.board.coords import MOVES
from gocnn.policy.predictions import PolicyPredictions, predictions


class WrappedPolicy:
    """Asks `function`, which maps planes, uint8 `(N, C, 19, 19)`, to logits `(N, 362)`."""

    has_value_head = scores = False

    def __init__(
        self,
        function: Callable[[npt.NDArray[np.uint8]], npt.ArrayLike],
        name: str,
        plane_groups: tuple[str, ...],
    ) -> None:
        self._function, self.name, self.plane_groups = function, name, plane_groups

    def logits(self, batch: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Logits, float32 `(N, 362)`. Raises ValueError if the function's answer has another shape
        or is no numbers (-inf, for a move that it excludes, is one)."""
        found = np.array(self._function(batch), np.float32)
        if found.shape != (len(batch), MOVES):
            raise ValueError(f"{self.name} answered {found.shape}, not {(len(batch), MOVES)}")
        if not (found < np.inf).all():  # nan neither
            raise ValueError(f"{self.name} answered nan or inf, which is no logit")
        return found

    def outputs(self, batch: npt.NDArray[np.uint8]) -> PolicyPredictions:
        """The same in the form that other networks answer in."""
        return predictions(self.logits(batch))
