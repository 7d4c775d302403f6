"""Figures on pictures that a network has learnt from say little of new ones, and are not given
without saying so."""

import base64
import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import imagecls
from imagecls.classifier import known, shipped
from imagecls.classifier.runtime import OnnxClassifier
from tests.img_runs import FAST, SMALL101, few, run, silent
from tests.typed import cli, good

__all__ = ["few", "run"]


def test_evaluation_says_which_pictures_were_learnt_from(
    run: Path, few: Path, tmp_path: Path
) -> None:
    """Found by their bytes, wherever they lie and whatever they are called; of the others it says
    how many are right."""
    assert "has learnt from" not in good("img-eval", few, "--model", run)
    said = good("img-eval", few, "--part", "train", "--model", run)
    assert (
        "has learnt from 48 of these 48 pictures, which says little of new ones; judge by" in said
    )
    new = []
    for part, count in (("training", 2), ("validation", 3)):
        for name in ("pizza", "soup"):
            for i, path in enumerate(sorted((few / part / name).iterdir())[:count]):
                place = tmp_path / "mixed" / name / f"{part[0]}{i}.jpg"
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, place)
                new += [place] * (part == "validation")
    asked = imagecls.load(run)
    right = sum(asked.predict(path)[0].name == path.parent.name for path in new)
    said = good("img-eval", tmp_path / "mixed", "--model", run)
    assert "has learnt from 4 of these 10 pictures" in said
    assert f"little of new ones; the accuracy on the other 6 is {right / 6:.1%}" in said


def test_several_networks_and_pictures_that_cannot_be_read(
    run: Path, few: Path, tmp_path: Path
) -> None:
    """A file knows what it has learnt from without its run, one of ONNX too; a broken picture is
    nobody's; where one of two does not say, nothing is claimed of the others."""
    shutil.copytree(few, tmp_path / "few")
    for part in ("training", "validation"):
        (tmp_path / "few" / part / "soup" / "broken.jpg").write_bytes(b"no picture")
    shutil.copy(run / "best.safetensors", tmp_path / "alone.safetensors")
    both = ("--model", run, "--model", tmp_path / "alone.safetensors")
    said = good("img-eval", tmp_path / "few", "--part", "train", *both)
    assert "the models have learnt from 48 of these 48 pictures" in said
    assert "learnt" not in good("img-eval", tmp_path / "few", *both)
    good("img-export", run, "--onnx", tmp_path / "alone.onnx")
    for name in ("alone.safetensors", "alone.onnx"):
        said = good("img-eval", few, "--part", "train", "--model", tmp_path / name)
        assert "the model has learnt from 48 of these 48 pictures" in said
    silent(tmp_path / "alone.safetensors")
    shutil.copytree(few / "training", tmp_path / "mixed")
    for path in (few / "validation").rglob("*.jpg"):
        shutil.copy(path, tmp_path / "mixed" / path.parent.name / f"v{path.name}")
    said = good("img-eval", tmp_path / "mixed", *both)
    assert "have learnt from 48 of these 72 pictures, which says little of new ones\n" in said
    assert "alone.safetensors does not say which pictures it has learnt from; these may" in said
    found = json.loads(cli("img-eval", few, *both, "--json").stdout)
    assert found["learnt_from"] is None


def digests_of(*folders: Path) -> set[bytes]:
    return {
        hashlib.blake2b(path.read_bytes(), digest_size=16).digest()[:8]
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
    }


def written_in(model: Path) -> set[bytes]:
    with safe_open(model, "pt") as file:
        text = base64.b64decode(json.loads(file.metadata()["provenance"])["learnt"])
    return {text[i : i + 8] for i in range(0, len(text), 8)}


def test_a_model_file_holds_the_digests_of_its_pictures(run: Path, few: Path) -> None:
    for name in ("best.safetensors", "last.safetensors"):
        assert written_in(run / name) == digests_of(few / "training")


