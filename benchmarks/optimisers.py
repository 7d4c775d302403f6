"""What a step costs besides forward and backward: operators and time of the optimisers and the
average, beside the plain way of writing them.

    python benchmarks/optimisers.py [--presets small,base,large] [--device cpu] [--rounds 7]

Both ways have the same weights and gradients, and take turns in one run; times are medians.
Operators are counted as GPUs get them (on a machine without one on tensors without contents, AdamW
with its kernel for CPUs): most are one kernel, the products two, lists one for some 50 to 100
weights.
"""

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from unittest.mock import patch

import torch
from torch import nn

from gocnn import devices
from gocnn.policy.network import PolicyNetwork, preset
from gocnn.training import TrainConfig, optim
from gocnn.training.ema import Ema
from plainway import Operators, PlainMuon, plain_average
from scripts import run_script

STEPS = 5
"""Steps in a measurement."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presets", default="small,base,large")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    device = devices.resolve(options.device)
    print(f"{devices.title(device)}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print("operators a step, plain -> ours, as on GPUs")
    for name in options.presets.split(","):
        both = {
            part: (count(name, part, True, device), count(name, part, False, device))
            for part in PARTS
        }
        total = tuple(sum(each) for each in zip(*both.values(), strict=True))
        print(
            f"  {name:6}"
            + "".join(f"{part} {old} -> {new}   " for part, (old, new) in both.items())
            + f"all {total[0]} -> {total[1]}"
        )
    print("milliseconds a step, plain -> ours (ratio)")
    for name in options.presets.split(","):
        row = f"  {name:6}"
        for part in PARTS:
            old, new = timed(
                [way(name, part, plain, device, device.type == "cpu") for plain in (True, False)],
                options.rounds,
                device,
            )
            row += f"{part} {old:.2f} -> {new:.2f} ({old / new:.2f})   "
        print(row)


PARTS = ("Muon", "AdamW", "average", "clipping")


def way(
    name: str, part: str, plain: bool, device: torch.device, as_on_cpu: bool
) -> Callable[[], object]:
    """One step of a part, for a network of that preset with gradients."""
    torch.manual_seed(0)
    with torch.device(device):
        model = devices.placed(PolicyNetwork(preset(name)), memory_format=torch.channels_last)
    for p in model.parameters():
        p.grad = torch.randn_like(p) * 0.01
    if part == "clipping":
        return lambda: nn.utils.clip_grad_norm_(model.parameters(), 2.0)
    if part == "average":
        average, ema = copy.deepcopy(model), Ema(model, 0.999)
        return (
            (lambda: plain_average(average, model, 0.999, 1000))
            if plain
            else lambda: ema.update(model, 1000)
        )
    with patch.object(optim, "FUSED", optim.FUSED if as_on_cpu else {"cpu", "cuda", "mps"}):
        muon, adamw = optim.build_optimisers(model, TrainConfig(steps=1))
    if not plain:
        return (muon if part == "Muon" else adamw).step
    if part == "Muon":
        return PlainMuon(
            [
                {key: group[key] for key in ("params", "lr", "weight_decay")}
                for group in muon.param_groups
            ],
            lr=0.01,
        ).step
    groups = [
        {key: group[key] for key in ("params", "lr", "weight_decay")}
        for group in adamw.param_groups
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), foreach=not as_on_cpu).step


def count(name: str, part: str, plain: bool, device: torch.device) -> int:
    """Operators in a step as on GPUs."""
    where = device if device.type != "cpu" else torch.device("meta" if part == "Muon" else "cpu")
    step = way(name, part, plain, where, False)
    step()
    with Operators() as operators:
        step()
    return int(operators.count)


def timed(steps: list[Callable[[], object]], rounds: int, device: torch.device) -> list[float]:
    """Milliseconds a step of each, medians over the rounds, in which they take turns."""
    seconds: list[list[float]] = [[] for _ in steps]
    for turn in range(rounds + 1):
        for step, each in zip(steps, seconds, strict=True):
            wait(device)
            began = time.perf_counter()
            for _ in range(STEPS):
                step()
            wait(device)
            if turn:  # the first warms up
                each.append((time.perf_counter() - began) / STEPS)
    return [statistics.median(each) * 1e3 for each in seconds]


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
    elif device.type == "mps":
        torch.mps.synchronize()


if __name__ == "__main__":
    run_script(main)
