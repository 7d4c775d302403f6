"""Networks, batches and whole steps of training on devices that are pretended."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from gocnn.devices import layout
from gocnn.policy.network import PolicyConfig, preset
from gocnn.training import TrainConfig
from gocnn.training.precision import autocast
from gocnn.training.stepping import Stepper
from imagecls.augment import RECIPES
from imagecls.classifier.models import ClassifierConfig, build
from imagecls.classifier.models.base import Classifier
from imagecls.classifier.models.config import Kind
from tests.fakes import Trace, laid_out

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
