"""CUDA and Apple's mps without either: with fake tensors every network, task, optimiser, average,
judge and augmentation runs there without mixing devices, and no step of training waits for the
device."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, get_args
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from gocnn.devices import layout
from gocnn.nn import Block, Context, Pool, variants
from gocnn.policy.model import Policy
from gocnn.policy.network import PRESETS, PolicyConfig, PolicyNetwork, preset
from gocnn.policy.task import PolicyTask
from gocnn.training import TrainConfig
from gocnn.training.judging import evaluate
from gocnn.training.precision import autocast
from gocnn.training.stepping import Stepper
from imagecls.augment import RECIPES, Augmenter, geometry
from imagecls.classifier import explain
from imagecls.classifier.guided import GuidedTask
from imagecls.classifier.model import Predictor
from imagecls.classifier.models import ClassifierConfig, build
from imagecls.classifier.models.base import Classifier
from imagecls.classifier.models.config import Kind
from imagecls.classifier.models.resnet101 import FineTuner
from imagecls.classifier.noisy import Method, Noisy, NoisyLabels
from imagecls.classifier.pseudo import PseudoLabels, Unlabelled
from imagecls.classifier.task import ImageTask
from imagecls.classifier.teaching import TaughtTask, Teacher, Teachers, Teaching
from tests import fakes
from tests.fakes import Trace, laid_out, pretended

Network = TypeVar("Network", bound=nn.Module)

TINY = replace(preset("tiny"), blocks=1, channels=8, head=8, future=1, value=True)
CLASSES = tuple("abcde")
SIZES: dict[Kind, dict[str, Any]] = {
    "cnn": {"widths": (8, 8), "hidden": (16,)},
    "resnet": {"widths": (8, 16), "hidden": (16,)},
    "resnet101": {"depths": (1, 1), "base": 8, "hidden": (16,)},
}
PLAIN = RECIPES["none"]
SEVERAL = {
    **RECIPES,
    "mixup": replace(PLAIN, mixup=0.2),
    "cutmix": replace(PLAIN, cutmix=1.0),
    "rand": replace(PLAIN, auto="rand"),
    "erase": replace(PLAIN, erase=0.5),
    "reflected crops": replace(RECIPES["lecture"], crop=0.5, border="reflection"),
}


@pytest.fixture(params=["cuda", "mps"])
def device(request: pytest.FixtureRequest) -> Iterator[torch.device]:
    with pretended(request.param) as there:
        yield there


def built(make: Callable[[], Network], device: torch.device) -> Network:
    with device:
        return laid_out(make(), layout(device))


def positions(config: PolicyConfig, device: torch.device, count: int = 4) -> tuple[Tensor, ...]:
    """A batch as `gocnn.policy.samples` makes it."""
    from gocnn.features.planes import plane_count

    planes = torch.randint(
        0, 2, (count, plane_count(config.plane_groups), 19, 19), dtype=torch.uint8, device=device
    )
    moves = torch.randint(
        0, 362, (count, 1 + config.future) if config.future else (count,), device=device
    )
    won = (torch.randint(0, 2, (count,), dtype=torch.int8, device=device),) if config.value else ()
    owner = (
        (torch.randint(-1, 3, (count, 361), dtype=torch.int8, device=device),)
        if config.score
        else ()
    )
    return (planes, moves, *won, *owner)


def photographs(device: torch.device | str, count: int = 4) -> tuple[Tensor, Tensor]:
    return torch.randint(
        0, 256, (count, 3, 40, 40), dtype=torch.uint8, device=device
    ), torch.randint(0, len(CLASSES), (count,), device=device)


def classifier(
    kind: Kind, device: torch.device, **options: Any
) -> tuple[Classifier, ClassifierConfig]:
    config = ClassifierConfig(
        kind, CLASSES, size=32, store_size=40, dropout=0.1, **SIZES[kind], **options
    )
    return built(lambda: build(config), device), config


class Batches:
    """A prefetcher of one batch, which is on the device."""

    def __init__(self, batch: tuple[Tensor, ...]) -> None:
        self.batch = batch

    def next(self) -> tuple[Tensor, ...]:
        return self.batch


def what_waits(
    model: nn.Module,
    task: Any,
    given: tuple[Tensor, ...],
    device: torch.device,
    precision: str = "bf16",
    **options: Any,
) -> list[str]:
    """What waits for the device in a whole step; one before that makes what is made once. All that
    has learnt is on the device."""
    stepper = Stepper(model, task, TrainConfig(**{"steps": 10, "batch": 4, **options}), device)
    stepper.precision = precision
    prefetcher: Any = Batches(given)
    stepper.step(model, prefetcher, 1.0)
    with Trace(device) as trace:
        sums = stepper.step(model, prefetcher, 0.5)
    assert stepper.number == 2
    assert sums.shape == (3,)
    assert {
        t.device.type
        for t in (*model.state_dict().values(), *stepper.averaged.state_dict().values(), sums)
    } == {device.type}
    return trace.found


def what_waits_in_a_loss(
    model: nn.Module, task: Any, given: tuple[Tensor, ...], device: torch.device
) -> list[str]:
    """The same of a task's loss and of its gradients alone, in bf16."""
    model.train()
    with autocast(device, "bf16"):
        task.loss(model, given)
    with Trace(device) as trace:
        with autocast(device, "bf16"):
            loss, right = task.loss(model, given)
        loss.backward()
    assert {loss.device.type, right.device.type} == {device.type}
    assert all(p.grad is None or p.grad.device.type == device.type for p in model.parameters())
    assert sum(p.grad is not None for p in model.parameters()) > 4
    return trace.found


