"""Networks that learn from trained ones (img-train --teacher)."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from gocnn import modelfile
from gocnn.training import TrainConfig
from gocnn.training.batches import Again
from gocnn.training.stepping import Stepper
from imagecls.augment import RECIPES, Augmenter, Recipe
from imagecls.classifier import models
from imagecls.classifier.growing import Growth
from imagecls.classifier.model import load
from imagecls.classifier.models import ClassifierConfig, build
from imagecls.classifier.models.base import Classifier
from imagecls.classifier.task import ImageTask
from imagecls.classifier.teaching import TaughtTask, Teacher, Teachers, Teaching, divergence
from tests.classifiers import CLASSES, predictor
from tests.img_runs import SMALL101
from tests.kills import Stages
from tests.kills import models as written
from tests.toyruns import on_two_processes
from tests.typed import good, refused

MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
RUN = ClassifierConfig("resnet", CLASSES, 8, 8, mean=MEAN, std=STD)
PLAIN = Augmenter(RECIPES["none"], 8, MEAN, STD)
MIXING = Augmenter(Recipe(0.5, 9.0, 0, 0, 0.5, (0, 0, 0, 0), mixup=1.0, cutmix=1.0), 8, MEAN, STD)
FAST = ["--size", "32", "--widths", "8,16", "--linear-head", "--batch", "8"]
FAST += ["--precision", "fp32", "--validations", "1", "--quiet"]


class Averages(Classifier):
    """Tells three classes apart by the mean of each channel, and notes what it has seen."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.detach().clone())
        return x.mean((2, 3)) * self.factor


def teacher(
    network: Classifier,
    *,
    config: ClassifierConfig = RUN,
    order: tuple[int, ...] = (0, 1, 2),
    fixed: bool = False,
) -> Teacher:
    return Teacher(network, config, RUN, order=order, fixed=fixed)


def batch(count: int = 6, size: int = 12) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(4)
    pixels = torch.randint(0, 256, (count, 3, size, size), generator=generator, dtype=torch.uint8)
    return pixels, torch.arange(count) % 3


def softmax(logits: Any) -> Any:
    p = np.exp(np.asarray(logits, np.float64))
    return p / p.sum(1, keepdims=True)


# --- the loss


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_divergence_is_what_torch_and_the_formula_say(temperature: float) -> None:
    mine, theirs = np.random.default_rng(0).normal(0, 2, (2, 5, 7))
    p, q = softmax(theirs / temperature), softmax(mine / temperature)
    written_out = (p * np.log(p / q)).sum(1).mean() * temperature**2
    logits, said = torch.tensor(mine, requires_grad=True), torch.tensor(p)
    loss = divergence(logits, said, temperature)
    assert loss.item() == pytest.approx(written_out)
    theirs_too = nn.KLDivLoss(reduction="batchmean")(torch.tensor(np.log(q)), said)
    assert loss.item() == pytest.approx(theirs_too.item() * temperature**2)
    # Hinton et al. 2015, equation 2: (q - p) / T for each picture, here times T squared
    (gradient,) = torch.autograd.grad(loss, logits)
    assert np.allclose(gradient, (q - p) / 5 * temperature)


