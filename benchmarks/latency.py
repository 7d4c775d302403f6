"""How fast the shipped network answers, without torch and with it, side by side in one run.

    python benchmarks/latency.py [--rounds 5] [--batch 64]

Cold starts: whole processes, alternating: `go-suggest` in a middle-game position of a sample game,
the same with torch eager (`--model small.safetensors`), and `import torch` alone. Warm: one
`genmove` of a running engine (network, legality, eyes, everything) in positions of sample games;
positions a second in batches, onnxruntime and torch eager in turn on the same planes.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from gocnn.engine.game import Game
from gocnn.engine.player import Player
from gocnn.engine.rulesets import CHINESE
from gocnn.games.sgf_tree import parse
from gocnn.policy.model import default_model, load
from gocnn.policy.runtime import open_evaluator
from gocnn.policy.suggestion import Evaluator, planes_of, recent_moves
from scripts import run_script

ROOT = Path(__file__).parents[1]
GAMES = sorted((ROOT / "data" / "games" / "network").glob("*.sgf"))


def seconds(function: Callable[[], object]) -> float:
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def process(*arguments: str) -> float:
    return seconds(
        lambda: subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True
        )
    )


def cold(rounds: int) -> None:
    suggest = ("cli.py", "go-suggest", str(GAMES[0]), "--at", "120")
    ways: dict[str, Callable[[], float]] = {
        "go-suggest": lambda: process(*suggest),
        "go-suggest with torch": lambda: process(*suggest, "--model", str(default_model())),
        "import torch": lambda: process("-c", "import torch"),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()  # files into memory
    for _ in range(rounds):
        for name, way in ways.items():
            times[name].append(way())
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(
        "cold: "
        + ", ".join(f"{name} {value:.2f} s" for name, value in medians.items())
        + f"; ratio to importing torch {medians['go-suggest'] / medians['import torch']:.2f}"
    )


def answered(evaluator: Evaluator, parts: list[npt.NDArray[np.uint8]]) -> None:
    for part in parts:
        evaluator.logits(part)


def warm(rounds: int, batch: int) -> None:
    fast, eager = open_evaluator(), load(default_model())
    games, stacks = [], []
    for path in GAMES[:20]:
        game = Game(rules=CHINESE)  # records may repeat positions
        for step in parse(path.read_bytes(), path.name)[0].steps[:200]:
            game.play(step.index, step.colour)
            if len(game.board.moves) % 20 == 10:
                games.append(game.copy())
                stacks.append(planes_of(game.board, recent_moves(game.board), fast.plane_groups)[0])
    for name, evaluator in (("onnxruntime", fast), ("torch eager", eager)):
        player = Player(evaluator)
        player.decide(games[0], games[0].board.to_play)
        times = sorted(
            seconds(partial(player.decide, game, game.board.to_play)) * 1000 for game in games
        )
        print(
            f"genmove, {name}: median {statistics.median(times):.1f} ms, 95 % within"
            f" {times[int(len(times) * 0.95)]:.1f} ms, {len(times)} positions"
        )
    pool = np.stack(stacks)
    planes = pool[np.arange(batch * 4) % len(pool)]
    rates: dict[str, list[float]] = {"onnxruntime": [], "torch eager": []}
    for _ in range(rounds):
        for name, evaluator in (("onnxruntime", fast), ("torch eager", eager)):
            for size in (1, batch):
                taken = seconds(
                    partial(
                        answered, evaluator, [*np.split(planes, range(size, len(planes), size))]
                    )
                )
                if size == batch:
                    rates[name].append(len(planes) / taken)
    one, other = (statistics.median(values) for values in rates.values())
    print(
        f"batches of {batch}: onnxruntime {one:.0f}/s, torch eager {other:.0f}/s, ratio"
        f" {one / other:.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    cold(options.rounds)
    warm(options.rounds, options.batch)


if __name__ == "__main__":
    run_script(main)
