"""Augmentation, losses, judging and test-time augmentation on an accelerator: nothing in a step
waits for it, and what is drawn there is what should be drawn."""

import ctypes
import dataclasses
import math
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
from imagecls.augment import RECIPES, Augmenter, auto, changed, colour, dealing, geometry, mixing
from imagecls.classifier.model import VIEWS, Predictor
from imagecls.classifier.models import ClassifierConfig
from imagecls.classifier.models.base import Classifier
from imagecls.classifier.task import ImageTask

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RECIPES_TRIED = RECIPES | {
    "mixup": changed(RECIPES["lecture"], mixup=0.4),
    "cutmix": changed(RECIPES["none"], cutmix=1.0, erase=0.3),
    "rand": changed(RECIPES["lecture"], auto="rand", crop=0.5),
}


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


def pictures(device: torch.device | str, n: int = 45, side: int = 40) -> tuple[Tensor, Tensor]:
    return torch.randint(0, 256, (n, 3, side, side), device=device).to(torch.uint8), torch.randint(
        0, 11, (n,), device=device
    )


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


def test_dealt_operations_are_uniform_and_everyone_has_a_place():
    torch.manual_seed(0)
    for count in (1, 13, 14, 15, 45, 128):
        chosen, seated = dealing.deal(len(auto.NAMES), count, 2)
        for k in range(2):
            for number in range(len(auto.NAMES)):
                here = seated[k, number]
                assert (
                    sorted(here[here < count].tolist())
                    == (chosen[:, k] == number).nonzero()[:, 0].tolist()
                )
    many = torch.cat([dealing.deal(len(auto.NAMES), 45, 2)[0] for _ in range(1500)])
    share = 1 / len(auto.NAMES)
    slack = 5 * math.sqrt(share * (1 - share) / len(many))
    for k in range(2):
        assert (
            many[:, k].bincount(minlength=len(auto.NAMES)) / len(many) - share
        ).abs().max() < slack
    # the rounds know nothing of each other
    both = (many[:, 0] * len(auto.NAMES) + many[:, 1]).bincount(
        minlength=len(auto.NAMES) ** 2
    ) / len(many)
    assert (both - share**2).abs().max() < 5 * share / math.sqrt(len(many))
    # The first picture of a batch is no other than the last.
    firsts = torch.stack([dealing.deal(14, 45, 1)[0][:, 0] for _ in range(1500)])
    for i in (0, 20, 44):
        assert (firsts[:, i].bincount(minlength=14) / 1500 - share).abs().max() < 5 * math.sqrt(
            share / 1500
        )


@pytest.mark.parametrize("kind", ["trivial", "rand"])
def test_dealt_operations_do_what_the_same_ones_do_on_the_host(kind):
    torch.manual_seed(4)
    x = (torch.rand(45, 3, 24, 24) * 255).round() / 255
    most = torch.tensor(auto.largest(kind))
    drawn = auto.sample(kind, 45, most, hosted=False)
    assert drawn.seated is not None
    assert torch.allclose(
        auto.apply(x.clone(), drawn),
        auto.apply(x.clone(), dataclasses.replace(drawn, seated=None)),
        atol=1e-6,
    )
    # Signs and strengths are those of the host's draws as well.
    signs = torch.cat(
        [auto.sample(kind, 200, most, hosted=False).strength.flatten() for _ in range(100)]
    )
    hosts = torch.cat([auto.sample(kind, 200, most).strength.flatten() for _ in range(100)])
    assert set(signs.unique().tolist()) == set(hosts.unique().tolist())
    assert abs(signs.mean() - hosts.mean()) < 6 * hosts.std() * math.sqrt(2 / len(hosts))


@pytest.mark.parametrize("alpha", [0.05, 0.2, 0.4, 1.0, 3.0])
def test_beta_is_betas(alpha):
    torch.manual_seed(1)
    n = 40_000
    ours = mixing.beta(alpha, n)
    theirs = torch.distributions.Beta(alpha, alpha).sample((n,))
    assert ours.isfinite().all()
    assert abs(ours.mean() - 0.5) < 5 * theirs.std() / math.sqrt(n)
    variance = 1 / (4 * (2 * alpha + 1))
    assert abs(ours.var() - variance) < 0.02 * variance
    # Kolmogorov and Smirnov's distance of two samples: 1.95 is passed once in a thousand times.
    places = torch.linspace(0, 1, 1001)[1:-1]
    apart = torch.searchsorted(ours.sort().values, places) - torch.searchsorted(
        theirs.sort().values, places
    )
    assert apart.abs().max() / n < 1.95 * math.sqrt(2 / n)


