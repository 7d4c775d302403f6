"""Options that several commands share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from gocnn import archives
from gocnn.console import streams
from gocnn.console.numbers import IntRange
from gocnn.console.shared_options import choice_option, completed_by, count_option, together
from gocnn.policy import shipped

if TYPE_CHECKING:
    from gocnn.games.selection import GameFilter


def _rank(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    from gocnn.games import text

    if value is None:
        return None
    number = text.rank(value)
    if number == 0:
        raise click.BadParameter(f"{value!r} is not a rank; write for example 5k, 1d, 9d or 1p")
    return number


def _date(filler: int) -> Callable[[click.Context, click.Parameter, str | None], int]:
    def callback(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int:
        from gocnn.games import text

        if value is None:
            return 99999999 if filler else 0
        number = text.date(value)
        if number == 0:
            raise click.BadParameter(
                f"{value!r} is not a date; write for example 2011, 2011-05 or 2011-05-31"
            )
        month, day = number // 100 % 100, number % 100
        return number // 10000 * 10000 + (month or filler) * 100 + (day or filler)

    return callback


filter_options = together(
    click.option(
        "--min-rank",
        metavar="RANK",
        callback=_rank,
        help="Both players at least this strong: 5k, 1d, 9d, 1p (above 9d).",
    ),
    click.option(
        "--date-from",
        metavar="DATE",
        callback=_date(0),
        help="Games from this day on: 2011, 2011-05 or 2011-05-31.",
    ),
    click.option("--date-to", metavar="DATE", callback=_date(99), help="Games up to this day."),
    choice_option(
        "--result",
        ["any", "known", "black", "white", "scored"],
        "By result; scored: counted at the end, not resigned.",
        default="any",
    ),
    choice_option("--handicap", ["any", "none", "only"], "By handicap stones.", default="any"),
    count_option("--min-moves", 1, None, "Games of at least so many moves.", default=1),
    count_option("--max-moves", 1, None, "Games of at most so many moves.", default=100000),
    click.option(
        "--source",
        default="",
        metavar="PATTERN",
        help="Regular expression searched in archive or folder name and place (PC).",
    ),
)
"""Options that choose among the games; they arrive as the keyword arguments of `game_filter`."""

FILTER_KEYS = (
    "min_rank",
    "date_from",
    "date_to",
    "result",
    "handicap",
    "min_moves",
    "max_moves",
    "source",
)


def game_filter(values: dict[str, Any]) -> "GameFilter":
    """Take the filter options out of a command's keyword arguments."""
    from gocnn.games.selection import GameFilter

    return GameFilter(**{key: values.pop(key) for key in FILTER_KEYS})


importing = together(
    click.option(
        "--max-unpacked",
        type=IntRange(1),
        default=archives.UNPACKED >> 20,
        show_default=True,
        metavar="MB",
        help="Most that one archive may unpack to.",
    ),
    click.option(
        "--jobs", type=IntRange(1), help="Processes that read games. [default: the cores]"
    ),
)
"""Options of reading raw games: `jobs` and `max_unpacked` (MB)."""


@contextmanager
def conversation() -> Iterator[None]:
    """Around an engine that talks to a program, in UTF-8 and lines that end in LF alone: Ctrl-C
    ends it with exit code 130, and a program that is gone ends it quietly."""
    streams.speak_protocol()
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except OSError as error:
        if not streams.is_broken_pipe(error):
            raise
        streams.abandon()


model_option = click.option(
    "--model",
    shell_complete=completed_by(lambda: shipped.NAMES, files=True),
    help=(
        "A model file (.safetensors or .onnx), the folder of a training run, or one of those that"
        " ship: base; base8, the same in eight bits, twice as fast; or small, which is four times"
        " as fast.  [default: $GOCNN_MODEL, else base]"
    ),
)
"""The network that is asked; without it, the one that ships."""

threads_option = click.option(
    "--threads", type=IntRange(1), help="Threads of the network.  [default: the cores]"
)
"""`threads`: how many the network computes with; None for all cores."""

symmetries_option = choice_option(
    "--symmetries", ["1", "8"], "8: average over the turned and mirrored boards.", default="1"
)


position_options = together(
    click.argument("game", required=False, metavar="[FILE.sgf|-]"),
    click.option(
        "--at",
        type=IntRange(0),
        metavar="PLY",
        help="The position after so many moves of the game.  [default: its end]",
    ),
    click.option(
        "--moves",
        default="",
        metavar='"B D4 W Q16 ..."',
        help="Moves to play first (after those of the game).",
    ),
)
"""The position that is meant: a game, a ply of it, moves on top (`gocnn.games.position`)."""
