"""The Board page, as a person uses it."""

# ruff: noqa: RUF001

import re
from typing import Any

import pytest
from sgfmill import sgf

import gocnn
from gocnn.board.coords import to_gtp

from .boards import click, drop, play, ready, saved, stones
from .conftest import PHONE, Open

TEN = ["Q16", "D4", "Q3", "D17", "C6", "R5", "O17", "K4", "R14", "C14"]
RECORD = (
    "(;GM[1]FF[4]CA[UTF-8]SZ[19]KM[6.5]PB[<script>alert(1)</script>]PW[白]C[開局 星位]"
    ";B[pd];W[dp];B[pp](;W[dd]C[好棋 \\] 括號];B[fc];W[cf])(;W[dc]XX[kept];B[de](;W[ce];B[cf])(;W[ee]))"
    "(;W[cd]LB[pd:A]TR[dp]))"
)


def outline(node: Any) -> Any:
    """A tree by sgfmill: every property's raw values, and what follows."""
    props = {
        name: node.get_raw_list(name) for name in node.properties() if name not in ("CA", "FF")
    }
    return props, [outline(child) for child in node]


@pytest.mark.parametrize("size", [PHONE, (1440, 900)])
def test_ten_moves(open_page: Open, size: tuple[int, int]) -> None:
    """Ten clicks are ten stones; the network's first choice is the library's, with its probability;
    nothing sticks out sideways."""
    page = open_page("/", size=size, store={"board.settings": '{"visits":0}'}).page
    play(page, TEN)
    ready(page, 10)
    assert stones(page) == {move: "bw"[k % 2] for k, move in enumerate(TEN)}
    expected = gocnn.load().suggest(gocnn.position(moves=TEN), top=3)
    rows = page.locator(".candidates tbody tr")
    for k, move in enumerate(expected):
        assert rows.nth(k).locator("button").inner_text() == move.vertex
        said = float(rows.nth(k).locator("td").first.inner_text().removesuffix("%"))
        assert abs(said / 100 - move.probability) < 0.0051
    assert expected[0].vertex in page.locator("#said").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_search_and_line(open_page: Open) -> None:
    """Looking ahead counts visits; a candidate that is pointed at, or focused, shows its line."""
    page = open_page("/", store={"board.settings": '{"visits":50}'}).page
    play(page, TEN[:2])
    page.wait_for_function(
        "() => /50 visits$/.test(document.querySelector('.verdict').textContent)"
    )
    visits = page.locator(".candidates tbody tr:not([aria-hidden]) td:last-child").all_inner_texts()
    assert 40 <= sum(int(each) for each in visits if each.isdigit()) <= 50
    page.locator(".candidates tbody button").first.focus()
    numbers = page.locator(".board-signs text").all_text_contents()
    assert numbers[:2] == ["1", "2"]


def test_undo_and_illegal(open_page: Open) -> None:
    """U takes moves back; a click that the rules forbid says why, and nothing is played."""
    page = open_page("/").page
    play(page, TEN[:3])
    page.keyboard.press("u")
    assert stones(page) == {"Q16": "b", "D4": "w"}
    click(page, "D4")
    assert "D4 holds a stone already" in page.locator(".status [role=alert]").inner_text()
    page.keyboard.press("ArrowLeft")
    assert stones(page) == {"Q16": "b"}
    page.keyboard.press("ArrowRight")
    # a stone without liberties
    for move in ("A2", "C4", "B1"):
        click(page, move)
    click(page, "A1")
    assert "A1 would have no liberty" in page.locator(".status [role=alert]").inner_text()


def test_two_passes_and_the_score(open_page: Open) -> None:
    """After two passes it is counted; a stone that is clicked dies or lives, and the result follows;
    the result goes into the record."""
    tab = open_page("/")
    page = tab.page
    # where the network takes too long to propose dead stones, all live at first
    tab.expected.append("400")
    # two walls, nine columns behind each, and a white stone behind Black's
    rows = "abcdefghijklmnopqrs"
    black = "".join(f"[i{row}]" for row in rows)
    white = "".join(f"[k{row}]" for row in rows)
    drop(page, "walls.sgf", f"(;SZ[19]KM[6.5]RU[Chinese]AB{black}AW{white}[dj]PL[B])")
    page.wait_for_function("() => document.querySelectorAll('.shudan-stone-image').length === 39")
    page.keyboard.press("p")
    page.keyboard.press("p")
    page.wait_for_selector(".result")
    # 171 points each if it is dead; Black's wall alone against 172 if it lives
    results = ["W+6.5", "W+159.5"]
    first = page.locator(".result").inner_text()
    other = results[1 - results.index(first)]
    for result in (other, first, other):
        click(page, "D10")
        page.wait_for_function(
            f"() => document.querySelector('.result').textContent === '{result}'"
        )
    page.get_by_role("button", name="Write the result").click()
    assert sgf.Sgf_game.from_bytes(saved(page)).get_root().get("RE") == other


