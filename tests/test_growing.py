"""Pictures that grow while a network learns (img-train --grow-from)."""

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from gocnn.devices import layout
from gocnn.errors import UserError
from gocnn.training import Runtime, TrainConfig, memory, schedule, trainer
from gocnn.training import session as sessions
from gocnn.training.batches import Again
from gocnn.training.range_test import RangeTest
from gocnn.training.stepping import Stepper
from imagecls.augment import RECIPES, Augmenter, Recipe
from imagecls.classifier import models, training
from imagecls.classifier.growing import Growth
from imagecls.classifier.guided import GuidedTask
from imagecls.classifier.models.base import Classifier, need_size
from imagecls.classifier.noisy import Noisy, NoisyLabels
from imagecls.classifier.pseudo import PseudoLabels, Unlabelled
from tests import kills, toy
from tests.fakes import Trace, laid_out, pretended
from tests.img_runs import SMALL101, few
from tests.kills import Killed, Stages
from tests.typed import good, refused

__all__ = ["few"]

MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
FAST = ["--size", "40", "--grow-from", "24", "--widths", "8,16", "--linear-head", "--batch", "8"]
FAST += ["--precision", "fp32", "--validations", "1"]


class Seen:
    """The sizes that networks saw while they learnt, and while they did not."""

    def __init__(self) -> None:
        self.learning: list[int] = []
        self.judging: list[int] = []

    def watch(self, network: nn.Module) -> nn.Module:
        def before(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            assert inputs[0].shape[2] == inputs[0].shape[3]
            (self.learning if module.training else self.judging).append(inputs[0].shape[3])

        network.register_forward_pre_hook(before)
        return network


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """What the networks of img-train see."""
    found, build = Seen(), models.build
    monkeypatch.setattr(training, "build", lambda config: found.watch(build(config)))
    monkeypatch.setattr(training, "need_size", lambda network, size: None)
    monkeypatch.setattr(trainer, "plot", lambda *_, **__: None)
    return found


@pytest.mark.parametrize(
    ("first", "last", "sizes"),
    [
        (64, 112, (64, 80, 96, 112)),
        (64, 128, (64, 80, 112, 128)),
        (128, 224, (128, 160, 192, 224)),
        (32, 56, (32, 40, 48, 56)),
        (32, 48, (32, 48)),  # in patches of 16, as 24 and 40 would not be
        (266, 518, (266, 350, 434, 518)),  # in patches of 14
        (140, 160, (140, 150, 160)),
        (24, 40, (24, 32, 40)),
        (30, 33, (30, 33)),
        (111, 112, (111, 112)),
        (111, 115, (111, 112, 114, 115)),
        (8, 1024, (8, 344, 688, 1024)),
    ],
)
def test_sizes_and_when_they_come(first: int, last: int, sizes: tuple[int, ...]) -> None:
    """In equal shares of the first two thirds; the last third is of the last size."""
    growth = Growth.between(first, last)
    assert growth.sizes == sizes
    counted = [growth.size(step / 999) for step in range(1000)]
    assert counted == sorted(counted)
    times = [counted.count(size) / 1000 for size in sizes]
    assert times == pytest.approx([2 / 3 / (len(sizes) - 1)] * (len(sizes) - 1) + [1 / 3], abs=2e-3)
    assert [growth.size(done) for done in growth.begins] == list(sizes)


def test_the_network_sees_them_step_by_step(few: Path, tmp_path: Path, seen: Seen) -> None:
    """And is judged at its own size all along."""
    said = good("img-train", few, "--out", tmp_path / "r", *FAST, "--steps", 9, "--validations", 3)
    assert "pictures grow: 24 pixels a side, 32 from 33% of the budget on, 40 from 67%" in said
    assert seen.learning == [24, 24, 24, 32, 32, 32, 40, 40, 40]
    assert set(seen.judging) == {40}
    seen.learning.clear()
    # the end of growth is the size of training, where that is another one than the network's
    good("img-train", few, "--out", tmp_path / "s", *FAST, "--steps", 3, "--train-size", "32")
    assert seen.learning == [24, 24, 32]
    assert json.loads((tmp_path / "s" / "run.json").read_text())["wishes"]["grow_from"] == 24


def test_by_the_clock(
    few: Path, tmp_path: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six seconds, of which steps take one each: what matters is the time, as for the rate."""
    monkeypatch.setattr(
        sessions, "Runtime", partial(Runtime, clock=lambda: float(len(seen.learning)))
    )
    said = good("img-train", few, "--out", tmp_path / "r", *FAST, "--minutes", 0.1)
    assert seen.learning == [24, 24, 32, 32, 40, 40]
    # what the first step promises and the last one finds
    (promised,) = re.findall("note: at this speed only (.*?) passes .* will be made; give", said)
    (made,) = re.findall("only (.*?) passes .* were made; give", said)
    assert promised == made


def test_killed_amid_growth_it_goes_on_to_the_same_bits(
    few: Path, tmp_path: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From each of its sizes, with what a guided task remembers."""
    arguments = ["img-train", few, *FAST, "--steps", 6, "--checkpoint-minutes", 0, "--quiet"]
    arguments += ["--deterministic", "--noisy", "elr", "--augment", "strong"]
    stages = Stages(monkeypatch)
    good(*arguments, "--out", tmp_path / "whole")
    assert seen.learning == [24, 24, 32, 32, 40, 40]
    steps = [number for number, name in enumerate(stages.passed) if name == "step"]
    for begun in (1, 3, 4):
        out = tmp_path / str(begun)
        stages.fatal, stages.passed = steps[begun], []
        with pytest.raises(Killed):
            good(*arguments, "--out", out)
        stages.fatal = None
        seen.learning.clear()
        good("img-train", "--out", out, "--resume", "--quiet")
        assert seen.learning == [24, 24, 32, 32, 40, 40][begun:]
        assert kills.models(out) == kills.models(tmp_path / "whole")


def test_the_head_alone_sees_what_the_rest_begins_with(
    few: Path, tmp_path: Path, seen: Seen
) -> None:
    good(
        *("img-train", few, "--out", tmp_path / "r", *SMALL101, "--weights", "none"),
        *("--grow-from", 16, "--head-epochs", 0.5, "--steps", 3, "--validations", 1),
    )
    assert seen.learning == [16, 16, *(16, 16, 32)]


def test_a_range_test_sees_what_a_run_begins_with(
    few: Path, tmp_path: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RangeTest, "_draw", lambda self, target: None)
    said = good("img-train", few, "--out", tmp_path / "r", *FAST, "--find-rate", "--steps", 10)
    assert "the range test sees pictures of 24 pixels, as the run begins" in said
    assert set(seen.learning) == {24}


def test_small_pictures_are_shrunk_first() -> None:
    """White with dark columns, which bilinear sampling of every third column would see alone: a
    small picture is as bright as the large one. And in full size nothing changes."""
    columns = np.full((16, 3, 48, 48), 255, np.uint8)
    columns[..., 1::3] = 0
    pixels, labels = torch.from_numpy(columns), torch.zeros(16, dtype=torch.int64)
    mirrored = Recipe(0.5, 0.0, 0.0, 0.0, 1.0, (0.0, 0.0, 0.0, 0.0), border="reflection")

    def drawn(augment: Augmenter) -> Tensor:
        torch.manual_seed(3)
        return augment(pixels, labels).pictures

    for recipe in (RECIPES["none"], mirrored):
        whole = Augmenter(recipe, 48, MEAN, STD)
        large, small = drawn(whole), drawn(whole.at(16))
        assert (large.shape[-1], small.shape[-1]) == (48, 16)
        assert torch.allclose(small.mean((2, 3)), large.mean((2, 3)), atol=0.1)
        assert torch.equal(drawn(whole.at(16).at(48)), large)
    assert float(drawn(Augmenter(mirrored, 16, MEAN, STD)).mean()) < -1  # what it would be without


def test_guided_pictures_grow_alike() -> None:
    """Those that the averaged network is asked about in proportion to those in judging."""
    augment, view = (Augmenter(RECIPES["none"], size, MEAN, STD) for size in (16, 20))
    noisy = NoisyLabels(Noisy("elr"), np.zeros(4, np.int64), 3)
    pseudo = PseudoLabels(Unlabelled(""), augment, view, np.full(3, 1 / 3))
    growth = Growth.between(8, 16)
    task = GuidedTask(
        augment, view, 0.0, class_weights=None, noisy=noisy, pseudo=pseudo, growth=growth
    )
    assert growth.sizes == (8, 16)
    found = Seen()
    average, network = (
        found.watch(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())) for _ in range(2)
    )
    average.eval()
    pixels = torch.randint(0, 256, (4, 3, 24, 24), dtype=torch.uint8)
    batch = pixels, pixels, torch.arange(4), torch.zeros(4, dtype=torch.int64)

    def step() -> tuple[list[int], list[int]]:
        found.judging.clear()
        found.learning.clear()
        task.loss(network, task.guide(average, batch, 0.0))
        return found.judging, found.learning

    assert step() == ([20, 20], [16])  # before it is told otherwise, as in its last stage
    task.advance(0.0)
    assert step() == ([10, 10], [8])
    task.judge(average, (pixels, batch[-1]))
    assert found.judging[-1] == 20
    task.advance(1.0)
    assert step() == ([20, 20], [16])


# --- what the trainer does with stages
# ------------------------------------------------------------------------------------------------


def test_a_task_is_told_before_each_step(tmp_path: Path) -> None:
    task = toy.Paced()
    toy.train(tmp_path / "r", steps=5, task=task)
    assert task.told == [0.0, 0.2, 0.4, 0.6, 0.8]


def test_memory_is_tried_with_samples_at_their_largest() -> None:
    task = toy.Paced()
    stepper = Stepper(toy.network(), task, TrainConfig(steps=1, batch=8), torch.device("cpu"))
    stepper.precision = "fp32"
    assert "parts of 4 samples do" in memory.advice(stepper, toy.ToySource(8), torch.device("cpu"))
    assert task.told == [1.0]


def test_each_size_is_compiled_once_before_the_time_counts(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is: not once for sizes of all kinds, which would be slower."""
    events: list[Any] = []
    compiled, start = torch.compile, schedule.Budget.start

    def backend(graph: torch.fx.GraphModule, inputs: list[Any]) -> Any:
        events.extend(x.shape[-1] for x in inputs if isinstance(x, Tensor) and x.shape[1:2] == (3,))
        return graph.forward

    def started(self: Any, before: float) -> None:
        events.append("start")
        start(self, before)

    torch.compiler.reset()
    # which the compiler switches off for all that comes after
    checked = torch.distributions.Distribution
    monkeypatch.setattr(checked, "_validate_args", checked._validate_args)
    monkeypatch.setattr(torch, "compile", partial(compiled, backend=backend))
    monkeypatch.setattr(schedule.Budget, "start", started)
    monkeypatch.setattr(trainer, "plot", lambda *_, **__: None)
    extra = ["--compile", "--steps", 4, "--augment", "none"]
    good("img-train", few, "--out", tmp_path / "r", *FAST, *extra)
    sizes = [x for x in events if x != 3]
    assert sizes == [40, 32, 24, "start"]
    assert all(type(x) is int for x in sizes[:3])


def test_a_step_that_changes_the_size_waits_for_nothing() -> None:
    with pretended("cuda") as device:
        with device:
            network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        laid_out(network, layout(device))
        growth = Growth.between(8, 32)
        augment, view = (Augmenter(RECIPES["strong"], size, MEAN, STD) for size in (32, 36))
        noisy = NoisyLabels(Noisy("elr"), np.zeros(9, np.int64), 4)
        pseudo = PseudoLabels(Unlabelled(""), augment, view, np.full(4, 0.25), smoothing=0.1)
        task = GuidedTask(
            augment, view, 0.1, class_weights=None, noisy=noisy, pseudo=pseudo, growth=growth
        )
        pixels = torch.randint(0, 256, (4, 3, 40, 40), dtype=torch.uint8, device=device)
        numbers = torch.randint(0, 4, (4,), device=device)
        batch: Any = Again((pixels, pixels, numbers, numbers))
        stepper = Stepper(network, task, TrainConfig(steps=3, batch=4, ema=0.9), device)
        stepper.precision = "bf16"
        stepper.step(network, batch, 1.0, done=0.0)
        with Trace(device) as trace:
            for done in (0.4, 0.9):
                stepper.step(network, batch, 1.0, done=done)
        assert trace.found == []
        assert task.augment.size == 32


# --- what cannot be
# -------------------------------------------------------------------------------------------------------------------


class Fixed(Classifier):
    """Sees pictures of 48 pixels only, as a vision transformer of timm does."""

    def forward(self, x: Tensor) -> Tensor:
        assert x.shape[-1] == 48, f"Input height ({x.shape[-1]}) doesn't match model (48)."
        return functional.adaptive_avg_pool2d(x, 1).flatten(1)


def test_networks_of_one_size() -> None:
    network = Fixed()
    need_size(network, 48)
    assert network.training
    with pytest.raises(ValueError, match=r"cannot see pictures of 32 pixels \(Input height \(32\)"):
        need_size(network, 32)
    assert network.training


def test_what_cannot_grow_is_said_in_a_sentence(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = ["--out", tmp_path / "r", "--steps", "1", "--batch", "8", "--quiet"]
    cases: list[tuple[list[object], str]] = [
        (["--grow-from", 64, "--size", 64], "cannot grow from 64 to 64 pixels: choose a"),
        (["--grow-from", 60, "--size", 64, "--preset", "strong"], "grow from 60 to 52 pixels"),
        (["--grow-from", 32, "--size", 64, "--train-size", 24], "grow from 32 to 24 pixels"),
        (["--grow-from", 64, "--model", "cnn"], "cnn sees pictures of one size only"),
        (["--grow-from", 7], "7 is no whole number from 8"),
        (["--grow-from", "64-128"], "64-128 is no whole number"),
        (["--grow-from"], "requires an argument"),
    ]
    for extra, words in cases:
        assert words in refused(2, "img-train", few, *out, *extra)
    deep = ["--widths", "8,8,8,8,8", "--linear-head", "--size", 32, "--batch", 1]
    assert "nothing to normalise; choose --batch 2" in refused(
        1, "img-train", few, *out, *deep, "--grow-from", 16, "--precision", "fp32"
    )
    monkeypatch.setattr(training, "build", lambda config: Fixed())
    assert "cannot see pictures of 32 pixels" in refused(
        1, "img-train", few, *out, "--size", 48, "--grow-from", 32
    )
    assert not (tmp_path / "r" / "run.json").exists()


@pytest.mark.usefixtures("seen")
def test_a_run_keeps_how_it_grows(few: Path, tmp_path: Path) -> None:
    good("img-train", few, "--out", tmp_path / "r", *FAST, "--steps", 1, "--quiet")
    for given, before in (("32", "began with 24"), ("24", "")):
        again = ["img-train", "--out", tmp_path / "r", "--resume", "--grow-from", given]
        if before:
            said = refused(2, *again)
            assert f"--grow-from cannot be {given} in a resumed run" in said
            assert before in said
        else:
            good(*again, "--quiet")
    file = tmp_path / "r" / "run.json"
    changed = json.loads(file.read_text())
    changed["wishes"]["grow_from"] = 48
    file.write_text(json.dumps(changed))
    with pytest.raises(UserError, match="cannot grow from 48 to 40 pixels"):
        training.ClassifierRunConfig.of_run(tmp_path / "r", {})
