"""The lecture's claim, tested: what pooling and giving up parameter sharing cost on the board.

    python benchmarks/lecture.py GAMES-OR-STORE --valid GAMES [--minutes 3 | --steps 400] \
        [--positions 20000] [--out runs/lecture]
      [--picture PNG] [--only NAME] [--export FOLDER]

Every network gets the same games, the same recipe (AdamW) and the same time (or, with --steps, the
same samples), and is judged on the same positions. All are made of `gocnn.nn`; only what the name
says differs:

- no pooling: stem, four residual blocks of 32 channels, head, 19x19 throughout;
- max / min / mean pooling: after the stem 19x19 becomes 10x10, and is enlarged again (nearest
  point) before the head;
- max pooling, and a detour: the stem's 19x19 maps are added to the enlarged ones, as in a U-Net, so
  that only the blocks work on the small board;
- every second point: as the first two, but rows and columns are left out - the lecture's
  subsampling;
- first layer not shared: each of the 361 points has its own 5x5 filters;
- fully connected: one hidden layer, as many parameters as the first network, or as many as the one
  that does not share.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gocnn import modelfile
from gocnn.features.planes import DEFAULT_GROUPS, plane_count
from gocnn.figures import pyplot
from gocnn.games.selection import GameFilter
from gocnn.nn import (
    ConvNormAct,
    LocallyConnected,
    PointHead,
    Pool,
    ResidualBlock,
    initialise,
    pooling,
)
from gocnn.onnxwriting import onnx_of
from gocnn.policy import KIND, data
from gocnn.policy.runtime import OnnxPolicy
from gocnn.policy.source import PositionSource
from gocnn.policy.task import PolicyTask
from gocnn.policy.training import validation_batches
from gocnn.statistics import wilson
from gocnn.training import ModelProvenance, RunOutput, Runtime, TaskData, TrainConfig, Trainer
from gocnn.training.run import open_run
from scripts import need_new, run_script

PLANES, SIZE, CHANNELS, BLOCKS, KERNEL = plane_count(DEFAULT_GROUPS), 19, 32, 4, 5


class EverySecond(nn.Module):
    """Keeps every second row and column."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, ::2, ::2]


class Back(nn.Module):
    """Enlarges to the board again; every point takes the value of the small one that it fell
    into."""

    def forward(self, x: Tensor) -> Tensor:
        return x.repeat_interleave(2, 2).repeat_interleave(2, 3)[:, :, :SIZE, :SIZE]


class Around(nn.Module):
    """`x + inner(x)`."""

    def __init__(self, *inner: nn.Module) -> None:
        super().__init__()
        self.inner = nn.Sequential(*inner)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.inner(x)
        return result


def pooled(down: nn.Module) -> list[nn.Module]:
    return [ConvNormAct(PLANES, CHANNELS, KERNEL), down, *blocks(), Back(), head()]


def pooled_with_detour(down: nn.Module) -> list[nn.Module]:
    return [ConvNormAct(PLANES, CHANNELS, KERNEL), Around(down, *blocks(), Back()), head()]


def padded(kind: Pool) -> nn.Module:
    # 19 is odd: the last row and column are repeated, which changes neither a maximum nor, there, a
    # mean.
    return nn.Sequential(nn.ReplicationPad2d((0, 1, 0, 1)), pooling(kind))


def blocks() -> list[nn.Module]:
    return [ResidualBlock(CHANNELS) for _ in range(BLOCKS)]


def head() -> nn.Module:
    return PointHead(CHANNELS, SIZE * SIZE)


def dense(hidden: int) -> list[nn.Module]:
    inputs = PLANES * SIZE * SIZE
    return [
        nn.Flatten(),
        nn.Linear(inputs, hidden, bias=False),
        nn.BatchNorm1d(hidden),
        nn.ReLU(),
        nn.Linear(hidden, SIZE * SIZE + 1),
    ]


def hidden_for(parameters: int) -> int:
    """The width at which `dense` has about so many parameters."""
    return max(1, round((parameters - SIZE * SIZE - 1) / (PLANES * SIZE * SIZE + SIZE * SIZE + 3)))


def count(parts: list[nn.Module]) -> int:
    return sum(p.numel() for part in parts for p in part.parameters())


def no_pooling() -> list[nn.Module]:
    return [ConvNormAct(PLANES, CHANNELS, KERNEL), *blocks(), head()]


def not_shared() -> list[nn.Module]:
    return [LocallyConnected(PLANES, CHANNELS, SIZE, kernel=KERNEL), *blocks(), head()]


NETWORKS: dict[str, Callable[[], list[nn.Module]]] = {
    "no pooling": no_pooling,
    "max pooling": lambda: pooled(padded("max")),
    "min pooling": lambda: pooled(padded("min")),
    "mean pooling": lambda: pooled(padded("mean")),
    "max pooling, and a detour": lambda: pooled_with_detour(padded("max")),
    "every second point": lambda: pooled(EverySecond()),
    "first layer not shared": not_shared,
    "fully connected, as small": lambda: dense(hidden_for(count(no_pooling()))),
    "fully connected, as large": lambda: dense(hidden_for(count(not_shared()))),
}


