"""The form of the code, where no linter has a rule for it."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import ROOT

MOST = 3
"""An option after so many parameters is given by name."""

LONGER = {"predictions", "__torch_function__"}
"""Called with a network's outputs, as many as it has, one after the other; called by torch."""


def positional_options(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.args.defaults:
            names = [one.arg for one in node.args.args]
            names = names[names[:1] in (["self"], ["cls"]) :]
            options = names[max(len(names) - len(node.args.defaults), MOST) :]
            if options and node.name not in LONGER:
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {', '.join(options)}"


def test_options_after_three_parameters_are_given_by_name() -> None:
    found = [
        each
        for package in ("gocnn", "imagecls")
        for path in sorted((ROOT / package).rglob("*.py"))
        for each in positional_options(path)
    ]
    assert found == []
