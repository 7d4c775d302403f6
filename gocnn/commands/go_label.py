"""go-label: whose each point is at the end, of games that were not counted, and of games that a
network plays with itself."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from gocnn.console.numbers import FloatRange, IntRange
from gocnn.console.outputs import OutFile, keep_inputs
from gocnn.console.shared_options import count_option, given
from gocnn.wording import counted

if TYPE_CHECKING:
    from gocnn.selfplay.label_runs import JudgedRun, LabellingConfig, OwnRun, ResignedRun, Run

NONE_RESIGNED = (
    "no game in it was resigned (or lost on time), with a known winner and 30 moves or more"
)


@click.command("go-label")
@click.argument("store", type=click.Path(path_type=Path))
@click.option(
    "--model",
    help=(
        "Who plays: a model file (.safetensors or .onnx), the folder of a training run, or base or"
        " small, which ship.  [default: $GOCNN_MODEL, else base]"
    ),
)
@click.option(
    "--engine",
    help=(
        "Who judges: the command line of an engine that speaks KataGo's analysis protocol, asked"
        ' once about each game\'s last position, such as "katago analysis -model M -config C".'
    ),
)
@click.option(
    "--own",
    type=IntRange(1),
    help=(
        "Add so many games of the network with itself, instead of labelling those of the store;"
        " those of this seed that are there count."
    ),
)
@click.option(
    "--against",
    is_flag=True,
    help="With --own and --engine: the network plays whole games with the engine instead.",
)
@click.option(
    "--out",
    type=OutFile(),
    help="With --own: the store to add them to, made if it is not there.  [default: STORE]",
)
@click.option(
    "--games",
    type=IntRange(1),
    help="Play on, or have judged, at most so many games.  [default: all that are waiting]",
)
@click.option("--minutes", type=FloatRange(0, min_open=True), help="Stop after so many minutes.")
@count_option("--batch", 1, 4096, "Boards that the network is asked about at once.", default=64)
@click.option(
    "--jobs", type=IntRange(1), help="Threads, each with as many boards.  [default: the cores]"
)
@count_option(
    "--seed", 0, None, "Of what is drawn: moves, the order of games, own games.", default=1
)
@click.option(
    "--disagreed",
    type=OutFile(),
    help="List the games whose winner was another, for a look at them (tab-separated).",
)
def command(
    *,
    store: Path,
    model: str | None,
    engine: str | None,
    own: int | None,
    against: bool,
    out: Path | None,
    games: int | None,
    minutes: float | None,
    batch: int,
    jobs: int | None,
    seed: int,
    disagreed: Path | None,
) -> None:
    """Label the games of STORE that were resigned, for training a network that knows the score:
    whose each point is in the end.

    From its last position the network plays each game on, for both sides, until nothing is left to
    play for; the label is kept where the recorded winner has won. With --engine another engine
    judges that position instead, once; the label is whose each point is by that, and is kept where
    its lead gives the game to the recorded winner.

    With --own N no game of the store is labelled: N games of the network with itself are added,
    unequal ones. With --own and --engine the network plays N resigned games on for a while, or with
    --against N games with that engine, and the engine judges where they stand then.

    Labels and games are added to the store chunk by chunk: stopped at any time, the same command
    goes on with what is left.
    """
    keep_inputs([store], disagreed=disagreed)
    if engine is not None and own is None:
        for name in filter(given, ("model", "batch", "jobs")):
            raise click.UsageError(
                "--engine without --own has another engine judge the games, no network plays; leave"
                f" out --{name}"
            )
    if own is not None and (games is not None or disagreed is not None):
        raise click.UsageError(
            "--own adds games instead of labelling those of STORE; leave out"
            f" --{'games' if games is not None else 'disagreed'}"
        )
    if against and (own is None or engine is None):
        raise click.UsageError(
            f"--against has the network play with an engine; add --{'own' if engine else 'engine'}"
        )
    if own is None and out is not None:
        raise click.UsageError("--out is where --own adds games; the labels of STORE stay in it")
    from gocnn.selfplay.label_runs import LabellingConfig
    from gocnn.selfplay.labelling import (
        add_judged_games,
        add_own_games,
        label_judged,
        label_resigned,
    )

    config = LabellingConfig(
        store=store, out=out, model=model, batch=batch, jobs=jobs, minutes=minutes, seed=seed
    )
    run: Run
    if own is not None:
        run = played = (
            add_own_games(config, own)
            if engine is None
            else add_judged_games(config, engine, own, against=against)
        )
        _show_own(played, config, own)
    elif engine is not None:
        run = judged = label_judged(config, engine, games)
        _list(disagreed, judged)
        _show_judged(judged, store)
        if judged.failure is not None:
            raise judged.failure
    else:
        run = labelled = label_resigned(config, games)
        _list(disagreed, labelled)
        _show_resigned(labelled, store)
    if run.interrupted:
        click.echo("stopped; the same command goes on with the games that are left", err=True)
        raise SystemExit(130)


def _list(path: Path | None, run: "ResignedRun | JudgedRun") -> None:
    """Write the games whose winner was another, with the margin found."""
    if path is not None and run.findings is not None:
        from gocnn.files import write_text

        write_text(path, run.disagreed())


def _show_nothing(run: "ResignedRun | JudgedRun", store: Path, done: str) -> None:
    """Why there is nothing to label; `done`: what has come of all resigned games."""
    all_done = f"all {run.total} games that were resigned have been {done}"
    click.echo(f"{store}: nothing to label: {all_done if run.total else NONE_RESIGNED}")


def _show_judged(run: "JudgedRun", store: Path) -> None:
    found = run.findings
    if found is None:
        _show_nothing(run, store, "played on or judged")
        return
    if not found.tried:
        click.echo(f"{store}: 0 games judged by {run.engine}")
        return
    n, tried = found.agreed, found.tried
    another = f"{found.disagreed / tried:.1%} another"
    if found.refused:
        another += f", {found.refused / tried:.1%} were refused: {found.reason}"
    click.echo(
        f"{store}: {counted(found.tried, 'game')} judged by {run.engine}, {n} labelled"
        f" ({n / tried:.1%} gave the recorded winner, {another});"
        f" mean margin {found.margins / max(n, 1):.1f} points, the labels' area"
        f" {found.off / max(n, 1):.1f} from it"
    )
    click.echo(
        f"{counted(found.tried, 'position')} in {run.seconds:.1f} s:"
        f" {found.tried / run.seconds:.1f} positions/s"
    )


def _show_resigned(run: "ResignedRun", store: Path) -> None:
    found = run.findings
    if found is None:
        _show_nothing(run, store, "played on")
        return
    if not found.tried:
        click.echo(f"{store}: 0 games played on to their end")
        return
    n, tried = found.agreed, found.tried
    wrong, open_ = found.disagreed / tried, found.unsettled / tried
    click.echo(
        f"{store}: {counted(found.tried, 'game')} played on, {n} labelled ({n / tried:.1%} gave"
        f" the recorded winner, {wrong:.1%} another, {open_:.1%} were not settled); mean margin"
        f" {found.margins / max(n, 1):.1f} points"
    )
    _show_cost(run, found.tried)


def _show_own(run: "OwnRun", config: "LabellingConfig", count: int) -> None:
    done = run.result
    if done is None:
        click.echo(
            f"{config.target}: nothing to play: the {count} {run.kind} games of seed {config.seed}"
            " are there; ask for more, or for another --seed"
        )
        return
    margins = np.array(done.margins or [0.0])
    heard, judged = done.heard, ""
    if heard.tried:
        judged = f", {heard.judged} of them judged by {run.engine}"
    left = f"{done.unsettled} not settled"
    if heard.refused:
        left = f"{done.unsettled} that it refused ({heard.reason})"
    click.echo(
        f"{config.target}: {counted(done.kept, f'{run.kind} game')} added{judged}, {left};"
        f" mean margin {margins.mean():.1f} points (quartiles"
        f" {', '.join(f'{q:.0f}' for q in np.percentile(margins, [25, 50, 75]))}),"
        f" {done.captured / max(done.kept, 1):.1f} stones captured a game"
    )
    _show_cost(run, done.kept + done.unsettled)


def _show_cost(run: "Run", games: int) -> None:
    moves, games = max(run.spent.moves, 1), max(games, 1)
    click.echo(
        f"{run.spent.moves} moves in {run.seconds:.1f} s:"
        f" {run.spent.moves / max(run.seconds, 1e-9):.0f}"
        f" moves/s, {1e3 * run.cpu / moves:.2f} ms of processor time a move,"
        f" {run.spent.moves / games:.0f} moves and {run.cpu / games:.2f} s a game"
    )
