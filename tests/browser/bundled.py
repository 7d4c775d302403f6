"""Modules of the page's script, to be asked in a browser without the page around them."""

import subprocess
from typing import Any

import pytest

from tests.conftest import ROOT, lacking

SOURCES = ROOT / "web" / "src"
_ENTRY = "\n".join(
    f'export * as {name} from "./lib/{name}";'
    for name in ("coords", "go", "link", "said", "tree", "treeLayout")
)


def bundle() -> str:
    """A script that defines `lib`, with the modules in it."""
    found = sorted((ROOT / "web/node_modules/@esbuild").glob("*/bin/esbuild"))
    if not found:
        lacking("esbuild is not installed; run `make page`")
    command = [str(found[0]), "--bundle", "--format=iife", "--global-name=lib", "--loader=ts"]
    done = subprocess.run(command, cwd=SOURCES, input=_ENTRY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.replace("var lib =", "globalThis.lib =", 1)


@pytest.fixture(scope="module")
def lib(browser: Any) -> Any:
    """A blank tab where `lib` holds the modules."""
    page = browser.new_page()
    page.evaluate(bundle())
    yield page
    page.close()
