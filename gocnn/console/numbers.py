"""Numbers on the command line: click's ranges, with sentences that say what may stand there."""

import math
from typing import Any

import click


class FloatRange(click.FloatRange):
    """click's range of numbers, except that it refuses nan, which click takes to lie in every
    range."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            number = float(super().convert(value, param, ctx))
        except click.BadParameter:
            number = math.nan
        if math.isnan(number):
            self.fail(f"{value} is no number{span(self)}", param, ctx)
        return number


class IntRange(click.IntRange):
    """click's range of whole numbers."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return int(super().convert(value, param, ctx))
        except click.BadParameter:
            self.fail(f"{value} is no whole number{span(self)}", param, ctx)


def span(numbers: click.IntRange | click.FloatRange) -> str:
    """What lies in a range, to stand behind `no number`: ` from 8 to 1024`, ` above 0`."""
    low, high = numbers.min, numbers.max
    if low is None:
        return "" if high is None else f" up to {high:.10g}"
    if high is None:
        return f" above {low:.10g}" if numbers.min_open else f" from {low:.10g} on"
    if not numbers.min_open and not numbers.max_open:
        return f" from {low:.10g} to {high:.10g}"
    lower = f"above {low:.10g}" if numbers.min_open else f"from {low:.10g} on"
    return f" {lower} and {'below' if numbers.max_open else 'up to'} {high:.10g}"
