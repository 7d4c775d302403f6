"""The shared trainer. It knows nothing of Go or of photographs.

Each name is imported from its module when it is first used: options are defined (`cli_options`)
and shown without torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gocnn.training.batches import Batch, BatchSource, Prefetcher
    from gocnn.training.config import TrainConfig
    from gocnn.training.inputs import ModelProvenance, RunOutput, Runtime, TaskData
    from gocnn.training.judging import evaluate
    from gocnn.training.outcome import Outcome
    from gocnn.training.run import RunFolder
    from gocnn.training.task import Task
    from gocnn.training.trainer import Trainer

__all__ = [
    "Batch",
    "BatchSource",
    "ModelProvenance",
    "Outcome",
    "Prefetcher",
    "RunFolder",
    "RunOutput",
    "Runtime",
    "Task",
    "TaskData",
    "TrainConfig",
    "Trainer",
    "evaluate",
]

_MODULES = {
    "Batch": "batches",
    "BatchSource": "batches",
    "ModelProvenance": "inputs",
    "Outcome": "outcome",
    "Prefetcher": "batches",
    "RunFolder": "run",
    "RunOutput": "inputs",
    "Runtime": "inputs",
    "Task": "task",
    "TaskData": "inputs",
    "TrainConfig": "config",
    "Trainer": "trainer",
    "evaluate": "judging",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
