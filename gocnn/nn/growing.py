"""Growth: the weights of a trained network in a deeper and wider one that computes the same (Chen
et al. 2016, "Net2Net", https://arxiv.org/abs/1511.05641).

Deeper: new blocks are those of a fresh network, whose residual branch begins at zero
(`gocnn.nn.initialise`). Wider: a new channel copies an old one, and what reads them divides its
weights among the copies. The shares are unequal at random and sum to the whole, so that the
function stays exactly what it was, normalised by the batch or by running statistics, while the
copies have different gradients from the first step on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gocnn.nn.blocks import GlobalBias, ResidualBlock, ResidualBranch, SqueezeExcite
from gocnn.nn.heads import MapHead, PointHead, TotalHead, ValueHead

NOISE = 0.3
"""How unequal the shares of copies are: the deviation, as a part of the deviation of the layer's
weights."""


@dataclass(frozen=True)
class Channels:
    """How a widened layer's channels come from the `old` number of them: new channel `i` is a copy
    of old channel `source[i]`, int64 `(new,)`; the old ones come first."""

    old: int
    source: Tensor

    @classmethod
    def widened(cls, old: int, new: int) -> "Channels":
        """A choice for `new` channels of `old` ones: each is copied equally often, to within one.
        Raises ValueError if `new` is less."""
        if new < old:
            raise ValueError(f"{old} channels cannot become {new}")
        rounds = [torch.arange(old), *(torch.randperm(old) for _ in range(-(-new // old) - 1))]
        return cls(old, torch.cat(rounds)[:new])

    def beside(self, other: "Channels") -> "Channels":
        """These channels followed by the `other` ones, for a vector that holds both."""
        return Channels(self.old + other.old, torch.cat([self.source, other.source + self.old]))

    def written(self, old: Tensor) -> Tensor:
        """What a layer holds for each channel that it writes (a bias, rows of a weight), for the
        new channels: `(old, ...)` to `(new, ...)`."""
        return old[self.source]

    def read(self, old: Tensor) -> Tensor:
        """The weights of a layer that reads these channels, `(out, old, ...)` to `(out, new, ...)`:
        the copies of a channel share its weight, unequally, so that their sum is what it was."""
        if len(self.source) == self.old:
            return old
        copies = torch.bincount(self.source, minlength=self.old)

        def shared(weights: Tensor) -> Tensor:
            """The weights divided equally among the copies of each channel."""
            return (
                weights.transpose(0, 1)[self.source]
                / copies[self.source].view(-1, *[1] * (weights.ndim - 1))
            ).transpose(0, 1)

        noise = torch.randn(old.shape[0], len(self.source), *old.shape[2:], dtype=old.dtype) * (
            NOISE * old.std(unbiased=False)
        )
        sums = torch.zeros_like(old).index_add_(1, self.source, noise)
        return shared(old) + (noise - shared(sums))


def deepened(old: int, new: int) -> list[int | None]:
    """Where each of `new` blocks takes its weights from: the number of an old block, or None for
    the new ones, which come last. Raises ValueError if `new` is less than `old`."""
    if new < old:
        raise ValueError(f"{old} blocks cannot become {new}")
    return [*range(old), *[None] * (new - old)]


@torch.no_grad()
def grow_trunk(old: nn.Sequential, new: nn.Sequential, channels: Channels) -> None:
    """Put the weights of the trunk `old` into the freshly made trunk `new` (`gocnn.nn.trunk`),
    which has as many blocks or more, and the channels `channels`."""
    (old_blocks, old_end), (new_blocks, new_end) = map(_halves, (old, new))
    for block, source in zip(new_blocks, deepened(len(old_blocks), len(new_blocks)), strict=True):
        if source is not None:
            grow(old_blocks[source], block, channels, written=channels)
    grow_chain(old_end, new_end, channels)


def _halves(trunk: nn.Sequential) -> tuple[list[nn.Module], list[nn.Module]]:
    """A trunk's blocks, and the modules after them."""
    parts = list(trunk)
    blocks: list[nn.Module] = [
        part for part in parts if isinstance(part, ResidualBlock | ResidualBranch)
    ]
    return blocks, parts[len(blocks) :]


