"""Batch norm over the batch of all processes."""

from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional


def share_norms(model: nn.Module, group: Any = None) -> None:
    """Let the batch norms of the model see the batch of all processes of the group (by default of
    all there are)."""

    def rows_of_all(row: Tensor) -> Tensor:
        """The row, `(L,)`, of each process, by rank: `(world, L)`."""
        rank, world = dist.get_rank(group), dist.get_world_size(group)
        mine = functional.pad(row[None], (0, 0, rank, world - rank - 1))
        rows: Tensor = _SumOfAll.apply(mine, group)  # type: ignore[no-untyped-call]
        return rows

    shared: dict[type, type] = {
        nn.BatchNorm1d: GlobalBatchNorm1d,
        nn.BatchNorm2d: GlobalBatchNorm2d,
    }
    # torch.compile must leave the exchange alone. Not a decorator: that would load all of the
    # compiler, 0.8 s, wherever this module is imported.
    exchange = torch.compiler.disable(rows_of_all)
    for module in model.modules():
        if type(module) in shared:
            module.__class__ = shared[type(module)]
        if isinstance(module, _GlobalBatchNorm):
            module.rows_of_all = exchange


class _SumOfAll(torch.autograd.Function):
    """A tensor summed over all processes of a group, which must all call this, and so its gradient.
    (torch's own function for it is deprecated, and its successor is not in every release that this
    package works with.)"""

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Any) -> Tensor:
        ctx.group = group
        total = x.clone()
        dist.all_reduce(total, group=group)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        total = grads[0].clone()
        dist.all_reduce(total, group=ctx.group)
        return total, None


class _GlobalBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm over the batch of all processes (torch's SyncBatchNorm is for GPUs only; this also
    runs on CPUs, through Gloo)."""

    rows_of_all: Callable[[Tensor], Tensor]

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not dist.is_initialized():
            return super().forward(x)
        y = x.float()
        # Each process's own mean and variance, not sums of squares: their difference from a large
        # mean's square would be lost in rounding, or below zero.
        spread, middle = torch.var_mean(y, (0, *range(2, y.ndim)), correction=0)
        # Filled where it is, since a number made here would have to be copied there, for which the
        # device is waited.
        n = y.new_full((1,), float(y.numel() // y.shape[1]))
        rows = self.rows_of_all(torch.cat([middle, spread, n]))
        counts = rows[:, -1:].detach()
        means, variances = rows[:, :-1].chunk(2, 1)
        count = counts.sum()
        mean = (counts * means).sum(0) / count
        variance = (counts * (variances + (means - mean) ** 2)).sum(0) / count
        with torch.no_grad():
            momentum = self.momentum if self.momentum is not None else 0.1
            assert self.running_mean is not None
            assert self.running_var is not None
            assert self.num_batches_tracked is not None
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * count / (count - 1), momentum)
            self.num_batches_tracked += 1
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shape = (-1, *[1] * (y.ndim - 2))
        out = y * scale.view(shape) + (self.bias - mean * scale).view(shape)
        result: Tensor = out.to(x.dtype)
        return result


class GlobalBatchNorm2d(_GlobalBatchNorm, nn.BatchNorm2d):
    """`_GlobalBatchNorm` of feature maps, `(N, C, H, W)`."""


class GlobalBatchNorm1d(_GlobalBatchNorm, nn.BatchNorm1d):
    """`_GlobalBatchNorm` of vectors, `(N, C)`."""
