"""How well a classifier tells pictures apart."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn.statistics import calibration, wilson
from imagecls.classifier.views import Floats
from imagecls.photos.data import Labels


@dataclass(frozen=True)
class Predictions:
    """Probabilities, float32 `(N, classes)`, and true labels, int64 `(N,)`."""

    probabilities: Floats
    labels: Labels

    @property
    def answers(self) -> Labels:
        """The most probable class of each picture."""
        result: Labels = self.probabilities.argmax(1).astype(np.int64)
        return result


def confusion(predictions: Predictions, classes: int) -> npt.NDArray[np.int64]:
    """Counts `(classes, classes)`: row, the true class; column, the answer."""
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (predictions.labels, predictions.answers), 1)
    return matrix


def figures(predictions: Predictions, classes: tuple[str, ...]) -> dict[str, Any]:
    """Accuracy and top-3 with 95 % intervals, loss (nats), precision, recall and F1 of each class
    (None where nothing was answered or true), the confusion matrix, calibration."""
    n, matrix = len(predictions.labels), confusion(predictions, len(classes))
    right = predictions.answers == predictions.labels
    mine = predictions.probabilities[np.arange(n), predictions.labels].astype(np.float64)
    top3 = (predictions.probabilities > mine[:, None]).sum(1) < 3
    rows, error = calibration(predictions.probabilities.max(1), right)
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


def worst(predictions: Predictions, count: int) -> npt.NDArray[np.int64]:
    """Indices of the most confident mistakes, the most confident first."""
    wrong = np.flatnonzero(predictions.answers != predictions.labels)
    return wrong[np.argsort(-predictions.probabilities[wrong].max(1), kind="stable")][:count]


def judge(
    probabilities: Callable[[npt.NDArray[np.int64]], Floats],
    rows: npt.NDArray[np.int64],
    labels: Labels,
    chunk: int = 128,
    tick: Callable[[int], Any] = lambda _: None,
) -> Predictions:
    """Probabilities and labels of all `rows`, asked for `chunk` rows at a time; `tick` is called
    with the size of each chunk."""
    parts = []
    for i in range(0, len(rows), chunk):
        parts.append(probabilities(rows[i : i + chunk]))
        tick(len(parts[-1]))
    return Predictions(np.concatenate(parts), labels)
