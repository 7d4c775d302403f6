"""Numbers on the command line."""

import math
from typing import Any

import click


class FloatRange(click.FloatRange):
    """click's range of numbers, except that it refuses nan, which click takes to lie in every
    range."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number
