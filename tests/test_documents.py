"""The pages for people: links, the navigation of `make docs`, and what other files repeat."""

import importlib.util
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gocnn import __version__
from tests.conftest import ROOT

yaml = pytest.importorskip("yaml")

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "data").rglob("*.md")])
DOCS = sorted(path.name for path in (ROOT / "docs").glob("*.md"))


def anchors(page: Path) -> set[str]:
    """What a link may name in a page: its headings, as GitHub spells them."""
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_navigation_has_every_page() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]

    def files(entry: Any) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        inner = entry.values() if isinstance(entry, dict) else entry
        return [file for one in inner for file in files(one)]

    assert sorted(files(nav)) == DOCS
    assert files(nav)[0] == "index.md"


def test_the_pages_from_docstrings_name_modules() -> None:
    named = [
        module
        for name in DOCS
        for module in re.findall(
            r"^::: ([\w.]+)$", (ROOT / "docs" / name).read_text(encoding="utf-8"), re.MULTILINE
        )
    ]
    assert {"gocnn.api", "imagecls.api"} <= set(named)
    assert [module for module in named if importlib.util.find_spec(module) is None] == []


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {__version__}\n" in changes


def test_the_drawing_of_the_rooms_is_the_rule() -> None:
    """What stands higher in README may import from what stands lower: as import-linter holds it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = text[text.index("gocnn.api     ") :].split("\nA room may import")[0].splitlines()
    places = {
        word.lstrip("."): number for number, line in enumerate(lines) for word in line.split()
    }
    for contract in project["tool"]["importlinter"]["contracts"]:
        if contract["type"] != "layers":
            continue
        drawn = [
            {
                places[name] if name in places else places[name.partition(".")[2]]
                for name in map(str.strip, layer.split("|"))
                if name in places or name.partition(".")[2] in places
            }
            for layer in contract["layers"]
        ]
        assert all(len(each) == 1 for each in drawn), contract["layers"]
        numbers = [each.pop() for each in drawn]
        assert numbers == sorted(set(numbers))
