"""The policy network: the board in, a logit for every move out, 19x19 all the way (no pooling, no stride)."""

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from gocnn.board.coords import SIZE
from gocnn.board.planes import DEFAULT_GROUPS, plane_count
from gocnn.nn import Context, ConvNormAct, PointHead, ResidualBlock, initialise


@dataclass(frozen=True)
class PolicyConfig:
    """The shape of a policy network.

    groups: the planes it is shown (`gocnn.board.planes`); context: what each residual block knows of the whole board
    (`gocnn.nn.Context`); head: hidden channels of the head.
    """

    blocks: int = 6
    channels: int = 64
    stem_kernel: int = 5
    context: Context = "se"
    head: int = 32
    groups: tuple[str, ...] = DEFAULT_GROUPS
    size: int = SIZE

    def __post_init__(self) -> None:
        if min(self.blocks, self.channels, self.head) < 1 or self.stem_kernel % 2 == 0:
            raise ValueError("a policy network needs at least one block, channel and head channel, and an odd stem kernel")
        plane_count(self.groups)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "PolicyConfig":
        """The inverse of `dataclasses.asdict`, from JSON. Raises TypeError or ValueError if it does not fit."""
        return cls(**{**values, "groups": tuple(values.get("groups", DEFAULT_GROUPS))})


PRESETS = {
    "tiny": PolicyConfig(blocks=4, channels=32),
    "small": PolicyConfig(blocks=6, channels=64),
    "base": PolicyConfig(blocks=10, channels=128),
    "large": PolicyConfig(blocks=15, channels=192),
}


def preset(name: str, blocks: int | None = None, channels: int | None = None) -> PolicyConfig:
    """A preset, with other numbers of blocks and channels if given. Raises KeyError for an unknown name."""
    config = PRESETS[name]
    return replace(config, blocks=blocks or config.blocks, channels=channels or config.channels)


class PolicyNetwork(nn.Module):
    """Planes `(N, C, 19, 19)`, 0 or 1, float, to logits `(N, 362)`: the 361 points (flat index), then the pass.

    Stem, `blocks` residual blocks (`gocnn.nn.ResidualBlock`), `gocnn.nn.PointHead`. Compare Maddison et al. 2014
    (https://arxiv.org/abs/1412.6564), Silver et al. 2016, and Cazenave 2017, "Residual Networks for Computer Go".
    """

    def __init__(self, config: PolicyConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = ConvNormAct(plane_count(config.groups), config.channels, config.stem_kernel)
        self.blocks = nn.Sequential(*(ResidualBlock(config.channels, context=config.context) for _ in range(config.blocks)))
        self.head = PointHead(config.channels, config.size * config.size, config.head)
        initialise(self)
        nn.init.normal_(self.head.point.weight, std=0.1)
        nn.init.normal_(self.head.none.weight, std=0.01)

    def forward(self, planes: Tensor) -> Tensor:
        logits: Tensor = self.head(self.blocks(self.stem(planes)))
        return logits
