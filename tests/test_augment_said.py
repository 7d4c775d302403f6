"""What augmentation did to a picture is what is said of it: moves by the place of a dot, colours
and crops by the pixels that are left."""

import math
import re
from typing import Any

import numpy as np
import pytest
import torch

from imagecls.augment import Augmenter, Recipe, described

DOT = np.zeros((3, 64, 64), np.uint8)
DOT[:, 30:34, 48:52] = 255
"""A dot to the right of the centre."""


def place(view: torch.Tensor) -> tuple[float, float]:
    """Of the dot: to the right and down of the centre, in pixels."""
    mass, places = view[0].numpy(), np.arange(64) - 31.5
    return (mass.sum(0) @ places) / mass.sum(), (mass.sum(1) @ places) / mass.sum()


NONE = Recipe(0, 0, 0, 0, 1, (0, 0, 0, 0))


def views(recipe: Recipe, pixels: Any = DOT) -> list[tuple[torch.Tensor, list[str]]]:
    torch.manual_seed(3)
    augmenter = Augmenter(recipe, 64, (0.0,) * 3, (1.0,) * 3)
    found, draws = augmenter.drawn(torch.from_numpy(pixels).expand(40, -1, -1, -1).contiguous())
    return list(zip(found, described(draws, recipe, 64), strict=True))


def value(words: list[str], pattern: str, default: float = 0.0) -> float:
    found = [m[1] for word in words if (m := re.fullmatch(pattern, word))]
    return float(found[0]) if found else default


@pytest.mark.parametrize("setting", ["flip", "rotate", "affine_rotate", "shift", "scale"])
def test_moves_are_what_is_said_of_them(setting: str) -> None:
    amount = {"flip": 0.5, "rotate": 60.0, "affine_rotate": 60.0, "shift": 0.2, "scale": 0.4}
    found = views(Recipe(**{**vars(NONE), setting: amount[setting]}))
    assert len({tuple(words) for _, words in found}) > (1 if setting == "flip" else 8)
    for view, words in found:
        x, y = place(view)
        if setting == "flip":
            assert (x < 0) == ("mirror" in words)
            assert words in (["mirror"], ["unchanged"])
        elif "rotate" in setting:
            turned = math.degrees(math.atan2(-y, x))  # counter-clockwise
            assert turned == pytest.approx(value(words, r"rotate (-?\d+)°"), abs=1.5)
        elif setting == "shift":
            assert (x - 18) / 64 == pytest.approx(
                value(words, r"shift across (.+)%") / 100, abs=0.01
            )
            assert y / 64 == pytest.approx(value(words, r"shift down (.+)%") / 100, abs=0.01)
        else:
            assert x / 18 == pytest.approx(value(words, r"scale x(.+)", 1.0), abs=0.03)


def test_colours_crops_and_boxes_are_what_is_said_of_them() -> None:
    flat = np.full((3, 64, 64), 100, np.uint8)
    for view, words in views(Recipe(**{**vars(NONE), "jitter": (0.5, 0, 0, 0)}), flat):
        factor = value(words, r"brightness x(.+)", 1.0)
        assert float(view.mean()) == pytest.approx(factor * 100 / 255, abs=0.004)
    erased = views(Recipe(**{**vars(NONE), "erase": 0.5}), flat)
    for view, words in erased:
        share = float((view[0] == 0).float().mean())
        assert share == pytest.approx(value(words, r"erase (\d+)%") / 100, abs=0.006)
    assert {"unchanged"} < {words[0] for _, words in erased}
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    both = np.stack(
        [ramp[None].repeat(64, 0), ramp[:, None].repeat(64, 1), ramp[None].repeat(64, 0)]
    )
    for view, words in views(Recipe(**{**vars(NONE), "crop": 0.3, "border": "reflection"}), both):
        area = (view[0, 0].max() - view[0, 0].min()) * (view[1, :, 0].max() - view[1, :, 0].min())
        assert float(area) == pytest.approx(
            value(words, r"crop to (\d+)% of it", 100) / 100, abs=0.05
        )


def test_operations_are_what_is_said_of_them() -> None:
    """Of TrivialAugment, by what each leaves of the picture."""
    recipe = Recipe(**{**vars(NONE), "auto": "trivial"})
    rng = np.random.default_rng(0)
    grey = rng.integers(60, 200, (1, 64, 64), dtype=np.uint8).repeat(3, 0)
    whole = torch.from_numpy(grey).float() / 255
    kinds = set()
    for view, words in views(recipe, grey):
        kinds.add(words[0].split()[0])
        (word,) = words
        levels = len((view[0] * 255).round().unique())
        if word in ("unchanged", "autocontrast", "equalize"):
            assert (word == "unchanged") == bool(torch.allclose(view, whole, atol=1e-3))
        elif word.startswith("posterize"):
            assert levels <= 2 ** int(word.split()[2])
        elif word.startswith("solarize"):
            cut = float(word.split()[2].rstrip("%")) / 100
            low = whole < cut - 0.01
            assert torch.allclose(view[low], whole[low], atol=1e-3)
            assert torch.allclose(
                view[whole > cut + 0.01], 1 - whole[whole > cut + 0.01], atol=1e-3
            )
        elif word.startswith("brightness"):
            expected = (whole * float(word.split("x")[1])).clamp(0, 1)
            assert torch.allclose(view, expected, atol=0.006)
        elif word.startswith("contrast"):
            assert (view.std() > whole.std()) == (float(word.split("x")[1]) > 1)
    assert len(kinds) > 6
    for view, words in views(recipe):
        if words[0].startswith("rotate"):
            x, y = place(view)
            angle = (math.degrees(math.atan2(-y, x)) - value(words, r"rotate (-?\d+)°")) % 360
            assert min(angle, 360 - angle) < 1.5
        elif words[0].startswith("shift across"):
            assert place(view)[0] - 18 == pytest.approx(
                0.64 * value(words, r"shift across (.+)%"), abs=0.7
            )


def test_what_was_drawn_is_what_training_draws() -> None:
    """Saying what was drawn changes no number."""
    from imagecls.augment import RECIPES

    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (9, 3, 40, 40), np.uint8))
    for name in RECIPES:
        augmenter = Augmenter(RECIPES[name], 32, (0.5,) * 3, (0.2,) * 3)
        torch.manual_seed(1)
        drawn, _ = augmenter.drawn(pixels)
        if RECIPES[name].mixup:
            continue
        torch.manual_seed(1)
        assert torch.equal(drawn, augmenter(pixels, torch.zeros(9, dtype=torch.long)).pictures)
