"""What the Board page shows and changes of a record beside its moves: where it goes on, move
numbers, marks, and what is said of the game."""

from typing import Any

import pytest
from sgfmill import sgf

from .boards import click, drop, play, ready, saved, stones
from .conftest import Open

RECORD = "(;GM[1]FF[4]SZ[19]KM[6.5]RU[Nihon Kiin]PB[a]AB[aa];B[pd](;W[dp];B[pp])(;W[dd])(;W[]))"
QUICK = {"board.settings": '{"visits":0}'}


def goes_on(page: Any) -> list[str]:
    """Where the board says that the record goes on, the line that is followed last (on top)."""
    found: list[str] = page.locator(".board .next").evaluate_all(
        "(all) => all.map((each) => each.dataset.move)"
    )
    return found


def test_where_the_record_goes_on(open_page: Open) -> None:
    """The next move, and the other variations, are marked, in words as well, until one says no."""
    page = open_page("/", store=QUICK).page
    drop(page, "a.sgf", RECORD)
    page.wait_for_function("() => document.querySelectorAll('.tree .dot').length === 6")
    assert goes_on(page) == ["Q16"]
    page.keyboard.press("ArrowRight")
    assert goes_on(page) == ["D16", "D4"]
    assert page.locator(".board .next:not(.other)").get_attribute("data-move") == "D4"
    assert "The record goes on at: D4 D16 Pass." in page.locator("#stones").text_content()
    page.keyboard.press("v")
    assert goes_on(page) == []
    assert "goes on" not in page.locator("#stones").text_content()


def test_numbers_on_the_stones(open_page: Open) -> None:
    """Each stone carries the number of its move, handicap stones none."""
    page = open_page("/", store=QUICK).page
    drop(page, "a.sgf", RECORD)
    page.wait_for_function("() => document.querySelectorAll('.tree .dot').length === 6")
    page.keyboard.press("End")
    shown = ".board .shudan-vertex.shudan-marker_label"
    assert page.locator(shown).count() == 0
    page.keyboard.press("n")
    page.wait_for_function(f"() => document.querySelectorAll('{shown}').length === 3")
    texts = page.locator(f"{shown} .shudan-marker").evaluate_all(
        "(all) => all.map((each) => each.dataset.label ?? each.textContent)"
    )
    assert sorted(texts) == ["1", "2", "3"]


def test_marks(open_page: Open) -> None:
    """Points are marked as SGF has it; a second click takes the mark away; no stone is set up."""
    page = open_page("/", store=QUICK).page
    play(page, ["Q16"])
    page.locator("summary", has_text="mark points").click()
    page.get_by_role("button", name="Set up stones").click()
    for name, points in (
        ("Triangle", ["Q16", "K10", "C3"]),
        ("Letter", ["D4", "D5", "D6"]),
        ("Square", ["K10"]),
        ("Letter", ["D4", "E4"]),
        ("Triangle", ["C3"]),
    ):
        page.get_by_role("button", name=name, exact=True).click()
        for point in points:
            click(page, point)
    page.get_by_role("button", name="Done").click()
    game = sgf.Sgf_game.from_bytes(saved(page))
    node = game.get_main_sequence()[-1]
    assert node.get("B") == (15, 15)
    assert node.get("TR") == {(15, 15)}
    assert node.get("SQ") == {(9, 9)}
    # D4's A was taken away, and is the first letter that is free again
    assert sorted(node.get("LB")) == [((3, 4), "A"), ((4, 3), "B"), ((5, 3), "C")]
    assert not node.has_setup_stones()


def test_what_is_said_of_the_game(open_page: Open) -> None:
    """Names, result and komi are changed in the record, and the network is told the komi; what is
    emptied goes away; a komi that is none is refused."""
    page = open_page("/", store=QUICK).page
    drop(page, "a.sgf", RECORD)
    page.wait_for_function("() => document.querySelectorAll('.tree .dot').length === 6")
    page.locator("summary", has_text="About this game").click()
    section = page.locator("details", has=page.get_by_text("About this game"))
    assert section.get_by_label("Rules").input_value() == "japanese"
    section.get_by_label("Black's name").fill("")
    # kept while one types, since what the network plays meanwhile draws the page anew
    section.get_by_label("White's name").press_sequentially("吳 ] b")
    page.get_by_label("Comment at move 0").press_sequentially("so so")
    page.wait_for_function("() => sessionStorage.getItem('board.game')?.includes('吳')")
    page.wait_for_function("() => sessionStorage.getItem('board.game')?.includes('C[so so]')")
    section.get_by_label("Result").fill("W+3.5")
    section.get_by_label("Rules").select_option("AGA")
    section.get_by_label("Komi").fill("0.3")
    assert "whole or half" in section.get_by_role("alert").inner_text()
    section.get_by_label("Komi").fill("7,5")
    assert section.get_by_role("alert").count() == 0
    root = sgf.Sgf_game.from_bytes(saved(page)).get_root()
    assert not root.has_property("PB")
    wanted = {"PW": "吳 ] b", "RE": "W+3.5", "KM": 7.5, "RU": "aga"}
    assert {name: root.get(name) for name in wanted} == wanted
    assert "吳 ] b" in page.locator(".names").inner_text()


