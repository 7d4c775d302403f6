"""Preparing and training beside the usual way of Python engines: planes written to npz files with a
Python board, then a plain loop over them.

    python benchmarks/npzway.py GAMES... [--games 300] [--seconds 30]

GAMES are SGF files, folders or archives; both ways take the same first games of them. The npz way
is written here as that design has it: sgfmill replays each game once, every position becomes six
planes (empty, own, opponent's, last move, pass, colour) as uint8, 2,560 positions a compressed
file; training loads a file, shuffles it, turns each batch at random, and steps with AdamW in fp32.
This project's way is `go-import` and the trainer with all its 21 planes, with and without
torch.compile. The network is `small` for both (its first layer has as many inputs as there are
planes). Other rows train the npz way with this project's precision.
"""

import argparse
import itertools
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from sgfmill import boards, sgf
from torch import nn
from torch.nn import functional

from gocnn import devices
from gocnn.games import sources
from gocnn.games.importing import import_games
from gocnn.games.selection import GameFilter
from gocnn.games.store import Store
from gocnn.nn import ConvNormAct
from gocnn.policy import data
from gocnn.policy.network import PolicyNetwork, preset
from gocnn.policy.source import PositionSource
from gocnn.training.precision import autocast, choose_precision
from scripts import run_script
from steady import steady

POSITIONS_A_FILE, BATCH = 2560, 256


def positions(records: list[bytes]) -> Iterator[tuple[np.ndarray, int]]:
    """Planes, uint8 `(6, 19, 19)`, and the move, of every position."""
    for record in records:
        try:
            game = sgf.Sgf_game.from_bytes(record)
            board = boards.Board(19)
            last: tuple[int, int] | None = None
            passed = False
            for node in game.get_main_sequence()[1:]:
                colour, point = node.get_move()
                if colour is None:
                    continue
                planes = np.zeros((6, 19, 19), np.uint8)
                stones = np.array(
                    [[{None: 0, colour: 1}.get(c, 2) for c in row] for row in board.board]
                )
                for plane in range(3):
                    planes[plane] = stones == plane
                if last is not None:
                    planes[(3, *last)] = 1
                planes[4], planes[5] = passed, colour == "b"
                yield planes, 361 if point is None else point[0] * 19 + point[1]
                if point is not None:
                    board.play(*point, colour)
                last, passed = point, point is None
        except ValueError:
            continue


def write(records: list[bytes], folder: Path) -> int:
    """npz files of all positions; returns how many positions they hold."""
    count = 0
    made = positions(records)
    while part := list(itertools.islice(made, POSITIONS_A_FILE)):
        np.savez_compressed(
            folder / f"{count}.npz",
            planes=np.stack([p for p, _ in part]),
            moves=np.array([m for _, m in part]),
        )
        count += len(part)
    return count


def loop(folder: Path, precision: str, seconds: float) -> float:
    """Samples a second of a plain loop over the files."""
    config = preset("small")
    network = PolicyNetwork(config)
    network.stem = ConvNormAct(6, config.channels, config.stem_kernel)
    devices.placed(network, memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.002)
    rng, device = np.random.default_rng(0), torch.device("cpu")
    count, began, warm = 0, 0.0, False
    while True:
        for path in sorted(folder.glob("*.npz")):
            file = np.load(path)
            planes, moves = file["planes"], file["moves"]
            order = rng.permutation(len(moves))
            for at in range(0, len(order) - BATCH + 1, BATCH):
                rows = order[at : at + BATCH]
                turn = int(rng.integers(4))
                grid = np.arange(361).reshape(19, 19)
                there = np.append(np.argsort(np.rot90(grid, turn).ravel()), 361)
                x = torch.from_numpy(
                    np.ascontiguousarray(np.rot90(planes[rows], turn, (2, 3)))
                ).float()
                target = torch.from_numpy(there[moves[rows]])
                with autocast(device, precision):
                    logits = network(x.contiguous(memory_format=torch.channels_last)).float()
                loss = functional.cross_entropy(logits, target)
                optimiser.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(network.parameters(), 2.0)
                optimiser.step()
                count += BATCH
                now = time.perf_counter()
                if not warm and count >= 2 * BATCH:
                    warm, count, began = True, 0, now
                elif warm and now - began >= seconds:
                    return count / (now - began)


def trained(store: Path, seconds: float, compile: bool, precision: str) -> float:
    """Samples a second of the trainer: no warm-up, as in `loop`."""
    config = preset("small")
    chosen, held = data.split(data.select_games([Store(store)], GameFilter()), 0.05)
    source = PositionSource(chosen.games, config.plane_groups, BATCH, 0)
    return steady(
        config,
        source,
        held.games,
        torch.device("cpu"),
        seconds,
        compile,
        batch=BATCH,
        precision=precision,
        feeders=1,
    )[0]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sources", nargs="+", metavar="GAMES")
    parser.add_argument("--games", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=30.0, help="of training, each way")
    options = parser.parse_args()
    blobs = (blob for unit in sources.find_units(options.sources) for blob in sources.read(unit))
    records = [
        blob.data for blob in itertools.islice(blobs, options.games) if blob.data is not None
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "npz").mkdir()
        (folder / "sgf").mkdir()
        for i, record in enumerate(records):
            (folder / "sgf" / f"{i}.sgf").write_bytes(record)
        began = time.perf_counter()
        count = write(records, folder / "npz")
        theirs = time.perf_counter() - began
        began = time.perf_counter()
        report = import_games([str(folder / "sgf")], folder / "store.games", jobs=1, quiet=True)
        ours = time.perf_counter() - began
        theirs_disk = sum(path.stat().st_size for path in (folder / "npz").iterdir()) / len(records)
        ours_disk = (folder / "store.games").stat().st_size / report.games
        print(
            f"{len(records)} games, {count} positions; {torch.get_num_threads()} threads, torch"
            f" {torch.__version__}"
        )
        slow, fast = count / theirs, report.moves / ours
        print(
            f"prepared, one process:  npz {slow:>10,.0f} positions/s   store {fast:>10,.0f}  "
            f" {fast / slow:.0f} times"
        )
        ratio = theirs_disk / ours_disk
        print(
            f"on disk, a game:        npz {theirs_disk / 1000:>10,.1f} KB            store"
            f" {ours_disk / 1000:>10,.2f}   {ratio:.0f} times"
        )
        best = choose_precision(torch.device("cpu"))
        plain = {
            way: loop(folder / "npz", way, options.seconds) for way in dict.fromkeys(["fp32", best])
        }
        for compile in (False, True):
            rate = trained(folder / "store.games", options.seconds, compile, best)
            for way, theirs in plain.items():
                print(
                    f"training, small:        npz {theirs:>10,.0f} samples/s ({way}) store"
                    f" {rate:>9,.0f} ({best}{', compiled' * compile})   {rate / theirs:.2f} times"
                )


if __name__ == "__main__":
    run_script(main)