def test_sure_teachers_are_no_trouble() -> None:
    """Probabilities of 0 and 1: the cross-entropy, and a gradient."""
    logits = torch.zeros(2, 3, requires_grad=True)
    loss = divergence(logits, torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))
    loss.backward()
    assert loss.item() == pytest.approx(np.log(3))
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_teachers_and_labels_have_their_shares(share: float) -> None:
    """On pictures that are turned, cropped, mixed and cut; teachers are shown the same ones. Label
    smoothing and weights of classes are the labels'."""
    networks = Averages(3.0), Averages(-2.0)
    members = Teachers([teacher(network) for network in networks])
    weights = torch.tensor([0.5, 1.0, 1.5])
    teaching = Teaching(("a", "b"), share, 2.0)
    task = TaughtTask(MIXING, PLAIN, members, teaching, label_smoothing=0.1, class_weights=weights)
    student = Averages(0.7)
    torch.manual_seed(3)
    loss, right = task.loss(student, batch())
    torch.manual_seed(3)
    labels, right_by_labels = ImageTask(MIXING, PLAIN, 0.1, class_weights=weights).loss(
        student, batch()
    )
    first, second = student.seen
    assert torch.equal(first, second)
    assert [len(network.seen) for network in networks] == ([1, 1] if share else [0, 0])
    for network in networks if share else ():
        assert torch.equal(network.seen[0], first)
    x = first.numpy().mean((2, 3), dtype=np.float64)
    p, q = (softmax(x * 3 / 2) + softmax(-x * 2 / 2)) / 2, softmax(x * 0.7 / 2)
    apart = (p * np.log(p / q)).sum(1).mean() * 4
    assert loss.item() == pytest.approx((1 - share) * labels.item() + share * apart, abs=1e-5)
    assert right == right_by_labels
    loss.backward()
    assert student.factor.grad is not None
    assert all(p.grad is None for p in members.parameters())


# --- what teachers see and say


def test_classes_in_another_order() -> None:
    x = MIXING(*batch()).pictures
    plain = Teachers([teacher(Averages(3.0))])(x)
    turned = Teachers([teacher(Averages(3.0), order=(2, 0, 1))])(x)
    assert plain.sum(1).allclose(torch.ones(6))
    assert torch.equal(turned, torch.stack([plain[:, 2], plain[:, 0], plain[:, 1]], 1))


def test_another_normalisation() -> None:
    """A teacher sees what its own augmenter would have made of the same pictures."""
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    network = Averages()
    config = ClassifierConfig("resnet", CLASSES, 8, 8, mean=mean, std=std)
    Teachers([teacher(network, config=config)])(PLAIN.plain(batch()[0]))
    expected = Augmenter(RECIPES["none"], 8, mean, std).plain(batch()[0])
    assert network.seen[0].allclose(expected, atol=1e-5)


def test_a_network_of_one_size_is_shown_that() -> None:
    config = ClassifierConfig("cnn", CLASSES, 4, 5, mean=MEAN, std=STD)
    network = Averages()
    x = PLAIN.plain(batch()[0])
    Teachers([teacher(network, config=config, fixed=True)])(x)
    expected = functional.interpolate(x, (4, 4), mode="bilinear", antialias=True)
    assert network.seen[0].allclose(expected)


def test_teachers_stay_what_they_were() -> None:
    """Their normalisations and dropout too, whatever learns beside them."""
    config = ClassifierConfig("resnet", CLASSES, 8, 8, widths=(8, 8), hidden=(8,), dropout=0.5)
    members = Teachers([teacher(predictor(config).network, config=config)])
    before = {name: value.clone() for name, value in members.state_dict().items()}
    task = TaughtTask(MIXING, PLAIN, members, Teaching(("a",)))
    stepper = Stepper(build(config), task, TrainConfig(steps=3, batch=6), torch.device("cpu"))
    stepper.precision = "fp32"
    for _ in range(3):
        stepper.step(stepper.model, Again(batch()), 1.0)
    assert not any(module.training for module in members.modules())
    assert all(torch.equal(value, before[name]) for name, value in members.state_dict().items())
    x = PLAIN.plain(batch()[0])
    assert torch.equal(members(x), members(x))