def picture(target: Path, folder: Path, names: list[str]) -> None:
    figure, axis = pyplot().subplots(figsize=(11, 5), constrained_layout=True)
    for name in names:
        rows = [
            json.loads(row)
            for row in (
                (folder / slug(name) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
            )
        ]
        valid = [row for row in rows if row["kind"] == "valid"]
        axis.plot(
            [row["seconds"] / 60 for row in valid],
            [100 * row["top1"] for row in valid],
            "o-",
            markersize=4,
            label=name,
        )
    axis.set(
        xlabel="minutes of training",
        ylabel="moves predicted (%)",
        title="The lecture's claim, on the board",
    )
    axis.grid(alpha=0.3)
    axis.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    figure.savefig(target, dpi=100)


def slug(name: str) -> str:
    return name.replace(",", "").replace(" ", "-")


def export(network: nn.Module, run: Path, folder: Path, name: str, facts: dict[str, Any]) -> None:
    """The best weights of the run as an ONNX file, in half precision, that any program here can ask
    like the network that ships."""
    network.load_state_dict(modelfile.load(run / "best.safetensors", "lecture").tensors)
    example = torch.zeros(2, PLANES, SIZE, SIZE)
    metadata = modelfile.describing(KIND, {"groups": DEFAULT_GROUPS}, facts)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{slug(name)}.onnx"
    target.write_bytes(
        onnx_of(network.eval(), example, "planes", ["logits"], metadata, precision="fp16")
    )
    said = OnnxPolicy(target).logits(example.numpy().astype("uint8"))
    with torch.inference_mode():
        apart = (network(example) - torch.from_numpy(said)).abs().max()
    print(f"{target}: {target.stat().st_size / 1e3:.0f} KB, logits within {apart:.4f} of torch's")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("games")
    parser.add_argument("--valid", required=True)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--positions", type=int, default=20000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--out", type=Path, default=Path("runs/lecture"))
    parser.add_argument("--picture", type=Path)
    parser.add_argument(
        "--only",
        choices=NETWORKS,
        help="train this one only; the picture has all that are in --out",
    )
    parser.add_argument("--export", type=Path, help="write each network as ONNX into this folder")
    options = parser.parse_args()
    chosen = [options.only] if options.only else list(NETWORKS)
    need_new(options.out / slug(name) for name in chosen)
    games = data.select_games(data.open_stores([options.games])[0], GameFilter())
    held = data.select_games(data.open_stores([options.valid])[0], GameFilter())
    training, _ = data.without(games, held)
    valid = validation_batches(held.games, DEFAULT_GROUPS, options.positions)
    positions = sum(len(batch[0]) for batch in valid)
    budget = {"steps": options.steps} if options.steps else {"minutes": options.minutes}
    print(
        f"{', '.join(f'{v:g} {k}' for k, v in budget.items())} each, batches of {options.batch},"
        f" {positions} positions of {options.valid}"
    )
    print(
        f"{'network':28}{'parameters':>12}{'samples':>10}{'top-1':>9}{'95 % interval':>18}"
        f"{'top-5':>9}{'nats':>8}",
        flush=True,
    )
    for name in chosen:
        build = NETWORKS[name]
        torch.manual_seed(1)
        parts = build()
        network = nn.Sequential(*parts)
        initialise(network)
        source = PositionSource(training.games, DEFAULT_GROUPS, options.batch, 1)
        config = TrainConfig(**budget, batch=options.batch, optimiser="adamw", validations=5)
        run = open_run(
            options.out / slug(name), False, {"kind": "lecture", "wishes": {}, "data": name}, True
        )
        try:
            outcome = Trainer(
                network,
                TaskData(PolicyTask(), source, valid),
                config,
                RunOutput(run, ModelProvenance("lecture", {}, name)),
                Runtime(torch.device("cpu"), quiet=True),
            ).fit()
        finally:
            run.close()
        best = outcome.best
        low, high = wilson(round(best["top1"] * positions), positions)
        print(
            f"{name:28}{count(parts):>12,}{outcome.samples:>10,}{best['top1']:>9.2%}"
            f"{f'[{low:.1%}, {high:.1%}]':>18}{best['top5']:>9.2%}"
            f"{-best['loss']:>8.3f}",
            flush=True,
        )
        if options.export:
            facts = {
                "network": name,
                "samples": outcome.samples,
                "top1": best["top1"],
                "top5": best["top5"],
                "positions": positions,
            }
            export(network, options.out / slug(name), options.export, name, facts)
    if options.picture:
        picture(
            options.picture,
            options.out,
            [name for name in NETWORKS if (options.out / slug(name)).exists()],
        )
        print(options.picture)


if __name__ == "__main__":
    run_script(main)
