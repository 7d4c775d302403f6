"""Colour operations on batches, each picture with its own strength. All are Pillow's
(`ImageEnhance`, `ImageOps`), on numbers instead of bytes.

Pictures are float32 `(N, 3, H, W)` from 0 to 1, strengths float32 `(N,)`. Results are clamped to 0
to 1, as bytes are.
"""

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in grey (ITU-R BT.601), as Pillow has them."""


def _each(strength: Tensor) -> Tensor:
    return strength[:, None, None, None]


def grey(x: Tensor) -> Tensor:
    """Luma, `(N, 1, H, W)`."""
    r, g, b = x.unbind(1)
    return (r * LUMA[0]).add_(g, alpha=LUMA[1]).add_(b, alpha=LUMA[2]).unsqueeze(1)


def brightness(x: Tensor, factor: Tensor) -> Tensor:
    """Scale: 0 black, 1 unchanged."""
    return (x * _each(factor)).clamp_(0, 1)


def contrast(x: Tensor, factor: Tensor) -> Tensor:
    """Spread about the mean luma of the picture: 0 flat, 1 unchanged."""
    mean = grey(x).mean((2, 3), keepdim=True)
    return torch.lerp(mean.expand_as(x), x, _each(factor)).clamp_(0, 1)


def saturation(x: Tensor, factor: Tensor) -> Tensor:
    """Spread about each pixel's luma: 0 grey, 1 unchanged."""
    return torch.lerp(grey(x).expand_as(x), x, _each(factor)).clamp_(0, 1)


def hue(x: Tensor, turn: Tensor) -> Tensor:
    """Turn the hue of the HSV colour by a share of the circle, -0.5 to 0.5."""
    r, g, b = x.unbind(1)
    value = x.amax(1)
    spread = value - x.amin(1)
    inverse = spread.clamp(min=1e-6).reciprocal_()
    # In sixths of the circle: 0 red, 2 green, 4 blue.
    blue_or_green = torch.where(
        value == g, (b - r).mul_(inverse).add_(2), (r - g).mul_(inverse).add_(4)
    )
    sector = torch.where(value == r, (g - b).mul_(inverse), blue_or_green)
    # A channel loses what min(k, 4 - k) says, k its distance from where it is full; in place, since
    # memory is what costs here.
    # a list would be copied to the device, and wait for it
    start = (torch.arange(5, 0, -2, device=x.device) / 6)[:, None, None]
    k = sector[:, None] * (1 / 6) + (start + _each(turn))
    k.sub_(k.floor()).mul_(6).sub_(2).abs_().neg_().add_(2).clamp_(0, 1).mul_(spread[:, None])
    return torch.sub(value[:, None], k, out=k)


def jitter(x: Tensor, factors: Tensor) -> Tensor:
    """Brightness, contrast, saturation and hue, in this order; `factors` `(N, 4)`: three factors
    and the turn."""
    x = brightness(x, factors[:, 0])
    x = contrast(x, factors[:, 1])
    x = saturation(x, factors[:, 2])
    return hue(x, factors[:, 3])


def sharpness(x: Tensor, factor: Tensor) -> Tensor:
    """Blend with the picture smoothed by Pillow's 3x3 filter (centre 5, others 1, by 13); the
    outermost pixels stay. 1: unchanged."""
    inner = x[:, :, 1:-1, 1:-1]
    total = torch.nn.functional.avg_pool2d(x, 3, 1) * 9
    out = x.clone()
    out[:, :, 1:-1, 1:-1] = torch.lerp((total + 4 * inner) / 13, inner, _each(factor))
    return out.clamp_(0, 1)


def posterize(x: Tensor, bits: Tensor) -> Tensor:
    """Keep the highest `bits` (whole numbers, 1 to 8) of each byte."""
    step = torch.pow(2.0, 8 - bits.round())
    bytes_ = (x * 255).round()
    return torch.floor(bytes_ / _each(step)) * _each(step) / 255


def solarize(x: Tensor, threshold: Tensor) -> Tensor:
    """Invert what is at or above the threshold (0 to 1)."""
    return torch.where(x >= _each(threshold) - 1e-6, 1 - x, x)


def autocontrast(x: Tensor) -> Tensor:
    """Stretch each channel so that its darkest value becomes 0 and its brightest 1; a flat channel
    stays."""
    low, high = x.amin((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
    spread = high - low
    return torch.where(spread > 1e-6, (x - low) / spread.clamp(min=1e-6), x)


def equalize(x: Tensor) -> Tensor:
    """Make each channel's histogram flat, by the table that `PIL.ImageOps.equalize` makes."""
    n, channels, height, width = x.shape
    levels = (x * 255).round().long().clamp_(0, 255).view(n * channels, height * width)
    counts = torch.zeros(n * channels, 256, dtype=torch.long, device=x.device)
    counts.scatter_add_(1, levels, torch.ones_like(levels))
    level = torch.arange(256, device=x.device)
    last = torch.where(counts > 0, level, 0).amax(1)
    last_count = counts.gather(1, last[:, None])
    step = (counts.sum(1, keepdim=True) - last_count) // 255
    before = counts.cumsum(1) - counts
    table = ((before + step // 2) // step.clamp(min=1)).clamp_(0, 255)
    table = torch.where(step > 0, table, level)
    return (table.gather(1, levels).to(x.dtype) / 255).view(n, channels, height, width)
