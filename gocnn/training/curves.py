"""The curves of a run as a picture."""

from pathlib import Path
from typing import Any

from gocnn.figures import pyplot
from gocnn.files import replacing


def draw(reports: list[dict[str, Any]], target: Path, metric: str) -> None:
    """Draw loss and `metric` (training and validation) over the samples seen, from the reports of metrics.jsonl, as a PNG."""
    plt = pyplot()
    train = [r for r in reports if r["kind"] == "train"]
    valid = [r for r in reports if r["kind"] == "valid"]
    figure, axes = plt.subplots(1, 2, figsize=(11, 4), constrained_layout=True)
    for axis, key, title in zip(axes, ("loss", metric), ("Loss (nats)", metric), strict=True):
        if train and ("loss" if key == "loss" else "accuracy") in train[0]:
            source = "loss" if key == "loss" else "accuracy"
            axis.plot([r["samples"] for r in train], [r[source] for r in train], color="#9ab", linewidth=1, label="training")
        if valid:
            axis.plot([r["samples"] for r in valid], [r[key] for r in valid], "o-", color="#c33", markersize=4, label="validation")
        axis.set_title(title)
        axis.set_xlabel("samples seen")
        axis.grid(alpha=0.3)
        axis.legend()
    with replacing(target) as stream:
        figure.savefig(stream, format="png", dpi=110)
    plt.close(figure)
