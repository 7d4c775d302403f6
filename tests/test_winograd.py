"""The Winograd convolution against torch's own, alone and in a run."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gocnn.games.store import Store
from gocnn.nn import ResidualBlock
from gocnn.policy import samples
from gocnn.policy.network import PolicyConfig, PolicyNetwork
from gocnn.policy.source import PositionSource
from gocnn.policy.task import PolicyTask
from gocnn.training import convolution
from gocnn.training.winograd import convolution as winograd
from tests import toy
from tests.toyruns import same, weights

SHAPES = [
    (3, 32, 32, 19, 19),
    (1, 5, 7, 1, 1),
    (2, 8, 3, 4, 9),
    (9, 16, 24, 13, 13),
    (1, 4, 4, 61, 70),
    (5, 3, 2, 2, 6),
    (0, 4, 4, 5, 5),
]


def gradients(y: Tensor, *of: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(
        y, of, torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).to(y)
    )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(
    "layout", [torch.channels_last, torch.contiguous_format], ids=["last", "first"]
)
def test_values_and_gradients_are_the_convolutions(
    shape: tuple[int, ...], layout: torch.memory_format
) -> None:
    n, inputs, outputs, height, width = shape
    torch.manual_seed(0)
    x = torch.randn(n, inputs, height, width).to(memory_format=layout).requires_grad_()
    weight = torch.randn(outputs, inputs, 3, 3).to(memory_format=layout).requires_grad_()
    exact_x, exact_weight = (
        x.detach().double().requires_grad_(),
        weight.detach().double().requires_grad_(),
    )
    exact = torch.conv2d(exact_x, exact_weight, padding=1)
    y = winograd(x, weight)
    found, expected = (
        (y, *gradients(y, x, weight)),
        (exact, *gradients(exact, exact_x, exact_weight)),
    )
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        assert a.dtype == torch.float32
        if b.numel():
            assert (a - b).abs().max() <= 2e-5 * b.abs().max()


def test_only_the_gradients_that_are_wanted() -> None:
    x, weight = torch.randn(2, 4, 6, 6), torch.randn(4, 4, 3, 3, requires_grad=True)
    (of_weight,) = gradients(winograd(x, weight), weight)
    (expected,) = gradients(torch.conv2d(x, weight, padding=1), weight)
    torch.testing.assert_close(of_weight, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_share_the_samples(threads: int) -> None:
    before = torch.get_num_threads()
    x, weight = torch.randn(11, 32, 19, 19), torch.randn(32, 32, 3, 3)
    try:
        torch.set_num_threads(threads)
        torch.testing.assert_close(
            winograd(x, weight), torch.conv2d(x, weight, padding=1), rtol=1e-3, atol=1e-3
        )
    finally:
        torch.set_num_threads(before)


def test_the_operator_keeps_torchs_rules() -> None:
    from gocnn.training import winograd as module

    x, weight = (
        torch.randn(2, 4, 6, 5, requires_grad=True),
        torch.randn(3, 4, 3, 3, requires_grad=True),
    )
    torch.library.opcheck(module._forward, (x, weight), atol=1e-4, rtol=1e-4)
    torch.library.opcheck(
        module._backward, (torch.randn(2, 3, 6, 5), x.detach(), weight.detach(), True, True)
    )


def test_a_network_learns_the_same() -> None:
    def losses(names: list[str] | None) -> list[float]:
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1),
            ResidualBlock(32),
            ResidualBlock(32),
            nn.Conv2d(32, 1, 1),
            nn.Flatten(),
        )
        convolution.use(
            net,
            convolution.choose_layers(net, "winograd", True, lambda _: None)
            if names is None
            else names,
        )
        assert any(type(m) is convolution.WinogradConv2d for m in net.modules()) == (names is None)
        optimiser, found = torch.optim.SGD(net.parameters(), 0.01), []
        for _ in range(50):
            x = torch.randn(8, 3, 9, 9)
            loss = nn.functional.cross_entropy(net(x), x.sum(1).flatten(1).argmax(1))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            found.append(loss.item())
        return found

    direct, other = losses([]), losses(None)
    # after that any rounding leads to another path
    assert max(abs(a - b) for a, b in zip(direct[:20], other[:20], strict=True)) < 1e-3
    assert max(direct[-1], other[-1]) < direct[0] / 2


def test_only_layers_that_fit_are_chosen() -> None:
    net = nn.ModuleDict(
        {
            "fits": nn.Conv2d(32, 32, 3, padding=1),
            "stride": nn.Conv2d(32, 32, 3, 2, padding=1),
            "dilated": nn.Conv2d(32, 32, 3, padding=2, dilation=2),
            "five": nn.Conv2d(32, 32, 5, padding=2),
            "depthwise": nn.Conv2d(32, 32, 3, padding=1, groups=32),
            "thin": nn.Conv2d(3, 32, 3, padding=1),
            "circular": nn.Conv2d(32, 32, 3, padding=1, padding_mode="circular"),
            "valid": nn.Conv2d(32, 32, 3),
            "same": nn.Conv2d(32, 32, 3, padding="same"),
        }
    )
    assert convolution.choose_layers(net, "winograd", True, lambda _: None) == ["fits"]
    assert (
        convolution.choose_layers(net, "direct", True, lambda _: None)
        == convolution.choose_layers(net, "auto", False, lambda _: None)
        == []
    )
    keys = list(net.state_dict())
    convolution.use(net, ["fits"])
    assert list(net.state_dict()) == keys
    x = torch.randn(2, 32, 7, 7)
    expected = nn.functional.conv2d(
        x, net.get_parameter("fits.weight"), net.get_parameter("fits.bias"), padding=1
    )
    torch.testing.assert_close(net["fits"](x), expected, rtol=1e-4, atol=1e-4)
    convolution.use(net, [])
    assert type(net["fits"]) is nn.Conv2d


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        ResidualBlock(32),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 4),
    )


def test_a_run_says_how_it_computes_and_goes_on_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings: dict[str, Any] = {"steps": 6, "convolution": "winograd", "precision": "fp32"}
    toy.train(tmp_path / "whole", model=network(), **settings)
    assert json.loads((tmp_path / "whole" / "run.json").read_text())["winograd"] == 2
    toy.train(tmp_path / "cut", model=network(), task=toy.Interrupting(3), **settings)
    toy.train(tmp_path / "cut", model=network(), resume=True, **settings)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "cut"))


def asked_for(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes that are asked for from here on; each is said to be faster."""
    asked: list[tuple[int, ...]] = []

    def faster(shape: tuple[int, ...]) -> bool:
        asked.append(shape)
        return True

    monkeypatch.setattr(convolution, "_faster", faster)
    return asked


