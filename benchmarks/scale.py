"""How cost grows with the corpus: import, open, draw samples, evaluate, at 1,000, 10,000, ...
games; time and memory of whole processes.

    python benchmarks/scale.py ARCHIVE... [--sizes 1000,10000,100000,460000] [--model MODEL] \
        [--picture PNG]
    python benchmarks/scale.py --simulate 100000000 GAMES-OR-STORE

The first games of the archives (tar files of SGF) are packed into one tar for each size; every
measurement is a process of its own, whose largest resident memory is read at its end (of import:
the largest of its processes). Evaluation is `go-eval` of 2,000 positions.

--simulate makes no larger store: it repeats the index of the given games until it has so many (the
moves lie where they are), which is what a process holds in memory of a corpus of that size, and
draws from it.
"""

import argparse
import json
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gocnn.features.planes import DEFAULT_GROUPS
from gocnn.figures import pyplot
from gocnn.games.selection import GameFilter
from gocnn.games.store import Store
from gocnn.policy import data
from gocnn.policy.samples import COLUMNS, Games
from gocnn.policy.source import PositionSource
from scripts import run_script

ROOT = Path(__file__).parents[1]
WATCH = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, text=True, check=True)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(json.dumps([time.perf_counter() - began, peak, done.stdout]))
"""


def members(archives: list[str]) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    for archive in archives:
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.isfile():
                    yield member, tar


def pack(archives: list[str], target: Path, games: int) -> int:
    """The first games as one tar; returns how many there were."""
    count = 0
    with tarfile.open(target, "w") as out:
        for member, tar in members(archives):
            out.addfile(member, tar.extractfile(member))
            count += 1
            if count == games:
                break
    return count


def watch(*command: object) -> tuple[float, float, str]:
    """Seconds, MB of the largest process, what it printed."""
    out = subprocess.run(
        [sys.executable, "-c", WATCH, *(str(c) for c in command)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    seconds, memory, text = json.loads(out)
    return seconds, memory, text


def measure(archives: list[str], size: int, folder: Path, model: str) -> dict[str, float]:
    tar, store = folder / "games.tar", folder / "games.games"
    store.unlink(missing_ok=True)
    packed = pack(archives, tar, size)
    seconds, import_memory, _ = watch(sys.executable, "cli.py", "go-import", tar, "--out", store)
    _, draw_memory, text = watch(sys.executable, Path(__file__).resolve(), "--draw", store)
    opened, chosen, rate, games = json.loads(text)
    judged, judge_memory, _ = watch(
        sys.executable, "cli.py", "go-eval", store, "--model", model, "--positions", 2000, "--json"
    )
    return {
        "packed": packed,
        "games": games,
        "import s": seconds,
        "import MB": import_memory,
        "open ms": opened,
        "choose ms": chosen,
        "samples/s": rate,
        "sampling MB": draw_memory,
        "evaluate s": judged,
        "evaluate MB": judge_memory,
    }


def picture(target: Path, rows: list[dict[str, float]]) -> None:
    figure, axes = pyplot().subplots(1, 2, figsize=(12, 4.4), constrained_layout=True)
    times, memory = (
        ("import s", "open ms", "choose ms", "evaluate s"),
        ("import MB", "sampling MB", "evaluate MB"),
    )
    for axis, names, unit in (
        (axes[0], times, "seconds or milliseconds"),
        (axes[1], memory, "MB, largest process"),
    ):
        for name in names:
            axis.plot([row["games"] for row in rows], [row[name] for row in rows], "o-", label=name)
        axis.set(xscale="log", yscale="log", xlabel="games", ylabel=unit)
        axis.grid(alpha=0.3, which="both")
        axis.legend()
    axes[1].set_ylim(bottom=100, top=2000)
    figure.savefig(target, dpi=100)


def simulate(argument: str, size: int) -> None:
    small = data.select_games(data.open_stores([argument])[0], GameFilter()).games
    times = -(-size // len(small))
    before = memory()
    large = Games(small.words, *(np.tile(getattr(small, key), times)[:size] for key in COLUMNS))
    for name, games in (("the store", small), ("simulated", large)):
        rate = drawing(games, 10)
        print(
            f"{name}: {len(games):,} games, {games.positions:,} positions: {rate:,.0f} samples/s;"
            f" {memory():,.0f} MB ({before:,.0f} before)"
        )


def drawing(games: Games, seconds: float) -> float:
    """Samples a second in so many seconds, whole blocks at a time."""
    source = PositionSource(games, DEFAULT_GROUPS, 256, 0)
    source.batch(0)
    began, blocks = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        blocks += 1
        source.batch(blocks * source.block)
    return blocks * source.block * 256 / (time.perf_counter() - began)


def draw(path: str) -> None:
    """Print, as JSON, milliseconds to open the store and to choose its games, samples a second, and
    how many games."""
    began = time.perf_counter()
    store = Store(path)
    opened = time.perf_counter() - began
    games = data.select_games([store], GameFilter()).games
    chosen = time.perf_counter() - began - opened
    print(json.dumps([opened * 1000, chosen * 1000, drawing(games, 5), len(games)]))


def memory() -> float:
    """MB that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("games", nargs="+")
    parser.add_argument("--sizes", default="1000,10000,100000,460000")
    parser.add_argument(
        "--model",
        type=Path,
        default=ROOT / "gocnn" / "policy" / "weights" / "small.safetensors",
        help="by default the one that ships",
    )
    # what the watched process does
    parser.add_argument("--draw", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--simulate", type=int, metavar="GAMES")
    options = parser.parse_args()
    if options.simulate:
        simulate(options.games[0], options.simulate)
        return
    if options.draw:
        draw(options.games[0])
        return
    rows: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        for size in options.sizes.split(","):
            rows.append(
                measure(
                    [str(Path(g).resolve()) for g in options.games],
                    int(size),
                    Path(folder),
                    str(options.model.resolve()),
                )
            )
            if len(rows) == 1:
                print("".join(f"{name:>13}" for name in rows[0]))
            print(
                "".join(
                    f"{value:>13,.0f}" if value >= 100 else f"{value:>13.2f}"
                    for value in rows[-1].values()
                ),
                flush=True,
            )
    if options.picture:
        picture(options.picture, rows)
        print(options.picture)


if __name__ == "__main__":
    run_script(main)
