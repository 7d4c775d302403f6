"""Convolutions whose input is padded with planes of zeros to a multiple of 8 as it computes, the
width that tensor cores work in.

The weights stay as they are, in the network and in its files.
"""

from torch import Tensor, nn
from torch.nn import functional

MULTIPLE = 8


class PaddedConv2d(nn.Conv2d):
    """`nn.Conv2d` of one group, with zeros for the planes that are missing to a multiple of
    MULTIPLE: the same result but for rounding."""

    def forward(self, x: Tensor) -> Tensor:
        missing = (0, 0, 0, 0, 0, -self.in_channels % MULTIPLE)
        result: Tensor = self._conv_forward(
            functional.pad(x, missing), functional.pad(self.weight, missing), self.bias
        )
        return result


def pad_planes(model: nn.Module) -> list[str]:
    """Turn the convolutions of `model` that see a number of planes which is no multiple of MULTIPLE
    into PaddedConv2d; returns their names."""
    odd = {
        name: m
        for name, m in model.named_modules()
        if type(m) is nn.Conv2d and m.in_channels % MULTIPLE and m.groups == 1
    }
    for module in odd.values():
        module.__class__ = PaddedConv2d
    return list(odd)
