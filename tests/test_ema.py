"""The average of the weights: against a plain twin, and through all that may happen to the model
meanwhile."""

import copy
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed import HashStore  # type: ignore[attr-defined]  # documented, yet not in __all__

from gocnn import devices
from gocnn.training.ema import Ema
from plainway import Operators, plain_average
from tests import toy


def change(model: nn.Module) -> None:
    """As a step does: weights, running statistics and counters move; what is frozen does not."""
    with torch.no_grad():
        for p in model.parameters():
            if p.requires_grad:
                p.add_(torch.randn_like(p))
        for b in model.buffers():
            b.add_(torch.rand_like(b) if b.is_floating_point() else 1)


def same(a: nn.Module, b: nn.Module) -> bool:
    one, two = a.state_dict(), b.state_dict()
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)


def test_it_follows_and_shares_nothing() -> None:
    model = toy.network()
    ema = Ema(model, 0.5)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(1.0)
    before = {k: v.clone() for k, v in ema.model.state_dict().items()}
    ema.update(model, 1000)
    key = "0.0.weight"
    assert torch.allclose(ema.model.state_dict()[key], before[key] + 0.5, atol=1e-6)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_every_bit_is_that_of_the_plain_way(layout: torch.memory_format) -> None:
    model = devices.placed(toy.network(), memory_format=layout)
    ema, twin = Ema(model, 0.9), copy.deepcopy(model)
    for step in range(1, 6):
        change(model)
        ema.update(model, step)
        plain_average(twin, model, 0.9, step)
    assert same(ema.model, twin)


def test_two_kernels_a_step() -> None:
    model = toy.network()
    ema = Ema(model, 0.9)
    with Operators() as operators:
        ema.update(model, 1)
    assert set(operators.names) == {"aten::_foreach_lerp_", "aten::_foreach_copy_"}
    assert operators.count == 2


def test_what_is_frozen_costs_nothing_until_it_thaws() -> None:
    model = toy.network()
    model.get_submodule("0").requires_grad_(False)
    ema, twin = Ema(model, 0.9), copy.deepcopy(model)
    lengths: list[int] = []
    plain = torch._foreach_lerp_

    def counted(mine, theirs, weight):
        lengths.append(len(mine))
        plain(mine, theirs, weight)

    for step in range(1, 7):
        if step in (3, 5):  # frozen again in the middle of its way: the average still has to arrive
            model.get_submodule("0").requires_grad_(step == 3)
        change(model)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch, "_foreach_lerp_", counted)
            ema.update(model, step)
        plain_average(twin, model, 0.9, step)
    more = lengths[0] + len(list(model.get_submodule("0").parameters()))
    assert lengths == [lengths[0], lengths[0], more, more, more, more]
    assert same(ema.model, twin)


def test_tensors_put_in_another_place_are_followed() -> None:
    """`to`, assignment and load_state_dict(assign=True) give modules other tensors than those that
    were there at first."""
    model = toy.network()
    ema, twin = Ema(model, 0.9), copy.deepcopy(model)
    norm = next(m for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    for step in range(1, 6):
        if step == 2:
            assert norm.running_mean is not None
            norm.running_mean = norm.running_mean.clone()
        if step == 3:
            model.load_state_dict(
                {key: value.clone() for key, value in model.state_dict().items()}, assign=True
            )
        if step == 4:
            ema.model.load_state_dict(
                {key: value.clone() for key, value in ema.model.state_dict().items()}, assign=True
            )
        change(model)
        ema.update(model, step)
        plain_average(twin, model, 0.9, step)
    assert same(ema.model, twin)


def test_a_weight_that_two_layers_share_moves_once() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight
    ema = Ema(model, 0.5)
    before = ema.model.get_parameter("0.weight").clone()
    change(model)
    ema.update(model, 1000)
    mean = ema.model.get_parameter("0.weight")
    assert torch.allclose(mean, (before + model.get_parameter("0.weight")) / 2, atol=1e-6)
    assert ema.model.get_parameter("1.weight") is mean


def test_what_is_not_saved_is_not_averaged() -> None:
    model = nn.Sequential(nn.Linear(4, 4))
    model.register_buffer("grid", torch.zeros(4), persistent=False)
    ema = Ema(model, 0.5)
    change(model)
    ema.update(model, 1000)
    assert torch.equal(ema.model.get_buffer("grid"), torch.zeros(4))


@pytest.mark.parametrize("wrapper", ["compiled", "parallel"])
def test_it_follows_through_wrappers(wrapper: str) -> None:
    model = toy.network()
    ema, twin = Ema(model, 0.9), copy.deepcopy(model)
    if wrapper == "parallel":
        dist.init_process_group("gloo", store=HashStore(), rank=0, world_size=1)
    try:
        net: Any = (
            nn.parallel.DistributedDataParallel(model)
            if wrapper == "parallel"
            else torch.compile(model, backend="eager")
        )
        for step in range(1, 4):
            change(model)
            ema.update(net if step > 1 else model, step)
            plain_average(twin, model, 0.9, step)
    finally:
        if wrapper == "parallel":
            dist.destroy_process_group()
    assert same(ema.model, twin)
