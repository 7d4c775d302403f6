"""The curves of a run as a picture."""

import sys
from pathlib import Path
from typing import Any

from gocnn.errors import UserError
from gocnn.figures import pyplot
from gocnn.files import replacing
from gocnn.libraries import package
from gocnn.training import ranking


def plot(
    reports: list[dict[str, Any]], target: Path, metric: str, rate: float | None = None
) -> None:
    """Draw loss and `metric` (training and validation) over the samples seen, from the reports of
    metrics.jsonl, as a PNG; with the best validation marked, and the learning rate beside the loss,
    whose highest is `rate` (None: as a share of it).

    Where that fails, a line on standard error says why, and nothing else comes of it: the run is
    over, and what it has learnt is saved.
    """
    try:
        _plot(reports, target, metric, rate)
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


def best_of(valid: list[dict[str, Any]], metric: str) -> dict[str, Any] | None:
    """The report of the validation whose model is kept as the best (see `ranking.better`); None if
    none has that `metric`."""
    best: dict[str, Any] | None = None
    for report in valid:
        if metric in report and ranking.better(report, best, metric):
            best = report
    return best


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')[:200]}"


def _plot(reports: list[dict[str, Any]], target: Path, metric: str, rate: float | None) -> None:
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
    best = best_of(valid, metric)
    if best is not None:
        for axis, key in zip(axes, ("loss", metric), strict=True):
            axis.axvline(best["samples"], color="#c33", linewidth=0.8, linestyle=":")
            axis.plot(
                best["samples"],
                best[key],
                "o",
                markersize=11,
                markerfacecolor="none",
                color="#c33",
                label=f"best {metric}: {best[metric]:.1%}" if key == metric else None,
            )
    lines, names = axes[0].get_legend_handles_labels()
    rates = [r for r in train if "rate_factor" in r]
    if rates:
        beside = axes[0].twinx()
        beside.plot(
            [r["samples"] for r in rates],
            [r["rate_factor"] * (rate or 1) for r in rates],
            color="#396",
            linewidth=1,
            linestyle="--",
            label="learning rate",
        )
        beside.set_ylim(bottom=0)
        beside.set_ylabel("learning rate" if rate else "learning rate (share of the highest)")
        more, words = beside.get_legend_handles_labels()
        lines, names = [*lines, *more], [*names, *words]
    if lines:
        axes[0].legend(lines, names)
    if axes[1].get_legend_handles_labels()[0]:
        axes[1].legend()
    with replacing(target) as stream:
        figure.savefig(stream, format="png", dpi=110)
    plt.close(figure)
