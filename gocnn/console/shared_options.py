"""Options that mean the same in whatever command has them."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from gocnn.console.numbers import IntRange

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

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
        name, type=IntRange(low, high), default=default, show_default=True, help=help
    )


def completed_by(
    words: Callable[[], Iterable[str]], files: bool = False
) -> Callable[[click.Context, click.Parameter, str], list[Any]]:
    """What the shell completes an option's value with (`shell_complete`): those of `words()` that
    begin as typed, and with `files` the names of files too."""

    def complete(
        _context: click.Context, _parameter: click.Parameter, typed: str
    ) -> list["CompletionItem"]:
        from click.shell_completion import CompletionItem

        found = [CompletionItem(word) for word in words() if word.startswith(typed)]
        return [*found, CompletionItem(typed, type="file")] if files else found

    return complete


def together(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """One decorator of several options, which `--help` shows in this order."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def given(name: str) -> bool:
    """Whether the option of that parameter stands on the command line that is being read."""
    source = click.get_current_context().get_parameter_source(name)
    return source is ParameterSource.COMMANDLINE


def of_another(other: str, there: bool, *names: str) -> None:
    """Raises click.UsageError if one of the options of those parameters was given, which mean
    something beside `other` only, and that is not `there`: it would be passed over."""
    for name in names if not there else ():
        if given(name):
            raise click.UsageError(
                f"--{name.replace('_', '-')} means something with {other} only; add that, or leave"
                " it out"
            )
