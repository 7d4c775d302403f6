"""Pictures of what a network sees. Boards are drawn with row 19 on top."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gocnn.board import Board
from gocnn.board.coords import GTP_LETTERS, PASS, SIZE, to_gtp
from gocnn.colourscales import number, scale_of
from gocnn.figures import pyplot, save_figure
from gocnn.policy.explain import LayerView
from gocnn.policy.predictions import Floats

SHOWN = 24
"""Feature maps, or filters, of a picture."""

FRAME = "#1f4e8c"
"""Colour of the receptive field."""


def _stones(axis: Any, board: Board, size: float, *, edge: float = 0.8) -> None:
    """The stones, each with an outline that is seen on dark and on bright ground."""
    stones = board.stones()
    for value, face, line in ((1, "#000", "#fff"), (2, "#fff", "#000")):
        rows, columns = np.nonzero(stones == value)
        axis.scatter(
            columns, rows, s=size, facecolor=face, edgecolor=line, linewidth=edge, zorder=3
        )
    axis.set(xticks=[], yticks=[], xlim=(-0.6, SIZE - 0.4), ylim=(-0.6, SIZE - 0.4))


def draw_maps(maps: Floats, board: Board, layer: LayerView, target: Path) -> None:
    """The maps of a layer that vary most over this board, the stones over them, on one colour
    scale."""
    plt = pyplot()
    order = np.argsort(-maps.std((1, 2)), kind="stable")[:SHOWN]
    scale = scale_of(maps[order])
    columns = min(6, len(order))
    rows = -(-len(order) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(2.3 * columns + 1, 2.45 * rows + 0.8),
        constrained_layout=True,
        squeeze=False,
    )
    for axis in axes.ravel():
        axis.axis("off")
    for axis, channel in zip(axes.ravel(), order, strict=False):
        axis.axis("on")
        axis.imshow(
            maps[channel], origin="lower", cmap=scale.mappable.cmap, norm=scale.mappable.norm
        )
        _stones(axis, board, 20)
        axis.set_title(
            f"channel {channel}: {number(float(maps[channel].min()))} to"
            f" {number(float(maps[channel].max()))}",
            fontsize=8,
        )
    figure.colorbar(
        scale.mappable, ax=axes, shrink=0.5, pad=0.015, aspect=30, extend=scale.extend
    ).set_label("value of the layer")
    figure.suptitle(
        f"{layer.name}: {len(order)} of {len(maps)} feature maps, those that vary most first; one"
        f" value sees {layer.receptive_field}x{layer.receptive_field}"
        f" points{', and by its context the whole board' if layer.sees_all else ''}\n(one colour"
        f" scale for all: {scale.words}; the board's own stones are the outlined discs)",
        fontsize=11,
    )
    save_figure(figure, target)


def draw_filters(filters: Floats, plane_groups: Sequence[str], target: Path) -> None:
    """The first layer's filters with the largest weights: a row each, a column for each group of
    planes."""
    plt = pyplot()
    order = np.argsort(-np.abs(filters).max((1, 2, 3)))[: SHOWN // 2]
    figure, axes = plt.subplots(
        len(order),
        len(plane_groups),
        figsize=(1.25 * len(plane_groups) + 0.6, 1.12 * len(order) + 0.7),
        constrained_layout=True,
        squeeze=False,
    )
    for row, index in zip(axes, order, strict=True):
        limit = max(float(np.abs(filters[index]).max()), 1e-6)
        for axis, kernel in zip(row, filters[index], strict=True):
            axis.imshow(kernel, origin="lower", cmap="RdBu_r", vmin=-limit, vmax=limit)
            axis.set(xticks=[], yticks=[])
        row[0].set_ylabel(f"filter {index}\n±{number(limit)}", fontsize=8)
    for axis, name in zip(axes[0], plane_groups, strict=True):
        axis.set_title(name.replace("_", "\n"), fontsize=8)
    figure.suptitle(
        f"filters of the first layer, {len(order)} of {len(filters)}, those with the largest"
        " weights first, summed over each group of planes\n(red: weight above 0, white: 0, blue:"
        " below; each row by its own largest weight, the number after ±)",
        fontsize=10,
    )
    save_figure(figure, target)


def draw_field(heat: Floats, board: Board, index: int, layer: LayerView, target: Path) -> None:
    """Draw what the answer at the point `index` depends on as a heat map on the board: heat,
    float32 `(19, 19)`, as `gocnn.policy.explain.influence` gives it. The frame is the receptive
    field of the last convolution, `layer`, as far as it is on the board. target: the file, whose
    ending says the format."""
    plt = pyplot()
    from matplotlib.colors import PowerNorm

    figure, axis = plt.subplots(figsize=(8.2, 7.6), constrained_layout=True)
    image = axis.imshow(heat, origin="lower", cmap="YlOrRd", norm=PowerNorm(0.5, 0, 1))
    figure.colorbar(
        image, ax=axis, shrink=0.6, pad=0.02, label="how much the answer depends on the point"
    )
    for i in range(SIZE):
        axis.plot([0, SIZE - 1], [i, i], color="#8a7550", linewidth=0.4)
        axis.plot([i, i], [0, SIZE - 1], color="#8a7550", linewidth=0.4)
    _stones(axis, board, 260, edge=1.5)
    axis.set_xticks(range(SIZE), GTP_LETTERS[:SIZE])
    axis.set_yticks(range(SIZE), [str(row + 1) for row in range(SIZE)])
    axis.tick_params(length=0, labelsize=8)
    if index != PASS:
        row, column = divmod(index, SIZE)
        for side in frame(row, column, layer.receptive_field):
            axis.plot(
                side.columns,
                side.rows,
                color=FRAME,
                linewidth=3,
                linestyle=(0, (2, 1.5)) if side.cut else "-",
                solid_capstyle="butt",
                gid="field",
                zorder=4,
            )
        axis.plot(column, row, "x", color="w", markersize=13, markeredgewidth=5, zorder=5)
        axis.plot(column, row, "x", color=FRAME, markersize=11, markeredgewidth=2.5, zorder=5.1)
    axis.set_title(field_title(index, layer), fontsize=10)
    save_figure(figure, target)


def field_title(index: int, layer: LayerView) -> str:
    """What the picture of a field says above it."""
    side = layer.receptive_field
    further = "; a mean over the board reaches further" if layer.sees_all else ""
    said = f"what the answer at {to_gtp(index)} depends on"
    if index == PASS:
        return f"{said}: the whole board"
    sides = frame(*divmod(index, SIZE), side)
    if all(each.cut for each in sides):
        drawn = "which is more than the whole board on every side: dashed"
    elif any(each.cut for each in sides):
        drawn = "the frame; dashed where it goes on beyond the board"
    else:
        drawn = "the frame"
    return f"{said} (x)\nthe convolutions see {side}x{side} points about it, {drawn}{further}"


class Side(NamedTuple):
    """A side of a receptive field: from where to where, in columns and in rows; cut: the field goes
    on beyond it, and the board does not."""

    columns: tuple[float, float]
    rows: tuple[float, float]
    cut: bool


def frame(row: int, column: int, side: int) -> list[Side]:
    """The four sides of a receptive field about a point, as far as they are on the board."""
    edges = -0.5, SIZE - 0.5
    (bottom, top), (left, right) = ((at - side / 2, at + side / 2) for at in (row, column))
    low, high = max(bottom, edges[0]), min(top, edges[1])
    first, last = max(left, edges[0]), min(right, edges[1])
    return [
        Side((first, last), (low, low), bottom < edges[0]),
        Side((first, last), (high, high), top > edges[1]),
        Side((first, first), (low, high), left < edges[0]),
        Side((last, last), (low, high), right > edges[1]),
    ]
