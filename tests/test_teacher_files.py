"""Which files teach a run (img-train --teacher), and what becomes of them while it trains."""

import json
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from imagecls.classifier import model as models
from imagecls.classifier import shipped
from tests.img_runs import SMALL101
from tests.taught import FAST, few
from tests.typed import good, refused

__all__ = ["few"]


@pytest.fixture
def dishes(few: Path, tmp_path: Path) -> Path:
    """Photographs of the classes that the classifier knows which ships."""
    pictures = sorted(few.rglob("*.jpg"))
    classes = models.load(shipped.find("food", ".safetensors")).config.classes
    for k, name in enumerate(classes):
        for picture, part in zip(pictures[2 * k :], ("training", "validation"), strict=False):
            (tmp_path / "dishes" / part / name).mkdir(parents=True)
            shutil.copy(picture, tmp_path / "dishes" / part / name)
    return tmp_path / "dishes"


def test_what_ships_teaches_by_its_name(
    dishes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the folder, and when the run goes on; a folder of that name comes first, as where
    a model is asked for elsewhere."""
    run = tmp_path / "r"
    extra = ["--grow-from", 16, "--steps", 1, "--teacher", "food"]
    assert "taught by food" in good("img-train", dishes, "--out", run, *FAST[:-1], *extra)
    description = json.loads((run / "run.json").read_text())
    assert description["wishes"]["teaching"]["models"] == ["food"]
    file = shipped.find("food", ".safetensors")
    again = ["img-train", "--out", run, "--resume", "--quiet", "--steps"]
    monkeypatch.chdir(tmp_path)
    good(*again, 2)
    good(*again, 3, "--teacher", file)
    good(*again, 4, "--teacher", "food")
    (tmp_path / "food").mkdir()
    assert "food holds no model" in refused(1, *again, 5)
    arguments = ["img-train", dishes, *FAST, "--steps", 1, "--teacher", "food"]
    assert "write over its teacher food" in refused(2, *arguments, "--out", "food")


def test_files_that_cannot_teach(few: Path, tmp_path: Path, tiny_classifiers: Path) -> None:
    exported = tmp_path / "x.onnx"
    good("img-export", tiny_classifiers / "resnet", "--onnx", exported)
    run = tmp_path / "r"
    arguments = ["img-train", few, *FAST, "--steps", 1, "--out", run]
    for name, words in (
        (exported, "x.onnx is an ONNX file, which cannot teach; give the run or the .safetensors"),
        ("", "the name of a model is empty"),
        (" ", "the name of a model is empty"),
        ("food", "does not know the class doughnut"),
    ):
        assert words in refused(1, *arguments, "--teacher", name)
        assert not run.exists()
    good(*arguments, "--teacher", tiny_classifiers / "cnn")
    again = ["img-train", "--out", run, "--resume", "--quiet", "--steps", 2]
    assert "the name of a model is empty" in refused(1, *again, "--teacher", "")
    said = refused(1, *again, "--teacher", tmp_path / "nowhere")
    assert f"{tmp_path / 'nowhere'} does not exist; give a model file" in said


def test_the_first_stage_does_not_write_over_a_teacher(
    few: Path, tmp_path: Path, tiny_classifiers: Path
) -> None:
    head = tmp_path / "r" / "head"
    head.mkdir(parents=True)
    file = Path(shutil.copy(tiny_classifiers / "cnn" / "best.safetensors", head))
    before = file.read_bytes()
    arguments = ["img-train", few, "--out", tmp_path / "r", "--weights", "none", "--steps", 1]
    arguments += [*SMALL101, "--head-epochs", 0.5]
    for name in (head, file):
        assert f"write over its teacher {name}" in refused(2, *arguments, "--teacher", name)
    assert file.read_bytes() == before


def test_a_teacher_that_is_still_in_training(
    few: Path, tmp_path: Path, tiny_classifiers: Path
) -> None:
    """It may teach; that it will be another one is said. The same of a run that has ended is not."""
    teacher = tmp_path / "teacher"
    shutil.copytree(tiny_classifiers / "cnn", teacher)
    arguments = ["img-train", few, *FAST[:-1], "--steps", 1, "--teacher", teacher, "--out"]
    with FileLock(teacher / ".lock"):
        said = good(*arguments, tmp_path / "r")
    words = f"{teacher} is still in training and teaches as it is now"
    assert words in " ".join(said.split())
    assert words not in " ".join(good(*arguments, tmp_path / "s").split())


def test_a_teacher_that_changes_while_it_is_read(
    few: Path, tmp_path: Path, tiny_classifiers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose answers were learnt is never told wrong."""
    file = tmp_path / "t.safetensors"
    shutil.copy(tiny_classifiers / "cnn" / "best.safetensors", file)
    plain = models.load

    def changing(path: Path) -> models.Predictor:
        found = plain(path)
        shutil.copy(tiny_classifiers / "resnet" / "best.safetensors", path)
        return found

    monkeypatch.setattr("imagecls.classifier.teaching.models.load", changing)
    arguments = ["img-train", few, *FAST, "--steps", 1, "--out", tmp_path / "r"]
    assert "was written over while it was read" in refused(1, *arguments, "--teacher", file)
    assert not (tmp_path / "r").exists()
