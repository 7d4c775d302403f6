"""img-look shows what img-train would learn from, and trains nothing."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagecls.commands import img_look
from tests.img_runs import FAST, few, run
from tests.typed import cli, good, refused

__all__ = ["few", "run"]


@pytest.fixture
def odd(few: Path, tmp_path: Path) -> Path:
    """A broken picture, a copy, a leak, and a class that validation lacks."""
    photos = tmp_path / "photos"
    shutil.copytree(few, photos)
    (photos / "training" / "soup" / "broken.jpg").write_bytes(b"no picture")
    first = sorted((photos / "training" / "pizza").iterdir())[0]
    shutil.copy(first, first.with_name("copy.jpg"))
    leak = sorted((photos / "validation" / "sushi").iterdir())[0]
    shutil.copy(leak, photos / "training" / "sushi" / "leak.jpg")
    shutil.rmtree(photos / "validation" / "soup")
    return photos


def test_it_says_what_a_training_says(odd: Path, tmp_path: Path) -> None:
    """Line by line, and its JSON has the same numbers; nothing is left in the folder."""
    before = sorted(odd.parent.rglob("*"))
    looked = good("img-look", odd)
    assert sorted(odd.parent.rglob("*")) == before
    words = [word for word in FAST if word != "--quiet"]
    trained = good("img-train", odd, "--out", tmp_path / "r", *words, "--steps", 1).splitlines()
    assert set(looked.splitlines()) <= set(trained)
    for part in ("copies of other", "since also in validation", "1 left out, ", "soup"):
        assert part in looked
    found = json.loads(cli("img-look", odd, "--json").stdout)
    rows = {row["name"]: (row["training"], row["validation"]) for row in found["classes"]}
    assert (rows["pizza"], rows["soup"], rows["sushi"]) == ((9, 4), (8, 0), (8, 4))
    assert all(f"note: {note}" in looked for note in found["notes"])


def test_the_sheet_has_a_row_of_each_class(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pictures are of those classes, and it grows no further than it may."""
    target = tmp_path / "look.png"
    good("img-look", few, "--picture", target, "--count", 3)
    whole = Image.open(target)
    good("img-look", few, "--picture", target, "--count", 3, "--seed", 2)
    assert np.asarray(Image.open(target)).tobytes() != np.asarray(whole).tobytes()
    monkeypatch.setattr(img_look, "MOST_ROWS", 2)
    good("img-look", few, "--picture", target, "--count", 3)
    assert Image.open(target).height < whole.height / 2


def test_labels_from_elsewhere_and_wrong_calls(few: Path, tmp_path: Path) -> None:
    said = good(
        "img-look", few / "training", "--label-pattern", r"(\d)\.jpg$", "--valid-share", 0.4
    )
    assert "40% of each class is held back" in said
    assert "\n7 " in said
    assert "--count means something with --picture only" in refused(
        2, "img-look", few, "--count", 3
    )
    refused(1, "img-look", tmp_path / "gone")
    inside = refused(2, "img-look", few, "--picture", few / "training" / "x.png")
    assert "it would be taken for a photograph the next time" in inside


def test_many_small_classes_are_said_together(few: Path, tmp_path: Path) -> None:
    """Names of two columns a character line up, too."""
    pictures = sorted((few / "training").rglob("*.jpg"))
    for i, path in enumerate(pictures):
        place = tmp_path / "photos" / (f"{i // 2:02}" if i > 1 else "壽司") / f"{i}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    said = good("img-look", tmp_path / "photos")
    assert "note: 24 classes have one training picture only (01, 02, 03 ...)" in said
    assert "\n01      " in said
    assert "\n壽司    " in said


def test_why_nothing_is_left(few: Path, tmp_path: Path) -> None:
    said = refused(1, "img-look", few / "validation", "--valid", few / "validation")
    assert "left to train on: all 24 are in validation too, byte for byte; give" in said
    (tmp_path / "un" / "unlabeled").mkdir(parents=True)
    shutil.copy(sorted(few.rglob("*.jpg"))[0], tmp_path / "un" / "unlabeled" / "x.jpg")
    said = refused(1, "img-look", few, "--valid", tmp_path / "un")
    assert (
        "has no pictures to validate with (found: unlabelled 1); give others with --valid" in said
    )
    said = refused(1, "img-look", few / "training" / "pizza")
    assert "if it is the folder of one class, give the one above it" in said


def test_test_pictures_are_counted(few: Path, tmp_path: Path) -> None:
    shutil.copytree(few, tmp_path / "photos")
    shutil.copytree(few / "validation" / "soup", tmp_path / "photos" / "test")
    assert "\nand 4 test pictures, for img-predict\n" in good("img-look", tmp_path / "photos")
    assert json.loads(cli("img-look", tmp_path / "photos", "--json").stdout)["test"] == 4
