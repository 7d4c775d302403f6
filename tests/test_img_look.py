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
