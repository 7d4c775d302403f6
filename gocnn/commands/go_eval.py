"""go-eval: how well a model predicts the moves of games."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from gocnn.commands.options import (
    filter_options,
    game_filter,
    importing,
    model_option,
    symmetries_option,
)
from gocnn.console.device_option import device_option
from gocnn.console.outputs import Picture
from gocnn.console.shared_options import count_option, json_option
from gocnn.wording import counted


@click.command("go-eval")
@click.argument("games", nargs=-1, required=True)
@model_option
@count_option(
    "--positions", 1, None, "Positions drawn from all games, without repetition.", default=20000
)
@symmetries_option
@click.option(
    "--conditioning",
    "--told",
    type=click.Choice(["nothing", "origin"]),
    default="nothing",
    show_default=True,
    help=(
        "What the network is told of each game, if it is shown such things (plane group `style`):"
        " nothing, or its origin: where it was played, and whether by professionals."
    ),
)
@count_option("--seed", 0, None, "Chooses the positions.", default=0)
@device_option()
@json_option
@click.option(
    "--picture",
    type=Picture(),
    help="Draw accuracy by ply and calibration (.png, .jpg, .svg, .pdf).",
)
@filter_options
@importing
def command(
    *,
    games: tuple[str, ...],
    model: str | None,
    positions: int,
    symmetries: str,
    conditioning: str,
    seed: int,
    device: str,
    as_json: bool,
    picture: Path | None,
    jobs: int | None,
    max_unpacked: int,
    **options: Any,
) -> None:
    """Measure how well MODEL predicts GAMES: top-1, top-3, top-5, log-likelihood, each with its 95
    % interval, by phase; and calibration.

    Of a network that foresees them also: how often it is right about the winner; and, where games
    are labelled, about whose each point is and by how much the game is won.
    """
    from gocnn import bars
    from gocnn.features.conditioning import HANDICAP, ORIGIN
    from gocnn.policy import data, evaluation
    from gocnn.policy.runtime import is_onnx, open_evaluator

    if not is_onnx(model) and device != "cpu":
        from gocnn.devices import resolve

        device = str(resolve(device))
    policy = open_evaluator(model, device)
    stores, report = data.open_stores(games, jobs, max_unpacked)
    if report is not None and report.reasons:
        skipped = counted(sum(report.reasons.values()), "game")
        click.echo(f"skipped {skipped}: {report.why()}", err=True)
    found = data.select_games(stores, game_filter(options))
    chosen = found.games
    total = min(positions, chosen.positions)
    with bars.bar(total=total, unit=" positions", disable=not sys.stderr.isatty()) as bar:
        shown = HANDICAP | (ORIGIN if conditioning == "origin" else 0)
        judged = evaluation.judge(
            policy,
            chosen,
            positions,
            symmetries=int(symmetries),
            seed=seed,
            tick=bar.update,
            shown=shown,
            komi=found.komi,
        )
    figures = evaluation.figures(judged)
    figures = {
        "model": model or policy.name,
        "games": list(games),
        "symmetries": int(symmetries),
        "conditioning": conditioning,
        "seed": seed,
    } | figures
    if picture is not None:
        from gocnn.pictures.charts import draw_evaluation

        draw_evaluation(judged, figures, picture)
    click.echo(json.dumps(figures, indent=1) if as_json else _table(figures))


def _table(figures: dict[str, Any]) -> str:
    asked = (
        f"{counted(figures['all']['positions'], 'position')}, symmetries: {figures['symmetries']},"
        f" conditioning: {figures['conditioning']}"
    )
    lines = [f"{figures['model']} on {', '.join(figures['games'])}, {asked}"]
    lines.append(
        f"{'':10}{'positions':>10}  {'top-1':>20}  {'top-3':>20}  {'top-5':>20} "
        f" {'log-likelihood':>24}"
    )
    for name in ("all", "opening", "middle", "end"):
        part = figures[name]
        if not part["positions"]:
            continue
        cells = [
            f"{part[k]:.2%} [{part[k + '_interval'][0]:.1%}, {part[k + '_interval'][1]:.1%}]"
            for k in ("top1", "top3", "top5")
        ]
        low, high = part["log_likelihood_interval"]
        nats = f"{part['log_likelihood']:.3f} [{low:.3f}, {high:.3f}]"
        lines.append(
            f"{name:10}{part['positions']:>10}  "
            + "  ".join(f"{c:>20}" for c in cells)
            + f"  {nats:>24}"
        )
    if "winner" in figures["all"]:
        said = []
        for name in ("all", "opening", "middle", "end"):
            if "winner" in (part := figures[name]):
                low, high = part["winner_interval"]
                said.append(
                    f"{name} {part['winner']:.1%} [{low:.1%}, {high:.1%}]"
                    f" {part['winner_log_likelihood']:.3f}"
                )
        lines.append(f"winner foreseen, and log-likelihood: {'; '.join(said)}")
    from gocnn.policy import endings

    lines += endings.lines(figures, ("all", "opening", "middle", "end", "lopsided"))
    lines.append(
        "(95 % intervals; log-likelihood in nats a move; opening: plies 0 to 49, middle: 50 to 149,"
        " end: from 150)"
    )
    lines.append(
        f"calibration error {figures['calibration_error']:.3f}: "
        + ", ".join(
            f"{row['confidence']:.0%} -> {row['accuracy']:.0%}" for row in figures["calibration"]
        )
    )
    return "\n".join(lines)
