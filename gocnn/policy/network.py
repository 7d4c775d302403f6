"""The policy network: the board in, a logit for every move out, 19x19 all the way (no pooling, no
stride)."""

from dataclasses import dataclass, replace
from typing import get_args

import torch
from torch import Tensor, nn

from gocnn.board.coords import SIZE
from gocnn.features.planes import DEFAULT_GROUPS, plane_count
from gocnn.nn import (
    Block,
    Context,
    ConvNormAct,
    MapHead,
    PointHead,
    TotalHead,
    ValueHead,
    initialise,
    trunk,
)
from gocnn.policy.predictions import SCORE_SCALE
from gocnn.structs import stored_as


@dataclass(frozen=True)
class PolicyConfig:
    """The shape of a policy network.

    plane_groups: the planes it is shown (`gocnn.features.planes`); context: what each residual
    block knows of the whole board (`gocnn.nn.Context`); head: hidden channels of the head; future:
    how many moves after the next one it learns to foresee while it trains; block: which residual
    block (`gocnn.nn.variants`); value: whether it also says who will win; score: whether it also
    says whose each point will be, and by how many points (then it says who will win, too).
    """

    blocks: int = 6
    channels: int = 64
    stem_kernel: int = 5
    context: Context = "se"
    head: int = 32
    plane_groups: tuple[str, ...] = stored_as("groups", DEFAULT_GROUPS)
    size: int = SIZE
    future: int = 0
    block: Block = "residual"
    value: bool = False
    score: bool = False

    def __post_init__(self) -> None:
        if self.future < 0:
            raise ValueError("a policy network foresees no negative number of moves")
        if self.score and not self.value:
            raise ValueError("a policy network that says the score says who will win, too")
        if min(self.blocks, self.channels, self.head) < 1 or self.stem_kernel % 2 == 0:
            raise ValueError(
                "a policy network needs at least one block, channel and head channel, and an odd"
                " stem kernel"
            )
        if self.block not in get_args(Block):
            raise ValueError(f"{self.block!r} is no kind of block")
        plane_count(self.plane_groups)


PRESETS = {
    "tiny": PolicyConfig(blocks=4, channels=32, block="preact"),
    "small": PolicyConfig(blocks=6, channels=64, block="preact"),
    "base": PolicyConfig(blocks=10, channels=128, block="preact"),
    "large": PolicyConfig(blocks=15, channels=192, block="preact"),
}
"""Pre-activation, since it learns faster (docs/experiments.md); the lecture's blocks are
`block="residual"`."""


def preset(name: str, blocks: int | None = None, channels: int | None = None) -> PolicyConfig:
    """A preset, with other numbers of blocks and channels if given. Raises KeyError for an unknown
    name."""
    config = PRESETS[name]
    return replace(config, blocks=blocks or config.blocks, channels=channels or config.channels)


class PolicyNetwork(nn.Module):
    """Planes `(N, C, 19, 19)`, 0 or 1, float, to logits `(N, 362)`: the 361 points (flat index),
    then the pass.

    Stem, `blocks` residual blocks, `gocnn.nn.PointHead`. Compare Maddison et al. 2014
    (https://arxiv.org/abs/1412.6564), Silver et al. 2016, and Cazenave 2017, "Residual Networks for
    Computer Go".

    With `future`, more heads of the same kind say the moves after the next (Tian and Zhu 2015,
    https://arxiv.org/abs/1511.06410): in training mode the logits are `(N, 1 + future, 362)` then.
    They teach the blocks, and nobody asks them afterwards.

    With `value`, the result is a pair: the logits, and `(N,)`, the logit of the side to play
    winning the game (`gocnn.nn.ValueHead`).

    With `score`, two more follow: `(N, 361)`, the logits of each point being the side's to play at
    the end, and `(N, 2)`, its margin's mean and the logarithm of its spread, in units of
    `SCORE_SCALE` points (`gocnn.policy.predictions` turns them into points): by area, without komi.
    """

    def __init__(self, config: PolicyConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = ConvNormAct(
            plane_count(config.plane_groups), config.channels, config.stem_kernel
        )
        self.blocks = trunk(config.block, config.blocks, config.channels, config.context)
        self.later = nn.ModuleList(
            PointHead(config.channels, config.size * config.size, config.head)
            for _ in range(config.future)
        )
        self.head = PointHead(config.channels, config.size * config.size, config.head)
        self.value = ValueHead(config.channels, config.head) if config.value else None
        self.owner = MapHead(config.channels, config.head) if config.score else None
        self.score = TotalHead(config.channels, config.head, SCORE_SCALE) if config.score else None
        initialise(self)
        for head in (self.head, *self.later):
            nn.init.normal_(head.point.weight, std=0.1)
            nn.init.normal_(head.none.weight, std=0.01)
        if self.owner is not None and self.score is not None:  # even, to begin with
            nn.init.zeros_(self.owner.point.weight)
            nn.init.zeros_(self.score.out.weight)

    def forward(self, planes: Tensor) -> Tensor | tuple[Tensor, ...]:
        features = self.blocks(self.stem(planes))
        logits: Tensor = self.head(features)
        if self.training and self.later:
            logits = torch.stack([logits, *(head(features) for head in self.later)], 1)
        if self.value is None:
            return logits
        if self.owner is None or self.score is None:
            return logits, self.value(features)
        owner = self.owner(features)
        return logits, self.value(features), owner, self.score(features, owner)
