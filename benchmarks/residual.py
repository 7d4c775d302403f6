"""Depth with and without shortcuts: how networks of the same blocks learn, one with what a block is
given added to what it makes of it, one without.

    python benchmarks/residual.py GAMES-OR-STORE --valid GAMES [--minutes 10 | --steps 400]
      [--blocks 4 16] [--positions 5000] [--out runs/residual] [--record FILE.json] [--picture PNG]

Every network gets the same games, the same recipe (AdamW, batches of --batch, 128) and the same
time (or, with --steps, the same samples) and is judged on the same positions: a 5x5 stem, so many
residual blocks of 16 channels or the same blocks without their shortcuts (`gocnn.nn.depth`), and
the head. The residual ones begin as everywhere here, each block adding nothing.

--record writes the curves that station 6 of the page's lecture shows; what ships is
`gocnn/serve/lesson/residual.json`, which says with which budget it was made.
"""

import argparse
import json
import time
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gocnn.features.planes import DEFAULT_GROUPS, plane_count
from gocnn.figures import pyplot
from gocnn.games.selection import GameFilter
from gocnn.nn import ConvNormAct, PointHead, initialise
from gocnn.nn.depth import Shortcuts, blocks
from gocnn.policy import data
from gocnn.policy.source import PositionSource
from gocnn.policy.task import PolicyTask
from gocnn.policy.training import validation_batches
from gocnn.statistics import wilson
from gocnn.training import ModelProvenance, RunOutput, Runtime, TaskData, TrainConfig, Trainer
from gocnn.training.run import open_run
from scripts import need_new, run_script

PLANES, SIZE, CHANNELS = plane_count(DEFAULT_GROUPS), 19, 16
WORDS: dict[Shortcuts, str] = {"none": "without shortcuts", "zero": "with shortcuts"}


def network(shortcuts: Shortcuts, count: int) -> nn.Sequential:
    """Stem, blocks, head, with fresh weights."""
    torch.manual_seed(1)
    stem, head = ConvNormAct(PLANES, CHANNELS, 5), PointHead(CHANNELS, SIZE * SIZE)
    initialise(stem)
    initialise(head)
    return nn.Sequential(stem, blocks(shortcuts, count, CHANNELS), head)


def thinned(rows: list[dict[str, Any]]) -> list[tuple[int, float]]:
    """Step and loss of at most 80 places: the mean loss of so many reports, at the last of them."""
    count = -(-len(rows) // 80)
    groups = [rows[k : k + count] for k in range(0, len(rows), count or 1)]
    return [
        (group[-1]["step"], round(sum(row["loss"] for row in group) / len(group), 4))
        for group in groups
    ]


def curve(folder: Path, shortcuts: Shortcuts, count: int, positions: int) -> dict[str, Any]:
    """What the run's metrics say, as the page is told it."""
    rows = [
        json.loads(row)
        for row in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    train = [row for row in rows if row["kind"] == "train"]
    valid = [row for row in rows if row["kind"] == "valid"]
    steps, loss = zip(*thinned(train), strict=True)
    best = max(row["top1"] for row in valid)
    low, high = wilson(round(best * positions), positions)
    return {
        "shortcuts": shortcuts,
        "blocks": count,
        "parameters": sum(p.numel() for p in network(shortcuts, count).parameters()),
        "seconds": round(rows[-1]["seconds"], 1),
        "steps": steps,
        "loss": loss,
        "tested": [row["step"] for row in valid],
        "top1": [round(row["top1"], 5) for row in valid],
        "best": round(best, 5),
        "low": round(low, 5),
        "high": round(high, 5),
    }


def picture(target: Path, curves: list[dict[str, Any]]) -> None:
    figure, axes = pyplot().subplots(1, 2, figsize=(11, 4.5), constrained_layout=True)
    for one in curves:
        name = f"{one['blocks']} blocks {WORDS[one['shortcuts']]}"
        look = {"linestyle": "--" if one["shortcuts"] == "none" else "-", "label": name}
        axes[0].plot(one["steps"], one["loss"], **look)
        axes[1].plot(one["tested"], [100 * share for share in one["top1"]], "o", **look)
    axes[0].set(xlabel="steps", ylabel="training loss (nats)")
    axes[1].set(xlabel="steps", ylabel="moves predicted (%)")
    for axis in axes:
        axis.grid(alpha=0.3)
    axes[1].legend()
    figure.savefig(target, dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("games")
    parser.add_argument("--valid", required=True)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--blocks", type=int, nargs="+", default=[4, 16])
    parser.add_argument("--positions", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--out", type=Path, default=Path("runs/residual"))
    parser.add_argument("--record", type=Path, help="write the curves for the page into this file")
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    runs = [
        (count, shortcuts, name, options.out / name.replace(" ", "-"))
        for count, shortcuts in product(options.blocks, WORDS)
        for name in [f"{count} blocks {WORDS[shortcuts]}"]
    ]
    need_new(folder for *_, folder in runs)
    games = data.select_games(data.open_stores([options.games])[0], GameFilter())
    held = data.select_games(data.open_stores([options.valid])[0], GameFilter())
    training, _ = data.without(games, held)
    valid = validation_batches(held.games, DEFAULT_GROUPS, options.positions)
    positions = sum(len(batch[0]) for batch in valid)
    budget = {"steps": options.steps} if options.steps else {"minutes": options.minutes}
    said = " ".join(f"{value:g} {key}" for key, value in budget.items())
    print(f"{said} each, batches of {options.batch}, {positions} positions of {options.valid}")
    print(f"{'network':30}{'parameters':>12}{'steps':>8}{'loss':>8}{'top-1':>9}  95 % interval")
    curves = []
    for count, shortcuts, name, folder in runs:
        config = TrainConfig(
            **budget,
            batch=options.batch,
            optimiser="adamw",
            validations=8,
            report_seconds=max(1.0, options.minutes * 60 / 40) if not options.steps else 1.0,
        )
        source = PositionSource(training.games, DEFAULT_GROUPS, options.batch, 1)
        run = open_run(folder, False, {"kind": "residual", "wishes": {}, "data": name}, True)
        try:
            Trainer(
                network(shortcuts, count),
                TaskData(PolicyTask(), source, valid),
                config,
                RunOutput(run, ModelProvenance("residual", {}, name)),
                Runtime(torch.device("cpu"), quiet=True),
            ).fit()
        finally:
            run.close()
        one = curve(folder, shortcuts, count, positions)
        curves.append(one)
        interval = f"[{one['low']:.1%}, {one['high']:.1%}]"
        print(
            f"{name:30}{one['parameters']:>12,}{one['steps'][-1]:>8,}{one['loss'][-1]:>8.3f}"
            f"{one['best']:>9.2%}  {interval}",
            flush=True,
        )
    if options.record:
        when = date.fromtimestamp(time.time()).isoformat()
        facts = {"budget": said, "batch": options.batch, "channels": CHANNELS}
        facts |= {"positions": positions, "when": when, "curves": curves}
        options.record.write_text(json.dumps(facts, separators=(",", ":")) + "\n", encoding="utf-8")
        print(options.record)
    if options.picture:
        picture(options.picture, curves)
        print(options.picture)


if __name__ == "__main__":
    run_script(main)