def test_the_stopwatch_is_asked_once_and_in_long_runs_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asked_for(monkeypatch)
    toy.train(tmp_path / "short", model=network(), steps=2, precision="fp32")
    assert not asked
    toy.train(
        tmp_path / "long", model=network(), task=toy.Interrupting(2), minutes=10, precision="fp32"
    )
    assert asked == [(32, 32, 8, 8)]
    toy.train(
        tmp_path / "long",
        model=network(),
        task=toy.Interrupting(2),
        resume=True,
        minutes=10,
        precision="fp32",
    )
    assert len(asked) == 1


def test_a_policy_network_with_every_head_is_timed_as_it_trains(
    sample_store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Heads that answer in training only, and averages and random numbers that must not move."""
    asked = asked_for(monkeypatch)
    network = PolicyNetwork(PolicyConfig(blocks=1, channels=32, future=2, value=True, score=True))
    store = Store(sample_store)
    games = samples.games_of(store, np.arange(len(store)))
    source = PositionSource(
        games, network.config.plane_groups, 4, 0, future=2, outcome=True, score=True
    )
    batch = tuple(torch.from_numpy(a) for a in source.batch(0))
    before, state = {k: v.clone() for k, v in network.state_dict().items()}, torch.get_rng_state()
    names = convolution.choose_layers(
        network, "auto", True, lambda net: PolicyTask().loss(net, batch)
    )
    assert names
    assert set(asked) == {(32, 32, 19, 19)}
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