# --- steps of training
# -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "optimiser", "precision", "score"),
    [
        ("cuda", "muon", "fp16", True),
        ("cuda", "adamw", "bf16", False),
        ("cuda", "sgd", "fp32", False),
        ("mps", "muon", "bf16", True),
        ("mps", "adamw", "fp16", False),
        ("mps", "sgd", "fp32", False),
    ],
)
def test_a_step_waits_for_nothing(kind: Kind, optimiser: Any, precision: str, score: bool) -> None:
    """The whole of it: accumulation, clipping, averaging."""
    with pretended(kind) as device:
        config = replace(TINY, score=score)
        network = built(lambda: PolicyNetwork(config), device)
        options = {"optimiser": optimiser, "accumulate": 2, "batch": 8, "ema": 0.99, "clip": 1.0}
        assert (
            what_waits(
                network, PolicyTask(0.1), positions(config, device), device, precision, **options
            )
            == []
        )


@pytest.mark.parametrize("name", PRESETS)
def test_presets_learn(device: torch.device, name: str) -> None:
    """All of their layers, one of the blocks that are repeated."""
    config = replace(preset(name, blocks=1), future=1, value=True)
    assert (
        what_waits_in_a_loss(
            built(lambda: PolicyNetwork(config), device),
            PolicyTask(),
            positions(config, device),
            device,
        )
        == []
    )


@pytest.mark.parametrize(
    ("block", "context"),
    [
        *((block, "se") for block in get_args(Block)),
        *(("preact", context) for context in get_args(Context) if context != "se"),
    ],
)
def test_blocks_learn(device: torch.device, block: Block, context: Context) -> None:
    """Forward and backward in bf16: the result and every gradient lie on the device, and nothing
    waits."""
    trunk = built(lambda: variants.trunk(block, 1, 16, context), device).train()
    x = torch.randn(2, 16, 9, 9, device=device).to(memory_format=layout(device)).requires_grad_()
    with Trace(device) as trace:
        with autocast(device, "bf16"):
            y = trunk(x)
        y.float().square().mean().backward()
    assert trace.found == []
    assert (y.device.type, y.shape) == (device.type, x.shape)
    assert all(
        t.grad is not None and t.grad.device.type == device.type for t in (x, *trunk.parameters())
    )


