"""go-match: two engines play each other."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gocnn import program
from gocnn.console.numbers import FloatRange, IntRange
from gocnn.console.outputs import OutFolder
from gocnn.console.shared_options import count_option
from gocnn.wording import counted

if TYPE_CHECKING:
    from gocnn.match.game import GameResult

MOST_NAMED = 10
"""Games that are named one by one because something went wrong."""


@click.command("go-match")
@click.option(
    "--black",
    "first",
    required=True,
    metavar="ENGINE",
    help=(
        f'Command line of an engine, for example "{program.name()} go-gtp"; a level of this one,'
        " for example 5k; or a model: small, a file, a run. It has black first."
    ),
)
@click.option(
    "--white",
    "second",
    required=True,
    metavar="ENGINE",
    help='The other one, for example "gnugo --mode gtp --level 10".',
)
@count_option(
    "--games", 1, None, "Colours alternate: every opening is played with both.", default=100
)
@click.option(
    "--out",
    required=True,
    type=OutFolder(),
    help="Folder of the match: a record of every game, the results; goes on where it stopped.",
)
@click.option(
    "--openings",
    type=click.Path(path_type=Path),
    help="SGF file of openings.  [default: drawn from the network that is used by default]",
)
@count_option("--opening-moves", 0, 100, "So many moves of each.", default=6)
@click.option("--komi", type=FloatRange(-1000, 1000), default=6.5, show_default=True)
@click.option(
    "--seconds",
    type=FloatRange(0.1),
    default=60.0,
    show_default=True,
    help="Most that a move may take; more loses.",
)
@click.option(
    "--main-time",
    type=FloatRange(0),
    default=0.0,
    show_default=True,
    help="Seconds of each side for a whole game (0: no clock).",
)
@click.option(
    "--move-time",
    type=FloatRange(0),
    default=0.0,
    show_default=True,
    help=(
        "Seconds for each move that both are told they have "
        "(0: nothing is told); the result says how long they took."
    ),
)
@click.option(
    "--referee",
    metavar="ENGINE",
    help="Engine whose final_score counts.  [default: area, dead stones settled by playing out]",
)
@click.option("--jobs", type=IntRange(1), help="Games at the same time.  [default: the cores]")
@count_option("--seed", 0, None, "Of the openings.", default=1)
@click.option("--quiet", is_flag=True, help="No line a game.")
def command(
    *,
    first: str,
    second: str,
    games: int,
    out: Path,
    openings: Path | None,
    opening_moves: int,
    komi: float,
    seconds: float,
    main_time: float,
    move_time: float,
    referee: str | None,
    jobs: int | None,
    seed: int,
    quiet: bool,
) -> None:
    """Let two GTP engines play: win rate of the first with its 95 % interval, and the Elo
    difference.

    An engine that dies, hangs, answers nonsense or plays illegally loses the game, is started
    again, and the match goes on; the result names such games, and says how the match stands without
    them. Ctrl-C or a kill loses the games in progress only: the same command goes on.
    """
    if main_time and move_time:
        raise click.UsageError("give either --main-time or --move-time")
    if move_time > seconds:
        raise click.UsageError(
            f"--move-time {move_time:g} is more than a move may take; give --seconds of more than"
            " that too"
        )
    from gocnn.engine.levels import BadLevel
    from gocnn.match.game import MatchRules
    from gocnn.match.runner import MatchConfig, run_match

    config = MatchConfig(
        first=first,
        second=second,
        out=out,
        games=games,
        rules=MatchRules(komi, seconds, main_time, move_time),
        openings=openings,
        opening_moves=opening_moves,
        seed=seed,
        referee=referee,
        jobs=jobs,
    )
    try:
        results, interrupted = run_match(config, None if quiet else _show_game)
    except BadLevel as error:
        raise click.UsageError(str(error)) from error
    _show(results, first, second)
    if interrupted:
        click.echo("stopped; the same command goes on with the games that are left", err=True)
        raise SystemExit(130)


def _show_game(result: "GameResult", so_far: Sequence["GameResult"]) -> None:
    side = "black" if result.black == 0 else "white"
    detail = f" ({result.detail})" if result.detail else ""
    won = sum(g.winner == 0 for g in so_far)
    click.echo(
        f"game {result.number}: first engine {side}, {result.result},"
        f" {counted(result.moves, 'move')}{detail}; first engine {won} of {len(so_far)}",
        err=True,
    )


def _show(results: list["GameResult"], first: str, second: str) -> None:
    from collections import Counter

    from gocnn.match.folder import GAMES_FILE
    from gocnn.match.summary import broken_off, seconds_a_move

    if not results:
        click.echo(f"{first}  against  {second}: no game was finished")
        return
    click.echo(f"{first}  against  {second}: {counted(len(results), 'game')}")
    click.echo(_summary(results))
    for colour, mine in (("black", 0), ("white", 1)):
        games = [g for g in results if g.black == mine]
        if games:
            click.echo(f"as {colour}: won {sum(g.winner == 0 for g in games)} of {len(games)}")
    ways = Counter(
        (("won" if g.winner == 0 else "lost" if g.winner == 1 else "drawn"), g.how) for g in results
    )
    click.echo(
        "; ".join(f"{what} by {how}: {count}" for (what, how), count in sorted(ways.items()))
    )
    moves = f"{sum(g.moves for g in results) / len(results):.0f} moves a game"
    if any(g.moves > g.given for g in results):
        moves += "; seconds a move: {:.2f} and {:.2f}".format(*seconds_a_move(results))
    click.echo(moves)
    broken = broken_off(results)
    for game in broken[:MOST_NAMED]:
        click.echo(
            f"game {game.number}, {game.result}, not decided on the board ({game.how}):"
            f" {game.detail or counted(game.moves, 'move')}"
        )
    if len(broken) > MOST_NAMED:
        click.echo(f"and {len(broken) - MOST_NAMED} more; {GAMES_FILE} has them all")
    if broken and len(broken) < len(results):
        click.echo("without these: " + _summary([game for game in results if game not in broken]))
    sys.stdout.flush()


def _summary(results: Sequence["GameResult"]) -> str:
    from gocnn.match.summary import summarise

    s = summarise(results)
    return (
        f"won {s.wins}, lost {s.losses}, drawn {s.draws}: {s.rate:.1%} [{s.interval[0]:.1%},"
        f" {s.interval[1]:.1%}], Elo difference {s.elo:+.0f} [{s.elo_interval[0]:+.0f},"
        f" {s.elo_interval[1]:+.0f}]"
    )
