"""The lecture, as a person touches it: fields and maps, with the numbers of torch and of the library,
and the way from station to station."""

from typing import Any

import numpy as np
import pytest

from gocnn.board.coords import from_gtp, to_gtp
from gocnn.nn import ConvNormAct
from gocnn.nn.describe import describe
from gocnn.policy.inside import Inside
from tests.conftest import ROOT

from .boards import click, play, stones
from .conftest import DESKTOP, PHONE, Open
from .stations import MOVES, TIMES, begin, close, judged, maps_after, planes_after, shown, slide


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_a_neuron_sees_a_field(open_page: Open, inside: Inside, size: tuple[int, int]) -> None:
    """The frame is as wide as the layer's field, cut off at the edge; the numbers are the network's;
    the glow is the gradient's."""
    page = open_page("/lesson", size=size).page
    begin(page, MOVES)
    page.get_by_role("button", name="Choose a point").click()
    click(page, "C3")
    assert len(stones(page)) == len(MOVES)
    rows = page.locator("section[aria-labelledby=count] td")
    for layer in (0, 1, 2, 5):
        slide(page, "Layer", layer)
        side = inside.layers[layer].side
        page.wait_for_function(
            "(text) => document.querySelector('.big').textContent === text && document.querySelector('.field-frame')",
            arg=f"{side} {TIMES} {side} points",
        )
        field = inside.layers[layer].field(from_gtp("C3"))
        width = field.right - field.left + 1
        page.wait_for_function(
            "(width) => Math.abs(document.querySelector('.field-frame rect').width.baseVal.value - width) < 0.2",
            arg=width,
        )
        weights = inside.layers[layer].convolution.module.weight.numel()
        assert shown(rows.nth(0).inner_text()) == weights
        assert ("means over the whole board" in page.locator(".right").inner_text()) == (
            inside.layers[layer].convolution.layer.sees_all
        )
    lecture = describe("lecture", ConvNormAct(3, 64, 3), (3, 100, 100))
    texts = rows.all_inner_texts()
    assert shown(texts[4]) == lecture.dense_first_layer == 3 * 10**7
    assert shown(texts[5]) == lecture.layers[0].parameters
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_exercises_of_the_first_station(open_page: Open, inside: Inside) -> None:
    """Wrong answers are wrong, right ones right however they are written; what is no number is not
    understood; the answer can be had."""
    page = open_page("/lesson/1").page
    page.wait_for_selector(".exercises")
    assert judged(page, 1, "6").startswith("✗")
    assert "not understood" in judged(page, 1, "seven")
    needed = next(one.number for one in inside.layers if one.side >= 19)
    assert judged(page, 1, str(needed)).startswith("✓")
    stem = inside.layers[0].convolution.module
    weights = stem.in_channels * stem.out_channels * 7 * 7
    assert judged(page, 2, str(weights - 1)).startswith("✗")
    # by the keyboard alone, which goes on from there
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".verdict.shown")
    assert f"{weights:,}" in page.locator(".exercise").nth(1).inner_text()
    assert page.evaluate("document.activeElement.textContent") == "Show the answer"
    grouped = f"{weights:,}"
    scientific = f"{weights / 1e5}"
    wide = "".join(chr(ord(each) + 0xFEE0) for each in grouped)
    for text in (
        grouped,
        grouped.replace(",", "."),
        grouped.replace(",", " "),
        grouped.replace(",", "'"),
        wide,
        f"{weights},0",
        f"{weights}.0",
        f"{scientific}e5",
        f"{scientific.replace('.', ',')}\u00d710^5",
        f"{scientific} · 10\u2075",
    ):
        assert judged(page, 2, text).startswith("✓"), text
    for text in (f"{weights}*10", f"{weights}0", f"{weights / 10}", f"-{weights}"):
        assert not judged(page, 2, text).startswith("✓"), text
    assert "not understood" in judged(page, 2, "1,16,032")
    page.locator("summary", has_text="How the glow is measured").click()
    code = page.locator(".code pre")
    code.wait_for()
    text = (ROOT / "gocnn/nn/convolutions.py").read_text(encoding="utf-8")
    assert code.inner_text().splitlines()[-1].strip() in text
    assert "gocnn/nn/convolutions.py:" in page.locator(".code p").inner_text()


