"""How fast a search is, beside the same search one position at a time with objects, side by side in
one run.

    PYTHONPATH=. python benchmarks/search.py [--visits 400] [--rounds 3] [--threads N]
                                              [--model FILE]

In positions of sample games, in turn: visits a second of `gocnn.engine.mcts`, of the plain search
that the tests hold it against, and what the network alone does on batches of the most positions
that the search asks about at once. Wall clock, and processor time a visit: on a machine that others
use as well only the second means something, and only with one thread (a thread that waits for
another one counts as busy). Bytes a position.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gocnn.engine.game import Game
from gocnn.engine.mcts import MOST_AT_ONCE, Search
from gocnn.engine.ownership import sensible_moves
from gocnn.games.sgf_tree import parse
from gocnn.policy.runtime import open_evaluator
from gocnn.policy.suggestion import Evaluator, planes_of, recent_moves
from scripts import run_script
from tests import plain_search

GAMES = sorted((Path(__file__).parents[1] / "data" / "games" / "network").glob("*.sgf"))


def positions(plies: tuple[int, ...]) -> list[Game]:
    found = []
    for path, ply in zip(GAMES, plies, strict=False):
        game = Game()
        for step in parse(path.read_bytes(), path.name)[0].steps[:ply]:
            game.play(step.index, step.colour)
        found.append(game)
    return found


def taken(function: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the wall clock, and of processor time."""
    wall, used = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - used


def answered(evaluator: Evaluator, batch: npt.NDArray[np.uint8], times: int) -> None:
    for _ in range(times):
        evaluator.outputs(batch)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--model")
    options = parser.parse_args()
    evaluator = open_evaluator(options.model, threads=options.threads)
    games = positions((20, 60, 100, 150, 200))
    walls: dict[str, list[float]] = {}
    useds: dict[str, list[float]] = {}
    sizes = []
    for number in range(options.rounds + 1):  # the first is for compiling
        for game in games:
            board, count = game.board, options.visits if number else 20
            keep = sensible_moves(board, board.to_play)
            arrays = Search(evaluator, board, game.area_komi, keep)
            plain = plain_search.Search(evaluator, board, game.area_komi, keep)
            batch = np.repeat(
                planes_of(board, recent_moves(board), evaluator.plane_groups), MOST_AT_ONCE, 0
            )
            ways: dict[str, Callable[[], object]] = {
                "arrays": partial(arrays.run, count),
                "objects": partial(plain.run, count),
                "network alone": partial(answered, evaluator, batch, count // len(batch)),
            }
            for name, way in ways.items():
                wall, used = taken(way)
                if number:
                    made = count // len(batch) * len(batch) if name == "network alone" else count
                    walls.setdefault(name, []).append(wall / made)
                    useds.setdefault(name, []).append(used / made)
            if number:
                sizes.append(arrays.bytes / (arrays.count + 1))
    for name in walls:
        wall, used = statistics.median(walls[name]), statistics.median(useds[name])
        print(f"{name}: {1 / wall:.0f} visits/s, processor time {used * 1000:.2f} ms a visit")
    for other in ("objects", "network alone"):
        by_wall, by_used = (
            statistics.median(a / b for a, b in zip(part[other], part["arrays"], strict=True))
            for part in (walls, useds)
        )
        print(
            f"arrays to {other}, in pairs: {by_wall:.2f} times by the clock, {by_used:.2f} by"
            " processor time"
        )
    print(f"{statistics.mean(sizes):.0f} bytes a position")


if __name__ == "__main__":
    run_script(main)
