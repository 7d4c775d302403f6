"""The option --style, by itself: go-suggest starts without what the other shared options need."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

STYLES = ("any", "tygem", "tom", "fox", "professional")
"""The keys of `gocnn.features.conditioning.STYLES`, which importing would bring numba with it."""


def style_option(function: F) -> F:
    """--style, for networks that are shown where games were played."""
    return click.option(
        "--style",
        type=click.Choice(STYLES),
        default="any",
        show_default=True,
        help="Move like the players there.",
    )(function)
