"""The Review page, as a person uses it."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from sgfmill import sgf, sgf_moves

import gocnn
from gocnn.board.coords import to_gtp
from gocnn.games.sgf_tree import parse
from gocnn.review.review import table
from tests.conftest import play_randomly, sgf_text
from tests.typed import good

from .boards import drop, stones
from .conftest import PHONE, Open, OpenFile
from .reviews import fits, named, nothing_serious, occupied, place, ready, reviewed, upload

COMMENTED = (
    "(;GM[1]FF[4]CA[UTF-8]SZ[19]KM[6.5]HA[2]AB[dp][pd]PB[</script><script>alert(1)</script>]PW[柯潔]"
    "C[開局 <b>x</b>];W[pp]C[好棋\n二行];B[dd];W[qf];B[nc]C[last];W[];B[])"
)


def test_looking_ahead(open_page: Open, evaluator: Any) -> None:
    """Searches are asked for, their lines are told where they prefer another move, and tried out by
    a click."""
    moves = play_randomly(6, 8)
    data = sgf_text(moves, "KM[6.5]")
    result = reviewed(data, evaluator, visits=16)
    page = open_page("/review").page
    page.get_by_label("Look ahead").select_option("16")
    drop(page, "sample.sgf", data.decode())
    ready(page, 0)
    assert "16 visits a move" in page.locator(".summary").inner_text()
    costly = result.costliest(10)
    assert [
        cell.strip() for cell in page.locator(".lost tbody td:last-child").all_inner_texts()
    ] == [to_gtp(result.preferred(move.number)) for move, _ in costly]
    number = costly[0][0].number
    page.locator(".lost tbody button").first.click()
    ready(page, number - 1)
    line = result.lines[number - 1]
    button = page.locator(".instead button")
    assert button.inner_text() == " ".join(to_gtp(index) for index in line)
    button.click()
    ready(page, number - 1 + len(line))
    assert len(page.locator(".tried").inner_text().split(" · ")) == len(line)
    page.keyboard.press("Escape")
    ready(page, number - 1)
    page.reload()
    ready(page, number - 1)
    assert page.get_by_label("Look ahead").input_value() == "16"


def test_a_record_is_reviewed(
    open_page: Open, open_file: OpenFile, evaluator: Any, sample_files: list[Path], tmp_path: Path
) -> None:
    """A dropped record: the least expected moves, the largest losses, agreement and choices are the
    library's; clicks and keys lead through it; what is saved is what the command writes."""
    data = sample_files[3].read_bytes()
    result = reviewed(data, evaluator)
    page = open_page("/review").page
    drop(page, "sample.sgf", data.decode())
    ready(page, 0)
    rows = page.locator(".least tbody tr")
    least = [named(result, move.number - 1) for move in result.least_expected()]
    assert rows.locator("button").all_inner_texts() == least
    lost = [named(result, move.number - 1) for move, _ in result.costliest(10)]
    assert page.locator(".lost tbody button").all_inner_texts() == lost
    agreed = page.locator(".agreement tbody tr").all_inner_texts()
    assert [int(row.split("\t")[1]) for row in agreed] == [
        each.moves for each in table(result.judged).values()
    ]
    # to a move worth a look, and what the network would have played there
    rows.first.locator("button").click()
    move = result.least_expected()[0]
    ready(page, move.number - 1)
    assert place(page) == least[0]
    choices = page.locator(".choices tbody tr")
    assert choices.locator("button").all_inner_texts() == [
        "Pass" if index == 361 else to_gtp(index) for index, _ in move.choices
    ]
    for k, (_, probability) in enumerate(move.choices):
        said = choices.nth(k).locator("td").inner_text().removesuffix(" %")
        assert abs(float(said.lstrip("< ")) / 100 - probability) < 0.006
    assert stones(page) == occupied(data, move.number - 1)
    assert page.locator(".next").get_attribute("data-move") == to_gtp(move.index)
    # the next of those moves by a key
    worth = sorted(
        {m.number - 1 for m in result.least_expected()}
        | {m.number - 1 for m, _ in result.costliest(10)}
    )
    later = [k for k in worth if k > move.number - 1]
    if later:
        page.keyboard.press("ArrowDown")
        ready(page, later[0])
    # the strip and the graph lead there
    count = len(result.moves)
    for part in (".strip svg", ".graph .u-over"):
        box = page.locator(part).bounding_box()
        page.locator(part).click(position={"x": box["width"] * 0.4, "y": box["height"] / 2})
        page.wait_for_function(
            "([from, to]) => { const n = +document.querySelector('.movenumber').textContent; return n >= from && n <= to; }",
            arg=[int(0.4 * count) - 2, int(0.4 * count) + 2],
        )
        page.keyboard.press("Home")
    page.keyboard.press("End")
    ready(page, count)
    assert stones(page) == occupied(data, count)
    page.keyboard.press("ArrowLeft")
    ready(page, count - 1)
    # saved
    (tmp_path / "sample.sgf").write_bytes(data)
    good("go-review", tmp_path / "sample.sgf", "--out", tmp_path / "out.sgf")
    with page.expect_download() as download:
        page.get_by_role("link", name="Save as SGF").click()
    assert download.value.suggested_filename == "sample-reviewed.sgf"
    assert Path(download.value.path()).read_bytes() == (tmp_path / "out.sgf").read_bytes()
    with page.expect_download() as download:
        page.get_by_role("link", name="Save as a page").click()
    alone = open_file(Path(download.value.path()).read_text(encoding="utf-8"), f"#{count}").page
    assert stones(alone) == occupied(data, count)
    assert alone.locator(".least tbody button").all_inner_texts() == least
    # the place is kept when the page is loaded anew
    page.reload()
    ready(page, count - 1)


