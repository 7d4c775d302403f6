"""Commands with many options: `--help` lists them under headings, the most important ones first."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

COLUMN = 26
"""Characters of the column of names; what is longer has a line of its own."""


class GroupedCommand(click.Command):
    """A command whose options stand under headings.

    headings: of each, in order, the names of its parameters, in order (none of them hidden).
    Options that are under none, as --help, are the last ones under the first. Numbers are written N
    (whole) and X.
    """

    def __init__(
        self, *arguments: Any, headings: Mapping[str, Sequence[str]], **settings: Any
    ) -> None:
        super().__init__(*arguments, **settings)
        self.headings = headings
        for parameter in self.params:
            if parameter.metavar is None and isinstance(parameter, click.Option):
                if isinstance(parameter.type, click.IntRange):
                    parameter.metavar = "N"
                elif isinstance(parameter.type, click.FloatRange):
                    parameter.metavar = "X"

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write all options, with what they mean in the same column under every heading."""
        left = {p.name: p for p in self.get_params(ctx) if isinstance(p, click.Option)}
        sections = {
            heading: [left.pop(name) for name in names] for heading, names in self.headings.items()
        }
        next(iter(sections.values())).extend(left.values())
        for heading, options in sections.items():
            (name, meaning), *others = [
                row for option in options if (row := option.get_help_record(ctx)) is not None
            ]
            # a table's column is as wide as its widest name
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(COLUMN), meaning), *others], COLUMN)
