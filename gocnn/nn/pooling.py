"""Pooling by maximum, minimum or mean: the lecture's ways to shrink a picture. The Go network uses
none of them."""

from typing import Literal

from torch import Tensor, nn

Pool = Literal["max", "min", "mean"]


class MinPool2d(nn.MaxPool2d):
    """Minimum of each window: `(N, C, H, W)` to `(N, C, H', W')`; arguments as for
    `torch.nn.MaxPool2d`. Padding never wins."""

    def forward(self, x: Tensor) -> Tensor:
        highest: Tensor = super().forward(-x)
        return -highest


def pooling(kind: Pool, kernel: int = 2, stride: int | None = None) -> nn.Module:
    """The pooling layer of that kind over `kernel` x `kernel` windows, moved by `stride` (by
    default `kernel`). Raises ValueError."""
    if kind == "max":
        return nn.MaxPool2d(kernel, stride)
    if kind == "min":
        return MinPool2d(kernel, stride)
    if kind == "mean":
        return nn.AvgPool2d(kernel, stride)
    raise ValueError(f"pooling must be max, min or mean, not {kind!r}")
