"""The shared trainer. It knows nothing of Go or of photographs."""

from gocnn.training.batches import Batch, BatchSource, Prefetcher
from gocnn.training.config import TrainConfig
from gocnn.training.inputs import ModelProvenance, RunOutput, Runtime, TaskData
from gocnn.training.judging import evaluate
from gocnn.training.run import RunFolder
from gocnn.training.task import Task
from gocnn.training.trainer import Outcome, Trainer

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