def test_a_taught_network_agrees_with_its_teacher() -> None:
    """Of colours, from a teacher that knows which is the strongest, beside labels that say nothing;
    what learns from those alone agrees by chance."""
    generator = torch.Generator().manual_seed(1)
    colours = torch.randint(0, 256, (512, 3, 1, 1), generator=generator, dtype=torch.uint8)
    pixels = colours.expand(512, 3, 8, 8).contiguous()
    labels = torch.randint(0, 3, (512,), generator=generator)
    members = Teachers([teacher(Averages(8.0))])
    config = ClassifierConfig("resnet", CLASSES, 8, 8, widths=(8, 8), hidden=())
    agreed = {}
    for share in (1.0, 0.0):
        torch.manual_seed(0)
        task = TaughtTask(PLAIN, PLAIN, members, Teaching(("a",), share))
        train = TrainConfig(steps=60, batch=64, learning_rate=0.01, optimiser="adamw", ema=0.0)
        stepper = Stepper(build(config), task, train, torch.device("cpu"))
        stepper.precision = "fp32"
        for step in range(60):
            some = slice(step % 6 * 64, step % 6 * 64 + 64)
            stepper.step(stepper.model, Again((pixels[some], labels[some])), 1.0)
        x = PLAIN.plain(pixels[384:])
        with torch.no_grad():
            answers = stepper.model.eval()(x).argmax(1)
        agreed[share] = (answers == members(x).argmax(1)).float().mean().item()
    assert agreed[1.0] > 0.8
    assert agreed[0.0] < 0.6


def test_teachers_see_pictures_grow() -> None:
    growth = Growth.between(8, 16)
    augment = Augmenter(RECIPES["strong"], 16, MEAN, STD)
    network, student = Averages(), Averages()
    task = TaughtTask(
        augment, augment, Teachers([teacher(network)]), Teaching(("a",)), growth=growth
    )
    for done in growth.begins:
        task.advance(done)
        task.loss(student, batch())
    assert [x.shape[-1] for x in network.seen] == list(growth.sizes)
    assert all(torch.equal(a, b) for a, b in zip(network.seen, student.seen, strict=True))


# --- through the command


@pytest.fixture
def few(tiny_classifiers: Path) -> Path:
    return tiny_classifiers.parent / "few"


def test_a_run_says_who_taught_it(tmp_path: Path, few: Path, tiny_classifiers: Path) -> None:
    """Teachers of two kinds and other sizes, with a temperature; what is written holds nothing of
    theirs."""
    a, b = tiny_classifiers / "cnn", tiny_classifiers / "resnet" / "last.safetensors"
    said = good(
        *("img-train", few, "--out", tmp_path / "r", *FAST[:-1], "--size", 40, "--steps", 2),
        *("--grow-from", 24, "--teacher", a, "--teacher", b, "--teacher-share", 0.75),
        *("--teacher-temperature", 2, "--class-weights", "--label-smoothing", 0.1),
    )
    words = "taught by runs/cnn and resnet/last.safetensors (the labels count 0.25)"
    assert words in said
    description = json.loads((tmp_path / "r" / "run.json").read_text())
    assert description["wishes"]["teaching"] == {
        "models": [str(a), str(b)],
        "share": 0.75,
        "temperature": 2.0,
    }
    file = modelfile.load(tmp_path / "r", "image-classifier")
    assert words in file.provenance["data"]
    state = torch.load(tmp_path / "r" / "checkpoint.pt", weights_only=True)
    assert state["model"].keys() == file.tensors.keys() == state["ema"].keys()
    assert "task" not in state


def test_without_a_share_nothing_changes(tmp_path: Path, few: Path, tiny_classifiers: Path) -> None:
    """To the bit, though other networks were built before."""
    arguments = ["img-train", few, *FAST, "--steps", 3, "--augment", "strong"]
    good(*arguments, "--out", tmp_path / "plain")
    teachers = ["--teacher", tiny_classifiers / "cnn", "--teacher-share", 0]
    good(*arguments, "--out", tmp_path / "taught", *teachers)
    good(*arguments, "--out", tmp_path / "other", *teachers[:2])
    plain, taught, other = (
        {name: weights for name, (weights, _) in written(tmp_path / run).items()}
        for run in ("plain", "taught", "other")
    )
    assert plain == taught
    assert plain != other


