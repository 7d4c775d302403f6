"""A run taken apart for travelling: parts of at most 15 MB, and a manifest.

    python benchmarks/gpu.py parts runs/base --out parts

`train` does it by itself, every minute; this is for a run of go-train. `join` is the way back.
"""

import argparse
from pathlib import Path

from gpukit.pack import positive


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="the folder of the run")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="the folder for the parts"
    )
    options(parser)


def options(parser: argparse.ArgumentParser) -> None:
    """How much may travel; `train` has the same."""
    parser.add_argument(
        "--part",
        type=positive(float),
        default=15.0,
        metavar="MB",
        help="megabytes that a part may have (default: 15)",
    )
    parser.add_argument(
        "--room",
        type=positive(float),
        default=64.0,
        metavar="MB",
        help="megabytes that all parts may have (default: 64)",
    )
    parser.add_argument(
        "--halves", action="store_true", help="weights in float16 although there is room for more"
    )


def run(options: argparse.Namespace) -> int:
    from gpukit import travel
    from gpukit.courier import Courier

    courier = Courier(
        options.run,
        options.out,
        int(options.part * travel.MB),
        int(options.room * travel.MB),
        options.halves,
    )
    print(courier.send(finished=True))
    return 0
