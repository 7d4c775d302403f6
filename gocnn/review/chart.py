"""The strip chart of a review: how expected each move was, for each side."""

from pathlib import Path
from typing import Any

import numpy as np

from gocnn.board import BLACK, WHITE
from gocnn.board.coords import to_gtp
from gocnn.engine.forecast import lead_in_words
from gocnn.figures import picture_format, pyplot, save_figure
from gocnn.review.course import Course
from gocnn.review.review import MoveReview, Review, agreement
from gocnn.wording import counted

RUNNING = 10
"""Own moves over which the line is a mean."""

NAMED = 4
"""Least expected moves of each side that are named."""

FIRST, IN_FIVE, OTHER = "#009e73", "#e6b422", "#9c1f1f"
"""Colours of a move by its rank; people who cannot tell red from green see them apart, too."""

WIDE = 13
"""Inches of the chart's width."""

APART = 13.0
"""Points from one name to the next."""


def draw_strip(review: Review, target: Path) -> None:
    """A bar a move, as high as its probability and coloured by its rank; a line for the running
    mean; below that black's lead, if the network says the score. Raises ValueError for another
    ending."""
    picture_format(target)
    plt = pyplot()

    rows = 3 if review.course else 2
    figure, axes = plt.subplots(
        rows, 1, figsize=(WIDE, 2.6 * rows), sharex=True, constrained_layout=True
    )
    named: list[tuple[Any, list[MoveReview]]] = []
    names = {BLACK: review.record.black or "Black", WHITE: review.record.white or "White"}
    for axis, colour in zip(axes[:2], (BLACK, WHITE), strict=True):
        mine = [move for move in review.moves if move.colour == colour]
        found = agreement([move for move in review.judged if move.colour == colour])
        if not found:
            continue
        xs, ys = [move.number for move in mine], [move.probability for move in mine]
        shades = [FIRST if m.rank == 1 else IN_FIVE if m.rank <= 5 else OTHER for m in mine]
        axis.bar(xs, np.maximum(ys, 0.012), width=1.5, color=shades)
        if len(ys) >= RUNNING:
            axis.plot(
                xs[RUNNING - 1 :],
                np.convolve(ys, np.ones(RUNNING) / RUNNING, "valid"),
                color="#2f5d8a",
                linewidth=1.6,
            )
        named.append((axis, _least(review, colour)))
        title = f"{'Black' if colour == BLACK else 'White'}: {names[colour]}"
        axis.set(ylim=(0, 1), ylabel="probability")
        axis.set_title(
            f"{title} - first choice {found.top1:.0%}, one of five {found.top5:.0%} of"
            f" {counted(found.moves, 'move')}",
            loc="left",
            fontsize=11,
        )
        axis.grid(alpha=0.25, axis="y")
    if review.course:
        _draw_lead(axes[2], review.course)
    axes[-1].set_xlabel(
        "move (green: the first choice; yellow: one of the first five; red: another; line: mean of"
        " ten)"
    )
    for axis, moves in named:
        _name(axis, moves)
    save_figure(figure, target)


def _least(review: Review, colour: int) -> list[MoveReview]:
    """The moves of a side that are named."""
    mine = [move for move in review.judged if move.colour == colour]
    return sorted(mine, key=lambda move: move.probability)[:NAMED]


def _name(axis: Any, moves: list[MoveReview]) -> None:
    """Write number and point over the moves' bars, beside one another where these are close."""
    low, high = axis.get_xlim()
    step = APART * (high - low) / (72 * WIDE * 0.93)  # the axes take that much of the figure
    moves = sorted(moves, key=lambda move: move.number)
    xs = [float(move.number) for move in moves]
    for k in range(1, len(xs)):
        xs[k] = max(xs[k], xs[k - 1] + step)
    beyond = high - step / 2
    for k in reversed(range(len(xs))):
        xs[k] = beyond = min(xs[k], beyond)
        beyond -= step
    for move, x in zip(moves, xs, strict=True):
        axis.annotate(
            f"{move.number} {to_gtp(move.index)}",
            (x, 0.02),
            (0, 9),
            textcoords="offset points",
            ha="center",
            rotation=90,
            fontsize=8,
            color=OTHER,
            zorder=5,
            bbox={"fc": "white", "ec": "none", "alpha": 0.85, "pad": 0.8},
        )


def _draw_lead(axis: Any, course: Course) -> None:
    """Black's lead before each move and at the end, and one standard deviation about it."""
    xs = np.arange(len(course.lead)) + 0.5  # between the moves
    axis.fill_between(
        xs,
        course.lead - course.spread,
        course.lead + course.spread,
        color="#2f5d8a",
        alpha=0.12,
        linewidth=0,
    )
    axis.fill_between(
        xs,
        course.lead,
        0,
        where=course.lead > 0,
        color="#333333",
        alpha=0.55,
        interpolate=True,
        linewidth=0,
    )
    axis.fill_between(
        xs,
        course.lead,
        0,
        where=course.lead < 0,
        color="#c9c2b0",
        alpha=0.9,
        interpolate=True,
        linewidth=0,
    )
    axis.plot(xs, course.lead, color="#222222", linewidth=1.2)
    axis.axhline(0, color="#888888", linewidth=0.8)
    most = max(15.0, 1.15 * float(np.abs(course.lead).max()))
    axis.set(ylim=(-most, most), ylabel="points")
    axis.set_title(
        f"Black's lead, komi {course.terms.komi:g}{'' if course.terms.stated else ' (assumed)'}"
        f" counted (band: one standard deviation); at the end"
        f" {lead_in_words(float(course.lead[-1]))}",
        loc="left",
        fontsize=11,
    )
    axis.grid(alpha=0.25, axis="y")