@torch.no_grad()
def grow_chain(
    old: Sequence[nn.Module],
    new: Sequence[nn.Module],
    read: Channels,
    *,
    written: Channels | None = None,
) -> Channels:
    """`grow` for modules that follow one another. `written`: the channels that the chain is to
    write (None: they are chosen). Returns the channels that it writes."""
    mixing = [i for i, part in enumerate(old) if _mixes(part)]
    for i, (mine, theirs) in enumerate(zip(new, old, strict=True)):
        read = grow(theirs, mine, read, written=written if mixing and i == mixing[-1] else None)
    return read


def _mixes(part: nn.Module) -> bool:
    """Whether the module combines channels, so that it may write others than it reads."""
    if isinstance(part, nn.Sequential):
        return any(map(_mixes, part))
    return isinstance(part, nn.Linear) or (isinstance(part, nn.Conv2d) and part.groups == 1)


@torch.no_grad()
def grow(
    old: nn.Module, new: nn.Module, read: Channels, *, written: Channels | None = None
) -> Channels:
    """Put the weights of the module `old` into `new`, a wider one of the same kind; `read` are the
    channels that it reads.

    written: the channels that it is to write, where they must fit another module (as in a residual
    sum); None: they are chosen here. Returns the channels that it writes. Raises TypeError for a
    module of an unknown kind.
    """
    match old, new:
        case (nn.Sequential(), nn.Sequential()):
            return grow_chain(list(old), list(new), read, written=written)
        case (nn.Conv2d() | nn.Linear(), nn.Conv2d() | nn.Linear()):
            return _grow_weights(old, new, read, written)
        case (nn.BatchNorm2d() | nn.BatchNorm1d(), nn.BatchNorm2d() | nn.BatchNorm1d()):
            tensors = old.state_dict()
            new.load_state_dict(
                {
                    name: read.written(tensor) if tensor.ndim else tensor
                    for name, tensor in tensors.items()
                }
            )
            return read
        case (ResidualBranch(), ResidualBranch()):
            grow_chain(list(old.branch), list(new.branch), read, written=read)
            return read
        case (ResidualBlock(), ResidualBlock()):
            grow(old.second, new.second, grow(old.first, new.first, read), written=read)
            grow(old.context, new.context, read)
            return read
        case (SqueezeExcite(), SqueezeExcite()):
            grow(old.expand, new.expand, grow(old.reduce, new.reduce, read), written=read)
            return read
        case (GlobalBias(), GlobalBias()):
            squeezed = grow(old.squeeze, new.squeeze, read)
            grow(old.expand, new.expand, squeezed.beside(squeezed), written=read)
            return read
        case (PointHead(), PointHead()):
            hidden = grow(old.hidden, new.hidden, read)
            grow(old.point, new.point, hidden)
            new.bias.copy_(old.bias)
            return grow(old.none, new.none, hidden)
        case (ValueHead(), ValueHead()):
            return grow(
                old.out, new.out, grow(old.mix, new.mix, grow(old.hidden, new.hidden, read))
            )
        case (MapHead(), MapHead()):
            return grow(old.point, new.point, grow(old.hidden, new.hidden, read))
        case (TotalHead(), TotalHead()):
            hidden = grow(old.hidden, new.hidden, read).beside(Channels.widened(1, 1))
            return grow(old.out, new.out, grow(old.mix, new.mix, hidden))
        case (nn.ReLU() | nn.Identity(), nn.ReLU() | nn.Identity()):
            return read
    raise TypeError(f"how {type(old).__name__} grows into {type(new).__name__} is not known")


def _grow_weights(
    old: nn.Conv2d | nn.Linear, new: nn.Conv2d | nn.Linear, read: Channels, written: Channels | None
) -> Channels:
    # depthwise: each channel is read by its own copy alone
    if isinstance(old, nn.Conv2d) and old.groups > 1:
        new.weight.copy_(read.written(old.weight))
        return read
    if written is None:
        written = Channels.widened(old.weight.shape[0], new.weight.shape[0])
    new.weight.copy_(written.written(read.read(old.weight)))
    if old.bias is not None and new.bias is not None:
        new.bias.copy_(written.written(old.bias))
    return written
