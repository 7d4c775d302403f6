"""Augmentation, losses, judging and test-time augmentation on an accelerator: nothing in a step
waits for it, as a trace of its operators sees it."""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from gocnn.features.planes import NO_MOVE
from gocnn.policy.samples import UNDECIDED
from gocnn.policy.task import PolicyTask
from imagecls.augment import Augmenter, auto, colour, geometry
from imagecls.classifier.model import VIEWS, Predictor
from imagecls.classifier.models import ClassifierConfig
from imagecls.classifier.models.base import Classifier
from imagecls.classifier.task import ImageTask
from tests.augmenting import MEAN, RECIPES_TRIED, STD, pictures


class Waits(TorchDispatchMode):
    """Notes the operators that make the host wait for the device, or copy from one to the other."""

    LOOKS = frozenset(
        {
            "_local_scalar_dense",
            "nonzero",
            "masked_select",
            "lift_fresh",
            "_unique2",
            "unique_dim",
            "equal",
            "_is_all_true",
            "bincount",
        }
    )

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name().removeprefix("aten::").split(".")[0]
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        kinds = {t.device.type for t in tensors}
        if (kwargs or {}).get("device") is not None:
            kinds.add(torch.device(kwargs["device"]).type)
        masks = name.startswith("index") and any(
            t.dtype in (torch.bool, torch.uint8) for t in tensors[1:]
        )
        if name in self.LOOKS or masks or len(kinds) > 1:
            self.noted.append(func.name())
        return func(*args, **(kwargs or {}))


@contextmanager
def device_without_one(kind: str) -> Iterator[torch.device]:
    """Tensors on a kind of device that this machine need not have: they have shapes and no values.
    torch asks a device's guard for the current device; the CPU's answers in its place."""
    library = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libc10.so"))
    guards = (ctypes.c_void_p * 20).in_dll(library, "_ZN3c104impl26device_guard_impl_registryE")
    number = {"cuda": 1, "mps": 13}[kind]
    before = guards[number]
    if before is None:
        guards[number] = guards[0]
    try:
        with FakeTensorMode():
            yield torch.device(kind, 0)  # with its number, which the CPU's guard does not know
    finally:
        guards[number] = before


def waits(work: Callable[[], Any]) -> list[str]:
    with Waits() as mode:
        work()
    return mode.noted


