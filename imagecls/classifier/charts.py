"""Charts of how well a classifier tells pictures apart."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn.figures import printable, pyplot, save_figure
from gocnn.statistics import wilson
from imagecls.classifier.lettering import ELLIPSIS
from imagecls.photos.classes import marks

LONGEST = 32
"""Characters of a class's name beside the matrix."""

NAMED, COUNTED = 30, 60
"""Classes up to which the columns bear names, not numbers alone, and the cells their counts."""

FEW = 10
"""Pictures of a bin below which it is drawn as one of few."""

RIGHT, UPPER = 5.0, 4.9
"""Inches: width of what stands beside the matrix, height of the calibration."""


def draw_evaluation(figures: dict[str, Any], target: Path) -> None:
    """Draw what `imagecls.classifier.evaluation.figures` has found: the confusion matrix, with a
    colour scale, the calibration with 95 % intervals, and the commonest confusions, in the format
    that the name of `target` says. Classes have their own numbers (see
    `imagecls.photos.classes.marks`)."""
    plt = pyplot()
    names = [short(row["class"]) for row in figures["classes"]]
    cell = float(np.clip(13 / len(names), 0.095, 0.45))
    side = max(cell * len(names), 3.2)
    letters = 0.085 * min(1.0, cell / 0.17) * max(len(name) for name in names)
    wide, high = side + letters + 1.6, max(side + 1.4 + _under(names) * 0.06, UPPER + 2.6)
    figure = plt.figure(figsize=(wide + RIGHT, high), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[wide, RIGHT])
    _matrix(left.subplots(), figures, names, cell)
    above, below = right.subplots(2, 1, height_ratios=[UPPER, high - UPPER])
    _calibration(above, figures)
    _pairs(below, np.array(figures["confusion"]), names, high - UPPER)
    save_figure(figure, target, 120)


def short(name: str) -> str:
    """A class's name, without its middle where it is long."""
    name = " ".join(printable(name).split())
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 11]}{ELLIPSIS}{name[-10:]}"


def _under(names: Sequence[str]) -> int:
    """Characters of the longest name that stands under a column."""
    return max(map(len, names)) if len(names) <= NAMED else 0


def _matrix(axis: Any, figures: dict[str, Any], names: Sequence[str], cell: float) -> None:
    from matplotlib.colors import PowerNorm

    matrix = np.array(figures["confusion"], float)
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    # by the root, so that what seldom happens is seen
    image = axis.imshow(share, cmap="Blues", norm=PowerNorm(0.5, 0, 1))
    axis.figure.colorbar(
        image,
        ax=axis,
        shrink=0.5,
        pad=0.02,
        aspect=30,
        ticks=[0, 0.02, 0.1, 0.25, 0.5, 0.75, 1],
        format="{x:.0%}",
    ).set_label("share of the true class's pictures")
    n, size = len(names), min(10.0, cell * 72 * 0.75)
    classes = [row["class"] for row in figures["classes"]]
    numbers = marks(classes)
    numbered = [
        name if whole == number else f"{name}  {number}"
        for name, whole, number in zip(names, classes, numbers, strict=True)
    ]
    axis.set_yticks(range(n), numbered, fontsize=size)
    if n <= NAMED:
        upright = max(map(len, numbered)) <= 3
        turned = {} if upright else {"rotation": 60, "ha": "right"}
        axis.set_xticks(range(n), numbered, fontsize=size, **turned)
        axis.tick_params(axis="x", pad=1)
        for label in axis.get_xticklabels():
            label.set_rotation_mode("anchor")
    else:
        every = 1 if n <= 60 else 5
        shown = range(0, n, every)
        axis.set_xticks(shown, [numbers[i] for i in shown], fontsize=max(size, 6), rotation=90)
    axis.set_xlabel("answer" if n <= NAMED else "answer (the number of the class)")
    axis.set_ylabel("true class")
    low, high = figures["accuracy_interval"]
    axis.set_title(
        f"accuracy {figures['accuracy']:.1%} [{low:.1%}, {high:.1%}] on {figures['pictures']}"
        " pictures"
    )
    if n > COUNTED:
        return
    for i, j in np.argwhere(matrix > 0).tolist():
        digits = len(f"{matrix[i, j]:.0f}")
        axis.text(
            j,
            i,
            f"{matrix[i, j]:.0f}",
            ha="center",
            va="center",
            fontsize=min(9, cell * 72 * min(0.6, 1.3 / digits)),
            color="white" if share[i, j] > 0.36 else "black",
        )