@pytest.mark.slow
def test_record(open_page: Open) -> None:
    """A record that is dropped is shown with its variations and comments, as text; saved again it
    is the same tree, property for property; a link restores it with the place in it."""
    tab = open_page("/")
    page = tab.page
    drop(page, "變化.sgf", RECORD)
    page.wait_for_function("() => document.querySelectorAll('.tree .dot').length === 13")
    comment = page.get_by_label(re.compile("Comment at move"))
    assert comment.input_value() == "開局 星位"
    assert "<script>alert(1)</script>" in page.locator(".names").inner_text()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert comment.input_value() == "好棋 ] 括號"
    page.keyboard.press("ArrowDown")
    assert stones(page) == {"Q16": "b", "D4": "w", "Q4": "b", "D17": "w"}
    before = outline(sgf.Sgf_game.from_string(RECORD).get_root())
    assert outline(sgf.Sgf_game.from_bytes(saved(page)).get_root()) == before
    # at D17 two variations follow from where the line goes on
    page.keyboard.press("ArrowRight")
    assert (
        len(page.get_by_role("group", name="Continuations from here").get_by_role("button").all())
        == 2
    )
    page.get_by_role("button", name="Link to this position").click()
    page.wait_for_function("() => location.hash.startsWith('#sgf=')")
    other = open_page("/" + page.evaluate("location.hash")).page
    other.wait_for_function("() => document.querySelectorAll('.tree .dot').length === 13")
    assert stones(other) == stones(page)
    assert len(stones(other)) == 5
    assert outline(sgf.Sgf_game.from_bytes(saved(other)).get_root()) == before


def test_edits(open_page: Open) -> None:
    """A comment is written, a move is deleted and brought back, a variation made the main line."""
    page = open_page("/").page
    play(page, TEN[:3])
    page.keyboard.press("ArrowLeft")
    click(page, "R4")
    comment = page.get_by_label(re.compile("Comment at move"))
    comment.fill("三三")
    comment.blur()
    page.get_by_role("button", name="Make main line").click()
    main = sgf.Sgf_game.from_bytes(saved(page)).get_main_sequence()
    assert main[3].get("B") == (3, 16)
    assert main[3].get("C") == "三三"
    page.keyboard.press("Delete")
    assert "R4" not in stones(page)
    page.get_by_role("button", name="Bring back").click()
    assert stones(page)["R4"] == "b"


def test_set_up(open_page: Open) -> None:
    """Stones are set up and taken away, and who plays is said; the network sees that position."""
    page = open_page("/", store={"board.settings": '{"visits":0}'}).page
    page.locator("summary", has_text="Set up stones").click()
    page.get_by_role("button", name="Set up stones").click()
    play(page, ["Q16", "D16", "K10"])
    page.get_by_role("button", name="White stones").click()
    click(page, "D4")
    page.get_by_role("button", name="Take away").click()
    click(page, "K10")
    page.get_by_label("Who plays next").select_option("White")
    page.get_by_role("button", name="Done").click()
    assert stones(page) == {"Q16": "b", "D16": "b", "D4": "w"}
    root = sgf.Sgf_game.from_bytes(saved(page)).get_root()
    assert root.get_setup_stones() == ({(15, 15), (15, 3)}, {(3, 3)}, set())
    assert root.get("PL") == "w"
    click(page, "Q4")
    assert stones(page)["Q4"] == "w"


def test_against_a_level(open_page: Open) -> None:
    """A new game with handicap against the network: White answers by itself; undo takes both. The
    network's thoughts are hidden, unless asked for."""
    page = open_page("/").page
    hints = page.get_by_role("button", name="Hints", exact=True)
    assert hints.get_attribute("aria-pressed") == "true"
    page.locator("summary", has_text="New game").click()
    page.get_by_label("Handicap").select_option("3")
    page.get_by_label("Level").first.select_option("10k")
    page.get_by_role("button", name="Start", exact=True).click()
    for shown in (hints, page.get_by_role("button", name="Heat map")):
        assert shown.get_attribute("aria-pressed") == "false"
    # White, the network, begins after handicap stones
    page.wait_for_function("() => document.querySelector('.movenumber').textContent === '1'")
    taken = stones(page)
    assert list(taken.values()).count("b") == 3
    free = next(each for each in (to_gtp(k) for k in range(361)) if each not in taken)
    click(page, free)
    page.wait_for_function("() => document.querySelector('.movenumber').textContent === '3'")
    page.keyboard.press("u")
    page.wait_for_function("() => document.querySelector('.movenumber').textContent === '1'")
    assert stones(page) == taken
    root = sgf.Sgf_game.from_bytes(saved(page)).get_root()
    assert (root.get("HA"), root.get("KM")) == (3, 0.5)
    page.get_by_label("Hints and heat map").select_option("shown")
    page.get_by_role("button", name="Start", exact=True).click()
    assert hints.get_attribute("aria-pressed") == "true"


