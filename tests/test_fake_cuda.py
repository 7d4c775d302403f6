"""CUDA and Apple's mps without either: with fake tensors every network, task, optimiser, average and
augmentation learns there without mixing devices, and no step of training waits for the device."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
import torch

from gocnn.devices import layout
from gocnn.nn import Block, Context, Pool, variants
from gocnn.policy.network import PRESETS, PolicyNetwork, preset
from gocnn.policy.task import PolicyTask
from gocnn.training.precision import autocast
from imagecls.augment import Augmenter
from imagecls.classifier.guided import GuidedTask
from imagecls.classifier.models.config import Kind
from imagecls.classifier.models.resnet101 import FineTuner
from imagecls.classifier.noisy import Method, Noisy, NoisyLabels
from imagecls.classifier.pseudo import PseudoLabels, Unlabelled
from imagecls.classifier.task import ImageTask
from imagecls.classifier.teaching import TaughtTask, Teacher, Teachers, Teaching
from tests.fakes import Trace, pretended
from tests.on_fakes import (
    CLASSES,
    PLAIN,
    SEVERAL,
    SIZES,
    TINY,
    built,
    classifier,
    photographs,
    positions,
    what_waits,
    what_waits_in_a_loss,
)


@pytest.fixture(params=["cuda", "mps"])
def device(request: pytest.FixtureRequest) -> Iterator[torch.device]:
    with pretended(request.param) as there:
        yield there


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
