"""What the trainer asks of a task: how a batch becomes a loss, and how it is judged. The trainer
knows nothing else about it."""

from typing import Protocol

from torch import Tensor, nn

from gocnn.training.batches import Batch


class Task(Protocol):
    """A supervised task. All numbers stay on the device until the trainer wants them.

    `loss` returns the mean loss of the batch and its number of right answers; `judge` returns sums
    over the batch by name, among them `count`. From the sums over all validation batches `summary`
    makes the figures to report; `metric` names the one that decides which model is best (the higher
    the better).
    """

    metric: str

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]: ...

    def judge(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]: ...

    def summary(self, sums: dict[str, float]) -> dict[str, float]: ...