@pytest.mark.parametrize("recipe", SEVERAL)
def test_recipes_wait_for_nothing(device: torch.device, recipe: str) -> None:
    """Augmentation, mixing and the loss of weighted classes."""
    network, config = classifier("resnet", device, context="se")
    task = ImageTask(
        Augmenter(SEVERAL[recipe], 32, config.mean, config.std),
        Augmenter(PLAIN, 32, config.mean, config.std),
        0.1,
        class_weights=torch.ones(5),
    )
    assert what_waits_in_a_loss(network, task, photographs(device), device) == []


@pytest.mark.parametrize("pool", get_args(Pool))
def test_pooling_learns(device: torch.device, pool: Pool) -> None:
    network, config = classifier("cnn", device, pool=pool)
    view = Augmenter(PLAIN, 32, config.mean, config.std)
    assert what_waits_in_a_loss(network, ImageTask(view, view), photographs(device), device) == []


@pytest.mark.parametrize("learning", [(), ("layer2",)])
def test_fine_tuning_waits_for_nothing(device: torch.device, learning: tuple[str, ...]) -> None:
    """A whole step, wholly and partly frozen, with other rates for parts."""
    network, config = classifier("resnet101", device)
    assert isinstance(network, FineTuner)
    network.freeze(learning)
    view = Augmenter(PLAIN, 32, config.mean, config.std)
    factors = (("fc.", 1.0), ("", 0.1))
    assert (
        what_waits(
            network,
            ImageTask(view, view),
            photographs(device),
            device,
            optimiser="adamw",
            rate_factors=factors,
        )
        == []
    )


@pytest.mark.parametrize("method", get_args(Method))
def test_guided_steps_wait_for_nothing(device: torch.device, method: Method) -> None:
    """Wrong labels by every method, with pseudo-labels, mixing and weighted classes; what is
    remembered stays on the device."""
    network, config = classifier("resnet", device)
    view = Augmenter(PLAIN, 32, config.mean, config.std)
    augment = Augmenter(replace(PLAIN, mixup=0.2, cutmix=1.0), 32, config.mean, config.std)
    held = NoisyLabels(Noisy(method), np.zeros(9, np.int64), len(CLASSES))
    pseudo = PseudoLabels(Unlabelled(""), augment, view, np.full(5, 0.2), smoothing=0.1)
    task = GuidedTask(
        augment,
        view,
        0.1,
        class_weights=torch.ones(5),
        noisy=None if method == "none" else held,
        pseudo=pseudo,
    )
    pixels, labels = photographs(device)
    numbers = torch.randint(0, 9, (4,), device=device)
    given = (photographs(device, 6)[0], pixels, numbers, labels)
    assert what_waits(network, task, given, device, ema=0.9) == []
    assert {t.device.type for t in task.state().values()} == {device.type}


def test_taught_steps_wait_for_nothing(device: torch.device) -> None:
    """Teachers of every kind, with another normalisation, another order of classes and another
    size, on mixed pictures, in fp16 as in what learns."""
    network, config = classifier("resnet", device, context="se")
    members = []
    for kind in SIZES:
        other, theirs = classifier(kind, device, mean=(0.5, 0.5, 0.5))
        theirs = replace(theirs, size=24) if kind == "resnet" else theirs
        with device:
            one = Teacher(other, theirs, config, order=[4, 3, 2, 1, 0], fixed=kind != "resnet101")
        members.append(one)
    teachers = Teachers(members)
    augment = Augmenter(SEVERAL["strong"], 40, config.mean, config.std)
    view = Augmenter(PLAIN, 32, config.mean, config.std)
    teaching = Teaching(("a", "b", "c"), 0.5, 2.0)
    task = TaughtTask(
        augment, view, teachers, teaching, label_smoothing=0.1, class_weights=torch.ones(5)
    )
    options = {"ema": 0.9, "accumulate": 2, "batch": 8, "clip": 1.0}
    for precision in ("fp16", "bf16"):
        found = what_waits(network, task, photographs(device), device, precision, **options)
        assert found == []
    assert {t.device.type for t in teachers.state_dict().values()} == {device.type}


