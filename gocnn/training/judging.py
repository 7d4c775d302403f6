"""Judging a model: a task's figures over validation batches."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from gocnn.training.batches import Batch
from gocnn.training.precision import autocast
from gocnn.training.task import Task


@torch.no_grad()
def evaluate(model: nn.Module, task: Task, batches: Iterable[Batch], device: torch.device, precision: str) -> dict[str, float]:
    """The task's figures for a model over some batches. The model is left in evaluation mode."""
    model.eval()
    exact = torch.float32 if device.type == "mps" else torch.float64  # Apple's GPUs have no doubles
    sums: dict[str, Tensor] = {}
    for batch in batches:
        here = tuple(t.to(device, non_blocking=True) for t in batch)
        with autocast(device, precision):
            part = task.judge(model, here)
        for key, value in part.items():
            sums[key] = sums.get(key, torch.zeros((), dtype=exact, device=device)) + value.to(device=device, dtype=exact)
    return task.summary({key: float(value) for key, value in sums.items()})
