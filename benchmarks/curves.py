"""Validation curves of several runs in one picture.

    python benchmarks/curves.py PICTURE.png RUN=LABEL... [--metric accuracy]

Left the metric, right the loss, over the samples seen; dots are validations, thin lines the
training batches' running mean.
"""

import argparse
import json
from pathlib import Path

from gocnn.figures import pyplot
from scripts import run_script


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("runs", nargs="+", metavar="RUN=LABEL")
    parser.add_argument("--metric", default="accuracy")
    options = parser.parse_args()
    figure, axes = pyplot().subplots(1, 2, figsize=(12, 4.4), constrained_layout=True)
    for place, named in enumerate(options.runs):
        run, _, label = named.partition("=")
        lines = [
            json.loads(line)
            for line in (Path(run) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        colour = f"C{place}"
        for axis, key in zip(axes, (options.metric, "loss"), strict=True):
            valid = [line for line in lines if line["kind"] == "valid"]
            train = [line for line in lines if line["kind"] == "train"]
            axis.plot(
                [line["samples"] for line in valid],
                [line[key] for line in valid],
                "o-",
                color=colour,
                markersize=4,
                label=label or run,
            )
            axis.plot(
                [line["samples"] for line in train],
                [line[key] for line in train],
                color=colour,
                linewidth=0.8,
                alpha=0.45,
            )
            axis.set(xlabel="samples seen", ylabel=key)
            axis.grid(alpha=0.3)
    axes[0].legend(title="thick: validation, thin: training")
    figure.savefig(options.picture, dpi=100)
    print(options.picture)


if __name__ == "__main__":
    run_script(main)