# --- judging and asking
# ----------------------------------------------------------------------------------------------------------------


def judged(
    model: nn.Module, task: Any, batch: tuple[Tensor, ...], device: torch.device
) -> dict[str, float]:
    """The figures over two batches that come from the CPU; what is done with a batch that has
    arrived waits for nothing."""
    figures = evaluate(model, task, [batch, batch], device, "bf16")
    here = tuple(t.to(device) for t in batch)
    with Trace(device) as trace, torch.no_grad(), autocast(device, "bf16"):
        task.judge(model, here)
    assert trace.found == []
    return figures


@pytest.fixture
def numbers() -> Iterator[None]:
    """Numbers that are read are 1, in arrays too: fake tensors have none."""

    def numpy(self: Tensor, *, force: bool = False) -> Any:
        assert self.device.type == "cpu"
        return np.ones(tuple(self.shape), str(self.dtype).removeprefix("torch."))

    with patch("torch.Tensor.numpy", numpy):
        yield


@pytest.mark.parametrize("score", [False, True])
def test_policies_are_judged(device: torch.device, score: bool) -> None:
    config = replace(TINY, score=score)
    network = built(lambda: PolicyNetwork(config), device)
    with Trace(device):
        figures = judged(
            network, PolicyTask(), positions(replace(config, future=0), torch.device("cpu")), device
        )
    owned = {"owner", "owner_loss", "score_error", "score_loss"} if score else set()
    assert figures.keys() == {"loss", "top1", "top5", "value", "value_loss"} | owned


@pytest.mark.parametrize("kind", SIZES)
def test_classifiers_are_judged(device: torch.device, kind: Kind) -> None:
    network, config = classifier(kind, device)
    view = Augmenter(PLAIN, 32, config.mean, config.std)
    with Trace(device):
        figures = judged(network, ImageTask(view, view), photographs("cpu"), device)
    assert figures.keys() == {"loss", "accuracy", "top3"}


@pytest.mark.usefixtures("numbers")
@pytest.mark.parametrize("kind", SIZES)
def test_classifiers_answer_and_explain(device: torch.device, kind: Kind) -> None:
    """Test-time augmentation by views of all kinds, Grad-CAM, filters and feature maps."""
    network, config = classifier(kind, device)
    predictor = Predictor(network.eval(), config, {}, Path("m"), device)
    pixels = np.zeros((3, 3, 40, 40), np.uint8)
    with Trace(device) as trace:
        assert predictor.probabilities(pixels, tta=3).shape == (3, 5)
        heat, answers = explain.grad_cam(predictor, pixels[0])
        assert (heat.shape, answers.shape) == ((32, 32), (5,))
        assert explain.filters(predictor)[1].shape[1] == 3
        assert explain.feature_maps(predictor, pixels[0], explain.layers(predictor)[0]).ndim == 3
    assert not any(
        "mps" in found and ("doubles" in found or "not to be had" in found) for found in trace.found
    )


@pytest.mark.usefixtures("numbers")
@pytest.mark.parametrize(("value", "score"), [(False, False), (True, False), (True, True)])
def test_policies_answer(device: torch.device, value: bool, score: bool) -> None:
    config = replace(TINY, future=0, value=value, score=score)
    policy = Policy(
        built(lambda: PolicyNetwork(config), device).eval(), config, {}, Path("m"), device
    )
    planes = positions(config, torch.device("cpu"))[0]
    with patch("torch.from_numpy", lambda array: planes), Trace(device):
        said = policy.outputs(np.zeros(planes.shape, np.uint8))
    assert (said.logits.shape, said.win.shape, said.owner.shape) == ((4, 362), (4,), (4, 361))


# --- the watch itself
# ------------------------------------------------------------------------------------------------------------------


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
        assert all("tests/test_fake_cuda.py" in line for line in trace.found)
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