def test_by_keyboard(open_page: Open) -> None:
    """A stone is placed by the keyboard alone; the network's move by the space bar; the list of
    keys opens; hints go and come."""
    page = open_page("/").page
    # a board that is reached by the keyboard has a cursor at once
    page.locator(".board").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    # from D4, one to the right
    assert stones(page) == {"E4": "b"}
    page.keyboard.press("Space")
    page.wait_for_function("() => document.querySelector('.movenumber').textContent === '2'")
    assert len(stones(page)) == 2
    page.keyboard.press("ArrowLeft")
    assert len(stones(page)) == 1
    page.keyboard.press("h")
    assert page.locator(".candidates").count() == 0
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()


def test_two_boards_and_languages(open_page: Open) -> None:
    """Two boards show one position; in Chinese and in the dark all is there as well, and a change of
    the language keeps the game."""
    page = open_page("/", language="zh", dark=True).page
    page.get_by_role("button", name="雙棋盤").click()
    play(page, TEN[:2])
    ready(page, 2)
    assert page.locator(".board").count() == 2
    page.wait_for_function("() => document.querySelectorAll('.candidates').length === 2")
    assert page.locator(".shudan-sign_1.shudan-vertex").count() == 2
    page.get_by_role("button", name="English").click()
    page.get_by_role("button", name="Two boards").wait_for()
    assert stones(page)["Q16"] == "b"


def test_bad_files(open_page: Open) -> None:
    """A file that is none, and a link that is none, are told in one line; the game stays."""
    tab = open_page("/")
    page = tab.page
    click(page, "Q16")
    tab.expected.append("400")
    drop(page, "notes.txt", "nothing of the kind")
    page.wait_for_selector(".status [role=alert]")
    assert "notes.txt" in page.locator(".status [role=alert]").inner_text()
    drop(page, "photo.JPG", "\u00ff\u00d8\u00ff")
    page.wait_for_selector(
        "text=photo.JPG is a picture, not a game record; drop it on the page Photographs."
    )
    assert stones(page) == {"Q16": "b"}
    page.evaluate("location.hash = '#sgf=AAAA'")
    page.wait_for_function(
        "() => /link/.test(document.querySelector('.status [role=alert]').textContent)"
    )
    assert stones(page) == {"Q16": "b"}


def opened(page: Any, record: str) -> None:
    """Give the page a record."""
    file = {"name": "a.sgf", "mimeType": "", "buffer": record.encode()}
    page.set_input_files(".drop input", file)
    page.wait_for_function("() => document.querySelectorAll('.tree .dot').length > 20")


COLOURED = """() => {
  const canvas = document.querySelector('.graph canvas');
  const { width, height } = canvas;
  const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
  const columns = new Set();
  for (let at = 0; at < data.length; at += 4)
    if (data[at] < 60 && data[at + 2] > 120 && data[at + 3] > 200) columns.add((at / 4) % width);
  return columns.size / width;
}"""
"""What share of the graph's columns the line of winrates goes through."""


def test_the_graph_draws_no_line_over_what_nobody_asked(open_page: Open) -> None:
    tab = open_page("/")
    tab.expected = ["willReadFrequently"]  # of how this test looks
    page = tab.page
    ready(page, 0)
    moves = "".join(f";{'BW'[k % 2]}[{'defghijklm'[k % 10]}{'cgk'[k // 10]}]" for k in range(30))
    opened(page, f"(;SZ[19]{moves})")
    ready(page, 0)
    page.keyboard.press("End")
    ready(page, 30)
    # two moves are known, the first and the last
    assert 0 < page.evaluate(COLOURED) < 0.1
    page.get_by_role("button", name="Judge the whole line").click()
    page.wait_for_function(f"() => ({COLOURED})() > 0.5")


def test_a_game_too_long_for_the_network(open_page: Open) -> None:
    page = open_page("/").page
    ready(page, 0)
    opened(page, f"(;SZ[19];B[pd];W[dp]{';B[tt];W[tt]' * 1000})")
    page.keyboard.press("End")
    page.wait_for_selector("text=the game has 2,002 moves by here, and 2,000 are looked at at most")
    assert "made ready" not in page.inner_text(".verdict")
    page.keyboard.press("PageUp")
    ready(page, 1992)


def test_nothing_is_waited_for_where_nothing_was_asked(open_page: Open) -> None:
    page = open_page("/").page
    ready(page, 0)
    for name in ("Hints", "Heat map"):
        page.get_by_role("button", name=name).click()
    page.wait_for_function("() => document.querySelector('.verdict').innerText.trim() === '–'")
    page.get_by_role("button", name="Hints").click()
    ready(page, 0)
    page.get_by_role("button", name="Score", exact=True).click()
    page.wait_for_selector(".result")
    assert page.inner_text(".verdict").strip() == "–"
    assert page.locator(".candidates").count() == 0


def test_the_second_board_says_its_network_in_chinese(open_page: Open) -> None:
    page = open_page("/", language="zh").page
    page.get_by_role("button", name="雙棋盤").click()
    page.wait_for_function("() => document.querySelectorAll('.boards h2').length === 2")
    assert all(each.endswith("（內附）") for each in page.locator(".boards h2").all_inner_texts())
    page.locator("summary", has_text="新棋局").click()
    rules = page.locator(".section select").filter(has_text="日本").first
    assert rules.evaluate("one => [one.value, one.selectedOptions[0].text]") == ["chinese", "中國"]
