"""`--level`, for the commands that have it."""

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from gocnn.console.shared_options import completed_by, given

if TYPE_CHECKING:
    from gocnn.engine.levels import Level
    from gocnn.policy.suggestion import Evaluator

CHOSEN_BY_IT = ("visits", "temperature")
"""Options whose values a level has of its own."""


def _known(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """A level that there is."""
    # before the levels are imported, and with them kernels: go-suggest does without compiled ones
    if value is None:
        return None
    from gocnn.engine.levels import BadLevel, parse

    try:
        return parse(value).name
    except BadLevel as error:
        raise click.BadParameter(str(error)) from error


def _names() -> list[str]:
    from gocnn.engine.levels import names

    return names()


level_option = click.option(
    "--level",
    callback=_known,
    shell_complete=completed_by(_names),
    metavar="RANK",
    help=(
        "Play like this rank: 20k to 1k, 1d and up, or max (docs/levels.md). It chooses how far "
        "to look ahead and how freely moves are drawn."
    ),
)


def chosen_level(
    name: str | None, evaluator: "Evaluator", resign: float | None = None
) -> "Level | None":
    """The level of that name; `resign` instead of the level's own, if it is given. Says so where
    the network cannot look ahead. Raises click.UsageError if an option was given that the level
    chooses."""
    from gocnn.engine import levels

    if name is None:
        return None
    known = click.get_current_context().params
    for option in CHOSEN_BY_IT:
        if option in known and given(option):
            raise click.UsageError(
                f"--level {name} chooses --{option} itself; leave one of the two out"
            )
    level = levels.parse(name)
    if not evaluator.has_value_head and (note := levels.without_search(level)):
        click.echo(f"note: {evaluator.name}: {note}", err=True)
    return level if resign is None else replace(level, resign=resign)
