"""How levels that `levels.py` has measured are shown: a table for people, and a picture."""

from pathlib import Path
from typing import Any

from gocnn.engine import levels

GNU_GO = {"gnugo10": 10, "gnugo1": 1}
"""Players that are GNU Go 3.8, and their levels."""

STEP = 100.0
"""Elo from a level to the next."""

Row = dict[str, Any]


def markdown(table: Row) -> str:
    """The table for people."""
    lines = [
        (
            "| level | Elo | 95 % interval | beginner's moves | temperature | share of the"
            " network's moves | looks ahead at | resigns below |"
        ),
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for rank, skill in table["skills"].items():
        level = levels.of_skill(skill, rank)
        elo, half = table["elo"][rank], table["half"][rank]
        drawn = (
            (f"{level.beginner:.0%}", f"{level.temperature:.2f}", f"{level.top:.0%}")
            if not level.visits
            else ("-", "-", "-")
        )
        lines.append(
            f"| {rank} | {elo:+d} | [{elo - half:+d}, {elo + half:+d}] | {' | '.join(drawn)} |"
            f" {level.visits or '-'} | {f'{level.resign:.1%}' if level.resign else 'never'} |"
        )
    return "\n".join(lines)


def draw(table: Row, rows: list[Row], target: Path) -> None:
    """Elo by skill, with intervals, and where the levels lie."""
    from gocnn.figures import pyplot, save_figure

    plt = pyplot()
    figure, axis = plt.subplots(figsize=(9, 5), constrained_layout=True)
    skills, elo, half, _ = zip(*table["measured"], strict=True)
    axis.errorbar(
        skills,
        elo,
        yerr=half,
        fmt="o",
        color="#36c",
        capsize=3,
        label=f"measured, 95 % intervals, {len(rows)} games",
    )
    axis.plot(
        list(table["skills"].values()),
        list(table["elo"].values()),
        ".-",
        color="#c33",
        label="levels",
    )
    for rank, skill in table["skills"].items():
        axis.annotate(
            rank,
            (skill, table["elo"][rank]),
            textcoords="offset points",
            xytext=(3, -9),
            fontsize=7,
            color="#c33",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
        )
    for name, (value, _) in table["gnugo"].items():
        axis.axhline(value, color="#999", linewidth=1)
        axis.annotate(
            f"GNU Go 3.8 level {GNU_GO[name]}",
            (0.99, value),
            xycoords=("axes fraction", "data"),
            ha="right",
            textcoords="offset points",
            xytext=(0, 3 if name == "gnugo10" else -10),
            fontsize=8,
            color="#666",
        )
    axis.axvline(1.0, color="#ccc", linewidth=1, linestyle=":")
    axis.set(xlabel="skill (from 1 on it looks ahead)", ylabel="Elo (GNU Go 3.8 level 10: 0)")
    if table["skills"]:  # what lies far beyond the levels would leave no room for them
        lowest, *_, highest = table["elo"].values()
        axis.set_ylim(lowest - 3 * STEP, highest + 5 * STEP)
        axis.set_xlim(min(table["skills"].values()) - 0.1, max(table["skills"].values()) + 0.1)
    axis.grid(alpha=0.3)
    axis.legend(loc="upper left")
    save_figure(figure, target)
