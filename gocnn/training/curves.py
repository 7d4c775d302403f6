"""The curves of a run as a picture."""

import sys
from pathlib import Path
from typing import Any

from gocnn.errors import UserError
from gocnn.figures import pyplot
from gocnn.files import replacing
from gocnn.libraries import package
from gocnn.training import ranking

LEAST = {"loss": 0.1, "share": 0.05}
"""What an axis spans at least, in nats and as a share: noise would else look like a curve."""


def plot(
    reports: list[dict[str, Any]], target: Path, metric: str, *, rate: float | None = None
) -> None:
    """Draw training loss, validation loss and `metric` over the samples seen, from the reports of
    metrics.jsonl, as a PNG; with the best validation marked, and the learning rate beside the
    training loss, whose highest is `rate` (None: as a share of it).

    The losses have an axis each, because they measure different things: that of training all
    targets, with smoothing and mixing, of augmented samples; that of validation moves or labels
    alone, by the averaged network.

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
    from matplotlib.ticker import EngFormatter

    train = [r for r in reports if r["kind"] == "train"]
    valid = [r for r in reports if r["kind"] == "valid"]
    figure, axes = plt.subplots(1, 3, figsize=(15, 4.3), sharex=True, constrained_layout=True)
    learnt, judged, shares = axes
    learnt.set_title("Training loss (nats)")
    judged.set_title("Validation loss (nats)")
    shares.set_title(metric)
    for axis in axes:
        axis.set_xlabel("samples seen")
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))  # 50k
        axis.grid(alpha=0.3)
    for axis, key in ((learnt, "loss"), (shares, "accuracy")):
        if train and key in train[0]:
            _line(axis, train, key, "training, augmented", color="#9ab", linewidth=1)
    for axis, key in ((judged, "loss"), (shares, metric)):
        if valid:
            _line(axis, valid, key, "validation", "o-", color="#c33", markersize=4)
    best = best_of(valid, metric)
    if best is not None:
        for axis in axes:
            axis.axvline(best["samples"], color="#c33", linewidth=0.8, linestyle=":")
        for axis, key in ((judged, "loss"), (shares, metric)):
            axis.plot(
                best["samples"],
                best[key],
                "o",
                markersize=11,
                markerfacecolor="none",
                color="#c33",
                label=f"best {metric}: {best[metric]:.1%}" if key == metric else None,
            )
    _rate_beside(learnt, train, rate)
    for axis, unit in ((learnt, "loss"), (judged, "loss"), (shares, "share")):
        _spread(axis, LEAST[unit])
    if shares.get_legend_handles_labels()[0]:
        _legend(shares, *shares.get_legend_handles_labels())
    with replacing(target) as stream:
        figure.savefig(stream, format="png", dpi=110)
    plt.close(figure)


def _spread(axis: Any, least: float) -> None:
    """Let an axis span so much at least, what it shows in the middle."""
    low, high = axis.get_ylim()
    more = least - (high - low)
    if more > 0:
        axis.set_ylim(low - more / 2, high + more / 2)


def _line(
    axis: Any, reports: list[dict[str, Any]], key: str, label: str, *look: str, **more: Any
) -> None:
    if len(reports) == 1 and not look:  # a line through one point is not seen
        look = (".",)
    axis.plot(
        [r["samples"] for r in reports], [r[key] for r in reports], *look, label=label, **more
    )


def _rate_beside(axis: Any, train: list[dict[str, Any]], rate: float | None) -> None:
    """The learning rate, on an axis of its own at the right."""
    rates = [r for r in train if "rate_factor" in r]
    if not rates:
        return
    beside = axis.twinx()
    beside.plot(
        [r["samples"] for r in rates],
        [r["rate_factor"] * (rate or 1) for r in rates],
        color="#396",
        linewidth=1,
        linestyle="--",
        marker="." if len(rates) == 1 else None,
        label="learning rate",
    )
    beside.set_ylim(bottom=0)
    beside.set_ylabel("learning rate" if rate else "learning rate (share of the highest)")
    lines, names = axis.get_legend_handles_labels()
    more, words = beside.get_legend_handles_labels()
    _legend(axis, [*lines, *more], [*names, *words])


def _legend(axis: Any, lines: list[Any], names: list[str]) -> None:
    """Below the axis, where it covers no line."""
    axis.legend(
        lines,
        names,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.14),
        ncols=3,
        frameon=False,
        fontsize=9,
    )
