"""What a trainer is given beside a network and a TrainConfig."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import nn

from gocnn.training.batches import BatchSource
from gocnn.training.distributed import Processes
from gocnn.training.judging import ValidationBatches
from gocnn.training.run import RunFolder
from gocnn.training.schedule import Deadline
from gocnn.training.task import Task


class Predicting(Protocol):
    """What a network (in evaluation mode) says of a handful of validation samples, the same each
    time, as JSON has it: dicts, lists, texts and numbers."""

    def __call__(
        self, model: nn.Module, device: torch.device, precision: str, /
    ) -> list[dict[str, Any]]: ...


@dataclass(frozen=True)
class TaskData:
    """What is to be learnt: the task, the source of its training batches, the batches by which a
    network is judged (the same each time), perhaps what is kept of each validation for people to
    look at, whether it is judged before it learns, since it knows something already, and what is to
    be said early of a budget in which so many samples will be seen (empty: nothing)."""

    task: Task
    source: BatchSource
    valid: ValidationBatches
    predicting: Predicting | None = None
    judge_first: bool = False
    foresee: Callable[[int], str] = lambda _: ""


@dataclass(frozen=True)
class ModelProvenance:
    """What model files say of a network: its kind, its configuration, where the data come from, and
    what else there is to say (JSON)."""

    kind: str
    config: dict[str, Any]
    data: str
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RunOutput:
    """Where a run writes: its folder, and what its model files say of the network."""

    folder: RunFolder
    provenance: ModelProvenance


@dataclass(frozen=True)
class Runtime:
    """Where and how a run is computed. It changes nothing of what is learnt.

    device: this process's; processes: this one among all; quiet: shows nothing (only the first
    process shows anything); clock: seconds, from any beginning; deadline: when this process must
    have trained; try_compiling: a run that is to be compiled goes on without where that does not
    work.
    """

    device: torch.device
    processes: Processes = field(default_factory=Processes)
    quiet: bool = False
    clock: Callable[[], float] = time.perf_counter
    deadline: Deadline | None = None
    try_compiling: bool = False
