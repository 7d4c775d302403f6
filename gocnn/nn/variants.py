"""Other residual blocks than the lecture's, for comparison. All keep the shape `(N, C, H, W)`, add
to their input and normalise what they read (pre-activation), so a trunk made of them ends with
`NormAct`."""

from collections.abc import Callable
from typing import Literal

from torch import nn

from gocnn.nn.blocks import CONTEXTS, Context, ResidualBlock, ResidualBranch

Block = Literal["residual", "preact", "nested", "mobile", "large", "dilated"]
"""residual: the lecture's (`gocnn.nn.ResidualBlock`); the others are the classes below; dilated:
`PreActBlock` with dilation 2 in its second half."""


class NormAct(nn.Sequential):
    """Batch normalisation, ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


def _conv(
    inputs: int, outputs: int, kernel: int, *, groups: int = 1, dilation: int = 1
) -> nn.Conv2d:
    return nn.Conv2d(
        inputs, outputs, kernel, 1, kernel // 2 * dilation, dilation, groups, bias=False
    )


def _context(context: Context, channels: int) -> list[nn.Module]:
    return [] if context == "none" else [CONTEXTS[context](channels)]


class PreActBlock(ResidualBranch):
    """Normalisation, ReLU, 3x3 convolution, twice (He et al. 2016, "Identity Mappings in Deep
    Residual Networks", https://arxiv.org/abs/1603.05027)."""

    def __init__(self, channels: int, context: Context = "none", dilation: int = 1) -> None:
        super().__init__()
        second = _conv(channels, channels, 3, dilation=dilation)
        self.branch = nn.Sequential(
            NormAct(channels),
            _conv(channels, channels, 3),
            NormAct(channels),
            second,
            *_context(context, channels),
        )


class NestedBottleneck(ResidualBranch):
    """1x1 down to half of the channels, two `PreActBlock` there, 1x1 up again (KataGo's "nbt"
    networks since 2022,
    https://github.com/lightvector/KataGo/blob/master/docs/KataGoMethods.md)."""

    def __init__(self, channels: int, context: Context = "none") -> None:
        super().__init__()
        half = max(1, channels // 2)
        inner = (PreActBlock(half, context), PreActBlock(half))
        self.branch = nn.Sequential(
            NormAct(channels),
            _conv(channels, half, 1),
            *inner,
            NormAct(half),
            _conv(half, channels, 1),
        )


class MobileBlock(ResidualBranch):
    """1x1 up to `expansion` times the channels, a depthwise 3x3, 1x1 down (Sandler et al. 2018,
    https://arxiv.org/abs/1801.04381; for Go: Cazenave 2020, "Mobile Networks for Computer Go",
    https://arxiv.org/abs/2008.10080)."""

    def __init__(self, channels: int, context: Context = "none", expansion: int = 4) -> None:
        super().__init__()
        wide = channels * expansion
        self.branch = nn.Sequential(
            NormAct(channels),
            _conv(channels, wide, 1),
            NormAct(wide),
            _conv(wide, wide, 3, groups=wide),
            NormAct(wide),
            _conv(wide, channels, 1),
            *_context(context, channels),
        )


class LargeKernelBlock(ResidualBranch):
    """A depthwise 7x7, then 1x1 to `expansion` times the channels and back (Liu et al. 2022, "A
    ConvNet for the 2020s", https://arxiv.org/abs/2201.03545, with batch normalisation and ReLU)."""

    def __init__(self, channels: int, context: Context = "none", expansion: int = 3) -> None:
        super().__init__()
        wide = channels * expansion
        self.branch = nn.Sequential(
            NormAct(channels),
            _conv(channels, channels, 7, groups=channels),
            nn.BatchNorm2d(channels),
            _conv(channels, wide, 1),
            NormAct(wide),
            _conv(wide, channels, 1),
            *_context(context, channels),
        )


_MAKERS: dict[str, Callable[[int, Context], nn.Module]] = {
    "residual": lambda channels, context: ResidualBlock(channels, context=context),
    "preact": PreActBlock,
    "nested": NestedBottleneck,
    "mobile": MobileBlock,
    "large": LargeKernelBlock,
    "dilated": lambda channels, context: PreActBlock(channels, context, dilation=2),
}


def trunk(block: Block, blocks: int, channels: int, context: Context) -> nn.Sequential:
    """`blocks` blocks of that kind, ready for a head. Raises KeyError for an unknown kind."""
    make = _MAKERS[block]
    parts = [make(channels, context) for _ in range(blocks)]
    return nn.Sequential(*parts, *([] if block == "residual" else [NormAct(channels)]))
