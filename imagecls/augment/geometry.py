"""Where each output pixel is taken from: one affine map a picture, composed of flip, rotation,
shear, scale, shift and crop, and one resampling.

A picture is the square from -1 to 1 in both directions, x to the right and y down, whatever its
size in pixels. A map is float32 `(N, 2, 3)`: it takes a point of the output to the point of the
input that is shown there, so maps compose in the opposite order of what one sees: the crop, which
looks at the input, comes first in `compose`.
"""

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Border = Literal["zeros", "reflection"]
"""What lies outside the picture: black (the lecture's, torchvision's default), or the picture
mirrored."""


def identity(count: int, device: torch.device | None = None) -> Tensor:
    """The map that changes nothing."""
    return torch.eye(2, 3, device=device).repeat(count, 1, 1)


def _linear(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    zero = torch.zeros_like(a)
    return torch.stack([torch.stack([a, b, zero], 1), torch.stack([c, d, zero], 1)], 1)


def flip(where: Tensor) -> Tensor:
    """Mirror left and right where the mask, bool `(N,)`, is set."""
    sign = torch.where(where, -1.0, 1.0)
    zero = torch.zeros_like(sign)
    return _linear(sign, zero, zero, zero + 1)


def rotation(degrees: Tensor) -> Tensor:
    """Turn what one sees counter-clockwise by `degrees`, `(N,)`, about the centre, as
    `PIL.Image.rotate` does."""
    angle = degrees * (math.pi / 180)
    return _linear(angle.cos(), -angle.sin(), angle.sin(), angle.cos())


def shear(x_degrees: Tensor, y_degrees: Tensor) -> Tensor:
    """Slant by angles: input x = x + tan(x_degrees) * y, input y = y + tan(y_degrees) * x."""
    one = torch.ones_like(x_degrees)
    return _linear(
        one, (x_degrees * (math.pi / 180)).tan(), (y_degrees * (math.pi / 180)).tan(), one
    )


def crop(x: Tensor, y: Tensor, width: Tensor, height: Tensor) -> Tensor:
    """Show the part of the input with its centre at `(x, y)` (-1 to 1) and that width and height
    (1: the whole)."""
    zero = torch.zeros_like(x)
    return torch.stack([torch.stack([width, zero, x], 1), torch.stack([zero, height, y], 1)], 1)


def shift(x: Tensor, y: Tensor) -> Tensor:
    """Move what one sees to the right and down, in widths and heights of the picture."""
    one = torch.ones_like(x)
    return crop(-2 * x, -2 * y, one, one)


def compose(first: Tensor, *others: Tensor) -> Tensor:
    """`first(second(...(point)))`: the last map is applied to the output's point first, that is, it
    is seen last."""
    result = first
    for other in others:
        linear = _product(result[:, :, :2], other)
        result = torch.cat([linear[:, :, :2], linear[:, :, 2:] + result[:, :, 2:]], 2)
    return result


def _product(a: Tensor, b: Tensor) -> Tensor:
    """`a @ b` of small matrices; on a GPU by sums, since a training may have let float32 products
    be rounded to TF32 there."""
    return a @ b if a.device.type == "cpu" else (a[..., None] * b[..., None, :, :]).sum(-2)


def random_crops(
    count: int, low: float, high: float, *, ratio: float = 4 / 3, device: torch.device | None = None
) -> Tensor:
    """Random resized crops (Szegedy et al. 2014): area from `low` to `high` of the whole, aspect
    ratio from 1 / ratio to ratio, anywhere inside. The numbers come from torch's default generator
    of the device."""
    u = torch.rand(count, 4, device=device)
    area = low + (high - low) * u[:, 0]
    aspect = torch.exp((2 * u[:, 1] - 1) * math.log(ratio))
    width, height = (area * aspect).sqrt().clamp(max=1.0), (area / aspect).sqrt().clamp(max=1.0)
    return crop((2 * u[:, 2] - 1) * (1 - width), (2 * u[:, 3] - 1) * (1 - height), width, height)


def grid(maps: Tensor, size: int) -> Tensor:
    """The input point of each output pixel, float32 `(N, size, size, 2)`:
    `torch.nn.functional.affine_grid` by sums of a row and a column, which is many times faster than
    its matrix product."""
    centres = (torch.arange(size, device=maps.device) + 0.5) * (2 / size) - 1
    along_row = maps[:, None, :, 0] * centres[:, None]  # (N, size, 2)
    along_column = maps[:, None, :, 1] * centres[:, None] + maps[:, None, :, 2]
    return along_column[:, :, None] + along_row[:, None]


def resample(images: Tensor, maps: Tensor, size: int, *, border: Border = "zeros") -> Tensor:
    """The pictures seen through their maps: float `(N, C, S, S')` to `(N, C, size, size)`,
    bilinear."""
    points = grid(maps, size)
    # whose own reflection is another in some releases, or is missing
    if border == "reflection" and images.device.type == "mps":
        points, border = folded(points, images.shape[-1], images.shape[-2]), "zeros"
    return functional.grid_sample(
        images, points, mode="bilinear", padding_mode=border, align_corners=False
    )


def folded(points: Tensor, width: int, height: int) -> Tensor:
    """Points, `(..., 2)`, of a picture that goes on mirrored in all directions, where they are in
    the picture itself: no farther out than the centres of its outermost pixels, whose colour goes
    on to the edge."""
    inside = 1 - ((points + 1).remainder(4) - 2).abs()
    x, y = inside.unbind(-1)
    return torch.stack(
        [x.clamp(1 / width - 1, 1 - 1 / width), y.clamp(1 / height - 1, 1 - 1 / height)], -1
    )


def resize(images: Tensor, size: int) -> Tensor:
    """The whole pictures at another size, anti-aliased where they shrink: float `(N, C, S, S')` to
    `(N, C, size, size)`."""
    if images.shape[-2:] == (size, size):
        return images
    shrinks = images.shape[-1] > size or images.shape[-2] > size
    return functional.interpolate(
        images, (size, size), mode="bilinear", align_corners=False, antialias=shrinks
    )
