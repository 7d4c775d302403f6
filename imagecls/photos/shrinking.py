"""A picture as pooling leaves it: squares of two by two pixels become one. Nothing here needs
torch."""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image

Way = Literal["none", "max", "min", "mean", "every-second"]
WAYS: tuple[Way, ...] = get_args(Way)

Pixels = npt.NDArray[np.uint8]


def halved(pixels: Pixels, way: Way) -> Pixels:
    """A picture, uint8 `(3, H, W)`, pooled by 2 in each colour (by maximum, minimum or mean; or
    every second row and column of it): `(3, ceil(H / 2), ceil(W / 2))`. Where a side is odd, its
    last row or column counts twice. Raises ValueError for another way."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    if way == "none":
        return pixels
    if way == "every-second":
        return np.ascontiguousarray(pixels[:, ::2, ::2])
    height, width = pixels.shape[1:]
    padded = np.pad(pixels, [(0, 0), (0, height % 2), (0, width % 2)], mode="edge")
    squares = padded.reshape(3, (height + 1) // 2, 2, (width + 1) // 2, 2)
    if way == "max":
        found: Pixels = squares.max((2, 4))
    elif way == "min":
        found = squares.min((2, 4))
    else:
        found = (squares.mean((2, 4), dtype=np.float64) + 0.5).astype(np.uint8)
    return found


def pooled(pixels: Pixels, way: Way, times: int) -> list[Pixels]:
    """The picture, and what is left of it after each of `times` poolings, as long as it has more
    than one pixel a side."""
    found = [pixels]
    while len(found) <= times and min(found[-1].shape[1:]) > 1:
        found.append(halved(found[-1], way))
    return found


def enlarged(pixels: Pixels, side: int) -> Pixels:
    """A picture at `side` pixels a side, bilinear: uint8 `(3, side, side)`."""
    if pixels.shape[1:] == (side, side):
        return pixels
    image = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    large = image.resize((side, side), Image.Resampling.BILINEAR)
    return np.ascontiguousarray(np.asarray(large).transpose(2, 0, 1))