@pytest.mark.slow
def test_trying_out(open_page: Open, sample_files: list[Path]) -> None:
    """From any move one plays on with live answers, which are the library's; back to the game."""
    data = sample_files[3].read_bytes()
    page = open_page("/review").page
    drop(page, "sample.sgf", data.decode())
    ready(page, 0)
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    ready(page, 12)
    before = stones(page)
    first = page.locator(".choices tbody button").first.inner_text()
    page.locator(".choices tbody button").first.click()
    page.wait_for_function(
        "() => /visits$/.test(document.querySelector('.place .verdict')?.textContent ?? '')"
    )
    assert place(page) == "Tried out instead of move 13"
    assert stones(page) == before | {first: "b"}
    _, plays = sgf_moves.get_setup_and_moves(sgf.Sgf_game.from_bytes(data))
    moves = [to_gtp(point[0] * 19 + point[1]) for _, point in plays[:12]]
    expected = {
        move.vertex: move.probability
        for move in gocnn.load().suggest(gocnn.position(moves=[*moves, first]), top=None)
    }
    shown = page.locator(".candidates tbody tr:not([aria-hidden])")
    assert shown.count() >= 5
    for k in range(shown.count()):
        said = float(shown.nth(k).locator("td").first.inner_text().removesuffix("%"))
        assert abs(said / 100 - expected[shown.nth(k).locator("button").inner_text()]) < 0.0051
    # an answer to that, by a click on the board; two back
    free = next(vertex for vertex in expected if vertex != "pass")
    x, y = "ABCDEFGHJKLMNOPQRST".index(free[0]), 19 - int(free[1:])
    page.locator(f".shudan-vertex[data-x='{x}'][data-y='{y}']").first.click()
    assert stones(page)[free] == "w"
    page.keyboard.press("u")
    assert stones(page) == before | {first: "b"}
    page.keyboard.press("Escape")
    assert stones(page) == before
    # the game's own move is the game
    own = to_gtp(plays[12][1][0] * 19 + plays[12][1][1])
    assert own == page.locator(".next").get_attribute("data-move")
    x, y = "ABCDEFGHJKLMNOPQRST".index(own[0]), 19 - int(own[1:])
    page.locator(f".shudan-vertex[data-x='{x}'][data-y='{y}']").first.click()
    ready(page, 13)
    assert not place(page).startswith("Tried")


def test_comments_names_and_passes(open_page: Open) -> None:
    """The record's comments stand there as text; a pass in the game is named; closing passes are
    not worth a look."""
    page = open_page("/review").page
    drop(page, "棋譜.sgf", COMMENTED)
    ready(page, 0)
    assert "</script><script>alert(1)</script>" in page.locator("h1").inner_text()
    assert "柯潔" in page.locator("h1").inner_text()
    assert page.locator(".reviewpage .comment").inner_text() == "開局 <b>x</b>"
    assert stones(page) == {"D4": "b", "Q16": "b"}
    page.keyboard.press("ArrowRight")
    assert page.locator(".reviewpage .comment").inner_text() == "好棋\n二行"
    page.get_by_role("button", name="Comment after move 4").click()
    ready(page, 4)
    assert place(page) == "5 White Pass"
    assert not any("Pass" in row for row in page.locator(".pair tbody button").all_inner_texts())
    # a record that cannot be played to its end, without names
    drop(page, "illegal.sgf", "(;SZ[19];B[pd];W[dp];B[dp];W[pp])")
    page.wait_for_function("() => document.querySelector('.summary .error')")
    assert "The review ends early: move 3 is not legal" in page.locator(".summary").inner_text()
    assert page.locator("h1").inner_text().replace("\u2013", "-") == "? (Black) - ? (White)"
    page.keyboard.press("End")
    assert stones(page) == {"Q16": "b", "D4": "w"}


