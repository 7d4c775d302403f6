"""Figures on pictures that a network has learnt from say little of new ones, and are not given
without saying so."""

import json
import shutil
from pathlib import Path

import pytest

import imagecls
from tests.img_runs import FAST, few, run
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
    """One of two networks tells its run; a broken picture is nobody's."""
    shutil.copytree(few, tmp_path / "few")
    for part in ("training", "validation"):
        (tmp_path / "few" / part / "soup" / "broken.jpg").write_bytes(b"no picture")
    shutil.copy(run / "best.safetensors", tmp_path / "alone.safetensors")
    both = ("--model", run, "--model", tmp_path / "alone.safetensors")
    said = good("img-eval", tmp_path / "few", "--part", "train", *both)
    assert "the models have learnt from 48 of these 48 pictures" in said
    assert "learnt" not in good("img-eval", tmp_path / "few", *both)
    assert "learnt" not in good("img-eval", tmp_path / "few", *both[2:], "--part", "train")


@pytest.mark.parametrize("change", ["added", "swapped", "another", "moved"])
def test_photographs_that_are_others_now_tell_nothing(
    few: Path, tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures that came later change which are held back; parts may be divided anew, another
    folder may have the same name, and the folder another place. No figure is given as of pictures
    that the network does not know."""
    monkeypatch.chdir(tmp_path)
    photos, asked = tmp_path / "photos", "photos"
    if change == "swapped":
        shutil.copytree(few, photos)
    else:
        shutil.copytree(few / "training", photos)
    good("img-train", "photos", "--out", tmp_path / "r", *FAST, "--steps", 1)
    before = json.loads(cli("img-eval", "photos", "--model", tmp_path / "r", "--json").stdout)
    assert before["learnt_from"] == 0 if change == "swapped" else before["learnt_from"] > 20
    if change == "added":
        for kind in sorted(photos.iterdir())[:3]:
            shutil.copy(sorted((few / "validation" / kind.name).iterdir())[0], kind / "new.jpg")
    elif change == "swapped":
        for name, other in (("training", "x"), ("validation", "training"), ("x", "validation")):
            (photos / name).rename(photos / other)
    elif change == "another":
        (tmp_path / "elsewhere").mkdir()
        shutil.copytree(few / "validation", tmp_path / "elsewhere" / "photos")
        monkeypatch.chdir(tmp_path / "elsewhere")
    else:
        photos.rename(tmp_path / "album")
        asked = "album"
    after = cli("img-eval", asked, "--model", tmp_path / "r", "--json")
    assert json.loads(after.stdout)["learnt_from"] is None
    why = "are not where they were" if change == "moved" else "are others now"
    assert f"learnt from (photos) {why}, so that it is not known which of" in after.stderr
    assert "the accuracy on the other" not in after.stderr


def test_what_it_began_with_has_learnt_too(few: Path, run: Path, tmp_path: Path) -> None:
    """A run of other pictures, begun with a network that knows those that are judged."""
    good(
        "img-train", few / "validation", "--out", tmp_path / "r", "--from", run, "--steps", 1,
        "--batch", 8, "--quiet",
    )  # fmt: skip
    said = good("img-eval", few / "training", "--model", tmp_path / "r")
    assert "has learnt from 48 of these 48 pictures" in said
