"""Judging a model: a task's figures over validation batches."""

from collections.abc import Callable, Iterable
from typing import Protocol

import torch
from torch import Tensor, nn

from gocnn.training.batches import Batch
from gocnn.training.distributed import Processes, take_from_first
from gocnn.training.precision import autocast
from gocnn.training.task import Task


class ValidationBatches(Protocol):
    """Batches by number, the same each time: a list, or what reads each when it is asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> Batch: ...


class PutOff(Exception):
    """The run was told to stop while a model was judged."""


class Unless:
    """The same batches, but once `stop` returns true, asking for another one raises PutOff."""

    def __init__(self, stop: Callable[[], bool], batches: ValidationBatches) -> None:
        self._stop, self._batches = stop, batches

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, number: int, /) -> Batch:
        if self._stop():
            raise PutOff
        return self._batches[number]


def evaluate(
    model: nn.Module, task: Task, batches: Iterable[Batch], device: torch.device, precision: str
) -> dict[str, float]:
    """The task's figures (see `Task.summary`) for a model over some batches. The model is left in
    evaluation mode."""
    return task.summary(_sums(model, task, batches, device, precision))


def evaluate_together(
    model: nn.Module,
    task: Task,
    batches: ValidationBatches,
    *,
    device: torch.device,
    precision: str,
    processes: Processes,
) -> dict[str, float]:
    """The figures of `evaluate`, in all processes: each judges every `world`-th batch, with the
    weights of process 0, and their sums are added."""
    if processes.world == 1:
        return evaluate(model, task, (batches[i] for i in range(len(batches))), device, precision)
    take_from_first(model, processes)
    with processes.together():
        mine = _sums(
            model,
            task,
            (batches[i] for i in range(processes.rank, len(batches), processes.world)),
            device,
            precision,
        )
    total: dict[str, float] = {}
    for sums in processes.gather(mine):
        for key, value in sums.items():
            total[key] = total.get(key, 0.0) + value
    return task.summary(total)


@torch.no_grad()
def _sums(
    model: nn.Module, task: Task, batches: Iterable[Batch], device: torch.device, precision: str
) -> dict[str, float]:
    """The sums of the task's judgements over the batches, in float64 (float32 on Apple's GPUs)."""
    model.eval()
    exact = torch.float32 if device.type == "mps" else torch.float64  # Apple's GPUs have no doubles
    sums: dict[str, Tensor] = {}
    for batch in batches:
        here = tuple(t.to(device, non_blocking=True) for t in batch)
        with autocast(device, precision):
            part = task.judge(model, here)
        for key, value in part.items():
            sums[key] = sums.get(key, torch.zeros((), dtype=exact, device=device)) + value.to(
                device=device, dtype=exact
            )
    return {key: float(value) for key, value in sums.items()}