@pytest.mark.parametrize("change", ["added", "swapped", "another", "moved"])
def test_photographs_that_are_others_now(
    few: Path, tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures that came later change which are held back; parts may be divided anew, another
    folder may have the same name, and the folder another place. What was learnt from is known
    again, picture by picture."""
    monkeypatch.chdir(tmp_path)
    photos, asked = tmp_path / "photos", "photos"
    if change == "swapped":
        shutil.copytree(few, photos)
    else:
        shutil.copytree(few / "training", photos)
    good("img-train", "photos", "--out", tmp_path / "r", *FAST, "--steps", 1)
    before = json.loads(cli("img-eval", "photos", "--model", tmp_path / "r", "--json").stdout)
    assert before["learnt_from"] == 0 if change == "swapped" else before["learnt_from"] > 20
    expected = before["learnt_from"]
    if change == "added":
        for kind in sorted(photos.iterdir())[:3]:
            shutil.copy(sorted((few / "validation" / kind.name).iterdir())[0], kind / "new.jpg")
    elif change == "swapped":
        for name, other in (("training", "x"), ("validation", "training"), ("x", "validation")):
            (photos / name).rename(photos / other)
        expected = 48
    elif change == "another":
        (tmp_path / "elsewhere").mkdir()
        shutil.copytree(few / "validation", tmp_path / "elsewhere" / "photos")
        monkeypatch.chdir(tmp_path / "elsewhere")
        expected = 0
    else:
        photos.rename(tmp_path / "album")
        asked = "album"
    after = cli("img-eval", asked, "--model", tmp_path / "r", "--json")
    assert json.loads(after.stdout)["learnt_from"] == expected
    assert ("the accuracy on the other" in after.stderr) == (change in ("added", "moved"))


def test_what_it_began_with_has_learnt_too(few: Path, run: Path, tmp_path: Path) -> None:
    """A run of other pictures, begun with a network that knows those that are judged."""
    more = ("--steps", 1, "--batch", 8)
    good("img-train", few / "validation", "--out", tmp_path / "r", "--from", run, *more)
    said = good("img-eval", few / "training", "--model", tmp_path / "r")
    assert "has learnt from 48 of these 48 pictures" in said
    before = written_in(tmp_path / "r" / "last.safetensors")
    assert digests_of(few / "training") < before < digests_of(few)


@pytest.mark.parametrize("change", ["gone", "replaced"])
def test_what_it_began_with_is_written_down_at_once(
    few: Path, run: Path, tmp_path: Path, change: str
) -> None:
    """A run that goes on asks nobody again: what it began with may be gone, or another network's
    by then, also before the first validation, of which model files come."""
    parent, own = tmp_path / "parent", tmp_path / "r"
    shutil.copytree(run, parent)
    more = ("--steps", 1, "--batch", 8, "--validations", 1)
    good("img-train", few / "validation", "--out", own, "--from", parent, *more)
    before = written_in(own / "last.safetensors")
    for name in ("best", "last"):
        (own / f"{name}.safetensors").unlink()
    shutil.rmtree(parent)
    if change == "replaced":
        good("img-train", few / "validation", "--out", parent, *FAST, "--steps", 1)
    said = good("img-train", "--out", own, "--resume", "--steps", 2)
    assert "does not say" not in said
    assert written_in(own / "last.safetensors") == before


def test_weights_of_a_run_bring_what_it_has_learnt(few: Path, tmp_path: Path) -> None:
    """Those of another program's file do not: nobody knows them."""
    deep = [*SMALL101, "--weights"]
    words = ["img-train", few, "--out", tmp_path / "a", *deep, "none", "--steps", 1]
    good(*words)
    words = ["img-train", few / "validation", "--valid", few / "training", "--steps", 1]
    said = good(*words, "--out", tmp_path / "b", *deep[:-2], "--weights", tmp_path / "a")
    assert "has learnt from 48 of the 48 validation pictures" in said
    assert written_in(tmp_path / "b" / "last.safetensors") == digests_of(few)
    tensors = load_file(tmp_path / "a" / "last.safetensors")
    wide = tensors["fc.0.weight"].shape[1]
    head = {"fc.weight": torch.zeros(1000, wide), "fc.bias": torch.zeros(1000)}
    body = {name: t for name, t in tensors.items() if not name.startswith("fc.")}
    save_file(body | head, tmp_path / "foreign.safetensors")
    foreign = tmp_path / "foreign.safetensors"
    good(*words, "--out", tmp_path / "c", *deep[:-2], "--weights", foreign)
    learnt = written_in(tmp_path / "c" / "last.safetensors")
    assert learnt == digests_of(few / "validation")


@pytest.mark.parametrize("way", ["--from", "--teacher"])
def test_training_says_who_has_seen_its_validation(
    few: Path, run: Path, tmp_path: Path, way: str
) -> None:
    """Who is begun with, or teaches, and has learnt from what the run is judged by."""
    loud = [word for word in FAST if word != "--quiet"]
    small = loud if way == "--teacher" else []  # what is begun with says the network itself
    words = (*small, "--steps", 1, "--batch", 8, way)
    assert "learnt from" not in good("img-train", few, "--out", tmp_path / "a", *words, run)
    photos = tmp_path / "photos"
    photos.mkdir()
    for part, other in (("training", "validation"), ("validation", "training")):
        shutil.copytree(few / part, photos / other)
    said = good("img-train", photos, "--out", tmp_path / "b", *words, run)
    assert "has learnt from 48 of the 48 validation pictures, so that the accuracy" in said
    assert written_in(tmp_path / "b" / "last.safetensors") == digests_of(few)
    shutil.copy(run / "best.safetensors", tmp_path / "old.safetensors")
    silent(tmp_path / "old.safetensors")
    said = good("img-train", photos, "--out", tmp_path / "c", *words, tmp_path / "old.safetensors")
    assert "old.safetensors does not say which pictures it has learnt from; where" in said
    said = good("img-eval", few, "--model", tmp_path / "c")
    assert "c/best.safetensors does not say which pictures it has learnt from" in said


def test_pictures_without_labels_were_learnt_from_too(few: Path, tmp_path: Path) -> None:
    shutil.copytree(few, tmp_path / "few")
    for i, path in enumerate(sorted((few / "training" / "pizza").iterdir())[:4]):
        (tmp_path / "few" / "unlabeled").mkdir(exist_ok=True)
        place = tmp_path / "few" / "unlabeled" / f"{i}.jpg"
        (tmp_path / "few" / "training" / "pizza" / path.name).rename(place)
    good(
        "img-train", tmp_path / "few", "--out", tmp_path / "r", *FAST, "--steps", 1, "--unlabelled",
        "--ema", 0.9,
    )  # fmt: skip
    assert written_in(tmp_path / "r" / "last.safetensors") == digests_of(few / "training")


def test_what_ships_knows_its_pictures() -> None:
    """3,000, one of them twice, byte for byte; in both files."""
    food = shipped.find("food", ".safetensors")
    assert len(written_in(food)) == 2999
    onnx = OnnxClassifier(shipped.find("food")).provenance
    found = known.of_file("food")
    assert found is not None
    assert known.written(found) == onnx["learnt"]


@pytest.mark.parametrize("text", [None, 3, "no base64!", "AAAA", ""])
def test_a_damaged_record_is_none(text: object) -> None:
    assert known.read({"learnt": text}) is None
