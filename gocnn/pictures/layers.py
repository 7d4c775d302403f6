"""Pictures of what a network sees. Boards are drawn with row 19 on top."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gocnn.board import Board
from gocnn.board.coords import GTP_LETTERS, PASS, SIZE, to_gtp
from gocnn.figures import pyplot, save_figure
from gocnn.policy.explain import LayerView
from gocnn.policy.predictions import Floats

SHOWN = 24
"""Feature maps, or filters, of a picture."""


def _stones(axis: Any, board: Board, size: float) -> None:
    stones = board.stones()
    for value, face in ((1, "#111"), (2, "#fff")):
        rows, columns = np.nonzero(stones == value)
        axis.scatter(
            columns, rows, s=size, facecolor=face, edgecolor="#333", linewidth=0.4, zorder=3
        )
    axis.set(xticks=[], yticks=[], xlim=(-0.6, SIZE - 0.4), ylim=(-0.6, SIZE - 0.4))


def draw_maps(maps: Floats, board: Board, layer: LayerView, target: Path) -> None:
    """The maps of a layer that vary most over this board, the stones over them."""
    plt = pyplot()
    order = np.argsort(-maps.std((1, 2)))[:SHOWN]
    columns = 6
    rows = -(-len(order) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(2.3 * columns, 2.45 * rows + 0.5),
        constrained_layout=True,
        squeeze=False,
    )
    for axis in axes.ravel():
        axis.axis("off")
    for axis, channel in zip(axes.ravel(), order, strict=False):
        axis.axis("on")
        limit = max(float(np.abs(maps[channel]).max()), 1e-6)
        axis.imshow(maps[channel], origin="lower", cmap="RdBu_r", vmin=-limit, vmax=limit)
        _stones(axis, board, 9)
        axis.set_title(f"channel {channel}", fontsize=8)
    figure.suptitle(
        f"{layer.name}: {len(order)} of {len(maps)} feature maps; one value sees"
        f" {layer.receptive_field}x{layer.receptive_field}"
        f" points{', and by its context the whole board' if layer.sees_all else ''}\n(red: above"
        " zero, blue: below; each map by its own largest value)",
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
    for row, number in zip(axes, order, strict=True):
        limit = max(float(np.abs(filters[number]).max()), 1e-6)
        for axis, kernel in zip(row, filters[number], strict=True):
            axis.imshow(kernel, origin="lower", cmap="RdBu_r", vmin=-limit, vmax=limit)
            axis.set(xticks=[], yticks=[])
        row[0].set_ylabel(f"filter {number}", fontsize=8)
    for axis, name in zip(axes[0], plane_groups, strict=True):
        axis.set_title(name.replace("_", "\n"), fontsize=8)
    figure.suptitle(
        "filters of the first layer, summed over each group of planes\n(red: for, blue: against;"
        " each row by its own largest value)",
        fontsize=10,
    )
    save_figure(figure, target)


def draw_field(heat: Floats, board: Board, index: int, layer: LayerView, target: Path) -> None:
    """Draw what the answer at the point `index` depends on as a heat map on the board: heat,
    float32 `(19, 19)`, as `gocnn.policy.explain.influence` gives it. The square is the receptive
    field of the last convolution, `layer`. target: the file, whose ending says the format."""
    plt = pyplot()
    from matplotlib.colors import PowerNorm
    from matplotlib.patches import Rectangle

    figure, axis = plt.subplots(figsize=(8.2, 7.6), constrained_layout=True)
    image = axis.imshow(heat, origin="lower", cmap="YlOrRd", norm=PowerNorm(0.5, 0, 1))
    figure.colorbar(
        image, ax=axis, shrink=0.6, pad=0.02, label="how much the answer depends on the point"
    )
    for i in range(SIZE):
        axis.plot([0, SIZE - 1], [i, i], color="#8a7550", linewidth=0.4)
        axis.plot([i, i], [0, SIZE - 1], color="#8a7550", linewidth=0.4)
    _stones(axis, board, 190)
    axis.set_xticks(range(SIZE), GTP_LETTERS[:SIZE])
    axis.set_yticks(range(SIZE), [str(row + 1) for row in range(SIZE)])
    axis.tick_params(length=0, labelsize=8)
    if index != PASS:
        row, column = divmod(index, SIZE)
        half = layer.receptive_field / 2
        axis.add_patch(
            Rectangle(
                (column - half, row - half),
                2 * half,
                2 * half,
                fill=False,
                edgecolor="#2f5d8a",
                linewidth=2,
                zorder=4,
            )
        )
        axis.plot(column, row, "x", color="#2f5d8a", markersize=11, markeredgewidth=2.5, zorder=5)
    further = " (a mean over the board reaches further)" if layer.sees_all else ""
    axis.set_title(
        f"what the answer at {to_gtp(index)} depends on; square:"
        f" {layer.receptive_field}x{layer.receptive_field} points,\nthe receptive field of the"
        f" convolutions{further}",
        fontsize=10,
    )
    save_figure(figure, target)
