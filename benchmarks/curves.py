"""Validation curves of several runs in one picture.

    python benchmarks/curves.py PICTURE.png RUN=LABEL... [--metric accuracy]

Left the metric, then the loss in validation, then that in training, over the samples seen; dots
are validations, thin lines the training batches' running mean. The losses have an axis each: that
of training is of all targets, with smoothing and mixing, that of validation of the answers alone.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from gocnn.figures import pyplot
from scripts import run_script


def _points(reports: list[dict[str, Any]], key: str) -> tuple[list[int], list[float]]:
    """Samples seen and values of those reports that have the figure."""
    found = [report for report in reports if key in report]
    return [report["samples"] for report in found], [report[key] for report in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("runs", nargs="+", metavar="RUN=LABEL")
    parser.add_argument("--metric", default="accuracy")
    options = parser.parse_args()
    figure, axes = pyplot().subplots(1, 3, figsize=(16, 4.4), sharex=True, constrained_layout=True)
    shares, judged, learnt = axes
    shares.set_title(options.metric)
    judged.set_title("Validation loss (nats)")
    learnt.set_title("Training loss (nats)")
    for axis in axes:
        axis.set_xlabel("samples seen")
        axis.grid(alpha=0.3)
    for number, named in enumerate(options.runs):
        run, _, label = named.partition("=")
        lines = [
            json.loads(line)
            for line in (Path(run) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        colour = f"C{number}"
        valid = [line for line in lines if line["kind"] == "valid"]
        train = [line for line in lines if line["kind"] == "train"]
        for axis, key in ((shares, options.metric), (judged, "loss")):
            look: dict[str, Any] = {"color": colour, "markersize": 4, "label": label or run}
            axis.plot(*_points(valid, key), "o-", **look)
        for axis, key in ((shares, "accuracy"), (learnt, "loss")):
            look = {"linewidth": 0.8, "alpha": 0.5} if axis is shares else {"linewidth": 1}
            axis.plot(*_points(train, key), color=colour, **look)
    shares.legend(title="thick: validation, thin: training")
    figure.savefig(options.picture, dpi=100)
    print(options.picture)


if __name__ == "__main__":
    run_script(main)
