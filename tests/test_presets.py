"""What `img-train --preset` sets, and what a person may say otherwise."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.img_runs import few
from tests.typed import good, refused

__all__ = ["few"]

SMALL = ["--steps", 1, "--batch", 4, "--widths", "8,8", "--blocks", 1, "--precision", "fp32"]


def wishes(few: Path, out: Path, *options: str) -> dict[str, Any]:
    good("img-train", few, "--out", out, *SMALL, *options)
    found: dict[str, Any] = json.loads((out / "run.json").read_text())["wishes"]
    return found


def test_long_is_strong_with_what_pays_in_hours(few: Path, tmp_path: Path) -> None:
    strong = wishes(few, tmp_path / "s", "--preset", "strong")
    long = wishes(few, tmp_path / "l", "--preset", "long")
    assert strong["network"] == long["network"]
    assert strong["recipe"] == long["recipe"]
    assert (strong["train_size"], strong["grow_from"]) == (128, 0)
    assert (long["train_size"], long["grow_from"]) == (128, 64)
    differs = {
        k: (v, long["train"][k]) for k, v in strong["train"].items() if long["train"][k] != v
    }
    assert differs == {"sam": (0.0, 0.5), "learning_rate": (None, 0.005), "ema": (0.998, 0.999)}


@pytest.mark.parametrize(
    ("options", "sam", "grows", "size"),
    [
        (["--sam", "0"], 0.0, 64, 128),
        (["--size", "120", "--grow-from", "32"], 0.5, 32, 96),
        (["--size", "64"], 0.5, 0, 52),  # pictures as small as that need not grow
    ],
)
def test_options_change_a_preset(
    few: Path, tmp_path: Path, options: list[str], sam: float, grows: int, size: int
) -> None:
    found = wishes(few, tmp_path / "r", "--preset", "long", *options)
    assert (found["train"]["sam"], found["grow_from"], found["train_size"]) == (sam, grows, size)


def test_what_a_preset_is_not_for(few: Path, tmp_path: Path) -> None:
    asked = ["img-train", few, "--out", tmp_path / "r", "--preset", "long"]
    assert "with --from give --preset strong" in refused(2, *asked, "--from", "food")
    assert "--preset long is of --model resnet" in refused(2, *asked, "--model", "cnn")
