"""Figures on pictures that a network has learnt from say little of new ones, and are not given
without saying so."""

import shutil
from pathlib import Path

import imagecls
from tests.img_runs import few, run
from tests.typed import good

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
