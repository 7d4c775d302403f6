"""The code behind each station, as it stands in this installation."""

import ast
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
    package, _, last = module.rpartition(".")
    text = resources.files(package).joinpath(f"{last}.py").read_text(encoding="utf-8")
    found: ast.AST = ast.parse(text)
    for part in name.split("."):
        found = {
            node.name: node
            for node in ast.iter_child_nodes(found)
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
        }[part]
    assert isinstance(found, ast.FunctionDef | ast.ClassDef)
    first = min([found.lineno, *(each.lineno for each in found.decorator_list)])
    lines = text.splitlines()[first - 1 : found.end_lineno]
    margin = len(lines[0]) - len(lines[0].lstrip())
    shown = "\n".join(line[margin:] for line in lines)
    return Code(f"{module.replace('.', '/')}.py", name, first, shown)


def code(places: dict[str, tuple[str, str]], asked: WhichCode) -> Code:
    """The code behind a station."""
    if asked.name not in places:
        raise Refusal(404, f"no code is shown here by the name {asked.name[:40]!r}")
    return code_of(*places[asked.name])


def routes() -> list[BaseRoute]:
    """The code of the stations on the board."""
    return [get("/api/lesson/code/{name}", partial(code, PLACES))]
