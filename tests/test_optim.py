"""Schedules, and which optimiser gets what."""

import copy
import math
from unittest.mock import patch

import pytest
import torch
from torch import nn

from gocnn import devices
from gocnn.training import TrainConfig, optim, schedule
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
        optimisers = optim.build_optimisers(
            model, TrainConfig(steps=1, optimiser=name, weight_decay=0.5)
        )
        seen = {}
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                for p in group["params"]:
                    seen[p] = group["weight_decay"]
        assert set(seen) == set(model.parameters())
        assert all((decay > 0) == (p.ndim >= 2) for p, decay in seen.items())


def made(
    name: str, fused: bool, layout: torch.memory_format = torch.contiguous_format
) -> tuple[nn.Module, list[torch.optim.Optimizer]]:
    model = devices.placed(toy.network(), memory_format=layout)
    with patch.object(optim, "FUSED", {"cpu"} if fused else {"cuda"}):
        return model, optim.build_optimisers(model, TrainConfig(steps=1, optimiser=name))  # type: ignore[arg-type]


def steps(
    model: nn.Module, optimisers: list[torch.optim.Optimizer], seed: int, count: int = 3
) -> None:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        for p in model.parameters():
            p.grad = torch.empty_like(p).copy_(torch.randn(p.shape, generator=generator))
        for optimiser in optimisers:
            optimiser.step()


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize("name", ["muon", "adamw", "sgd"])
def test_a_run_goes_on_where_optimisers_are_fused_or_are_not(
    name: str, saved: bool, loaded: bool
) -> None:
    model, optimisers = made(name, saved)
    steps(model, optimisers, 1)
    other, theirs = made(name, loaded, torch.channels_last)
    other.load_state_dict(model.state_dict())
    for mine, optimiser in zip(theirs, optimisers, strict=True):
        mine.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    for optimiser in theirs:
        for group in optimiser.param_groups:
            assert group.get("fused") is (
                True if loaded and isinstance(optimiser, torch.optim.AdamW) else None
            )
            for p in group["params"]:
                state = optimiser.state[p]
                assert state["step"] == 3 if "step" in state else True
                # What fused kernels ask for, and what others are fast with.
                assert all(value.stride() == p.stride() for value in state.values() if value.ndim)
    steps(model, optimisers, 2)
    steps(other, theirs, 2)
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.allclose(p, q, atol=1e-6)
        assert saved is not loaded or name == "muon" or torch.equal(p, q)


def test_a_counter_on_a_device_comes_to_the_cpu() -> None:
    model, optimisers = made("adamw", False)
    steps(model, optimisers, 1)
    state = copy.deepcopy(optimisers[0].state_dict())
    for each in state["state"].values():
        # as a fused run's checkpoint may have them, not loaded with map_location
        each["step"] = each["step"].to(torch.float64)
    state["param_groups"][0]["fused"] = state["param_groups"][1]["fused"] = True
    optimisers[0].load_state_dict(state)
    assert all(group["fused"] is None for group in optimisers[0].param_groups)
    assert all(each["step"].device.type == "cpu" for each in optimisers[0].state.values())
    steps(model, optimisers, 2)


def test_a_checkpoint_of_another_optimiser_is_refused() -> None:
    _, (adamw,) = made("adamw", False)
    _, (muon, _) = made("muon", False)
    with pytest.raises(ValueError, match="parameter group"):
        adamw.load_state_dict(muon.state_dict())
