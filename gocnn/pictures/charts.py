"""Charts of an evaluation."""

from pathlib import Path
from typing import Any

import numpy as np

from gocnn.figures import picture_format, pyplot, save_figure
from gocnn.policy.evaluation import MovePredictions
from gocnn.statistics import wilson

LEAST = 30
"""Positions that a point of the curve rests on at least."""


def draw_evaluation(
    judged: MovePredictions, figures: dict[str, Any], target: Path, *, step: int = 20
) -> None:
    """Accuracy over the course of the game (with 95 % intervals), and calibration, as a picture
    (see `gocnn.figures.save_figure`)."""
    picture_format(target)
    plt = pyplot()

    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.5), constrained_layout=True)
    for k, colour in ((1, "#c33"), (5, "#36c")):
        xs, ys, lows, highs = [], [], [], []
        for first in range(0, int(judged.ply.max()) + 1, step):
            inside = (judged.ply >= first) & (judged.ply < first + step)
            n, hits = int(inside.sum()), int((judged.rank[inside] < k).sum())
            if n >= LEAST:
                low, high = wilson(hits, n)
                xs.append(first + step / 2)
                ys.append(hits / n)
                lows.append(low)
                highs.append(high)
        left.plot(
            xs,
            ys,
            "o-",
            color=colour,
            markersize=3,
            label=f"top-{k}: {figures['all'][f'top{k}']:.1%}",
        )
        left.fill_between(xs, lows, highs, color=colour, alpha=0.15)
    left.set(
        xlabel="ply",
        ylabel="share predicted",
        ylim=(0, 1),
        title=f"{figures['all']['positions']} positions",
    )
    left.set_xlim(left=0)
    if not any(len(line.get_xdata()) for line in left.lines):
        left.set_xlim(0, int(judged.ply.max()) + 1)
        left.text(
            0.5,
            0.5,
            f"fewer than {LEAST} positions in every {step} plies",
            transform=left.transAxes,
            ha="center",
        )
    left.legend()
    right.plot([0, 1], [0, 1], color="#999", linewidth=1)
    rows = figures["calibration"]
    sizes = 200 * np.sqrt([row["samples"] / len(judged.ply) for row in rows])
    right.scatter(
        [row["confidence"] for row in rows],
        [row["accuracy"] for row in rows],
        sizes,
        color="#c33",
        clip_on=False,
    )
    right.set(
        xlabel="probability given to the first choice",
        ylabel="share right",
        xlim=(0, 1),
        ylim=(0, 1),
        title=f"calibration error {figures['calibration_error']:.3f}",
    )
    for axis in (left, right):
        axis.grid(alpha=0.3)
    save_figure(figure, target)
