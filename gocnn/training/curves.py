"""The curves of a run as a picture."""

import sys
from pathlib import Path
from typing import Any

from gocnn.errors import UserError
from gocnn.figures import pyplot
from gocnn.files import replacing
from gocnn.libraries import package


def plot(reports: list[dict[str, Any]], target: Path, metric: str) -> None:
    """Draw loss and `metric` (training and validation) over the samples seen, from the reports of
    metrics.jsonl, as a PNG.

    Where that fails, a line on standard error says why, and nothing else comes of it: the run is
    over, and what it has learnt is saved.
    """
    try:
        _plot(reports, target, metric)
    except UserError as error:
        why = str(error)
    except ImportError as error:
        why = package(error) or _first_line(error)
    except Exception as error:  # noqa: BLE001 - fonts, caches, back ends: whatever a drawing library may trip over
        why = _first_line(error)
    else:
        return
    print(
        f"note: {target.name} was not drawn: {why} (what it would show is in"
        f" {target.with_name('metrics.jsonl')})",
        file=sys.stderr,
        flush=True,
    )


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')[:200]}"


def _plot(reports: list[dict[str, Any]], target: Path, metric: str) -> None:
    plt = pyplot()
    train = [r for r in reports if r["kind"] == "train"]
    valid = [r for r in reports if r["kind"] == "valid"]
    figure, axes = plt.subplots(1, 2, figsize=(11, 4), constrained_layout=True)
    for axis, key, title in zip(axes, ("loss", metric), ("Loss (nats)", metric), strict=True):
        if train and ("loss" if key == "loss" else "accuracy") in train[0]:
            source = "loss" if key == "loss" else "accuracy"
            axis.plot(
                [r["samples"] for r in train],
                [r[source] for r in train],
                color="#9ab",
                linewidth=1,
                label="training",
            )
        if valid:
            axis.plot(
                [r["samples"] for r in valid],
                [r[key] for r in valid],
                "o-",
                color="#c33",
                markersize=4,
                label="validation",
            )
        axis.set_title(title)
        axis.set_xlabel("samples seen")
        axis.grid(alpha=0.3)
        axis.legend()
    with replacing(target) as stream:
        figure.savefig(stream, format="png", dpi=110)
    plt.close(figure)
