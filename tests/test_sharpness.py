"""Sharpness-aware minimisation: against the formula written out, and what it must leave alone."""

import copy

import pytest
import torch
from torch import Tensor, nn

from gocnn.training import TrainConfig
from gocnn.training.batches import Again, Batch
from gocnn.training.stepping import Stepper
from tests import toy

CPU = torch.device("cpu")
RATE = 0.1 * 1.5
"""What the first step of Nesterov's momentum, 0.5, goes at a learning rate of 0.1."""


def stepper(model: nn.Module, task: object = None, **options: object) -> Stepper:
    config = TrainConfig(
        **{"steps": 4, "batch": 8, "optimiser": "sgd", "learning_rate": 0.1, "weight_decay": 0.0}
        | {"momentum": 0.5, "clip": 0.0, "ema": 0.0, "precision": "fp32", "sam": 0.5}
        | options  # type: ignore[arg-type]
    )
    made = Stepper(model, task or toy.ToyTask(), config, CPU)  # type: ignore[arg-type]
    made.precision = "fp32"
    return made


def batch(index: int = 0) -> Batch:
    return tuple(torch.from_numpy(array) for array in toy.ToySource(8).batch(index))


def gradients(model: nn.Module, lesson: Batch) -> list[Tensor]:
    loss, _ = toy.ToyTask().loss(model, lesson)
    return list(torch.autograd.grad(loss, list(model.parameters())))


def written_out(model: nn.Module, lesson: Batch, radius: float) -> list[Tensor]:
    """The gradients of Kwon et al. 2021, equations 4 to 6, one weight after the other."""
    twin = copy.deepcopy(model)
    first = gradients(twin, lesson)
    reach = [p.detach().abs() + 0.01 for p in twin.parameters()]
    length = sum(float(((r * g) ** 2).sum()) for r, g in zip(reach, first, strict=True)) ** 0.5
    with torch.no_grad():
        for p, r, g in zip(twin.parameters(), reach, first, strict=True):
            p.add_(radius * r * r * g / length)
    return gradients(twin, lesson)


@pytest.mark.parametrize("parts", [1, 2])
def test_a_step_goes_down_the_gradient_of_the_higher_loss(parts: int) -> None:
    model = toy.network(dropout=0.0).train()
    lesson = batch()
    wanted = written_out(model, lesson, 0.5)
    plain = gradients(copy.deepcopy(model), lesson)
    before = [p.detach().clone() for p in model.parameters()]
    stepper(model).step(model, Again(lesson), 1.0, parts=parts)
    for p, old, g, other in zip(model.parameters(), before, wanted, plain, strict=True):
        assert torch.allclose(p, old - RATE * g, atol=1e-6)
        assert not torch.allclose(g, other, atol=1e-6)


def test_figures_and_statistics_are_those_of_the_weights_as_they_are() -> None:
    model = toy.network()
    twin = copy.deepcopy(model)
    said = stepper(model).step(model, Again(batch()), 1.0)
    plain = stepper(twin, sam=0.0).step(twin, Again(batch()), 1.0)
    assert torch.equal(said, plain)
    for mine, theirs in zip(model.buffers(), twin.buffers(), strict=True):
        assert torch.equal(mine, theirs)


def test_at_rate_0_not_a_bit_changes() -> None:
    model = toy.network()
    before = [p.detach().clone() for p in model.parameters()]
    stepper(model).step(model, Again(batch()), 0.0, parts=2)
    assert all(torch.equal(p, old) for p, old in zip(model.parameters(), before, strict=True))


def test_what_is_random_is_the_same_both_times_and_another_in_the_next_part() -> None:
    class Noted(toy.ToyTask):
        def __init__(self) -> None:
            self.drawn: list[float] = []

        def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
            self.drawn.append(float(torch.rand(())))
            return super().loss(model, batch)

    task, model = Noted(), toy.network()
    stepper(model, task).step(model, Again(batch()), 1.0, parts=2)
    first, second, third, fourth = task.drawn
    assert first == second != third == fourth


def test_what_is_frozen_stays() -> None:
    model = toy.network()
    frozen = next(iter(model.parameters())).requires_grad_(False)
    old = frozen.detach().clone()
    stepper(model).step(model, Again(batch()), 1.0)
    assert torch.equal(frozen, old)


def test_where_nothing_rises_the_weights_stay_numbers() -> None:
    class Level(toy.ToyTask):
        def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
            loss, right = super().loss(model, batch)
            return loss * 0.0, right

    model = toy.network()
    before = [p.detach().clone() for p in model.parameters()]
    stepper(model, Level()).step(model, Again(batch()), 1.0)
    assert all(torch.equal(p, old) for p, old in zip(model.parameters(), before, strict=True))
