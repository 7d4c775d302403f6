"""The form of the code, where no linter has a rule for it."""

import ast
import functools
import re
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


@functools.cache
def our_modules() -> list[tuple[Path, ast.Module]]:
    files = [
        ROOT / "cli.py",
        *(
            path
            for name in ("gocnn", "imagecls", "benchmarks", "data")
            for path in sorted((ROOT / name).rglob("*.py"))
        ),
    ]
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in files]


def test_one_module_imports_onnxruntime() -> None:
    importing = set()
    for path, tree in our_modules():
        for node in ast.walk(tree):
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            if "onnxruntime" in names:  # what lies below it is there only when it is imported
                importing.add(path.relative_to(ROOT).as_posix())
    assert importing == {"gocnn/libraries.py"}


def test_text_files_have_an_encoding() -> None:
    """Windows has another default."""
    bare = []
    for path, tree in our_modules():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or any(
                keyword.arg not in ("newline", "errors", "mode") for keyword in node.keywords
            ):
                continue
            method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            plain = isinstance(node.func, ast.Name) and node.func.id == "open"
            first = [
                *node.args[plain:],
                *(keyword.value for keyword in node.keywords if keyword.arg == "mode"),
            ]
            text = not first or (
                isinstance(first[0], ast.Constant)
                and re.fullmatch("[rwaxt+]+", str(first[0].value))
            )
            if (
                method == "read_text"
                or (method == "write_text" and len(node.args) < 2)
                or ((method == "open" or plain) and text)
            ):
                bare.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert bare == []


def test_tests_share_by_modules_that_are_not_tests() -> None:
    """What two of them need stands in a module of its own: a test module that another one imports
    is rewritten with more in mind than its tests."""
    shared = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for name in re.findall(r"^from (tests\S*\.test_\w+) import", path.read_text("utf-8"), re.M)
    ]
    assert shared == []
