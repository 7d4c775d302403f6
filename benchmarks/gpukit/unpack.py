"""The stores of a pack, as ordinary files that every command takes.

    python benchmarks/gpu.py unpack trip --out runs/trip

Writes train.games and the sets to validate on; what is there already and is the same stays.
"""

import argparse
import time
from pathlib import Path


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="PACK", help="the folder that `pack` wrote")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="the folder for the stores"
    )


def run(options: argparse.Namespace) -> int:
    from gocnn.games.store import Store
    from gpukit.gamepack import unpack

    began = time.perf_counter()
    for path in unpack(options.folder, options.out):
        print(f"{path}: {len(Store(path))} games")
    print(f"unpacked in {time.perf_counter() - began:.1f} s")
    return 0
