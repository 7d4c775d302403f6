"""Several processes, started by torchrun: one for each GPU (NCCL), or on CPUs (Gloo)."""

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from gocnn.errors import UserError
from gocnn.training.devices import resolve, take


@dataclass(frozen=True)
class Processes:
    """This process among all: `rank` 0 to `world - 1`."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        return self.rank == 0

    def agree(self, value: float) -> float:
        """The value that process 0 has, in every process."""
        if self.world == 1:
            return value
        box: list[Any] = [value]
        dist.broadcast_object_list(box, src=0)
        return float(box[0])


def join(device: str) -> tuple[Processes, torch.device]:
    """Join the processes that torchrun started (or be the only one), and choose this one's device: see `gocnn.training.devices.resolve`.

    Of several processes on CUDA each has a device of its own. Raises UserError if there is no such device.
    """
    chosen = resolve(device)
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return Processes(), take(chosen)
    if chosen.type == "mps":
        raise UserError("--device mps: several processes cannot share Apple's GPU; start one, without torchrun")
    use_cuda = chosen.type == "cuda"
    if use_cuda:
        chosen = resolve(f"cuda:{os.environ.get('LOCAL_RANK', '0')}")
    if use_cuda:
        take(chosen)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if use_cuda else "gloo")
    return Processes(dist.get_rank(), dist.get_world_size()), chosen


def leave() -> None:
    """Part from the other processes, if there are any."""
    if dist.is_initialized():
        dist.destroy_process_group()


def wrap(model: nn.Module, processes: Processes, device: torch.device, sync_norms: bool = True) -> nn.Module:
    """The model with gradients averaged over all processes and batch norms that see the global batch (each its own part of it without
    `sync_norms`; the running averages that count are those of process 0 then); the model itself if alone."""  # fmt: skip
    if processes.world == 1:
        return model
    if sync_norms:
        _share_norms(model)
    # What torch calls the option not to copy buffers before each step has changed.
    names = inspect.signature(nn.parallel.DistributedDataParallel).parameters
    unshared: dict[str, Any] = {"forward_sync_buffers" if "forward_sync_buffers" in names else "broadcast_buffers": False}
    return nn.parallel.DistributedDataParallel(model, [device.index] if device.type == "cuda" else None, **unshared)


def _share_norms(model: nn.Module) -> None:
    shared: dict[type, type] = {nn.BatchNorm1d: GlobalBatchNorm1d, nn.BatchNorm2d: GlobalBatchNorm2d}
    # torch.compile must leave the exchange alone. Not a decorator: that would load all of the compiler, 0.8 s, wherever this module is imported.
    exchange = torch.compiler.disable(_sum_of_all)  # type: ignore[no-untyped-call]
    for module in model.modules():
        if type(module) in shared:
            module.__class__ = shared[type(module)]
            module.sum_of_all = exchange


class _SumOfAll(torch.autograd.Function):
    """A tensor summed over all processes, and so its gradient. (torch's own function for it is deprecated, and its successor is not in every
    release that this package works with.)"""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return _SumOfAll.forward(ctx, *grads)


def _sum_of_all(x: Tensor) -> Tensor:
    """A tensor summed over all processes, which must all call this; differentiable."""
    total: Tensor = _SumOfAll.apply(x)  # type: ignore[no-untyped-call]
    return total


class _GlobalBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm over the batch of all processes (torch's SyncBatchNorm is for GPUs only; this also runs on CPUs, through Gloo)."""

    sum_of_all: Callable[[Tensor], Tensor]

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not dist.is_initialized():
            return super().forward(x)
        y = x.float()
        n = y.numel() // y.shape[1]
        others = (0, *range(2, y.ndim))
        sums = torch.cat([y.sum(others), (y * y).sum(others), y.new_tensor([float(n)])])
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
