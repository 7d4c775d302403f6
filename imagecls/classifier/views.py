"""Views of a picture that a network is shown, in numpy: what `imagecls.augment` makes of it with
torch, for those who have none."""

from functools import cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

View = tuple[bool, float, float, float]
"""Mirrored or not, side of the crop (1: the whole), its centre (x, y; the picture is the square
from -1 to 1)."""

VIEWS: tuple[View, ...] = (
    (False, 1.0, 0.0, 0.0),
    (True, 1.0, 0.0, 0.0),
    (False, 0.85, 0.0, 0.0),
    (True, 0.85, 0.0, 0.0),
    *(
        (flip, 0.85, x * 0.15, y * 0.15)
        for x, y, flip in (
            (-1, -1, False),
            (1, 1, True),
            (1, -1, False),
            (-1, 1, True),
            (-1, -1, True),
            (1, 1, False),
            (1, -1, True),
            (-1, 1, False),
        )
    ),
)
"""Views of test-time augmentation, in the order in which they are used."""


def softmax(logits: Floats) -> Floats:
    """Probabilities over the last axis."""
    shifted = np.exp(logits - logits.max(-1, keepdims=True))
    result: Floats = shifted / shifted.sum(-1, keepdims=True)
    return result


def seen(pixels: Pixels, view: View, size: int) -> Floats:
    """A view of pictures, uint8 `(N, 3, S, S)`: float32 `(N, 3, size, size)` from 0 to 1.

    A whole picture is shrunk with an anti-aliased bilinear filter, a part of it is sampled
    bilinearly, black outside: the same as torch's `interpolate` and `grid_sample`, to rounding.
    """
    mirrored, side, x, y = view
    store, planes = pixels.shape[-1], pixels.astype(np.float32) / np.float32(255)
    if side == 1.0:
        down = across = shrinking(store, size)
    else:
        down, across = sampling(store, size, side, y), sampling(store, size, side, x)
    result = resampled(planes, down, across)
    return np.ascontiguousarray(result[..., ::-1]) if mirrored else result


def resampled(planes: Floats, down: Floats, across: Floats) -> Floats:
    """Planes, `(..., h, w)`, whose rows and columns are mixed by weights, `(H, h)` and `(W, w)`, of
    which few are not 0: `(..., H, W)`.

    By sums: a product of matrices this small costs most where it is spread over threads, which
    NumPy's libraries do unasked.
    """
    taps, weights = _few(down)
    rows = sum(planes[..., at, :] * w[:, None] for at, w in zip(taps, weights, strict=True))
    taps, weights = _few(across)
    result: Floats = sum(rows[..., at] * w for at, w in zip(taps, weights, strict=True))
    return result


def _few(matrix: Floats) -> tuple[npt.NDArray[np.intp], Floats]:
    """Where the weights of each row lie that are not 0, and they themselves, `(most, rows)`."""
    most = max(1, int((matrix != 0).sum(1).max()))
    taps = np.argsort(matrix == 0, 1, kind="stable")[:, :most]
    return taps.T, np.take_along_axis(matrix, taps, 1).T


@cache
def shrinking(inputs: int, outputs: int) -> Floats:
    """Weights, float32 `(outputs, inputs)`, of a row's pixels in a row of another size: a triangle
    as wide as two input pixels, or two output pixels where those are larger, cut at the edge.
    Enlarging, that is bilinear interpolation."""
    scale = inputs / outputs
    wide = max(scale, 1.0)
    centres = scale * (np.arange(outputs) + 0.5)
    distance = np.abs(np.arange(inputs) + 0.5 - centres[:, None]) / wide
    weight = np.maximum(1 - distance, 0)
    result: Floats = (weight / weight.sum(1, keepdims=True)).astype(np.float32)
    return result


@cache
def sampling(inputs: int, outputs: int, side: float, centre: float) -> Floats:
    """Weights, float32 `(outputs, inputs)`, of a row's pixels in the part of it of that side and
    centre (see `View`), interpolated between the two nearest; what lies outside is 0."""
    points = (2 * np.arange(outputs) + 1) / outputs - 1
    centres = ((points * side + centre + 1) * inputs - 1) / 2
    weight = np.maximum(1 - np.abs(np.arange(inputs) - centres[:, None]), 0)
    result: Floats = weight.astype(np.float32)
    return result