def about(page: Any, property_: str) -> str | None:
    """A property of the root as it is saved."""
    root = sgf.Sgf_game.from_bytes(saved(page)).get_root()
    return str(root.get(property_)) if root.has_property(property_) else None


def test_a_result_is_not_lost_by_taking_back(open_page: Open) -> None:
    """Neither what a record says nor what follows in it goes away; giving up here can be taken
    back, and the network answers who plays on where a record ends."""
    page = open_page("/", store={"board.settings": '{"visits":0,"white":"net"}'}).page
    drop(page, "a.sgf", "(;SZ[19]KM[50]HA[2]AP[foxwq]RE[W+R];B[pd];B[dp];W[dd])")
    page.wait_for_function("() => document.querySelectorAll('.tree .dot').length === 4")
    page.locator("summary", has_text="About this game").click()
    assert page.get_by_label("Komi").first.input_value() == "0.5"
    page.keyboard.press("End")
    page.keyboard.press("u")
    page.keyboard.press("u")
    assert about(page, "RE") == "W+R"
    page.keyboard.press("End")
    page.get_by_role("button", name="Resign").click()
    assert about(page, "RE") == "W+R"
    page.keyboard.press("u")
    assert page.locator(".movenumber").inner_text() == "3", "only the resignation is taken back"
    click(page, "Q4")
    page.wait_for_function("() => document.querySelector('.movenumber').textContent === '5'")
    page.keyboard.press("u")
    page.keyboard.press("u")
    assert about(page, "RE") == "W+R"
    assert page.locator(".tree .dot").count() == 4


def test_a_side_gives_up_once(open_page: Open) -> None:
    """So that taking it back brings back what the record said."""
    page = open_page("/", store=QUICK).page
    drop(page, "a.sgf", "(;SZ[19]RE[B+3.5];B[pd])")
    page.wait_for_selector(".names:has-text('B+3.5')")
    for _ in range(2):
        page.get_by_role("button", name="Resign").click()
    page.wait_for_selector(".names:has-text('W+R')")
    page.keyboard.press("u")
    assert about(page, "RE") == "B+3.5"


@pytest.mark.parametrize(("typed", "komi"), [("7.5", 7.5), ("-5", -5.0), ("0,5", 0.5), ("", None)])
def test_komi_of_a_new_game_is_typed(open_page: Open, typed: str, komi: float | None) -> None:
    page = open_page("/", store=QUICK).page
    page.locator("summary", has_text="New game").click()
    section = page.locator("details", has=page.get_by_text("New game"))
    section.get_by_label("Komi").press("Control+a")
    section.get_by_label("Komi").press("Delete")
    section.get_by_label("Komi").press_sequentially(typed)
    start = section.get_by_role("button", name="Start")
    assert start.is_enabled() == (komi is not None)
    if komi is not None:
        start.click()
        assert about(page, "KM") == str(komi)


def test_what_was_played_is_there_after_a_load(open_page: Open) -> None:
    """Behind a link as well; and another game can be exchanged for the one before."""
    page = open_page("/", store=QUICK).page
    drop(page, "a.sgf", RECORD)
    page.wait_for_function("() => document.querySelectorAll('.tree .dot').length === 6")
    page.locator("summary", has_text="Files").click()
    page.get_by_role("button", name="Link to this position").click()
    page.wait_for_function("() => location.hash.startsWith('#sgf=')")
    click(page, "C3")
    page.wait_for_function("() => sessionStorage.getItem('board.game')?.includes('B[cq]')")
    page.reload()
    page.wait_for_function("() => document.querySelectorAll('.tree .dot').length === 7")
    assert page.locator(".movenumber").inner_text() == "1"
    click(page, "D3")
    for name in ("b.sgf", "c.sgf"):
        drop(page, name, "(;SZ[9];B[ee])(;SZ[19];B[pd])")
        page.wait_for_function("() => document.querySelectorAll('.tree .dot').length === 2")
        assert "the board is 9x9" in page.locator(".status [role=alert]").inner_text()
        if name == "b.sgf":
            page.get_by_role("button", name="Bring back").click()
            assert page.locator(".tree .dot").count() == 8
    drop(page, "d.sgf", "(;SZ[19])")
    page.wait_for_function("() => document.querySelectorAll('.tree .dot').length === 1")
    assert page.get_by_role("button", name="Bring back").count() == 0, "nothing was done to c.sgf"


