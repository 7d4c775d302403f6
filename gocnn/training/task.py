"""The task that a trainer teaches: how a batch becomes a loss, and how a model is judged. It is all
that the trainer knows of Go or of photographs."""

from typing import Protocol

from torch import Tensor, nn

from gocnn.training.batches import Batch


class Task(Protocol):
    """A supervised task. Its methods leave all numbers on the device, so that a step does not wait.

    `loss` returns the mean loss of the batch and the number of right answers in it. `judge` returns
    sums over the batch, by name, among them `count`. `summary` makes the figures to report from the
    sums over all validation batches. `metric` names the figure by which the best model is chosen
    (the higher the better).
    """

    metric: str

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]: ...

    def judge(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]: ...

    def summary(self, sums: dict[str, float]) -> dict[str, float]: ...