def test_points_are_chosen_by_keyboard(open_page: Open) -> None:
    """The arrows move the board's cursor, Enter chooses."""
    page = open_page("/lesson/1").page
    page.wait_for_selector(".field-frame")
    page.get_by_role("button", name="Choose a point").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "() => /The neuron at E5 sees/.test(document.querySelector('.said').textContent)"
    )


def value_at(page: Any, point: str) -> str:
    """What is said to come about at a point, as soon as it is known."""
    page.wait_for_function(
        """(point) => document.querySelector('.products:not(.stale) h2')?.textContent.includes(` ${point} `)""",
        arg=point,
    )
    return str(page.locator(".products output").inner_text())


def point_at(page: Any, vertex: str) -> None:
    """Point at a point of the large map."""
    box = page.locator(".bigmap").bounding_box()
    row, column = divmod(from_gtp(vertex), 19)
    x, y = (column + 0.5) / 19, (18 - row + 0.5) / 19
    page.locator(".bigmap").hover(position={"x": box["width"] * x, "y": box["height"] * y})


def test_maps_and_products(open_page: Open, inside: Inside) -> None:
    """What the large map says at a point is torch's value, and what stands below adds up to it; a
    stone that is played changes it at once; so do another layer and another map."""
    page = open_page("/lesson/2").page
    begin(page, MOVES[:-1])
    maps, later = (maps_after(inside, moves, 0) for moves in (MOVES[:-1], MOVES))
    # the map that the next stone changes most beside it
    k = int(np.abs(later - maps)[:, from_gtp("K11")].argmax())
    page.get_by_role("radio", name=f"map {k}", exact=True).click()
    page.get_by_role("heading", name=f"Map {k}", exact=True).wait_for()
    for vertex in ("K11", "A1", "Q16"):
        point_at(page, vertex)
        assert close(value_at(page, vertex), maps[k, from_gtp(vertex)])
    sums = page.locator(".steps td").all_inner_texts()
    total = inside.products(planes_after(inside, MOVES[:-1]), 0, k, from_gtp("Q16"))
    assert close(sums[5], float(total.sums.sum()))
    assert abs(sum(shown(each) for each in sums[:5]) - shown(sums[5])) < 0.02
    # the map is drawn as it is: the darkest point is the largest
    drawn = page.evaluate(
        """() => { const c = document.querySelector('.bigmap canvas');
          return [...c.getContext('2d').getImageData(0, 0, 19, 19).data]; }"""
    )
    red = np.array(drawn).reshape(19, 19, 4)[::-1, :, 0].ravel()
    assert red[maps[k].argmax()] == red.min()
    # a stone beside: the maps change
    point_at(page, "K11")
    before = value_at(page, "K11")
    play(page, MOVES[-1:])
    assert not close(before, later[k, from_gtp("K11")])
    page.wait_for_function(
        "(before) => document.querySelector('.products output').textContent !== before", arg=before
    )
    assert close(value_at(page, "K11"), later[k, from_gtp("K11")])
    slide(page, "Layer", 2)
    page.wait_for_function(
        f"() => /3{TIMES}3/.test(document.querySelector('.products h2').textContent)"
    )
    assert close(value_at(page, "K11"), maps_after(inside, MOVES, 2)[k, from_gtp("K11")])


@pytest.mark.slow
def test_maps_by_keyboard(open_page: Open, inside: Inside) -> None:
    """Arrows choose maps, and points of the large one."""
    page = open_page("/lesson/2").page
    begin(page, MOVES)
    page.get_by_role("radio", name="map 0", exact=True).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.get_by_role("heading", name="Map 9", exact=True).wait_for()
    page.locator(".bigmap").focus()
    spot = page.locator(".products h2").inner_text().split()[-2]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    there = to_gtp(from_gtp(spot) - 1 - 19)
    assert close(value_at(page, there), maps_after(inside, MOVES, 0)[9, from_gtp(there)])
    assert there in page.locator(".bigmap [aria-live]").inner_text()


