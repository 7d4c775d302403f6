"""Make the sample games of this folder: GNU Go playing itself from random openings.

    apt-get install gnugo
    python data/games/make_games.py --games 300 --first 0 --out data/games/gnugo

Each game has its own seed. The first few moves are drawn at random from the third to fifth line so
that games differ; GNU Go plays the rest at the level asked, until two passes or a resignation, and
scores the end (area rules, komi 6.5).
"""

import argparse
import random
import subprocess
from pathlib import Path

from sgfmill import common, sgf


class GnuGo:
    """One GNU Go process, spoken to through GTP."""

    def __init__(self, level: int, seed: int) -> None:
        self.process = subprocess.Popen(
            [
                "gnugo",
                "--mode",
                "gtp",
                "--level",
                str(level),
                "--seed",
                str(seed),
                "--chinese-rules",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": "/usr/games:/usr/local/games:/usr/bin:/bin"},
        )

    def ask(self, command: str) -> str:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        lines = []
        while (line := self.process.stdout.readline()) not in ("\n", ""):
            lines.append(line.rstrip("\n"))
        if not lines or lines[0][0] != "=":
            raise RuntimeError(f"gnugo answered {lines} to {command!r}")
        return lines[0][1:].strip()

    def close(self) -> None:
        self.ask("quit")
        self.process.wait(10)


def opening(rng: random.Random, moves: int) -> list[tuple[int, int]]:
    """Distinct points, at least three apart, on the third to fifth line: one corner each first,
    then anywhere near the edge."""
    lines = [2, 3, 3, 4, 14, 15, 15, 16]
    chosen: list[tuple[int, int]] = []
    while len(chosen) < moves:
        point = (rng.choice(lines), rng.choice(lines) if len(chosen) < 4 else rng.randrange(2, 17))
        if rng.random() < 0.5:
            point = (point[1], point[0])
        if all(abs(point[0] - r) + abs(point[1] - c) >= 4 for r, c in chosen):
            chosen.append(point)
    return chosen


def play(number: int, level: int) -> sgf.Sgf_game:
    """One whole game; `number` is its seed."""
    rng = random.Random(number)
    engine = GnuGo(level, number)
    engine.ask("boardsize 19")
    engine.ask("komi 6.5")
    game = sgf.Sgf_game(size=19)
    root = game.get_root()
    for key, value in (
        ("PB", "GNU Go 3.8"),
        ("PW", "GNU Go 3.8"),
        ("RU", "Chinese"),
        ("PC", "gocnn sample games"),
    ):
        root.set(key, value)
    root.set("KM", 6.5)
    root.set("GN", f"sample {number}")
    planned = opening(rng, rng.randrange(2, 7))
    colour, passes, result = "b", 0, ""
    for ply in range(500):
        if ply < len(planned):
            vertex = common.format_vertex(planned[ply])
            engine.ask(f"play {colour} {vertex}")
        else:
            vertex = engine.ask(f"genmove {colour}")
        if vertex.lower() == "resign":
            result = ("W" if colour == "b" else "B") + "+R"
            break
        move = common.move_from_vertex(vertex, 19)
        game.extend_main_sequence().set_move(colour, move)
        passes = passes + 1 if move is None else 0
        if passes == 2:
            break
        colour = "w" if colour == "b" else "b"
    root.set("RE", result or engine.ask("final_score"))
    engine.close()
    return game


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--games", type=int, default=300, help="how many")
    parser.add_argument("--first", type=int, default=0, help="number (and seed) of the first game")
    parser.add_argument("--level", type=int, default=1, help="GNU Go's level")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "gnugo")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for number in range(options.first, options.first + options.games):
        target = options.out / f"{number:04d}.sgf"
        if not target.exists():
            target.write_bytes(play(number, options.level).serialise())


if __name__ == "__main__":
    main()
