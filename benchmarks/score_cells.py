"""Cells and tables of `score.py`: means and shares with their intervals, of all positions and by
ply."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from gocnn.statistics import mean_interval, wilson

Floats = npt.NDArray[np.float64]

PLIES = (0, 50, 100, 150, 200, 10**9)


def shown(values: Floats) -> str:
    """Their mean with its interval."""
    if not len(values):
        return "-"
    mean, low, high = mean_interval(values)
    return f"{mean:.1f} [{low:.1f}, {high:.1f}]"


def share(right: npt.NDArray[np.bool_]) -> str:
    n, count = len(right), int(right.sum())
    if not n:
        return "-"
    low, high = wilson(count, n)
    return f"{count / n:.1%} [{low:.1%}, {high:.1%}]"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """As Markdown has it, every column as wide as it needs."""
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    for k, row in enumerate([heads, *rows]):
        print(
            "| "
            + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            + " |"
        )
        if k == 0:
            print("| " + " | ".join("-" * width for width in widths) + " |")


def by_ply(
    plies: npt.NDArray[np.int64], figure: Callable[[npt.NDArray[np.bool_]], str]
) -> list[str]:
    """A figure of all positions, and of those between each two of PLIES."""
    parts = [
        np.ones(len(plies), np.bool_),
        *((plies >= low) & (plies < high) for low, high in pairwise(PLIES)),
    ]
    return [figure(part) if part.any() else "-" for part in parts]


def names_of_plies() -> list[str]:
    return [
        "all",
        *(f"{low} to {high}" if high < 10**9 else f"from {low}" for low, high in pairwise(PLIES)),
    ]


def mean_shown(values: Floats, part: npt.NDArray[np.bool_]) -> str:
    return shown(values[part])


def share_of(right: npt.NDArray[np.bool_], part: npt.NDArray[np.bool_]) -> str:
    return share(right[part])


def likelihood(logs: Floats, owned: npt.NDArray[np.bool_], part: npt.NDArray[np.bool_]) -> str:
    """The mean over the points of `part` that somebody owns."""
    return f"{logs[part][owned[part]].mean():.3f}" if owned[part].any() else "-"
