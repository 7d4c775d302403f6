"""The watch of those tests itself: it sees each planted fault, lets pass what waits for nothing,
computes as torch does, and leaves nothing behind."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from gocnn.policy.network import PolicyNetwork
from gocnn.policy.task import PolicyTask
from gocnn.training.precision import autocast
from imagecls.augment import geometry
from imagecls.classifier.models import ClassifierConfig, build
from imagecls.classifier.models.config import Kind
from tests import fakes
from tests.fakes import Trace, pretended
from tests.on_fakes import CLASSES, SIZES, TINY, built, positions, what_waits


@pytest.fixture(params=["cuda", "mps"])
def device(request: pytest.FixtureRequest) -> Iterator[torch.device]:
    with pretended(request.param) as there:
        yield there


def constant(x: Tensor) -> Any:
    return x * torch.tensor(2.0, device=x.device)


FAULTS: list[tuple[Callable[[Tensor], Any], str]] = [
    (lambda x: x.sum().item(), "reads"),
    (lambda x: x.tolist(), "reads"),
    (lambda x: bool((x > 0).all()), "reads"),
    (lambda x: torch.equal(x, x), "reads"),
    (lambda x: x.cpu(), "copies from"),
    (lambda x: x.to("cpu", non_blocking=True), "copies from"),
    (constant, "copies to"),
    (lambda x: torch.ones(4).to(x.device, non_blocking=True), "copies to"),
    (lambda x: torch.ones(4).pin_memory().to(x.device), "copies to"),
    (lambda x: x.copy_(torch.ones(4)), "copies to"),
    (lambda x: x[x > 0], "mask"),
    (lambda x: x.__setitem__(x > 0, 1.0), "mask"),
    (lambda x: (x > 0).nonzero(), "size"),
    (lambda x: x.masked_select(x > 0), "size"),
    (lambda x: torch.where(x > 0), "size"),
    (lambda x: x[[1, 2]], "copies"),
    (lambda x: x[torch.tensor([1, 2])], "index"),
]


def test_what_waits_is_seen(device: torch.device) -> None:
    """Each planted fault, and the line that did it."""
    for fault, word in FAULTS:
        with Trace(device) as trace:
            fault(torch.ones(4, device=device))
        assert len(trace.found) >= 1, word
        assert all("tests/test_fake_cuda_watch.py" in line for line in trace.found)
        assert word in " ".join(trace.found), trace.found


def test_what_waits_is_seen_in_a_step() -> None:
    """In a loss, and in the backward pass of it."""

    class Reading(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, x: Tensor) -> Tensor:
            return x.clone()

        @staticmethod
        def backward(context: Any, gradient: Tensor) -> Tensor:
            gradient.cpu()
            return gradient

    class Faulty(PolicyTask):
        def loss(self, model: nn.Module, batch: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
            loss, right = super().loss(model, batch)
            return Reading.apply(loss * constant(loss)), right

    with pretended("cuda") as device:
        config = replace(TINY, future=0, value=False)
        found = what_waits(
            built(lambda: PolicyNetwork(config), device),
            Faulty(),
            positions(config, device),
            device,
            optimiser="sgd",
            ema=0.0,
            clip=0.0,
        )
    assert len(found) == 2, found
    assert "copies to" in found[0]
    assert "copies from" in found[1]


def test_mixing_devices_is_an_error(device: torch.device) -> None:
    with Trace(device) as trace:
        with pytest.raises(RuntimeError, match="device"):
            torch.ones(3, device=device) + torch.ones(3)
        # which fake tensors alone let pass
        nn.Conv2d(3, 4, 3)(torch.ones(1, 3, 5, 5, device=device))
    assert ["mixes devices" in line for line in trace.found] == [True, True], trace.found


def test_what_waits_for_nothing_is_let_pass(device: torch.device) -> None:
    with Trace(device) as trace:
        x = torch.full((3,), 2.0, device=device) * 3 + torch.arange(3, device=device)
        torch.where(x > 1, x, 0.0).masked_fill_(x > 2, 1.0).clamp_(0, 1)
        x[1:] = x[:-1].flip(0)
        torch.ones(3).pin_memory().to(device, non_blocking=True)
        torch.rand(3).nonzero()  # on the CPU alone
        torch.rand(3).sum().item()
    assert trace.found == []


def test_what_mps_lacks_is_seen() -> None:
    with pretended("mps") as device, Trace(device) as trace:
        torch.ones(3, device=device).double()
        torch.zeros(3, device=device, dtype=torch.float64)
        functional.grid_sample(
            torch.ones(1, 3, 5, 5, device=device),
            torch.ones(1, 4, 4, 2, device=device),
            padding_mode="border",
            align_corners=False,
        )
    assert ["doubles" in line for line in trace.found] == [True, True, False], trace.found


@pytest.mark.parametrize("sides", [(9, 9), (7, 12)])
def test_reflection_on_mps_is_torchs(sides: tuple[int, int]) -> None:
    """Points folded into the picture, with nothing outside, against torch's own reflection: from
    inside to three pictures away."""
    torch.manual_seed(0)
    images, points = (
        torch.rand(2, 3, *sides),
        torch.cat(
            [
                torch.rand(2, 40, 5, 2) * 8 - 4,
                torch.tensor([-3.0, -1.0, 1.0, 3.0]).expand(2, 40, 2, 4).reshape(2, 40, 4, 2),
            ],
            2,
        ),
    )
    theirs = functional.grid_sample(images, points, padding_mode="reflection", align_corners=False)
    ours = functional.grid_sample(
        images,
        geometry.folded(points, sides[1], sides[0]),
        padding_mode="zeros",
        align_corners=False,
    )
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_bf16_is_really_computed_in(device: torch.device) -> None:
    """Where autocast switched itself off, the steps above would show nothing of it."""
    layer = built(lambda: nn.Conv2d(3, 4, 3), device)
    with autocast(device, "bf16"):
        assert layer(torch.ones(1, 3, 5, 5, device=device)).dtype == torch.bfloat16


@pytest.mark.parametrize("kind", SIZES)
def test_backward_without_the_engine_gives_the_engines_gradients(kind: Kind) -> None:
    """On the CPU, bit for bit, with real numbers, through autocast and what is broadcast."""
    torch.manual_seed(0)
    network = build(ClassifierConfig(kind, CLASSES, size=32, **SIZES[kind])).train()
    x, labels = torch.randn(4, 3, 32, 32), torch.arange(4)

    def gradients(backward: Callable[[Tensor], Any]) -> list[Tensor]:
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(x)
        backward(functional.cross_entropy(logits.float(), labels))
        return [p.grad.clone() for p in network.parameters() if p.grad is not None]

    one, other = gradients(torch.Tensor.backward), gradients(fakes.backward)
    assert len(one) == len(other) == len(list(network.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_nothing_is_left_behind() -> None:
    """Neither a guard nor a patched function nor a mode: afterwards a CPU learns as before, and
    there is no CUDA that was not there."""
    guards, there = fakes._guards(), torch.cuda.is_available()
    before = [guards[i] for i in range(16)]
    with pretended("cuda"), pytest.raises(ZeroDivisionError):
        assert torch.cuda.is_available()
        raise ZeroDivisionError
    with pretended("mps"):
        assert guards[fakes.SLOTS["mps"]] != before[fakes.SLOTS["mps"]]
    assert [guards[i] for i in range(16)] == before
    assert torch.cuda.is_available() == there
    layer = nn.Linear(3, 1)
    layer(torch.ones(2, 3)).sum().backward()
    assert torch.equal(layer.weight.grad, torch.full((1, 3), 2.0))  # type: ignore[arg-type]
