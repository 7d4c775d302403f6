"""Heads: from feature maps to the numbers asked for."""

import torch
from torch import Tensor, nn

from gocnn.nn.blocks import ConvNormAct


class PointHead(nn.Module):
    """One logit for each point, and one for "none of them" (the pass): `(N, C, H, W)` to `(N, H * W + 1)`.

    A 1x1 convolution to `hidden` channels, the same weights at every point, then one to a logit, plus a bias of each point's own (AlphaGo's
    head). The last logit is computed from the means of the hidden channels.
    """

    def __init__(self, channels: int, points: int, hidden: int = 32) -> None:
        super().__init__()
        self.hidden = ConvNormAct(channels, hidden, 1)
        self.point = nn.Conv2d(hidden, 1, 1, bias=False)
        self.bias = nn.Parameter(torch.zeros(points))
        self.none = nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.hidden(x)
        return torch.cat([self.point(y).flatten(1) + self.bias, self.none(y.mean((2, 3)))], 1)


class ValueHead(nn.Module):
    """One logit for the whole map, such as who wins: `(N, C, H, W)` to `(N,)`.

    A 1x1 convolution to `hidden` channels, their means over the map, two linear layers (compare Silver et al. 2017, "Mastering the game of Go
    without human knowledge", whose head flattens the map instead).
    """

    def __init__(self, channels: int, hidden: int = 32) -> None:
        super().__init__()
        self.hidden = ConvNormAct(channels, hidden, 1)
        self.mix = nn.Linear(hidden, 2 * hidden)
        self.out = nn.Linear(2 * hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.hidden(x).mean((2, 3))
        result: Tensor = self.out(torch.relu(self.mix(y)))[:, 0]
        return result


class ClassHead(nn.Sequential):
    """Global average pooling, then linear layers of the `hidden` widths with ReLU between: `(N, C, H, W)` to `(N, classes)`.

    With `norm`, batch normalisation stands before each ReLU; `dropout` is the probability after it.
    """

    def __init__(self, channels: int, classes: int, hidden: tuple[int, ...] = (), norm: bool = False, dropout: float = 0.0) -> None:
        layers: list[nn.Module] = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        for width in hidden:
            layers.append(nn.Linear(channels, width))
            layers.extend([nn.BatchNorm1d(width)] if norm else [])
            layers.append(nn.ReLU(inplace=True))
            layers.extend([nn.Dropout(dropout)] if dropout else [])
            channels = width
        super().__init__(*layers, nn.Linear(channels, classes))