@pytest.mark.slow
def test_several_files(open_page: Open, sample_files: list[Path], tmp_path: Path) -> None:
    """A list of the games, each opened by a click, and what was no game; a position without moves is
    shown too."""
    for path in sample_files[:3]:
        shutil.copy(path, tmp_path / path.name)
    (tmp_path / "bad.sgf").write_text("nonsense")
    (tmp_path / "notes.txt").write_text("not sent")
    (tmp_path / ("長" * 60 + ".sgf")).write_bytes(b"(;GM[1]SZ[19]AB[br][cr]AW[bq][cq]PL[W])")
    page = open_page("/review").page
    upload(page, sorted(tmp_path.iterdir()))
    page.wait_for_function(
        "() => document.querySelectorAll('.games tbody tr').length === 4 && !document.querySelector('progress')"
    )
    names = page.locator(".games tbody button").all_inner_texts()
    assert names == [path.name for path in sample_files[:3]] + ["長" * 60 + ".sgf"]
    page.locator(".games tbody button").nth(1).click()
    ready(page, 0)
    page.keyboard.press("End")
    data = sample_files[1].read_bytes()
    count = len(parse(data, "x")[0].steps)
    ready(page, count)
    assert stones(page) == occupied(data, count)
    page.locator(".games tbody button").nth(3).click()
    page.wait_for_function("() => document.querySelectorAll('.strip').length === 0")
    assert stones(page) == {"B2": "b", "C2": "b", "B3": "w", "C3": "w"}
    assert place(page) == "White to play"
    assert page.locator(".choices tbody tr").count() == 5
    page.locator("summary", has_text="1 not reviewed").click()
    assert page.locator(".reviewing li").inner_text().startswith("bad.sgf: ")


@pytest.mark.parametrize("how", ["chosen", "dropped"])
def test_a_folder(open_page: Open, tmp_path: Path, how: str) -> None:
    """The records in it and below it are reviewed, the rest is not sent."""
    folder = tmp_path / "games"
    (folder / "below").mkdir(parents=True)
    (folder / "a.sgf").write_bytes(sgf_text(play_randomly(1, 9)))
    (folder / "below" / "b.SGF").write_bytes(sgf_text(play_randomly(2, 12)))
    (folder / "below" / "notes.txt").write_text("not sent")
    page = open_page("/review").page
    if how == "chosen":
        page.set_input_files(".intake label.button input", str(folder))
    else:
        # as the browser does it: what a script makes holds no folders
        box = page.locator(".drop").bounding_box()
        place = {"x": box["x"] + 20, "y": box["y"] + 20}
        data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
        devtools = page.context.new_cdp_session(page)
        for kind in ("dragEnter", "dragOver", "drop"):
            devtools.send("Input.dispatchDragEvent", {"type": kind, "data": data, **place})
    page.wait_for_function("() => document.querySelectorAll('.games tbody tr').length === 2")
    names = page.locator(".games tbody button").all_inner_texts()
    assert sorted(names) == ["games/a.sgf", "games/below/b.SGF"]
    assert page.locator(".reviewing details").count() == 0


def test_cancel_and_bad_files(open_page: Open) -> None:
    """Work in progress can be stopped; a file that is no record is told in one line."""
    tab = open_page("/review")
    page = tab.page
    drop(page, "long.sgf", sgf_text([(361, 1), (361, 2)] * 20_000).decode())
    page.wait_for_function("() => document.querySelector('progress')?.value > 0")
    # a page that is loaded anew goes on
    page.reload()
    page.wait_for_function("() => document.querySelector('progress')?.value > 0")
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_function("() => !document.querySelector('progress')")
    assert "job" not in page.url
    drop(page, "notes.txt", "nothing of the kind")
    page.wait_for_selector(".intake [role=alert]")
    assert "notes.txt" in page.locator(".intake [role=alert]").inner_text()
    drop(page, "photo.jpg", "\u00ff\u00d8\u00ff")
    page.wait_for_selector(
        "text=photo.jpg is a picture, not a game record; drop it on the page Photographs."
    )
    drop(page, "good.sgf", COMMENTED)
    ready(page, 0)
    assert page.locator(".intake [role=alert]").count() == 0


@pytest.mark.slow
def test_on_a_phone(open_page: Open, sample_files: list[Path], tmp_path: Path) -> None:
    """All is there in Chinese, in the dark, on a phone; nothing sticks out; axe finds nothing
    serious."""
    page = open_page("/review", size=PHONE, language="zh", dark=True).page
    nothing_serious(page)
    upload(page, sample_files[:2])
    page.wait_for_function(
        "() => document.querySelectorAll('.games tbody tr').length === 2 && !document.querySelector('progress')"
    )
    page.locator(".games tbody button").first.click()
    ready(page, 0)
    page.get_by_role("button", name="分析此處").click()
    page.wait_for_selector(".candidates tbody button")
    fits(page, PHONE[0])
    nothing_serious(page)
    page.get_by_role("button", name="English").click()
    page.get_by_role("button", name="Analyse here").wait_for()
    fits(page, PHONE[0])
