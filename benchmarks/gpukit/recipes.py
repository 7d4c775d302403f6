"""How to train a preset in the minutes there are: what `speed` measured where it ran, what was
reckoned on paper where not."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch

from gocnn.errors import UserError
from gocnn.training.config import CompileMode, TrainConfig
from gpukit import go
from gpukit.common import read_json

BEST = "best.json"
PLANES = ",".join(("default", *go.MORE))

PAPER_SPEED = {"tiny": 200_000.0, "small": 78_000.0, "base": 22_000.0, "large": 8_800.0}
"""Samples a second of an H100, reckoned and never measured (docs/gpu.md)."""

RATES = {"muon": 0.02, "adamw": 0.002, "sgd": 0.1}
"""At batch 1024; it goes with the root of the batch."""


@dataclass(frozen=True)
class Recipe:
    """Settings of TrainConfig by name, and where they come from, for people."""

    settings: dict[str, Any]
    origin: str


def recipe(
    preset: str, device: torch.device, minutes: float, folder: Path, given: dict[str, Any]
) -> Recipe:
    """The settings for `minutes` of training. `folder`: where `speed` left its best rows; `given`:
    what the person says, which wins (None: nothing).

    Raises UserError if the file of best rows is damaged.
    """
    row = best_row(folder, preset, device)
    card = device.type == "cuda"
    wishes = {key: value for key, value in given.items() if value is not None}
    settings: dict[str, Any] = {
        "optimiser": "muon",
        "batch": int(row.get("batch", 1024 if card else 256)),
        "checkpoint_minutes": 1.0,
    }
    settings["compile"] = (
        row["compile"] != "none"
        if "compile" in row
        else card and importlib.util.find_spec("triton") is not None
    )
    if settings["compile"] and "compile" in row:
        settings["compile_mode"] = row["compile"]
    settings["pad_planes"] = row.get("planes_multiple", 1) > 1
    settings |= wishes
    speed = float(row.get("samples_per_second") or (PAPER_SPEED.get(preset, 0.0) if card else 0.0))
    settings.setdefault(
        "learning_rate", round(RATES[settings["optimiser"]] * (settings["batch"] / 1024) ** 0.5, 6)
    )
    settings.setdefault(
        "ema", decay(minutes * 60 * speed / settings["batch"]) if speed else TrainConfig.ema
    )
    settings.setdefault("validations", max(4, min(24, round(minutes))))
    return Recipe(
        settings, f"by {folder / BEST}" if row else f"by default ({_why_not(folder, device)})"
    )


def _why_not(folder: Path, device: torch.device) -> str:
    if device.type == "cpu":
        return "what a rehearsal on a CPU measured is not used"
    return (
        f"{folder / BEST} has nothing of this preset"
        if (folder / BEST).exists()
        else f"`gpu.py speed` has left no {folder / BEST}"
    )


def decay(steps: float) -> float:
    """The decay of the averaged weights for a run of so many steps: they look back over a twentieth
    of it, 2,000 steps at most."""
    return 1 - 1 / max(100.0, min(2000.0, steps / 20))


def best_row(folder: Path, preset: str, device: torch.device) -> dict[str, Any]:
    """What `speed` found best for the preset on a card; empty if it was not run, or was only
    rehearsed. Raises UserError if the file is damaged."""
    path = folder / BEST
    value = read_json(path)
    if value is None or device.type == "cpu":
        return {}
    row = value.get(preset, {}) if isinstance(value, dict) else None
    if (
        not isinstance(row, dict)
        or not all(
            isinstance(row.get(key, 1), int | float) and row.get(key, 1) > 0
            for key in ("batch", "samples_per_second")
        )
        or row.get("compile", "none") not in ("none", *get_args(CompileMode))
    ):
        raise UserError(f"{path} is not what `gpu.py speed` writes; delete it and run speed again")
    return row
