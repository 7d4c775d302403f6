"""How well a classifier tells pictures apart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn.files import write_text
from gocnn.statistics import calibration, ranks, wilson
from imagecls.classifier.views import Floats
from imagecls.photos.csvtext import csv_text
from imagecls.photos.sets import Labels


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
    (None where nothing was answered or true), the confusion matrix, calibration.

    `balanced_accuracy` is the mean recall of the classes that have pictures (Brodersen 2010),
    `macro_f1` the mean F1 of those that have pictures or were answered: each class counts alike,
    however many pictures it has.
    """
    n, matrix = len(predictions.labels), confusion(predictions, len(classes))
    right = predictions.answers == predictions.labels
    mine = predictions.probabilities[np.arange(n), predictions.labels].astype(np.float64)
    top3 = ranks(predictions.probabilities, predictions.labels) < 3
    rows, error = calibration(predictions.probabilities.max(1), right)
    per_class: list[dict[str, Any]] = []
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
    recalls = [row["recall"] for row in per_class if row["recall"] is not None]
    f1s = [row["f1"] for row in per_class if row["f1"] is not None]
    return {
        "pictures": n,
        "accuracy": int(right.sum()) / n,
        "accuracy_interval": list(wilson(int(right.sum()), n)),
        "balanced_accuracy": sum(recalls) / len(recalls),
        "macro_f1": sum(f1s) / len(f1s),
        "top3": int(top3.sum()) / n,
        "top3_interval": list(wilson(int(top3.sum()), n)),
        "loss": float(-np.log(np.maximum(mine, 1e-12)).mean()),
        "classes": per_class,
        "confusion": matrix.tolist(),
        "calibration": rows,
        "calibration_error": error,
    }


def taken_for(confusion: Sequence[Sequence[int]], label: int) -> list[tuple[int, int]]:
    """The other classes that pictures of a class were taken for, and how many of them, the most
    first; of as many each, the first in the order of the classes."""
    others = [(j, n) for j, n in enumerate(confusion[label]) if j != label and n]
    return sorted(others, key=lambda other: (-other[1], other[0]))


REPORT = (
    *("class", "pictures", "answered", "right", "precision", "recall", "recall_low"),
    *("recall_high", "f1", "taken_for", "times"),
)
"""Columns of `write_report`."""


def write_report(target: Path, found: dict[str, Any]) -> None:
    """Write what `figures` has found as CSV, a row for each class: its pictures, how often it was
    answered and how often rightly; precision, recall with its 95 % interval (Wilson) and F1, from 0
    to 1, empty where there is none; and what it was most often taken for, and how many times."""
    rows: list[Sequence[object]] = [REPORT]
    names = [row["class"] for row in found["classes"]]
    for i, (row, counts) in enumerate(zip(found["classes"], found["confusion"], strict=True)):
        right, true = counts[i], row["pictures"]
        low, high = wilson(right, true) if true else (None, None)
        others = taken_for(found["confusion"], i)
        shares = (row["precision"], row["recall"], low, high, row["f1"])
        rows.append(
            [
                *(row["class"], true, row["answered"], right),
                *("" if share is None else f"{max(share, 0.0):.6f}" for share in shares),
                *((names[others[0][0]], others[0][1]) if others else ("", 0)),
            ]
        )
    write_text(target, csv_text(rows))


def worst(predictions: Predictions, count: int) -> npt.NDArray[np.int64]:
    """Indices of the most confident mistakes, the most confident first."""
    wrong = np.flatnonzero(predictions.answers != predictions.labels)
    return wrong[np.argsort(-predictions.probabilities[wrong].max(1), kind="stable")][:count]


def judge(
    probabilities: Callable[[npt.NDArray[np.int64]], Floats],
    rows: npt.NDArray[np.int64],
    labels: Labels,
    *,
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
