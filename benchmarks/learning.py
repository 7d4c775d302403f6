"""Learning curves at equal samples, beside a published one: a picture, and what each run had
reached at each number of samples.

    python benchmarks/learning.py PICTURE.png LABEL=RUN[+RUN...] ...

RUN is a run's folder; with `+` runs are joined, each having begun with the weights of the one
before, and their samples are added up. A value is the validation accuracy of the average of the
weights. Published: a 12x96 residual network of another Python project, on other games of strong
amateurs.
"""

import argparse
import json
import math
from itertools import pairwise
from pathlib import Path

from gocnn.figures import pyplot
from scripts import run_script

PUBLISHED = {4e6: 43.5, 20e6: 47.7, 40e6: 49.5, 100e6: 51.4, 236e6: 52.5}
"""Samples: top-1 in percent."""


def curve(runs: str) -> list[tuple[float, float]]:
    """(samples, top-1 in percent) of the validations of joined runs."""
    points: list[tuple[float, float]] = []
    before = 0
    for run in runs.split("+"):
        rows = [
            json.loads(row)
            for row in (Path(run) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        points += [
            (before + row["samples"], 100 * row["top1"]) for row in rows if row["kind"] == "valid"
        ]
        before += rows[-1]["samples"]
    return points


def published_at(samples: float) -> float | None:
    """The published curve at so many samples, straight between its points over the logarithm; None
    outside."""
    for (low, a), (high, b) in pairwise(PUBLISHED.items()):
        if low <= samples <= high:
            return a + (b - a) * math.log(samples / low) / math.log(high / low)
    return None


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("picture", type=Path)
    parser.add_argument("runs", nargs="+", metavar="LABEL=RUN[+RUN...]")
    options = parser.parse_args()
    figure, axis = pyplot().subplots(figsize=(8, 5), constrained_layout=True)
    axis.plot(
        list(PUBLISHED), list(PUBLISHED.values()), "s--", color="grey", label="published, 12x96"
    )
    for named in options.runs:
        label, _, runs = named.partition("=")
        points = curve(runs)
        axis.plot(*zip(*points, strict=True), "o-", markersize=4, label=label)
        for samples, value in points:
            other = published_at(samples)
            print(
                f"{label}: {samples:>12,.0f} samples {value:6.2f} %"
                + ("" if other is None else f"   published {other:.2f} %")
            )
    axis.set(xscale="log", xlabel="samples seen", ylabel="moves predicted (%)")
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(options.picture, dpi=100)
    print(options.picture)


if __name__ == "__main__":
    run_script(main)
