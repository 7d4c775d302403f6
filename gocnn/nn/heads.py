"""Heads: from feature maps to the numbers asked for."""

import torch
from torch import Tensor, nn

from gocnn.nn.blocks import ConvNormAct


class PointHead(nn.Module):
    """One logit for each point, and one for "none of them" (the pass): `(N, C, H, W)` to `(N, H * W
    + 1)`.

    A 1x1 convolution to `hidden` channels, the same weights at every point, then one to a logit,
    plus a bias of each point's own (AlphaGo's head). The last logit is computed from the means of
    the hidden channels.
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

    A 1x1 convolution to `hidden` channels, their means over the map, two linear layers (compare
    Silver et al. 2017, "Mastering the game of Go without human knowledge", whose head flattens the
    map instead).
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


class MapHead(nn.Module):
    """One logit for each point, such as whose it will be: `(N, C, H, W)` to `(N, H * W)`.

    A 1x1 convolution to `hidden` channels, then one to the logit.
    """

    def __init__(self, channels: int, hidden: int = 32) -> None:
        super().__init__()
        self.hidden = ConvNormAct(channels, hidden, 1)
        self.point = nn.Conv2d(hidden, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.point(self.hidden(x)).flatten(1)
        return result


class TotalHead(nn.Module):
    """Mean and log of the spread of a sum over the map, both in units of `scale`: `(N, 2)` from
    features `(N, C, H, W)` and the logits of the points, `(N, H * W)`.

    The expectation of a sum is the sum of the expectations, 2 sigmoid - 1 of each logit. What the
    means of `hidden` channels say of the whole map is added to that. The points are taught by their
    own labels alone: no gradient of the sum goes back to `logits`, where it would outweigh theirs.
    """

    def __init__(self, channels: int, hidden: int = 32, scale: float = 20.0) -> None:
        super().__init__()
        self.scale = scale
        self.hidden = ConvNormAct(channels, hidden, 1)
        self.mix = nn.Linear(hidden + 1, 2 * hidden)
        self.out = nn.Linear(2 * hidden, 2)

    def forward(self, x: Tensor, logits: Tensor) -> Tensor:
        total = torch.tanh(logits.detach().float() / 2).sum(1, keepdim=True) / self.scale
        y = self.out(
            torch.relu(self.mix(torch.cat([self.hidden(x).mean((2, 3)).float(), total], 1)))
        )
        result: Tensor = y.float() + torch.cat([total, torch.zeros_like(total)], 1)
        return result


class ClassHead(nn.Sequential):
    """Global average pooling, then linear layers of the `hidden` widths with ReLU between: `(N, C,
    H, W)` to `(N, classes)`.

    With `norm`, batch normalisation stands before each ReLU; `dropout` is the probability after it.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        hidden: tuple[int, ...] = (),
        *,
        norm: bool = False,
        dropout: float = 0.0,
    ) -> None:
        layers: list[nn.Module] = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        for width in hidden:
            layers.append(nn.Linear(channels, width))
            layers.extend([nn.BatchNorm1d(width)] if norm else [])
            layers.append(nn.ReLU(inplace=True))
            layers.extend([nn.Dropout(dropout)] if dropout else [])
            channels = width
        super().__init__(*layers, nn.Linear(channels, classes))
