"""The frame of the page: it loads, nothing is fetched from elsewhere, and what goes wrong in a tab
fails a test."""

import gzip
import json
import urllib.request

import pytest

from gocnn import page as built_page
from tests.conftest import ROOT

from .boards import click, stones
from .conftest import PHONE, Open


def test_loads_little(open_page: Open) -> None:
    """All of the first load under 300 KB compressed, on a phone, without a sideways scroll."""
    tab = open_page("/", size=PHONE)
    tab.page.wait_for_selector(".shudan-goban")
    names = tab.page.evaluate("performance.getEntriesByType('resource').map((each) => each.name)")
    assets = [tab.address + "/", *(name for name in names if "/assets/" in name)]
    assert len(assets) > 3
    sizes = {name: len(gzip.compress(urllib.request.urlopen(name).read())) for name in assets}
    assert sum(sizes.values()) < 300_000, sizes
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


@pytest.mark.parametrize(
    "script", ["console.error('no')", "setTimeout(() => { throw new Error('no'); })"]
)
def test_what_goes_wrong_is_seen(open_page: Open, script: str) -> None:
    """The fixture collects it."""
    tab = open_page("/")
    tab.check()
    tab.page.evaluate(f"void ({script})")
    tab.page.wait_for_timeout(100)
    with pytest.raises(AssertionError):
        tab.check()
    tab.faults.clear()


def test_the_build_keeps_what_it_was_built_from(server: str) -> None:
    """All that is imported, none of it changed since, so that `serve` says nothing."""
    kept = json.loads(built_page.BUILT.joinpath("sources.json").read_bytes())
    assert not built_page.is_stale()
    sources = {
        f"src/{path.relative_to(ROOT / 'web/src').as_posix()}"
        for path in ROOT.glob("web/src/**/*.tsx")
    }
    assert sources <= kept.keys()
    assert {"build.mjs", "index.html", "src/style.css", "src/texts/common.ts"} <= kept.keys()


def test_the_way_past_the_pages_leaves_the_address_alone(open_page: Open) -> None:
    """What is kept of a game belongs to it."""
    page = open_page("/").page
    click(page, "Q16")
    page.wait_for_function("() => sessionStorage.getItem('board.game')?.includes('B[pd]')")
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.reload()
    page.wait_for_selector(".movenumber:has-text('1')")
    assert stones(page) == {"Q16": "b"}


def test_a_page_that_could_not_be_loaded_can_be_tried_again(open_page: Open) -> None:
    tab = open_page("/")
    tab.expected = ["ERR_FAILED"]
    tab.context.route("**/assets/RunsPage-*.js", lambda route: route.abort())
    tab.page.get_by_role("link", name="Runs").click()
    tab.page.wait_for_selector("[role=alert]:has-text('could not be loaded')")
    tab.page.get_by_role("link", name="Review").click()
    tab.page.wait_for_selector("main .drop")
    tab.context.unroute("**/assets/RunsPage-*.js")
    tab.page.get_by_role("link", name="Runs").click()
    tab.page.wait_for_selector("main:has-text('no training run yet')")
