"""The task that a trainer teaches: how a batch becomes a loss, and how a model is judged. It is all
that the trainer knows of Go or of photographs."""

from typing import Any, Protocol, runtime_checkable

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


@runtime_checkable
class Guided(Protocol):
    """A task that the averaged network helps to teach, and that may remember what it said.

    `guide` is called with each batch of a step, before `loss`, and returns what `loss` is given in
    its place; `done`: how far the run is, 0 to 1. It computes no gradients, changes nothing of the
    network, and does not wait for the device. What it remembers is in `state`, which goes into the
    checkpoint, so that a resumed run repeats bit for bit; `restore` is the inverse. `loss` must
    also do with a batch that was not guided, and remembers nothing: it is called out of turn too.
    """

    def guide(self, averaged: nn.Module, batch: Batch, done: float) -> Any: ...

    def state(self) -> dict[str, Tensor]: ...

    def restore(self, state: dict[str, Tensor]) -> None: ...