@pytest.mark.slow
def test_exercises_of_the_second_station(open_page: Open, inside: Inside) -> None:
    page = open_page("/lesson/2").page
    begin(page, MOVES)
    values = maps_after(inside, MOVES, 0)[0]
    page.wait_for_selector(".products:not(.stale)")
    assert judged(page, 1, to_gtp(int(values.argmin()))).startswith("✗")
    for text in ("Z40", "Q0x10", "Q1e1", "Q+3", "Q3.0", "I9", "Q0", "Q20", "pass"):
        assert "not understood" in judged(page, 1, text), text
    assert judged(page, 1, to_gtp(int(values.argmax())).lower()).startswith("✓")
    found = inside.products(planes_after(inside, MOVES), 0, 0, from_gtp("D4"))
    supposed = round(float(found.sums.sum())) + 1
    page.wait_for_function(
        "(sum) => document.querySelectorAll('.question')[1].textContent.includes(`add up to ${sum}.`)",
        arg=str(supposed).replace("-", "\u2212"),
    )
    answer = max(0.0, supposed * found.scale + found.shift)
    assert judged(page, 2, f"{answer + 0.5:.3f}").startswith("✗")
    assert judged(page, 2, f"{answer:.3f}").startswith("✓")
    assert judged(page, 2, f"{answer:.3f}".replace(".", ",")).startswith("✓")


def test_from_station_to_station(open_page: Open) -> None:
    """The links lead on, the position goes along, the Board page's game can be taken over and is not
    touched; both languages."""
    page = open_page("/").page
    play(page, ["C3", "R17"])
    page.get_by_role("link", name="Lecture").click()
    page.wait_for_selector(".exercises")
    assert len(stones(page)) > 50
    page.locator("summary", has_text="Another position").click()
    page.get_by_role("button", name="That of the Board page").click()
    page.wait_for_function("() => document.querySelectorAll('.shudan-stone-image').length === 2")
    page.get_by_role("link", name="Next: Filters and their maps").click()
    page.get_by_role("heading", level=1, name="Filters and their maps").wait_for()
    page.wait_for_selector(".bigmap")
    click(page, "K10")
    assert stones(page) == {"C3": "b", "R17": "w", "K10": "b"}
    click(page, "K10")
    assert "K10 holds a stone already" in page.locator(".lessonboard [role=alert]").inner_text()
    page.get_by_role("button", name="中文").click()
    page.get_by_role("heading", level=1, name="濾波器與特徵圖").wait_for()
    page.wait_for_selector(".bigmap")
    assert len(stones(page)) == 3
    page.go_back()
    page.get_by_role("heading", level=1, name="神經元只看一個範圍").wait_for()
    page.get_by_role("link", name="棋盤", exact=True).click()
    page.wait_for_selector(".candidates")
    assert stones(page) == {"C3": "b", "R17": "w"}


def test_a_server_that_is_getting_ready_says_so(open_page: Open) -> None:
    """Until the first answer comes, which may wait for what is compiled; not later."""
    tab = open_page("/runs")
    page = tab.page
    held: list[Any] = []
    page.route("**/api/lesson/field", lambda route: held.append(route))
    with page.expect_request("**/api/lesson/field"):
        page.get_by_role("link", name="Lecture").click()
    preparing = page.locator(".preparing")
    page.wait_for_selector("text=The server is getting ready")
    assert preparing.get_attribute("role") == "status"
    while held:
        held.pop().continue_()
    page.wait_for_function("() => !document.querySelector('.preparing').textContent")
    # a click that is answered late is no sign of it any more
    with page.expect_request("**/api/lesson/field"):
        page.locator("input[type=range]").first.fill("2")
    page.wait_for_timeout(1700)
    assert preparing.inner_text() == ""
    while held:
        held.pop().continue_()
