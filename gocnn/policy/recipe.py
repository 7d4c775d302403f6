"""What go-train does where nobody says otherwise: the best that docs/experiments.md and
docs/benchmarks.md have found. Nothing here needs torch."""

import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass
from typing import Any

from gocnn.features.planes import DEFAULT_GROUPS

GROUPS = (*DEFAULT_GROUPS, "handicap", "style")
"""The planes of a new network: whether there were handicap stones and who played cost nothing, and
serve `--style`."""

COMPILE_MINUTES = 10.0
"""Minutes from which on a minute of compiling is soon made good by a fifth more samples a
second."""

LONG_MINUTES = 60.0
"""Minutes from which on the averaged weights look back further."""

PART = 64
"""Samples that go through a network at once on a CPU: what lies between two layers stays in its
caches (docs/benchmarks.md)."""


@dataclass(frozen=True)
class Machine:
    """Where a run computes: the kind of device (cpu, cuda, mps), how many processes, and whether
    torch.compile finds what it needs there."""

    device: str
    world: int
    compiler: bool


def machine(device: str) -> Machine:
    """This one, for a device of that kind."""
    if device == "cpu":
        names = [os.environ["CXX"]] if os.environ.get("CXX") else ["g++", "clang++", "c++"]
        compiler = sys.platform != "win32" and any(shutil.which(name) for name in names)
    else:
        compiler = device == "cuda" and importlib.util.find_spec("triton") is not None
    return Machine(device, int(os.environ.get("WORLD_SIZE", "1")), compiler)


def chosen(here: Machine, minutes: float | None, options: dict[str, Any]) -> dict[str, Any]:
    """Settings of `gocnn.training.TrainConfig` for those of `options` that are None, by name.
    minutes: the budget, if it is one in time (then bits are not repeated anyhow)."""
    card = here.device != "cpu"
    found: dict[str, Any] = {}
    if options.get("batch") is None:
        parts = options.get("accumulate") or 1
        least = parts * here.world
        found["batch"] = -(-(1024 if card else 128) // least) * least
        if card and options.get("learning_rate") is None and options.get("optimiser") == "muon":
            found["learning_rate"] = 0.015
    if options.get("accumulate") is None:
        split = (
            "batch" in found
            and not card
            and here.world == 1
            and options.get("compile_mode") != "reduce-overhead"
        )
        found["accumulate"] = found["batch"] // PART if split else 1
    if options.get("compile") is None:
        found["compile"] = here.compiler and minutes is not None and minutes >= COMPILE_MINUTES
    if options.get("ema") is None:
        found["ema"] = 0.9995 if minutes is not None and minutes >= LONG_MINUTES else 0.999
    return found


def described(network: Any, train: Any) -> str:
    """One line for a person: what is trained, and how (`PolicyConfig`, `TrainConfig`). What the
    network learns besides is said with the games."""
    heads = [f"{network.future} later moves" if network.future != 1 else "one later move"] * (
        network.future > 0
    ) + ["who wins"] * network.value
    parts = [
        f"{network.blocks}x{network.channels} {network.block}, {', '.join(network.plane_groups)}",
        f"learns the next move{''.join(f', {head}' for head in heads)}",
        f"batch {train.batch}" + (f" in {train.accumulate} parts" if train.accumulate > 1 else ""),
        (
            f"{train.optimiser}"
            f"{f' at rate {train.learning_rate:g}' if train.learning_rate else ''},"
            f" {train.schedule}"
        ),
        (
            f"weights averaged over {1 / (1 - train.ema):.0f} steps"
            if train.ema
            else "weights not averaged"
        ),
        "compiled" if train.compile else "not compiled",
    ]
    return f"recipe: {'; '.join(parts)} (each is an option: go-train --help)"
