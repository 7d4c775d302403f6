"""Numbers on the command line."""

import math
from typing import Any

import click


class FloatRange(click.FloatRange):
    """click's, but nan is no number: it lies in every range."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number
