"""go-gtp: the engine that board programs start."""

import sys

import click

from gocnn.commands.level_option import chosen_level, level_option
from gocnn.commands.options import conversation, model_option, symmetries_option, threads_option
from gocnn.commands.style_option import style_option
from gocnn.console.numbers import FloatRange, IntRange
from gocnn.console.shared_options import completed_by, count_option, given
from gocnn.engine.limits import MOST_VISITS
from gocnn.engine.rulesets import RULES, BadRules, Rules, parse


def rule_set(context: click.Context, parameter: click.Parameter, value: str) -> Rules:
    """A rule set, by name or as KataGo's object."""
    try:
        return parse(value)
    except BadRules as error:
        raise click.BadParameter(str(error)) from error


def plain(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """One line of text that can be an answer."""
    if value is not None and not (value.strip() and value.isprintable()):
        raise click.BadParameter("it must be one line of text")
    return value and value.strip()


@click.command("go-gtp")
@model_option
@symmetries_option
@style_option
@level_option
@count_option(
    "--visits",
    0,
    MOST_VISITS,
    "Look ahead at so many positions before each move "
    "(0: play what the network says), fewer if the clock asks for it.",
    default=0,
)
@click.option(
    "--temperature",
    type=FloatRange(0, 10),
    default=0.0,
    show_default=True,
    help="0: the likeliest move; 1: as predicted.",
)
@click.option(
    "--resign",
    type=FloatRange(0, 0.5),
    default=0.0,
    show_default=True,
    metavar="P",
    help=(
        "Resign once, late in a game, the winrate (with a network that says no score: the share of"
        " random playouts won) is below this for three moves on end (0: never)."
    ),
)
@click.option(
    "--komi",
    type=FloatRange(-1000, 1000),
    default=6.5,
    show_default=True,
    help="Until the client says otherwise.",
)
@click.option(
    "--rules",
    callback=rule_set,
    shell_complete=completed_by(lambda: RULES),
    default="chinese-kgs",
    show_default=True,
    metavar="NAME",
    help=(
        "chinese, chinese-kgs, chinese-ogs, japanese, korean, aga, bga, french, new-zealand,"
        " tromp-taylor, ing, stone-scoring, ancient-area, ancient-territory, or KataGo's JSON"
        " object."
    ),
)
@click.option(
    "--name",
    callback=plain,
    default="gocnn",
    show_default=True,
    metavar="TEXT",
    help=(
        'What the program is told the engine is called: some look for "KataGo" or "Leela Zero"'
        " (docs/play.md says which), and get a version that suits it."
    ),
)
@click.option(
    "--gtp-version",
    callback=plain,
    metavar="TEXT",
    help="The version that the program is told.  [default: as the name has it]",
)
@click.option(
    "--seed",
    type=IntRange(0),
    help="Of the moves that are drawn.  [default: another one at each start]",
)
@threads_option
def command(
    *,
    model: str | None,
    symmetries: str,
    style: str,
    level: str | None,
    visits: int,
    temperature: float,
    resign: float,
    komi: float,
    rules: Rules,
    name: str,
    gtp_version: str | None,
    seed: int | None,
    threads: int | None,
) -> None:
    """Play and analyse through the Go Text Protocol (version 2) on standard input and output, for
    Sabaki, Lizzie, GoGui and other programs."""
    from gocnn.engine.player import Player
    from gocnn.gtp.clients import install, version_of
    from gocnn.gtp.commands import Engine
    from gocnn.gtp.protocol import Lines, serve
    from gocnn.policy.conditioning import check_style
    from gocnn.policy.runtime import open_evaluator

    evaluator = open_evaluator(model, threads=threads)
    check_style(evaluator, style)
    chosen = chosen_level(level, evaluator, resign if given("resign") else None)
    player = Player(
        evaluator,
        symmetries=int(symmetries),
        temperature=temperature,
        resign=resign,
        seed=seed,
        style=style,
        visits=visits,
    )
    player.level = chosen
    player.never_resigns = given("resign") and not resign
    engine = Engine(player, name, gtp_version or version_of(name, evaluator.name))
    engine.game.komi = komi
    engine.game.set_rules(rules)
    lines = Lines(sys.stdin.fileno(), sys.stdout.fileno())
    engine.interrupted = lines.interrupted
    install(engine, lines.waiting)

    if sys.stdin.isatty():
        click.echo(
            "An engine that speaks GTP, on 19x19: list_commands shows what it knows, quit ends it.",
            err=True,
        )

    def write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    with conversation():
        serve(engine.commands, lines, write)
