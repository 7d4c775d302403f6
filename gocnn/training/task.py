"""The task that a trainer teaches: how a batch becomes a loss, and how a model is judged. It is all
that the trainer knows of Go or of photographs."""

from collections.abc import Sequence
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


@runtime_checkable
class Staged(Protocol):
    """A task that teaches otherwise as the run goes on, in a few stages: with samples that grow,
    for example.

    `stages` says how far the run is, 0 to 1, where each of them begins, ascending from 0. `advance`
    is called before each step with how far the run is: the number that the learning rate follows,
    which several processes have agreed on, and which a resumed run comes to again. What it changes
    depends on that number alone, so that nothing of it needs to be in a checkpoint, and it does not
    wait for the device. Each stage may have shapes of its own: all are compiled and tuned before
    the run's time begins to count. Before the first call the task is in its last stage; judging
    does not depend on the stage.
    """

    @property
    def stages(self) -> Sequence[float]: ...

    def advance(self, done: float) -> None: ...


def stages(task: Task) -> Sequence[float]:
    """Where the stages of the task begin, 0 to 1: one of them, unless it is `Staged`."""
    return task.stages if isinstance(task, Staged) else (0.0,)


def advance(task: Task, done: float) -> None:
    """Let the task be in the stage of a run that is so far, 0 to 1, if it has several."""
    if isinstance(task, Staged):
        task.advance(done)
