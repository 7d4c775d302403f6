"""The code behind each station, as it stands in this installation."""

import inspect
import re
import textwrap
from functools import cache, partial
from importlib import resources

from msgspec import Struct
from starlette.routing import BaseRoute

from gocnn.serve.endpoints import get
from gocnn.serve.failures import Refusal

PLACES = {
    "field": ("gocnn.nn.describe", "_after"),
    "influence": ("gocnn.nn.convolutions", "Convolutions.influence"),
    "filters": ("gocnn.nn.blocks", "ConvNormAct"),
    "products": ("gocnn.nn.convolutions", "Convolutions.products"),
    "shifting": ("gocnn.policy.shifting", "followed"),
    "own": ("gocnn.nn.local", "LocallyConnected"),
    "merging": ("gocnn.policy.merging", "merged"),
    "pooling": ("gocnn.nn.pooling", "pooling"),
    "residual": ("gocnn.nn.blocks", "ResidualBlock"),
    "depth": ("gocnn.nn.depth", "gradient_norms"),
}
"""What is shown, by the name in the address: a module, and a function or class in it."""


class WhichCode(Struct):
    """A piece of code that is meant. name: that by which the pages know it."""

    name: str


class Code(Struct):
    """A function or a class. path: of its file; name: its own; line: the number of its first line;
    text: the lines as they are."""

    path: str
    name: str
    line: int
    text: str


@cache
def code_of(module: str, name: str) -> Code:
    """A function or class (`describe`, or `Convolutions.products`) as it stands in a module's file.
    The module is not imported. Raises KeyError if it has none of that name."""
    root, *inner, last = module.split(".")
    text = resources.files(root).joinpath(*inner, f"{last}.py").read_text(encoding="utf-8")
    # Not by `ast`, which fails in Python 3.11 where two threads use it, as importing torch does.
    lines = text.splitlines(keepends=True)
    begin, end = 0, len(lines)
    for part in name.split("."):
        head = re.compile(rf"\s*(?:def|class) {re.escape(part)}\b")
        first = next((i for i in range(begin, end) if head.match(lines[i])), None)
        if first is None:
            raise KeyError(part)
        while first > begin and lines[first - 1].lstrip().startswith("@"):
            first -= 1
        begin, end = first, first + len(inspect.getblock(lines[first:end]))
    shown = textwrap.dedent("".join(lines[begin:end])).rstrip("\n")
    return Code(f"{module.replace('.', '/')}.py", name, begin + 1, shown)


def code(places: dict[str, tuple[str, str]], asked: WhichCode) -> Code:
    """The code behind a station."""
    if asked.name not in places:
        raise Refusal(404, f"no code is shown here by the name {asked.name[:40]!r}")
    return code_of(*places[asked.name])


def routes() -> list[BaseRoute]:
    """The code of the stations on the board."""
    return [get("/api/lesson/code/{name}", partial(code, PLACES))]
