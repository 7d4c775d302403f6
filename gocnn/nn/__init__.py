"""The shared library of blocks. It knows nothing of Go or of photographs."""

from gocnn.nn.blocks import (
    Bottleneck,
    Context,
    ConvNormAct,
    GlobalBias,
    Pointwise,
    ResidualBlock,
    Shrink,
    SqueezeExcite,
    initialise,
)
from gocnn.nn.heads import ClassHead, MapHead, PointHead, TotalHead, ValueHead
from gocnn.nn.local import LocallyConnected
from gocnn.nn.pooling import MinPool2d, Pool, pooling
from gocnn.nn.variants import (
    Block,
    LargeKernelBlock,
    MobileBlock,
    NestedBottleneck,
    PreActBlock,
    trunk,
)

__all__ = [
    "Block",
    "Bottleneck",
    "ClassHead",
    "Context",
    "ConvNormAct",
    "GlobalBias",
    "LargeKernelBlock",
    "LocallyConnected",
    "MapHead",
    "MinPool2d",
    "MobileBlock",
    "NestedBottleneck",
    "PointHead",
    "Pointwise",
    "Pool",
    "PreActBlock",
    "ResidualBlock",
    "Shrink",
    "SqueezeExcite",
    "TotalHead",
    "ValueHead",
    "initialise",
    "pooling",
    "trunk",
]