def test_several_files_are_several_games(open_page: Open) -> None:
    page = open_page("/", store=QUICK).page
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          for (const name of ["one", "two", "notes"]) {
            const text = name === "notes" ? "no game" : `(;SZ[19]PB[${name}];B[pd])`;
            data.items.add(new File([text], name === "notes" ? "notes.txt" : `${name}.sgf`));
          }
          document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }"""
    )
    page.wait_for_selector(".names")
    options = page.locator("select[size] option").all_text_contents()
    assert [option.split()[1] for option in options] == ["one", "two"]


def test_what_was_said_of_another_komi_is_forgotten(open_page: Open) -> None:
    page = open_page("/", store={"board.settings": '{"visits":0,"hints":true}'}).page
    drop(page, "a.sgf", "(;SZ[19]KM[6.5];B[pd];W[dp])")
    page.wait_for_function("() => document.querySelectorAll('.tree .dot').length === 3")
    ready(page, 0)
    page.keyboard.press("ArrowRight")
    ready(page, 1)
    course = page.locator("section[aria-label='Who leads']")
    course.locator("summary").click()
    known = course.locator("details tbody tr").filter(has_not_text="\u2013")
    known.nth(1).wait_for()
    assert known.count() == 2
    # a table that is scrolled by keys keeps them, and marks are nothing that the network is asked with
    course.locator(".scrolled").press("ArrowLeft")
    assert page.locator(".movenumber").inner_text() == "1"
    page.locator("summary", has_text="mark points").click()
    page.get_by_role("button", name="Set up stones").click()
    page.get_by_role("button", name="Triangle").click()
    click(page, "K10")
    assert known.count() == 2
    page.get_by_role("button", name="Done").click()
    page.locator("summary", has_text="About this game").click()
    page.get_by_label("Komi").first.fill("60.5")
    page.wait_for_function(
        "() => /W\\+[3-6][0-9]/.test(document.querySelector('section[aria-label=\"Who leads\"] details tbody').textContent)"
    )
    assert known.count() == 1, "the other position was judged with another komi"


def test_a_browser_that_keeps_nothing(open_page: Open) -> None:
    """Some are told to refuse all storage: the page does without."""
    tab = open_page("/", size=(740, 360))
    tab.context.add_init_script(
        "for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name,"
        " { get() { throw new DOMException('denied', 'SecurityError'); } });"
    )
    page = tab.page
    page.reload()
    ready(page, 0)
    page.keyboard.press("n")
    click(page, "Q16")
    ready(page, 1)
    # the narrowest screen has no sideways scroll
    page.set_viewport_size({"width": 320, "height": 640})
    page.wait_for_function("() => document.documentElement.scrollWidth <= 320")
    # a phone on its side shows the board whole, one wide and low all of its table
    page.set_viewport_size({"width": 740, "height": 360})
    page.wait_for_function("() => document.querySelector('.board').clientHeight <= 360")
    page.set_viewport_size({"width": 1440, "height": 1500})
    page.wait_for_function(
        "() => document.querySelector('.tables').scrollWidth <= document.querySelector('.tables').clientWidth"
    )


def test_what_a_game_begins_with_is_not_taken_back(open_page: Open) -> None:
    """Fox has handicap stones in a node of their own; what is played is taken back up to them."""
    page = open_page("/", store=QUICK).page
    drop(page, "a.sgf", "(;SZ[19]HA[2];AB[pd][dp];W[dd])")
    page.wait_for_function("() => document.querySelectorAll('.tree .dot').length === 3")
    undo = page.get_by_role("button", name="Undo")
    assert undo.is_disabled()
    page.keyboard.press("u")
    assert stones(page) == {"Q16": "b", "D4": "b"}
    click(page, "K10")
    assert undo.is_enabled()
    page.keyboard.press("u")
    page.keyboard.press("u")
    assert stones(page) == {"Q16": "b", "D4": "b"}