def _calibration(axis: Any, figures: dict[str, Any]) -> None:
    axis.plot([0, 1], [0, 1], color="#bbb", linewidth=1, label="what is said comes true")
    for few, face, colour, words in (
        (False, "#c33", "#c33", "share right, 95 % interval"),
        (True, "white", "#b9a5a5", f"of fewer than {FEW} pictures"),
    ):
        rows = [r for r in figures["calibration"] if (r["samples"] < FEW) == few]
        if not rows:
            continue
        x = np.array([r["confidence"] for r in rows])
        y = np.array([r["accuracy"] for r in rows])
        spans = np.array([wilson(round(r["accuracy"] * r["samples"]), r["samples"]) for r in rows])
        errors = np.abs(spans.T - y)
        axis.errorbar(
            x,
            y,
            errors,
            fmt="o",
            color=colour,
            markerfacecolor=face,
            markersize=4 if few else 7,
            linewidth=0.7 if few else 1.4,
            label=words,
            clip_on=False,
            zorder=2 if few else 3,
        )
    for row in figures["calibration"]:
        axis.annotate(
            str(row["samples"]),
            (row["confidence"], 0),
            (0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=7,
            color="#555",
        )
    axis.set(
        xlim=(0, 1),
        ylim=(0, 1),
        aspect="equal",
        xlabel="probability of the answer (above the axis: pictures)",
        ylabel="share of right answers",
        title=f"calibration error {figures['calibration_error']:.3f}",
    )
    corner, place = _corner(figures["calibration"])
    axis.legend(loc=corner, bbox_to_anchor=place, fontsize=8, framealpha=0.9)


def _corner(bins: Sequence[dict[str, Any]]) -> tuple[str, tuple[float, float]]:
    """Where the calibration's legend covers no interval: in the upper left corner, unless answers
    that are unsure are right there; then in the lower right one, above the counts."""
    spans = [
        (r["confidence"], *wilson(round(r["accuracy"] * r["samples"]), r["samples"])) for r in bins
    ]
    above = any(x < 0.45 and high > 0.85 for x, _, high in spans)
    below = any(x > 0.55 and low < 0.15 for x, low, _ in spans)
    return ("lower right", (1, 0.06)) if above and not below else ("upper left", (0, 1))


def _pairs(axis: Any, matrix: npt.NDArray[Any], names: Sequence[str], high: float) -> None:
    """The commonest confusions in words, as many as have room in `high` inches."""
    axis.axis("off")
    wrong = matrix.astype(float)
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[: max(1, int(high / 0.32) - 1)]
    pairs = [(int(i), int(j)) for i, j in zip(*np.unravel_index(order, wrong.shape), strict=True)]
    lines = [
        f"{wrong[i, j]:.0f} of {matrix[i].sum():.0f}  {names[i]}\n        taken for {names[j]}"
        for i, j in pairs
        if wrong[i, j]
    ]
    for words, top, weight in (
        ("Commonest confusions", 1, "bold"),
        ("\n".join(lines or ["none"]), 1 - 0.2 / high, "normal"),
    ):
        axis.text(
            0,
            top,
            words,
            va="top",
            fontsize=8,
            fontweight=weight,
            linespacing=1.25,
            transform=axis.transAxes,
        )
