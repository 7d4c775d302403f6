"""The frame of the page: it loads, nothing is fetched from elsewhere, and what goes wrong in a tab
fails a test."""

import gzip
import urllib.request

import pytest

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
