"""Batch norm over the batch of all processes."""

from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


def share_norms(model: nn.Module, group: Any = None) -> None:
    """Let the batch norms of the model see the batch of all processes of the group (by default of
    all there are)."""

    def sum_of_all(x: Tensor) -> Tensor:
        total: Tensor = _SumOfAll.apply(x, group)  # type: ignore[no-untyped-call]
        return total

    shared: dict[type, type] = {
        nn.BatchNorm1d: GlobalBatchNorm1d,
        nn.BatchNorm2d: GlobalBatchNorm2d,
    }
    # torch.compile must leave the exchange alone. Not a decorator: that would load all of the
    # compiler, 0.8 s, wherever this module is imported.
    exchange = torch.compiler.disable(sum_of_all)
    for module in model.modules():
        if type(module) in shared:
            module.__class__ = shared[type(module)]
        if isinstance(module, _GlobalBatchNorm):
            module.sum_of_all = exchange


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

    sum_of_all: Callable[[Tensor], Tensor]

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not dist.is_initialized():
            return super().forward(x)
        y = x.float()
        n = y.numel() // y.shape[1]
        others = (0, *range(2, y.ndim))
        # Filled where it is, since a number made here would have to be copied there, for which the
        # device is waited.
        sums = torch.cat([y.sum(others), (y * y).sum(others), y.new_full((1,), float(n))])
        total = self.sum_of_all(sums)
        count = total[-1].detach()
        mean, square = (total[:-1] / count).chunk(2)
        variance = square - mean * mean
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
