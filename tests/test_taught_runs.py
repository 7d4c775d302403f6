"""Runs that are taught (img-train --teacher): the same bits wherever they are killed and without a
share, who taught is written down, and what cannot teach is one sentence."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gocnn import modelfile
from imagecls.classifier import models
from imagecls.classifier.model import load
from imagecls.classifier.models import ClassifierConfig, build
from imagecls.classifier.models.base import Classifier
from imagecls.classifier.teaching import Teachers
from tests.img_runs import SMALL101
from tests.kills import Stages
from tests.kills import models as written
from tests.taught import FAST, few
from tests.toyruns import on_two_processes
from tests.typed import good, refused

__all__ = ["few"]


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
        (2, ["--teacher", cnn, "--teacher-share", "1.5"], "1.5 is no number from 0 to 1"),
        (2, ["--teacher", cnn, "--teacher-temperature", "0"], "0 is no number from 0.1 to 100"),
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
