"""A run put together again from its parts, for go-train --resume, go-eval and go-export.

    python benchmarks/gpu.py join parts --out runs/base

Every part is checked; a missing or damaged one is named, and nothing is written then.
"""

import argparse
from pathlib import Path


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="PARTS", help="the folder with parts.json")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="RUN", help="the folder for the run"
    )


def run(options: argparse.Namespace) -> int:
    from gocnn.training.run import read_reports
    from gpukit import luggage

    facts = luggage.unpack(options.folder, options.out)
    reports = read_reports(options.out)
    halves = ", from halves" if facts["halves"] else ""
    without = f", without {', '.join(facts['left_out'])}" if facts["left_out"] else ""
    print(
        f"{options.out}: the run at step {reports[-1]['step'] if reports else 0}{halves}{without}"
    )
    return 0
