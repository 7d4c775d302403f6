"""Contact sheets of pictures."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from imagecls.classifier.lettering import Letters, save

Pixels = npt.NDArray[np.uint8]
GAP = 6
"""Pixels between pictures."""

WIDEST = 240
"""Pixels a side to which pictures grow so that the names of their classes fit below."""


def sheet(
    pictures: Sequence[Pixels],
    captions: Sequence[str],
    columns: int,
    target: Path,
    *,
    side: int = 144,
    title: str = "",
) -> None:
    """A contact sheet, in the format that the name of `target` says: pictures, uint8 `(3, S, S)`,
    each with lines of text under it, the last of which may be the path of a file. `title`: lines
    above all of them. side: pixels of a picture, or more where the lines need it."""
    letters = Letters([*captions, title])
    lines = [line for caption in captions for line in caption.split("\n")[:-1]]
    needed = max(map(letters.width, lines), default=0.0)
    side = max(side, min(WIDEST, math.ceil(needed)))
    captions = [_with_file(letters, caption, side) for caption in captions]
    said = title.split("\n") if title else []
    top = letters.line * len(said)
    rows = [range(i, min(i + columns, len(pictures))) for i in range(0, len(pictures), columns)]
    # each row as high as its captions need
    heights = [
        side + GAP + letters.line * max(captions[i].count("\n") + 1 for i in row) for row in rows
    ] or [2 * letters.line]
    across = min(columns, max(1, len(pictures)))
    widths = [across * (side + GAP) + GAP, *(int(letters.width(line)) + 2 * GAP for line in said)]
    page = Image.new("RGB", (max(widths), sum(heights) + GAP * (len(heights) + 1) + top), "white")
    canvas = ImageDraw.Draw(page)
    for n, line in enumerate(said):
        letters.draw(canvas, (GAP, letters.line * (n + 1)), line, page.width)
    if not pictures:
        letters.draw(canvas, (GAP, top + GAP + letters.line), "none", page.width)
    y = top + GAP
    for row, height in zip(rows, heights, strict=False):
        for i in row:
            x = GAP + i % columns * (side + GAP)
            page.paste(enlarged(pictures[i], side), (x, y))
            for n, line in enumerate(captions[i].split("\n")):
                below = y + side + letters.line * (n + 1) - 3
                letters.draw(canvas, (x, below), line, side)
        y += height + GAP
    save(page, target)


def _with_file(letters: Letters, caption: str, width: float) -> str:
    """The caption with the file on a line of its own where its path is wider than that: shortened
    together, they would no longer say which file it is."""
    before, line, path = caption.rpartition("\n")
    folder, slash, file = path.rpartition("/")
    if not slash or letters.width(path) <= width:
        return caption
    return f"{before}{line}{folder}/\n{file}"


def enlarged(pixels: Pixels, side: int) -> Image.Image:
    """A picture, uint8 `(3, S, S)`, at that size."""
    whole = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    return whole.resize((side, side), Image.Resampling.BICUBIC)
