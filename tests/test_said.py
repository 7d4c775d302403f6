"""What the server says has Chinese words on the page (`web/src/texts/said.ts`): a sentence that is
written anew, or said otherwise, fails here until the table knows it."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from gocnn.engine import rulesets
from gocnn.features.conditioning import STYLES
from tests.conftest import ROOT

TABLE = ROOT / "web" / "src" / "texts" / "said.ts"
HOLE = re.compile(r"\{\w*\}")

SAYS = {
    "UserError",
    "Refusal",
    "BadMessage",
    "BadRecord",
    "BadImage",
    "BadGrammar",
    "BadRules",
    "BadLevel",
    "IllegalMove",
    "Cancelled",
}
"""What is raised with a sentence for people."""

ROOMS = (
    "gocnn/serve",
    "gocnn/games/variations",
    "gocnn/games/nodes.py",
    "gocnn/games/foreign.py",
    "gocnn/games/gib.py",
    "gocnn/games/ngf.py",
    "gocnn/games/ugf.py",
    "gocnn/games/kifu.py",
    "gocnn/games/sgf_tree.py",
    "gocnn/engine/levels.py",
    "gocnn/board/board.py",
    "imagecls/serve",
    "imagecls/photos/decode.py",
)
"""Where all that is raised may reach the page."""

FOR_PROGRAMS = {
    # what the page itself does not ask for; who writes to the endpoints reads English
    "the message must be a JSON object",
    "there is no such field{}",
    "it is one of {}",
    "{} is not done here; there are GET and POST",
    "the address is longer than {} characters",
    "the head is longer than {} KB",
    "the page has no file {}",
    "{}[{}]: a stone stands on a point, not on a pass",
    "{}: {}",
    "no code is shown here by the name {}",
    "layer: there is no layer {}; {} has 0 to {}",
    "map: layer {} has no map {}; it has 0 to {}",
    # of the commands that read files
    "cannot read {}: {}; give a picture file",
}


@cache
def table() -> dict[str, str]:
    """English to Chinese, as they stand in the table."""
    text = TABLE.read_text(encoding="utf-8")
    lines = re.findall(r'^  ("(?:[^"\\]|\\.)*"): ("(?:[^"\\]|\\.)*"),$', text, re.MULTILINE)
    assert len(lines) == sum(line.startswith('  "') for line in text.splitlines())
    return {json.loads(english): json.loads(chinese) for english, chinese in lines}


def shape(node: ast.AST) -> str | None:
    """A text of the source, `{}` where something is put in; None for what is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = [shape(part) if isinstance(part, ast.Constant) else "{}" for part in node.values]
        return "".join(filter(None, parts))
    return None


def choices(node: ast.AST) -> Iterator[ast.JoinedStr]:
    """An f-string, once with each of the texts that it chooses from (`{'is' if one else 'has'}`)."""
    if not isinstance(node, ast.JoinedStr):
        return
    for k, part in enumerate(node.values):
        if isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.IfExp):
            for one in (part.value.body, part.value.orelse):
                if isinstance(one, ast.Constant):
                    yield ast.JoinedStr([*node.values[:k], one, *node.values[k + 1 :]])


@cache
def shapes() -> frozenset[str]:
    """All texts of the program."""
    found = set()
    for path in [*(ROOT / "gocnn").rglob("*.py"), *(ROOT / "imagecls").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found |= {shape(one) for one in (node, *choices(node))}
    return frozenset(filter(None, found))


def raised(path: Path) -> Iterator[tuple[int, str]]:
    """The sentences that a module's exceptions are made with."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in SAYS:
            for one in node.args:
                said = shape(one)
                if said and " " in said:
                    yield node.lineno, said


def modules() -> list[Path]:
    return sorted(
        file
        for room in ROOMS
        for file in ([ROOT / room] if room.endswith(".py") else (ROOT / room).rglob("*.py"))
    )


def test_both_languages_put_in_the_same() -> None:
    assert len(table()) > 100
    for english, chinese in table().items():
        assert set(HOLE.findall(chinese)) <= set(HOLE.findall(english)), english
        assert re.search(r"[\u4e00-\u9fff]", HOLE.sub("", chinese)) or not re.search(
            "[a-z]", HOLE.sub("", english)
        ), english


@pytest.mark.parametrize("english", table())
def test_the_program_says_so(english: str) -> None:
    assert HOLE.sub("{}", english) in shapes(), "no module says this any more; take it out"


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_is_raised_is_known(path: Path) -> None:
    known = {HOLE.sub("{}", english) for english in table()}
    missing = [(line, said) for line, said in raised(path) if said not in known | FOR_PROGRAMS]
    assert missing == [], f"add them to {TABLE.relative_to(ROOT)}"


def test_nothing_is_excused_in_vain() -> None:
    said = {each for path in modules() for _, each in raised(path)}
    assert said >= FOR_PROGRAMS


def test_rules_and_styles_have_names() -> None:
    text = (TABLE.parent / "board.ts").read_text(encoding="utf-8")
    for key in [*(f"rules.{name}" for name in rulesets.RULES), *(f"style.{s}" for s in STYLES)]:
        assert text.count(f'"{key}": ') == 2, f"{key} in both languages of board.ts"
