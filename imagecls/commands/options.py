"""Options that several commands share."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

models_option = click.option(
    "--model",
    "models",
    multiple=True,
    required=True,
    help="A model file or run folder; given several times, the models are averaged.",
)
"""`models`: the classifiers that are asked."""

views_option = click.option(
    "--tta",
    type=click.IntRange(1, 12),
    default=1,
    show_default=True,
    help="Views of each picture that are averaged (2: also mirrored).",
)
"""`tta`: test-time augmentation."""


def _pattern(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        groups = re.compile(value).groups
    except re.error as error:
        raise click.BadParameter(f"{value!r} is no regular expression ({error})") from error
    if groups != 1:
        raise click.BadParameter(
            f"{value!r} has {groups or 'no'} groups: put the class, and nothing else, in"
            r" parentheses, as in '^(\w+)\.' for cat.0.jpg; (?:...) is no group"
        )
    return value


LABELLING = (
    click.option(
        "--labels",
        multiple=True,
        metavar="FILE.csv",
        help=(
            "Classes by a table instead of by folders: file and class in each line, separated by"
            " comma, semicolon or tab (also several times)."
        ),
    ),
    click.option(
        "--label-pattern",
        callback=_pattern,
        metavar="REGEX",
        help=(
            r"Classes by the names of files: the pattern's group is the class, as in '^(\w+)\.' for"
            " cat.0.jpg (with a / in it: by their paths)."
        ),
    ),
)


def labelling_options(function: F) -> F:
    """`labels` and `label_pattern`: what says the classes (see `take_labelling`)."""
    for option in reversed(LABELLING):
        function = option(function)
    return function


def take_labelling(labels: tuple[str, ...], label_pattern: str | None) -> Any:
    """The `imagecls.photos.labelling.Labelling` that was asked for. Raises click.UsageError for
    both."""
    from imagecls.photos.labelling import Labelling

    if labels and label_pattern is not None:
        raise click.UsageError("give --labels or --label-pattern, not both")
    return Labelling(labels, label_pattern or "")
