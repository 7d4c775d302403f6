"""Ranks, confidence intervals and calibration, for both heads."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

CALIBRATION_BINS = 10


def wilson(right: float, n: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % confidence interval of a share (Wilson 1927)."""
    if n == 0:
        return 0.0, 1.0
    p = right / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)  # rounding may go beyond


def mean_interval(values: npt.NDArray[Any]) -> tuple[float, float, float]:
    """The mean of `(N,)` values, and its 95 % confidence interval (normal approximation)."""
    mean, half = float(values.mean()), 1.96 * float(values.std()) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def ranks(
    scores: npt.NDArray[np.floating], answers: npt.NDArray[np.integer]
) -> npt.NDArray[np.int64]:
    """int64 `(N,)`: how many of the numbers in a row of `scores`, `(N, C)`, come before the right
    one, `answers`, `(N,)`: those with a larger score, and of those with the same score the smaller
    ones. So who says the same of everything has one first choice, and is not always right."""
    mine = np.take_along_axis(scores, answers[:, None], 1)
    smaller = np.arange(scores.shape[1]) < answers[:, None]
    before: npt.NDArray[np.int64] = ((scores > mine) | ((scores == mine) & smaller)).sum(1)
    return before


def calibration(
    confidence: npt.NDArray[Any], right: npt.NDArray[np.bool_]
) -> tuple[list[dict[str, float]], float]:
    """Confidence (0 to 1, of the first choice) against accuracy in ten bins of confidence, and the
    expected calibration error (Guo et al. 2017, https://arxiv.org/abs/1706.04599). Each bin: mean
    `confidence`, `accuracy`, number of `samples`."""
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    rows, error = [], 0.0
    for b in range(CALIBRATION_BINS):
        inside = bins == b
        if not inside.any():
            continue
        sure, accuracy = float(confidence[inside].mean()), float(right[inside].mean())
        rows.append({"confidence": sure, "accuracy": accuracy, "samples": int(inside.sum())})
        error += abs(sure - accuracy) * float(inside.mean())
    return rows, error
