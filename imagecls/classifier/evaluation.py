"""How well a classifier tells pictures apart."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn.statistics import calibration, wilson
from imagecls.classifier.model import Floats
from imagecls.photos.data import Labels


@dataclass(frozen=True)
class Judged:
    """Probabilities, float32 `(N, classes)`, and true labels, int64 `(N,)`."""

    probabilities: Floats
    labels: Labels

    @property
    def answers(self) -> Labels:
        """The most probable class of each picture."""
        result: Labels = self.probabilities.argmax(1).astype(np.int64)
        return result


def confusion(judged: Judged, classes: int) -> npt.NDArray[np.int64]:
    """Counts `(classes, classes)`: row, the true class; column, the answer."""
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (judged.labels, judged.answers), 1)
    return matrix


def figures(judged: Judged, classes: tuple[str, ...]) -> dict[str, Any]:
    """Accuracy and top-3 with 95 % intervals, loss (nats), precision, recall and F1 of each class
    (None where nothing was answered or true), the confusion matrix, calibration."""
    n, matrix = len(judged.labels), confusion(judged, len(classes))
    right = judged.answers == judged.labels
    mine = judged.probabilities[np.arange(n), judged.labels].astype(np.float64)
    top3 = (judged.probabilities > mine[:, None]).sum(1) < 3
    rows, error = calibration(judged.probabilities.max(1), right)
    per_class = []
    for i, name in enumerate(classes):
        hits, true, answered = int(matrix[i, i]), int(matrix[i].sum()), int(matrix[:, i].sum())
        precision, recall = hits / answered if answered else None, hits / true if true else None
        f1 = 2 * hits / (true + answered) if true + answered else None
        per_class.append(
            {
                "class": name,
                "pictures": true,
                "answered": answered,
                "precision": precision,
                "recall": recall,
                "f1": f1,
            }
        )
    return {
        "pictures": n,
        "accuracy": int(right.sum()) / n,
        "accuracy_interval": list(wilson(int(right.sum()), n)),
        "top3": int(top3.sum()) / n,
        "top3_interval": list(wilson(int(top3.sum()), n)),
        "loss": float(-np.log(np.maximum(mine, 1e-12)).mean()),
        "classes": per_class,
        "confusion": matrix.tolist(),
        "calibration": rows,
        "calibration_error": error,
    }


def worst(judged: Judged, count: int) -> npt.NDArray[np.int64]:
    """Indices of the most confident mistakes, the most confident first."""
    wrong = np.flatnonzero(judged.answers != judged.labels)
    return wrong[np.argsort(-judged.probabilities[wrong].max(1), kind="stable")][:count]


def judge(
    probabilities: Callable[[npt.NDArray[np.int64]], Floats],
    rows: npt.NDArray[np.int64],
    labels: Labels,
    chunk: int = 128,
    tick: Callable[[int], Any] = lambda _: None,
) -> Judged:
    """Ask for the probabilities of all rows, `chunk` at a time."""
    parts = []
    for i in range(0, len(rows), chunk):
        parts.append(probabilities(rows[i : i + chunk]))
        tick(len(parts[-1]))
    return Judged(np.concatenate(parts), labels)
