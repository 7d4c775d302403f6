"""Options that mean the same in whatever command has them."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
"""`as_json`: print one JSON document instead of text."""


def choice_option(
    name: str, choices: Sequence[str], help: str, *, default: str
) -> Callable[[F], F]:
    """An option that is one of some words; `--help` shows its default."""
    return click.option(
        name, type=click.Choice(choices), default=default, show_default=True, help=help
    )


def count_option(
    name: str, low: int, high: int | None, help: str, default: int
) -> Callable[[F], F]:
    """An option that is a whole number from `low` to `high` (None: to any), both included; `--help`
    shows its default."""
    return click.option(
        name, type=click.IntRange(low, high), default=default, show_default=True, help=help
    )


def together(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """One decorator of several options, which `--help` shows in this order."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate
