"""The shared library of blocks. It knows nothing of Go or of photographs."""

from gocnn.nn.blocks import Bottleneck, Context, ConvNormAct, GlobalBias, ResidualBlock, SqueezeExcite, initialise
from gocnn.nn.heads import ClassHead, PointHead
from gocnn.nn.pooling import MinPool2d, Pool, pooling

__all__ = [
    "Bottleneck",
    "ClassHead",
    "Context",
    "ConvNormAct",
    "GlobalBias",
    "MinPool2d",
    "PointHead",
    "Pool",
    "ResidualBlock",
    "SqueezeExcite",
    "initialise",
    "pooling",
]