def test_taught_it_goes_on_to_the_same_bits(
    tmp_path: Path, few: Path, tiny_classifiers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["img-train", few, *FAST, "--steps", 2, "--augment", "strong"]
    arguments += ["--teacher", tiny_classifiers / "resnet", "--teacher-share", 0.5]
    Stages(monkeypatch).every(
        tmp_path,
        lambda out: print(good(*arguments, "--out", out)),
        lambda out: print(good("img-train", "--out", out, "--resume", "--quiet")),
    )


def test_teachers_of_a_run_that_goes_on(tmp_path: Path, few: Path, tiny_classifiers: Path) -> None:
    """They may move, but not be others."""
    place, run = tmp_path / "teacher.safetensors", tmp_path / "r"
    shutil.copy(tiny_classifiers / "resnet" / "best.safetensors", place)
    good("img-train", few, "--out", run, *FAST, "--steps", 1, "--teacher", place)
    again = ["img-train", "--out", run, "--resume", "--quiet", "--steps", 2]
    place.rename(tmp_path / "moved.safetensors")
    assert f"{place}, which teaches the run in {run}, is gone; put it back" in refused(1, *again)
    other = tiny_classifiers / "cnn"
    assert "the teachers are not those that the run in" in refused(1, *again, "--teacher", other)
    assert "--teacher-share cannot be 0.5 in a resumed run" in refused(
        2, *again, "--teacher-share", 0.5
    )
    good(*again, "--teacher", tmp_path / "moved.safetensors")
    wishes = json.loads((run / "run.json").read_text())["wishes"]
    assert wishes["teaching"]["models"] == [str(tmp_path / "moved.safetensors")]
    shutil.copy(other / "best.safetensors", tmp_path / "moved.safetensors")
    assert "the teachers are not those that" in refused(1, *again[:-1], 3)
    good("img-train", few, "--out", tmp_path / "s", *FAST, "--steps", 1)
    assert "began without teachers; leave out --teacher" in refused(
        2, "img-train", "--out", tmp_path / "s", "--resume", "--teacher", other
    )


def test_the_head_alone_is_taught_too(
    tmp_path: Path, few: Path, tiny_classifiers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    forward = Teachers.forward

    def counted(self: Teachers, pictures: Tensor, temperature: float = 1.0) -> Tensor:
        asked.append(len(pictures))
        said: Tensor = forward(self, pictures, temperature)
        return said

    monkeypatch.setattr(Teachers, "forward", counted)
    good(
        *("img-train", few, "--out", tmp_path / "r", *SMALL101, "--weights", "none"),
        *("--head-epochs", 0.5, "--steps", 3, "--validations", 1),
        *("--teacher", tiny_classifiers / "cnn", "--convolution", "direct"),
    )
    head = json.loads((tmp_path / "r" / "head" / "run.json").read_text())
    assert head["wishes"]["teaching"]["models"]
    assert asked.count(16) >= 5


def test_only_what_learns_is_compiled(
    tmp_path: Path, few: Path, tiny_classifiers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[nn.Module] = []

    def compiling(net: nn.Module, **options: Any) -> nn.Module:
        compiled.append(net)
        return net

    monkeypatch.setattr(torch, "compile", compiling)
    extra = ["--steps", 1, "--compile", "--teacher", tiny_classifiers / "cnn"]
    good("img-train", few, "--out", tmp_path / "r", *FAST, *extra)
    assert [type(net).__name__ for net in compiled] == ["ResidualClassifier"]


class Fixed(Classifier):
    """Sees pictures of 48 pixels only, as a vision transformer of timm does."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(3, 6)

    def forward(self, x: Tensor) -> Tensor:
        assert x.shape[-1] == 48, f"Input height ({x.shape[-1]}) doesn't match model (48)."
        y: Tensor = self.line(x.mean((2, 3)))
        return y


def test_other_networks_of_one_size(
    tmp_path: Path, few: Path, tiny_classifiers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classes = load(tiny_classifiers / "cnn").config.classes
    path = tmp_path / "t.safetensors"
    config = {"model": "resnet", "classes": classes, "size": 48, "store_size": 60, "hidden": []}
    modelfile.save(path, "image-classifier", config, {}, Fixed().state_dict())
    monkeypatch.setattr(
        "imagecls.classifier.model.build",
        lambda config: Fixed() if config.size == 48 else models.build(config),
    )
    good("img-train", few, "--out", tmp_path / "r", *FAST, "--steps", 1, "--teacher", path)


def test_what_cannot_teach_is_said_in_a_sentence(
    tmp_path: Path, few: Path, tiny_classifiers: Path
) -> None:
    def with_classes(name: str, *classes: str) -> Path:
        config = ClassifierConfig("resnet", classes, 32, 40, widths=(8,), hidden=())
        path = tmp_path / f"{name}.safetensors"
        values = {"model": "resnet", "classes": classes, "size": 32, "widths": [8], "hidden": []}
        modelfile.save(path, "image-classifier", values, {}, build(config).state_dict())
        return path

    known = load(tiny_classifiers / "cnn").config.classes
    lacking, more = with_classes("lacking", *known[1:]), with_classes("more", *known, "tea")
    turned = with_classes("turned", *reversed(known))
    (tmp_path / "text.safetensors").write_text("no model")
    cnn = tiny_classifiers / "cnn"
    run = ["--out", tmp_path / "r", *FAST, "--steps", "1"]
    cases: list[tuple[int, list[object], str]] = [
        (1, ["--teacher", tmp_path / "nowhere"], "nowhere does not exist"),
        (1, ["--teacher", tmp_path / "text.safetensors"], "is not a model file"),
        (1, ["--teacher", cnn, "--teacher", lacking], f"does not know the class {known[0]}; a"),
        (1, ["--teacher", more], "knows the class tea, which the photographs do not have; a"),
        (2, ["--teacher-share", "0.5"], "--teacher-share means something with --teacher only"),
        (2, ["--teacher-temperature", "2"], "--teacher-temperature means something with"),
        (2, ["--teacher", cnn, "--teacher-share", "1.5"], "1.5 is not in the range"),
        (2, ["--teacher", cnn, "--teacher-temperature", "0"], "0.0 is not in the range"),
        (2, ["--teacher", cnn, "--teacher-temperature", "nan"], "nan"),
        (2, ["--teacher", cnn, "--noisy", "elr"], "--teacher and --noisy are two ways"),
        (2, ["--teacher", cnn, "--unlabelled", few], "--teacher and --unlabelled are two ways"),
        (2, ["--teacher", cnn, "--label-smoothing", "0.1"], "--label-smoothing is of the labels"),
        (2, ["--teacher", cnn, "--class-weights"], "--class-weights is of the labels"),
        (2, ["--teacher"], "requires an argument"),
    ]
    for code, extra, words in cases:
        assert words in refused(code, "img-train", few, *run, *extra)
        assert not (tmp_path / "r").exists()
    good("img-train", few, *run, "--teacher", turned, "--label-smoothing", "0")
    # files of teachers are not written over
    (tmp_path / "own").mkdir()
    own = shutil.copy(turned, tmp_path / "own" / "last.safetensors")
    for name in (own, tmp_path / "own"):
        said = refused(2, "img-train", few, "--teacher", name, *run[2:], "--out", tmp_path / "own")
        assert f"the run would write over its teacher {name}" in said


@pytest.mark.slow
def test_processes_are_taught_alike(tmp_path: Path, few: Path, tiny_classifiers: Path) -> None:
    """Two processes come to what one alone does, and have the same teachers."""
    arguments = ["img-train", str(few), *FAST, "--steps", "2", "--sync-norms"]
    arguments += ["--device", "cpu", "--threads", "1", "--augment", "none"]
    arguments += ["--teacher", str(tiny_classifiers / "cnn")]
    good(*arguments, "--out", tmp_path / "one")
    on_two_processes(*arguments, "--out", str(tmp_path / "two"))
    one, two = (load(tmp_path / name).network.state_dict() for name in ("one", "two"))
    assert all(torch.allclose(one[name].float(), two[name].float(), atol=1e-3) for name in one)
