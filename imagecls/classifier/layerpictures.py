"""Filters and feature maps of a classifier as pictures that say what they show."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn.colourscales import number, scale_of, strongest
from gocnn.figures import pyplot, save_figure
from imagecls.classifier.lettering import ELLIPSIS
from imagecls.classifier.pictures import Pixels
from imagecls.classifier.views import Floats

TILE = 96
"""Pixels of the side of a filter or map, about; above it stand its number and largest value."""

FRAME = 0.7
"""Brightness of the line about a tile."""

HEAD, GAP, EDGE, DPI = 15, 8, 16, 110

MOST = 512
"""Filters or maps of a picture: more would be too small for anything that shows pictures."""


def draw_filters(filters: Floats, layer: str, target: Path) -> None:
    """Draw filters, float32 `(N, 3, k, k)`, that look at red, green and blue, in their colours and
    numbered, in the format that the name of `target` says. layer: its name."""
    filters = filters[:MOST]
    n, _, k, _ = filters.shape
    limits = np.abs(filters).max((1, 2, 3))
    shares = filters / np.maximum(limits, 1e-12)[:, None, None, None]
    tiles = [_enlarged((0.5 + 0.5 * each).transpose(1, 2, 0)) for each in shares]
    labels = [f"#{i} ±{number(limit)}" for i, limit in enumerate(limits.tolist())]
    said = [
        f"{layer}: the {n} filters of the first layer, {k}x{k} pixels of red, green and blue",
        "mid-grey: weight 0; brighter or darker in a colour: weight above or below 0 for that"
        " colour",
        "number after ±: the filter's largest weight, which is full brightness in its own tile",
    ]
    figure, _ = _page(tiles, labels, said, 0)
    save_figure(figure, target, DPI)


def draw_maps(
    maps: Floats, pixels: Pixels, layer: str, target: Path, *, most: int = 64, photo: str = ""
) -> int:
    """Draw feature maps, float32 `(C, h, w)`, and the picture they are of, uint8 `(3, S, S)`, in
    the format that the name of `target` says: those with the largest values, at most `most` (and
    MOST), the largest first, numbered, on one colour scale. Returns how many were drawn. layer,
    photo: the names of both."""
    order = strongest(maps, min(most, MOST))
    shown = maps[order]
    scale = scale_of(shown)
    tiles = [_enlarged(scale.colours(_shrunk(each))) for each in shown]
    labels = [
        f"#{i} {number(float(each.flat[np.abs(each).argmax()]))}"
        for i, each in zip(order.tolist(), shown, strict=True)
    ]
    channels, high, wide = maps.shape
    said = [
        f"{layer}: {len(order)} of {channels} feature maps, {high}x{wide} values each"
        if len(order) < channels
        else f"{layer}: all {channels} feature maps, {high}x{wide} values each",
        "strongest first: number of the channel, and its largest value",
        f"one colour scale for all ({scale.words})",
    ]
    figure, size = _page(tiles, labels, said, 260)
    width, height = size
    name = photo if len(photo) <= 36 else f"{photo[:24]}{ELLIPSIS}{photo[-11:]}"
    top = height - EDGE - 22 * len(said)
    axis = _axes(figure, size, (EDGE, top - 244 - 22), 244, 244)
    axis.imshow(pixels.transpose(1, 2, 0))
    axis.axis("off")
    figure.text(EDGE / width, (top - 16) / height, name or "the picture", fontsize=8)
    bar = _axes(figure, size, (EDGE + 8, top - 244 - 60), 224, 14)
    figure.colorbar(
        scale.mappable, cax=bar, orientation="horizontal", extend=scale.extend
    ).set_label("value of the layer", fontsize=8)
    bar.tick_params(labelsize=8)
    save_figure(figure, target, DPI)
    return len(order)


def _page(
    tiles: Sequence[npt.NDArray[Any]], labels: Sequence[str], said: Sequence[str], beside: int
) -> tuple[Any, tuple[int, int]]:
    """A figure with labelled tiles, float RGB `(h, w, 3)`, as many pixels as they have, under lines
    of text, with room of `beside` pixels at the left; and its size."""
    high, wide = tiles[0].shape[:2]
    cell = max(wide, 84) + GAP, high + HEAD + GAP
    columns = max(1, min(len(tiles), round((len(tiles) * 1.5 * cell[1] / cell[0]) ** 0.5)))
    rows = -(-len(tiles) // columns)
    text = max(440, round(8.6 * len(said[0])), round(6.6 * max(map(len, said))))
    above = EDGE + 22 * len(said)
    left = EDGE + (beside + EDGE if beside else 0)
    grid = columns * cell[0], rows * cell[1]
    width = max(left + grid[0] + EDGE, text + 2 * EDGE)
    height = max(above + grid[1] + EDGE, above + (beside + 110 if beside else 0))
    page = np.ones((grid[1], grid[0], 3))
    figure = pyplot().figure(figsize=(width / DPI, height / DPI))
    for n, line in enumerate(said):
        figure.text(
            EDGE / width,
            1 - (EDGE + 22 * n) / height,
            line,
            fontsize=10 if n == 0 else 8.5,
            fontweight="bold" if n == 0 else "normal",
            va="top",
        )
    for i, (tile, label) in enumerate(zip(tiles, labels, strict=True)):
        x, y = i % columns * cell[0], i // columns * cell[1]
        tile = tile.clip(0, 1)
        tile[[0, -1]] = tile[:, [0, -1]] = FRAME
        page[y + HEAD : y + HEAD + high, x : x + wide] = tile
        figure.text(
            (left + x) / width, 1 - (above + y + HEAD - 3) / height, label, fontsize=7, va="bottom"
        )
    axis = _axes(figure, (width, height), (left, height - above - grid[1]), *grid)
    axis.imshow(page, interpolation="nearest")
    axis.axis("off")
    return figure, (width, height)


def _axes(figure: Any, size: tuple[int, int], corner: tuple[int, int], w: int, h: int) -> Any:
    """Axes in pixels, from the lower left corner."""
    x, y = corner
    return figure.add_axes((x / size[0], y / size[1], w / size[0], h / size[1]))


def _enlarged(tile: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Each value as a square of equal pixels, TILE together or somewhat more or less."""
    times = max(1, round(TILE / tile.shape[0]))
    return tile.repeat(times, 0).repeat(times, 1)


def _shrunk(values: Floats) -> Floats:
    """The map, or means of squares of it where it is much larger than a tile."""
    times = max(1, values.shape[0] // TILE)
    high, wide = (side // times * times for side in values.shape)
    parts = values[:high, :wide].reshape(high // times, times, wide // times, times)
    result: Floats = parts.mean((1, 3))
    return result
