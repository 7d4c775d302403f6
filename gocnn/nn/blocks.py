"""The blocks every network here is made of."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Context = Literal["none", "se", "bias"]
"""What a residual block knows of the whole picture: nothing; squeeze-and-excite; or a bias from the
mean and maximum of each channel."""


class Pointwise(nn.Conv2d):
    """A 1x1 convolution without bias or padding, `(N, in, H, W)` to `(N, out, H', W')`; a stride
    takes every so many-th row and column.

    On CPUs the rows and columns are taken before the product: the same numbers, but torch's own way
    through oneDNN, with a stride, writes past its buffers in the backward pass over channels-last
    maps of few channels. Gradients are wrong then, or the process crashes (torch 2.13; seen in
    float32 with fewer than 9 channels; no kernel but 1x1 is concerned).
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.stride == (1, 1) or x.device.type != "cpu":
            return super().forward(x)
        return functional.conv2d(x[:, :, :: self.stride[0], :: self.stride[1]], self.weight)


class ConvNormAct(nn.Sequential):
    """Convolution, batch normalisation, ReLU: `(N, in, H, W)` to `(N, out, H', W')`.

    Padding keeps the size at stride 1 (`kernel` odd). There is no convolution bias, since
    normalisation has one. `act=False` leaves out the ReLU.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, act: bool = True
    ) -> None:
        if kernel == 1:
            convolution: nn.Conv2d = Pointwise(inputs, outputs, stride)
        else:
            convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        layers: list[nn.Module] = [convolution, nn.BatchNorm2d(outputs)]
        super().__init__(*layers, *([nn.ReLU(inplace=True)] if act else []))


class SqueezeExcite(nn.Module):
    """Scales each channel by a number from 0 to 1 computed from all channels' means (Hu et al.
    2018, https://arxiv.org/abs/1709.01507)."""

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        hidden = max(8, channels // reduction)
        self.reduce = nn.Linear(channels, hidden)
        self.expand = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        weight = torch.sigmoid(self.expand(torch.relu(self.reduce(x.mean((2, 3))))))
        result: Tensor = x * weight[:, :, None, None]
        return result


class GlobalBias(nn.Module):
    """Adds to each channel a number computed from all channels' means and maxima: what is far away
    informs what is here.

    The picture keeps its size: the mean is context, not down-sampling (compare the global pooling
    bias of KataGo, Wu 2019, https://arxiv.org/abs/1902.10565).
    """

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, max(8, channels // reduction), 1)
        self.expand = nn.Linear(2 * max(8, channels // reduction), channels)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.squeeze(x))
        bias = self.expand(torch.cat([y.mean((2, 3)), y.amax((2, 3))], 1))
        result: Tensor = x + bias[:, :, None, None]
        return result


Shrink = Literal["stride", "mean"]
"""How the shortcut of a residual block with a stride makes maps smaller."""

CONTEXTS: dict[str, Callable[[int], nn.Module]] = {"se": SqueezeExcite, "bias": GlobalBias}


class ResidualBlock(nn.Module):
    """The residual block of the lecture: two 3x3 convolutions with batch normalisation, the input
    added back, ReLU after the sum.

    `(N, in, H, W)` to `(N, out, H / stride, W / stride)`. The shortcut is the identity, or a 1x1
    convolution with batch normalisation where the shape changes (He et al. 2015,
    https://arxiv.org/abs/1512.03385, options A/B). With a stride, `shrink` says what that sees:
    `stride` every second point both ways, as the paper has it, or `mean` the mean of each window of
    `stride` x `stride`, so that nothing is passed over (ResNet-D; He et al. 2019,
    https://arxiv.org/abs/1812.01187). `context` is applied before the sum.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int | None = None,
        stride: int = 1,
        *,
        context: Context = "none",
        shrink: Shrink = "stride",
    ) -> None:
        super().__init__()
        outputs = outputs or inputs
        self.first = ConvNormAct(inputs, outputs, 3, stride=stride)
        self.second = ConvNormAct(outputs, outputs, 3, act=False)
        self.context = CONTEXTS[context](outputs) if context != "none" else nn.Identity()
        self.shortcut: nn.Module = nn.Identity()
        if shrink == "mean" and stride > 1:
            self.shortcut = nn.Sequential(
                # windows at the edge count their own points only
                nn.AvgPool2d(stride, ceil_mode=True, count_include_pad=False),
                ConvNormAct(inputs, outputs, 1, act=False),
            )
        elif inputs != outputs or stride > 1:
            self.shortcut = ConvNormAct(inputs, outputs, 1, stride=stride, act=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.context(self.second(self.first(x)))
        return torch.relu(y + self.shortcut(x))


class ResidualBranch(nn.Module):
    """A block that adds `branch(x)` to its input."""

    branch: nn.Sequential

    @property
    def last(self) -> nn.Conv2d:
        """The branch's last convolution. (A property, for a second attribute would put its weights
        into model files twice.)"""
        return [part for part in self.branch if isinstance(part, nn.Conv2d)][-1]

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.branch(x)
        return result


class Bottleneck(nn.Module):
    """The bottleneck block of ResNet-50 and deeper: 1x1 down to `width`, 3x3 (it has the stride),
    1x1 up to `4 * width`; ReLU after the sum.

    Parameter names are torchvision's (`conv1`, `bn1`, ..., `downsample.0`, `downsample.1`), so that
    published weights fit (He et al. 2015; the stride on the 3x3 convolution is torchvision's
    "V1.5").
    """

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int = 1) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                Pointwise(inputs, outputs, stride), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        shortcut = x if self.downsample is None else self.downsample(x)
        return torch.relu(y + shortcut)


def initialise(module: nn.Module) -> None:
    """He initialisation for convolutions and linear layers before ReLU; normalisations start as the
    identity, and what ends each residual branch (its last normalisation, a `ResidualBranch`'s last
    convolution) at zero, so that a deep network begins as a shallow one (Goyal et al. 2017,
    https://arxiv.org/abs/1706.02677)."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(
                part.weight,
                mode="fan_out" if isinstance(part, nn.Conv2d) else "fan_in",
                nonlinearity="relu",
            )
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.BatchNorm2d | nn.BatchNorm1d):
            nn.init.ones_(part.weight)
            nn.init.zeros_(part.bias)
    for part in module.modules():
        if isinstance(part, ResidualBlock):
            nn.init.zeros_(part.second[1].weight)  # type: ignore[arg-type]
        elif isinstance(part, ResidualBranch):
            nn.init.zeros_(part.last.weight)
        elif isinstance(part, Bottleneck):
            nn.init.zeros_(part.bn3.weight)
        elif isinstance(part, SqueezeExcite | GlobalBias):
            nn.init.zeros_(part.expand.weight)
