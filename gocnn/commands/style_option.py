"""The option --style, by itself: go-suggest starts without what the other shared options need."""

from collections.abc import Callable
from typing import Any, TypeVar

from gocnn.console.shared_options import choice_option

F = TypeVar("F", bound=Callable[..., Any])

STYLES = ("any", "tygem", "tom", "fox", "professional")
"""The keys of `gocnn.features.conditioning.STYLES`, which importing would bring numba with it."""


def style_option(function: F) -> F:
    """--style, for networks that are shown where games were played."""
    return choice_option("--style", STYLES, "Move like the players there.", default="any")(function)
