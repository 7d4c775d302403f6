"""Records and runs that are unlike most: long names, long pages, training that went out of hand."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.watched import line, make

from .conftest import DESKTOP, PHONE, Open, started

LONG = "亞歷山大·康斯坦丁諾維奇·" * 6, "Supercalifragilistic" * 8
ARCHIVE = "".join(
    f"(;SZ[19]PB[{LONG[0]}]PW[{LONG[1]}]RE[won by {'a very long result ' * 9}];B[pd];W[dp])"
    for _ in range(3)
)


def given(page: Any, record: str) -> None:
    file = {"name": f"{'a-long-name-' * 8}.sgf", "mimeType": "", "buffer": record.encode()}
    page.set_input_files(".drop input", file)


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_long_names_leave_room_for_the_rest(open_page: Open, size: tuple[int, int]) -> None:
    page = open_page("/review", size=size).page
    given(page, ARCHIVE)
    page.wait_for_function("() => document.querySelectorAll('.games tbody tr').length === 3")
    box = page.locator(".games").evaluate(
        "one => [one.scrollWidth - one.clientWidth, one.querySelector('tbody tr').clientHeight]"
    )
    assert box[0] <= 0, "it must not be scrolled sideways"
    assert box[1] < 16 * 12
    assert LONG[1] in page.locator(".games tbody td span").first.get_attribute("title")
    page.goto(page.url.partition("/review")[0])
    given(page, ARCHIVE)
    page.wait_for_selector(".names")
    assert page.locator(".names").evaluate("one => one.clientHeight") < 16 * 5
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_the_board_stays_in_sight(open_page: Open) -> None:
    page = open_page("/", size=DESKTOP).page
    page.wait_for_selector(".candidates tbody button")
    page.locator("summary", has_text="Network").click()
    page.evaluate("scrollTo(0, 10_000)")
    assert page.evaluate("scrollY") > 0
    assert page.locator(".board").first.evaluate("one => one.getBoundingClientRect().top") >= 0


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of two runs: one's loss is 1e300 in the end, the other's goes from 5 to 3."""
    folder = tmp_path_factory.mktemp("watched") / "runs"
    calm = "".join(line("train", step, loss=5 - step / 10) for step in range(21))
    make(folder / "calm", calm)
    make(
        folder / f"wild-{'a-long-name-' * 9}",
        line("train", 1, loss=5.0) + line("train", 20, loss=1e300),
    )
    with started("--runs", str(folder)) as address:
        yield address


def test_a_loss_out_of_hand_does_not_flatten_the_others(open_page: Open, runs: str) -> None:
    tab = open_page("/runs", address=runs)
    tab.expected = ["willReadFrequently"]  # of how this test looks
    page = tab.page
    page.wait_for_function("() => document.querySelectorAll('.run input').length === 2")
    for box in page.locator(".run input").all():
        box.check()
    page.wait_for_function("() => document.querySelectorAll('.curves .who').length === 2")
    graph = page.locator(".curve", has_text="Loss").first
    graph.locator("summary").click()
    page.wait_for_function(  # one run's points may come before the other's
        "() => document.querySelector('.curve tbody')?.innerText.includes('1e+300')"
    )
    heads = graph.locator("thead").evaluate("one => one.clientHeight")
    assert heads < 16 * 5
    # coloured pixels: of the calm line, which falls through most of the height
    rows = page.evaluate(
        """() => {
          const canvas = document.querySelector('.curve canvas'), { width, height } = canvas;
          const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
          const rows = new Set();
          for (let at = 0; at < data.length; at += 4) {
            const [red, green, blue, alpha] = data.slice(at, at + 4);
            if (alpha > 200 && Math.max(red, green, blue) - Math.min(red, green, blue) > 90)
              rows.add(Math.floor(at / 4 / width));
          }
          return rows.size / height;
        }"""
    )
    assert rows > 0.4
