"""Deep networks with and without shortcuts, and how strongly the loss pulls at each of their
blocks."""

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from gocnn.nn.blocks import ResidualBlock, initialise

Shortcuts = Literal["none", "identity", "zero"]
"""none: a block's two convolutions follow the next block's; identity: what a block is given is
added to what it makes of it; zero: the same, and each block begins by adding nothing (its last
normalisation scales by 0), as networks are started here."""

SHORTCUTS: tuple[Shortcuts, ...] = get_args(Shortcuts)


class PlainBlock(ResidualBlock):
    """A `ResidualBlock` without its shortcut: the same parameters, `relu(branch(x))` instead of
    `relu(branch(x) + x)`."""

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = torch.relu(self.context(self.second(self.first(x))))
        return result


def blocks(shortcuts: Shortcuts, count: int, channels: int) -> nn.Sequential:
    """So many blocks, `(N, channels, H, W)` to the same, with fresh weights (He initialisation)
    from torch's default generator. Raises ValueError for other shortcuts."""
    if shortcuts not in SHORTCUTS:
        raise ValueError(f"shortcuts must be one of {', '.join(SHORTCUTS)}, not {shortcuts!r}")
    kind = PlainBlock if shortcuts == "none" else ResidualBlock
    made = nn.Sequential(*(kind(channels) for _ in range(count)))
    initialise(made)
    if shortcuts != "zero":
        for part in made:
            nn.init.ones_(part.second[1].weight)  # type: ignore[index, union-attr]
    return made


def gradient_norms(
    trunk: nn.Sequential, x: Tensor, loss: Callable[[Tensor], Tensor]
) -> list[float]:
    """The norm of the gradient of `loss(trunk(x))` by what each block is given, and by what the
    last one gives: one more number than there are blocks, from the first block on.

    x: features, `(N, C, H, W)`; loss: maps features to a number.
    """
    with torch.enable_grad():
        reached = [x.detach().requires_grad_()]
        for block in trunk:
            reached.append(block(reached[-1]))
        gradients = torch.autograd.grad(loss(reached[-1]), reached)
    return [float(gradient.norm()) for gradient in gradients]
