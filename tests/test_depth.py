"""Blocks with and without shortcuts, and the gradients that reach them, against torch's autograd."""

from typing import Any

import pytest
import torch
from torch import nn

from gocnn.nn.depth import SHORTCUTS, PlainBlock, blocks, gradient_norms


def made(shortcuts: str, count: int = 3, channels: int = 4) -> nn.Sequential:
    torch.manual_seed(2)
    return blocks(shortcuts, count, channels)  # type: ignore[arg-type]


def test_the_same_parameters_with_and_without() -> None:
    """By name and by value; where blocks begin by adding nothing, one normalisation differs."""
    plain, identity, zero = (made(kind).state_dict() for kind in SHORTCUTS)
    assert plain.keys() == identity.keys() == zero.keys()
    for name in plain:
        assert torch.equal(plain[name], identity[name]), name
        same = torch.equal(identity[name], zero[name])
        assert same == (not name.endswith("second.1.weight")), name
    with pytest.raises(ValueError, match="one of none, identity, zero"):
        blocks("some", 1, 4)  # type: ignore[arg-type]


def test_what_the_blocks_compute() -> None:
    x = torch.rand(5, 4, 6, 6)
    one: list[Any] = [made(kind, 1)[0] for kind in SHORTCUTS]
    plain, residual, zero = one
    assert isinstance(plain, PlainBlock)
    branch = residual.second(residual.first(x))
    assert torch.allclose(residual(x), torch.relu(x + branch))
    assert torch.allclose(plain(x), torch.relu(branch))
    # it begins as if it were not there: what it is given has passed a ReLU
    assert torch.equal(zero(x), x)


@pytest.mark.parametrize("shortcuts", SHORTCUTS)
def test_gradients_are_autograds(shortcuts: str) -> None:
    """Each by differences: the loss changes by the norm along the gradient's own direction."""
    trunk = made(shortcuts).double()
    torch.manual_seed(3)
    x = torch.rand(6, 4, 5, 5).double()
    weight = torch.randn(4).double()

    def loss(features: torch.Tensor) -> torch.Tensor:
        return (features.mean((2, 3)) * weight).sum().tanh()

    norms = gradient_norms(trunk, x, loss)
    assert len(norms) == 4
    for k, norm in enumerate(norms):
        with torch.no_grad():
            here = trunk[:k](x)
        point = here.clone().requires_grad_()
        loss(trunk[k:](point)).backward()
        assert point.grad is not None
        direction = point.grad / point.grad.norm()
        step = 1e-6
        with torch.no_grad():
            ahead, behind = (loss(trunk[k:](here + side * step * direction)) for side in (1, -1))
        assert norm == pytest.approx(float((ahead - behind) / (2 * step)), rel=2e-3)


def test_shortcuts_keep_the_pull_even() -> None:
    """What the station claims: with depth it runs away without shortcuts, and does not with those
    that begin by adding nothing."""
    torch.manual_seed(4)
    x = torch.rand(8, 8, 9, 9)
    ratios = {}
    for kind in SHORTCUTS:
        norms = gradient_norms(made(kind, 16, 8), x, lambda features: features.std())
        ratios[kind] = norms[0] / norms[-1]
    assert ratios["none"] > 8 * ratios["identity"] > 8 * ratios["zero"]
    assert 0.2 < ratios["zero"] <= 1.001


def test_blocks_that_add_nothing_stop_once() -> None:
    """What the station says of the step: the last ReLU stops what comes back where a map is 0, and
    all blocks before it have the same zeros."""
    torch.manual_seed(5)
    x = torch.randn(6, 4, 7, 7).relu()
    weight = torch.randn(4, 7, 7)

    def loss(features: torch.Tensor) -> torch.Tensor:
        return (features * weight).sum() / 100

    *norms, end = gradient_norms(made("zero", 8), x, loss)
    reached = x.clone().requires_grad_()
    loss(reached).backward()
    assert reached.grad is not None
    assert end == pytest.approx(float(reached.grad.norm()))
    assert norms == pytest.approx([float((reached.grad * (x > 0)).norm())] * 8)
