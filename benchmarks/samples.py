"""Training samples a second on one core: this project's sampler, sgfmill's replay, and one position
at a time in numpy, on the same games.

    python benchmarks/samples.py [GAMES-OR-STORE] [--seconds 5]

The other two are what Python engines usually do, written here as well as that way allows: `sgfmill`
replays the game on sgfmill's board up to the position (no planes at all); `numpy` replays it on a
board of numpy arrays and flood-fills the liberty planes of one position. Each way runs alone, in
turn, several rounds; the table has medians and ratios. Planes are the default ones (with ladders
for this project only).
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sgfmill import boards

from gocnn.features.planes import DEFAULT_GROUPS
from gocnn.games.selection import GameFilter
from gocnn.games.words import decode
from gocnn.policy import data, samples
from gocnn.policy.source import PositionSource
from scripts import run_script

ROUNDS = 5


def ours(games: samples.Games, groups: tuple[str, ...]) -> Callable[[], int]:
    source = PositionSource(games, groups, 256, seed=0)
    number = [0]

    def run() -> int:
        number[0] += 1
        return len(source._draw_block(number[0])[1])

    return run


def game_moves(games: samples.Games, game: int) -> list[tuple[int, str]]:
    start, n = int(games.start[game] + games.setup[game]), int(games.moves[game])
    return [(index, "bw"[colour - 1]) for index, colour in decode(games.words[start : start + n])]


def setup_stones(games: samples.Games, game: int) -> list[tuple[tuple[int, int], str]]:
    start = int(games.start[game])
    return [
        (divmod(index, 19), "bw"[colour - 1])
        for index, colour in decode(games.words[start : start + int(games.setup[game])])
    ]


def sgfmill_replay(games: samples.Games) -> Callable[[], int]:
    rng = np.random.default_rng(0)

    def run() -> int:
        game = int(rng.integers(len(games)))
        board = boards.Board(19)
        stones = setup_stones(games, game)
        board.apply_setup(
            [p for p, c in stones if c == "b"], [p for p, c in stones if c == "w"], []
        )
        for index, colour in game_moves(games, game)[: int(rng.integers(games.moves[game]))]:
            if index < 361:
                board.play(*divmod(index, 19), colour)
        return 1

    return run


def numpy_position(games: samples.Games) -> Callable[[], int]:
    rng = np.random.default_rng(0)

    def chain(
        board: np.ndarray, row: int, column: int
    ) -> tuple[list[tuple[int, int]], set[tuple[int, int]]]:
        colour, stones, liberties, todo = (
            board[row, column],
            {(row, column)},
            set(),
            [(row, column)],
        )
        while todo:
            r, c = todo.pop()
            for y, x in ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)):
                if 0 <= y < 19 and 0 <= x < 19:
                    if board[y, x] == 0:
                        liberties.add((y, x))
                    elif board[y, x] == colour and (y, x) not in stones:
                        stones.add((y, x))
                        todo.append((y, x))
        return list(stones), liberties

    def run() -> int:
        game = int(rng.integers(len(games)))
        board = np.zeros((19, 19), np.int8)
        for point, name in setup_stones(games, game):
            board[point] = 1 if name == "b" else 2
        moves = game_moves(games, game)
        ply = int(rng.integers(len(moves)))
        for index, name in moves[:ply]:
            if index == 361:
                continue
            colour, (row, column) = (1 if name == "b" else 2), divmod(index, 19)
            board[row, column] = colour
            for y, x in (
                (row - 1, column),
                (row + 1, column),
                (row, column - 1),
                (row, column + 1),
            ):
                if 0 <= y < 19 and 0 <= x < 19 and board[y, x] == 3 - colour:
                    stones, liberties = chain(board, y, x)
                    if not liberties:
                        for stone in stones:
                            board[stone] = 0
        planes = np.zeros((18, 19, 19), np.uint8)
        me, done = (1 if moves[ply][1] == "b" else 2), set()
        for row, column in zip(*np.nonzero(board), strict=True):
            if (row, column) in done:
                continue
            stones, liberties = chain(board, int(row), int(column))
            plane = min(len(liberties), 4) - 1 + (0 if board[row, column] == me else 4)
            for stone in stones:
                planes[(plane, *stone)] = 1
            done.update(stones)
        planes[8] = 1
        for k, (index, _) in enumerate(reversed(moves[max(0, ply - 8) : ply])):
            if index < 361:
                planes[(9 + k, *divmod(index, 19))] = 1
        np.rot90(planes, int(rng.integers(4)), (1, 2)).copy()
        return 1

    return run


def rate(work: Callable[[], int], seconds: float) -> float:
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        count += work()
    return count / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "games", nargs="?", default=str(Path(__file__).parents[1] / "data" / "games")
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="for each way")
    options = parser.parse_args()
    games = data.select_games(data.open_stores([options.games])[0], GameFilter()).games
    plain = tuple(name for name in DEFAULT_GROUPS if "ladder" not in name)
    ways = {
        "this project, all planes": ours(games, DEFAULT_GROUPS),
        "this project, without ladders": ours(games, plain),
        "numpy, a position at a time": numpy_position(games),
        "sgfmill, replay only": sgfmill_replay(games),
    }
    for work in ways.values():
        work()
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, work in ways.items():
            rates[name].append(rate(work, options.seconds / ROUNDS))
    first = statistics.median(next(iter(rates.values())))
    print(
        f"{options.games}: {len(games)} games, {games.positions} positions; one core; median of"
        f" {ROUNDS} rounds"
    )
    print(f"{'':32}{'samples/s':>12}{'min':>10}{'max':>10}{'all planes are':>18}")
    for name, values in rates.items():
        middle = statistics.median(values)
        print(
            f"{name:32}{middle:>12,.0f}{min(values):>10,.0f}{max(values):>10,.0f}"
            f"{first / middle:>13,.1f}"
            " times"
        )


if __name__ == "__main__":
    run_script(main)