class Linear(Classifier):
    """The pixels themselves are its feature maps."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.layer = nn.Linear(3 * side * side, 11)

    def features(self, x: Tensor) -> Tensor:
        return x

    def classify(self, maps: Tensor) -> Tensor:
        logits: Tensor = self.layer(maps.flatten(1))
        return logits


def classifier(device: torch.device | str, side: int = 32) -> Classifier:
    with torch.device(device):
        return Linear(side)


@pytest.mark.parametrize(
    "look",
    [
        lambda x: x.sum().item(),
        lambda x: x[x > 0],
        lambda x: x.nonzero(),
        lambda x: torch.tensor([1.0, 2.0], device=x.device),
        lambda x: x.cpu(),
        lambda x: torch.ones(4).to(x.device),
        lambda x: bool((x > 0).all()),
        lambda x: x.masked_select(x > 0),
        # asked to check, for torch.compile turns checking off for the whole process
        lambda x: torch.distributions.Beta(x[0].abs(), x[1].abs(), validate_args=True),
    ],
)
def test_the_trace_sees_what_waits(look):
    with device_without_one("cuda") as device, Waits() as mode:
        x = torch.ones(4, device=device)
        assert not mode.noted
        with suppress(Exception):  # fake tensors have no values to give
            look(x)
        assert mode.noted


@pytest.mark.parametrize("kind", ["cuda", "mps"])
@pytest.mark.parametrize("name", RECIPES_TRIED)
def test_no_classifiers_step_waits(name, kind):
    recipe = RECIPES_TRIED[name]
    with device_without_one(kind) as device:
        batch, model = pictures(device), classifier(device)
        augment = Augmenter(recipe, 32, MEAN, STD)
        task = ImageTask(augment, augment, 0.1, class_weights=torch.ones(11))
        if name == "none":
            # the classes' weights go to the device once, and stay
            assert waits(lambda: task.loss(model, batch)) == ["aten::_to_copy"]
        else:
            task.class_weights = torch.ones(11, device=device)
        figures: dict[str, Tensor] = {}
        assert waits(lambda: task.loss(model, batch)) == []
        assert waits(lambda: figures.update(task.judge(model, batch))) == []
        assert {value.device.type for value in figures.values()} == {kind}


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_no_view_waits(kind):
    with device_without_one(kind) as device:
        predictor = Predictor(
            classifier(device),
            ClassifierConfig("cnn", tuple("abcdefghijk"), size=32, mean=MEAN, std=STD),
            {},
            Path(),
            device,
        )
        pixels = pictures(device)[0]
        answers: list[Tensor] = []
        assert waits(lambda: answers.append(predictor.answers(pixels, len(VIEWS)))) == []
        assert answers[0].shape == (len(VIEWS), 45, 11)


class Answers(nn.Module):
    """Moves and the winner from the planes, by one product."""

    def __init__(self, future: int) -> None:
        super().__init__()
        self.future, self.linear = future, nn.Linear(2 * 361, 362 * (1 + future) + 1)

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        out = self.linear(planes.flatten(1))
        moves = out[:, :-1].view(-1, 1 + self.future, 362)
        return (moves if self.future and self.training else moves[:, 0]), out[:, -1]


def positions(device: torch.device | str, n: int = 30) -> tuple[Tensor, Tensor, Tensor]:
    won = torch.randint(0, 3, (n,), device=device)
    won = torch.where(won == 2, torch.full_like(won, UNDECIDED), won).to(torch.int8)
    moves = torch.randint(0, 362, (n, 3), device=device)
    moves[:5, 2] = NO_MOVE
    return torch.randint(0, 2, (n, 2, 19, 19), device=device).to(torch.uint8), moves, won


@pytest.mark.parametrize("kind", ["cuda", "mps"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_no_policys_step_waits(kind, smoothing):
    with device_without_one(kind) as device:
        planes, moves, won = positions(device)
        with device:
            model, task = Answers(2), PolicyTask(smoothing)
        assert waits(lambda: task.loss(model, (planes, moves, won))) == []
        model.eval()
        assert waits(lambda: task.judge(model, (planes, moves[:, 0], won))) == []
        assert {
            value.device.type for value in task.judge(model, (planes, moves[:, 0], won)).values()
        } == {kind}


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_policy_figures_against_torchs_own(smoothing):
    torch.manual_seed(3)
    planes, moves, won = positions("cpu")
    model, task, first = Answers(0), PolicyTask(smoothing), moves[:, 0]
    logits, value = model(planes.float())
    known = won != UNDECIDED
    foreseen = nn.functional.binary_cross_entropy_with_logits(
        value[known], won[known].float(), reduction="sum"
    )
    loss, right = task.loss(model, (planes, first, won))
    wanted = nn.functional.cross_entropy(
        logits, first, label_smoothing=smoothing
    ) + 0.5 * foreseen / len(first)
    assert torch.allclose(loss, wanted, rtol=1e-6)
    ours, theirs = (torch.autograd.grad(part, model.linear.weight)[0] for part in (loss, wanted))
    assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-7)
    assert right == (logits.argmax(1) == first).sum()
    sums = task.judge(model, (planes, first, won))
    assert torch.allclose(sums["value_loss"], foreseen, rtol=1e-6)
    assert sums["decided"] == known.sum() < len(first)
    assert sums["value"] == ((value[known] > 0) == (won[known] == 1)).sum()
    assert sums["count"] == len(first)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("name", RECIPES_TRIED)
def test_on_a_card(name):
    """The same views for the same draws as on a CPU, and no wait in a step, as CUDA itself sees
    it."""
    device, augment = torch.device("cuda", 0), Augmenter(RECIPES_TRIED[name], 32, MEAN, STD)
    draws = augment._sample(45, device)
    maps, factors, drawn = draws.maps, draws.factors, draws.operations
    assert maps is not None
    pixels, labels = pictures("cpu")
    here = geometry.resample(pixels.to(device).float() / 255, maps, 32, border="reflection")
    there = geometry.resample(pixels.float() / 255, maps.cpu(), 32, border="reflection")
    if factors is not None:
        here, there = colour.jitter(here, factors), colour.jitter(there, factors.cpu())
    if drawn is not None:
        here, there = (
            auto.apply(here, drawn),
            auto.apply(
                there,
                auto.Drawn(
                    drawn.maps.cpu(), drawn.chosen.cpu(), drawn.strength.cpu(), drawn.amount.cpu()
                ),
            ),
        )
    assert (here.cpu() - there).abs().quantile(0.999) < 0.02
    batch, model = (pixels.to(device), labels.to(device)), classifier(device)
    task = ImageTask(augment, augment, 0.1, class_weights=torch.ones(11, device=device))
    task.loss(model, batch)  # what is made once
    torch.cuda.set_sync_debug_mode("error")
    try:
        task.loss(model, batch)[0].backward()
        task.judge(model, batch)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    seen = []
    for _ in range(2):
        torch.cuda.manual_seed(3)
        seen.append(augment(*batch).pictures)
    assert torch.equal(*seen)