def test_the_hosts_shares_are_torchs_own():
    """A seed gives a CPU the draws that it has always given: the choice first, then the shares of
    mixup, then those of CutMix."""
    torch.manual_seed(8)
    share, cut = mixing.shares(50, 0.4, 1.0)
    torch.manual_seed(8)
    choice = torch.rand(50) < 0.5
    blended, boxed = (
        torch.distributions.Beta(torch.tensor(a), torch.tensor(a)).sample((50,)) for a in (0.4, 1.0)
    )
    assert torch.equal(cut, choice)
    assert torch.equal(share, torch.where(choice, boxed, blended))


def test_the_host_draws_in_the_old_order():
    """What a CPU draws for a batch, one call after another: a seed gives the views that it has
    always given."""
    batch, n = pictures("cpu"), 45
    torch.manual_seed(9)
    mixed = Augmenter(RECIPES["strong"], 32, MEAN, STD)(*batch)
    after = torch.get_rng_state()
    torch.manual_seed(9)
    torch.rand(n, 8), torch.rand(n, 4)
    torch.randint(len(auto.NAMES), (n, 1)), torch.randint(auto.STEPS, (n, 1)), torch.rand(n, 1)
    torch.rand(n, 5)
    partner = torch.randperm(n)
    mixing.shares(n, 0.2, 1.0)
    torch.rand(n, 2)
    assert torch.equal(torch.get_rng_state(), after)
    assert torch.equal(mixed.others, mixed.labels[partner])


@pytest.mark.parametrize("hosted", [True, False])
def test_draws_of_the_lectures_recipe(hosted):
    """Share of mirrored pictures, range of angles and factors: the same whoever draws."""
    torch.manual_seed(2)
    recipe = changed(RECIPES["lecture"], affine_rotate=0.0, shear=0.0)
    draws = Augmenter(recipe, 32, MEAN, STD, hosted=hosted)._sample(4000, torch.device("cpu"))
    maps, factors = draws.maps, draws.factors
    assert draws.operations is None
    assert maps is not None
    assert factors is not None
    mirrored = torch.linalg.det(maps[:, :, :2]) < 0
    assert abs(mirrored.float().mean() - 0.5) < 0.04
    degrees = torch.rad2deg(torch.atan2(maps[:, 1, 0], maps[:, 1, 1]))
    assert 14.9 < degrees.abs().max() <= 15.001
    assert abs(degrees.mean()) < 5 * 8.66 / math.sqrt(4000)
    assert abs(degrees.std() - 8.66) < 0.3
    assert factors is not None
    for part, middle in zip(factors.T, (1.0, 1.0, 1.0, 0.0), strict=True):
        assert 0.19 < (part - middle).abs().max() <= 0.2001
        assert abs(part.mean() - middle) < 0.01


@pytest.mark.parametrize("name", RECIPES_TRIED)
def test_a_seed_repeats_what_is_drawn_on_the_device(name):
    torch.manual_seed(6)
    batch, seen = pictures("cpu"), []
    for _ in range(2):
        torch.manual_seed(7)
        mixed = Augmenter(RECIPES_TRIED[name], 32, MEAN, STD, hosted=False)(*batch)
        seen.append(mixed)
    assert torch.equal(seen[0].pictures, seen[1].pictures)
    assert torch.equal(seen[0].share, seen[1].share)
    assert seen[0].pictures.isfinite().all()
    assert seen[0].pictures.shape == (45, 3, 32, 32)
    again = Augmenter(RECIPES_TRIED[name], 32, MEAN, STD, hosted=False)(*batch)
    assert name == "none" or not torch.equal(seen[0].pictures, again.pictures)


def test_one_picture_alone():
    for recipe in RECIPES_TRIED.values():
        assert (
            Augmenter(recipe, 16, MEAN, STD, hosted=False)(*pictures("cpu", 1))
            .pictures.isfinite()
            .all()
        )


def test_hues_offsets_are_the_sixths():
    assert torch.equal(torch.arange(5, 0, -2) / 6, torch.tensor([5 / 6, 3 / 6, 1 / 6]))
    assert colour.hue(torch.rand(2, 3, 4, 4), torch.zeros(2)).shape == (2, 3, 4, 4)


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
