"""Schedules, optimisers and the moving average."""

import math

import pytest
import torch
from torch import nn

from gocnn.training import TrainConfig, optim, schedule
from gocnn.training.ema import Ema
from tests import toy


@pytest.mark.parametrize("name", ["cosine", "onecycle", "constant"])
def test_schedules(name: str) -> None:
    config = TrainConfig(steps=100, schedule=name, warmup=0.1)  # type: ignore[arg-type]
    values = [schedule.factor(config, i / 100) for i in range(101)]
    assert values[0] <= 0.02
    assert max(values) <= 1.0
    assert max(values) == pytest.approx(1.0, abs=0.01)
    if name != "constant":
        assert values[-1] == pytest.approx(0, abs=1e-9)
    if name == "cosine":
        assert values[55] == pytest.approx(0.5 * (1 + math.cos(math.pi * 0.5)), abs=1e-9)


def test_no_decay_on_norms_and_biases() -> None:
    model = toy.network()
    for name in ("muon", "adamw", "sgd"):
        optimisers = optim.build(model, TrainConfig(steps=1, optimiser=name, weight_decay=0.5))  # type: ignore[arg-type]
        seen = {}
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                for p in group["params"]:
                    seen[p] = group["weight_decay"]
        assert set(seen) == set(model.parameters())
        assert all((decay > 0) == (p.ndim >= 2) for p, decay in seen.items())


def test_muon_steps_are_orthogonal_and_of_the_stated_size() -> None:
    torch.manual_seed(0)
    for shape in ((8, 72), (72, 8), (16, 16)):
        singular = torch.linalg.svdvals(optim.orthogonal(torch.randn(shape)))
        assert (singular > 0.5).all()
        assert (singular < 1.4).all()
    p = nn.Parameter(torch.zeros(8, 4, 3, 3))
    p.grad = torch.randn_like(p)
    optim.Muon([p], lr=1.0).step()
    size = p.detach().square().mean().sqrt()
    assert 0.1 < size < 0.3


def test_muon_takes_weights_of_one_shape_together_and_each_alone() -> None:
    torch.manual_seed(0)
    shapes = ((8, 4, 3, 3), (16, 8), (8, 4, 3, 3), (8, 36), (16, 8))
    together = [nn.Parameter(torch.randn(shape)) for shape in shapes]
    apart = [nn.Parameter(p.detach().clone()) for p in together]
    optimisers = [optim.Muon(together, lr=0.1, weight_decay=0.01), *(optim.Muon([p], lr=0.1, weight_decay=0.01) for p in apart)]
    for _ in range(3):
        for p, q in zip(together, apart, strict=True):
            p.grad = torch.randn_like(p)
            q.grad = p.grad.clone()
        for optimiser in optimisers:
            optimiser.step()
    for p, q in zip(together, apart, strict=True):
        assert torch.allclose(p, q, atol=1e-5)


def test_ema_follows_and_shares_nothing() -> None:
    model = toy.network()
    ema = Ema(model, 0.5)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(1.0)
    before = {k: v.clone() for k, v in ema.model.state_dict().items()}
    ema.update(model, 1000)
    key = "0.0.weight"
    assert torch.allclose(ema.model.state_dict()[key], before[key] + 0.5, atol=1e-6)
