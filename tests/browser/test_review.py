"""The Review page, and the one-file page that is made of it, as a person uses them."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sgfmill import sgf, sgf_moves

import gocnn
from gocnn.board.coords import to_gtp
from gocnn.games.sgf_tree import parse
from gocnn.review.page import page as one_file
from gocnn.review.review import Review, review, table
from tests.conftest import ROOT, lacking, play_randomly, sgf_text
from tests.knower import Knower
from tests.test_cli import good

from .conftest import DESKTOP, PATIENCE, PHONE, Open, Opened
from .test_board import drop, stones

COMMENTED = (
    "(;GM[1]FF[4]CA[UTF-8]SZ[19]KM[6.5]HA[2]AB[dp][pd]PB[</script><script>alert(1)</script>]PW[柯潔]"
    "C[開局 <b>x</b>];W[pp]C[好棋\n二行];B[dd];W[qf];B[nc]C[last];W[];B[])"
)


def reviewed(data: bytes, evaluator: Any, name: str = "game.sgf") -> Review:
    """The library's own review."""
    return review(parse(data, name)[0], name, evaluator)


def occupied(data: bytes, moves: int) -> dict[str, str]:
    """Stones after so many moves, by sgfmill."""
    board, plays = sgf_moves.get_setup_and_moves(sgf.Sgf_game.from_bytes(data))
    for colour, place in plays[:moves]:
        if place is not None:
            board.play(*place, colour)
    return {
        to_gtp(row * 19 + column): colour for colour, (row, column) in board.list_occupied_points()
    }


def ready(page: Any, moves: int) -> None:
    """Wait until a game is shown after so many moves."""
    page.wait_for_function(
        "(n) => document.querySelector('.movenumber')?.textContent === String(n)", arg=moves
    )


def place(page: Any) -> str:
    """What is said of the move."""
    return str(page.locator(".place h2").inner_text())


def named(result: Review, k: int) -> str:
    move = result.moves[k]
    return f"{k + 1} {'Black' if move.colour == 1 else 'White'} {to_gtp(move.index)}"


def upload(page: Any, files: list[Path]) -> None:
    page.set_input_files(".drop input", [str(path) for path in files])


def nothing_serious(page: Any) -> None:
    """axe-core finds nothing serious."""
    found = ROOT / "web/node_modules/axe-core/axe.min.js"
    if not found.exists():
        lacking("axe-core is not installed; run `make page`")
    page.evaluate(found.read_text(encoding="utf-8") + "\n0")
    told = page.evaluate("axe.run().then((found) => found.violations)")
    bad = [each for each in told if each["impact"] in ("serious", "critical")]
    assert [(each["id"], [n["target"] for n in each["nodes"]][:3]) for each in bad] == []


def fits(page: Any, width: int) -> None:
    """Nothing sticks out sideways, but what scrolls in itself."""
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    beyond = page.evaluate(
        """(width) => [...document.querySelectorAll('svg, button, label, td, h1, p')].filter((e) =>
          !e.closest('.scrolled, .visually-hidden') && e.getBoundingClientRect().right > width + 1).length""",
        width,
    )
    assert beyond == 0


OpenFile = Callable[..., Opened]


@pytest.fixture
def open_file(browser: Any, tmp_path: Path) -> Iterator[OpenFile]:
    """Opens a one-file page from the disk: `open_file(text, "#7", size=PHONE, language="zh")`."""
    tabs: list[Opened] = []

    def opening(
        text: str,
        part: str = "",
        *,
        size: tuple[int, int] = DESKTOP,
        language: str = "en",
        dark: bool = False,
    ) -> Opened:
        target = tmp_path / f"{len(tabs)}.html"
        target.write_text(text, encoding="utf-8")
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale="zh-TW" if language == "zh" else "en-GB",
            color_scheme="dark" if dark else "light",
            offline=True,
        )
        context.set_default_timeout(PATIENCE)
        tab = Opened(context.new_page(), context, target.as_uri())
        tabs.append(tab)
        tab.watch()
        tab.page.goto(target.as_uri() + part)
        tab.page.wait_for_selector(".shudan-goban")
        return tab

    yield opening
    for tab in tabs:
        tab.context.close()
    for tab in tabs:
        tab.check()


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
    assert "bad.sgf" in page.locator(".reviewing li").inner_text()


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


@pytest.mark.slow
@pytest.mark.parametrize("size", [PHONE, DESKTOP])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_one_file_page(
    open_file: OpenFile,
    evaluator: Any,
    sample_files: list[Path],
    size: tuple[int, int],
    language: str,
) -> None:
    """It opens from the disk, without a network and without an error: at the move of the address;
    by keys; a click on the graph and the strip; what is tried out; nothing sticks out."""
    data = sample_files[3].read_bytes()
    result = reviewed(data, evaluator, "a_long_file_name_" * 12 + ".sgf")
    page = open_file(one_file(result), "#7", size=size, language=language, dark=size == PHONE).page
    ready(page, 7)
    assert stones(page) == occupied(data, 7)
    fits(page, size[0])
    nothing_serious(page)
    page.keyboard.press("End")
    ready(page, len(result.moves))
    assert stones(page) == occupied(data, len(result.moves))
    assert page.url.endswith(f"#{len(result.moves)}")
    page.keyboard.press("Home")
    page.locator(".choices tbody button").first.click()
    tried = to_gtp(result.moves[0].choices[0][0])
    assert stones(page) == {tried: "b"}
    page.keyboard.press("Escape")
    assert stones(page) == {}
    page.locator("details.card summary").click()
    rows = page.locator("details.card tbody tr")
    rows.last.wait_for()
    assert rows.count() == len(result.moves)
    rows.nth(20).locator("button").click()
    ready(page, 20)


def test_a_score_in_the_page(open_file: OpenFile) -> None:
    """A network that says the score: points lost, and leads in words and in the graph's table."""
    moves = play_randomly(8, 30)
    result = reviewed(sgf_text(moves, "KM[6.5]"), Knower(tempo=14.0))
    assert result.course is not None
    page = open_file(one_file(result)).page
    lost = result.costliest(10)
    assert page.locator(".lost tbody button").all_inner_texts() == [
        named(result, move.number - 1) for move, _ in lost
    ]
    assert page.locator(".lost tbody td:nth-child(2)").all_inner_texts() == [
        f"{points:.1f}" for _, points in lost
    ]
    page.locator(".graph summary").click()
    row = page.locator(".graph .scrolled tbody tr").nth(5)
    row.wait_for()
    cells = row.locator("td").all_inner_texts()
    lead = result.course.lead[5]
    assert cells[1] == f"{'B' if lead > 0 else 'W'}+{abs(lead):.1f}"


def test_no_score_in_the_page(
    open_file: OpenFile, scoreless: Any, sample_files: list[Path]
) -> None:
    """A network that says who wins alone: the chances lost."""
    result = reviewed(sample_files[3].read_bytes(), scoreless)
    assert result.course is None
    page = open_file(one_file(result)).page
    lost = [named(result, move.number - 1) for move, _ in result.setbacks(10)]
    assert lost
    assert page.locator(".lost tbody button").all_inner_texts() == lost


@pytest.mark.slow
def test_a_very_long_game(open_file: OpenFile, evaluator: Any) -> None:
    """Thousands of moves are stepped through as others."""
    moves = [*play_randomly(3, 40), *[(361, 1), (361, 2)] * 2000]
    data = sgf_text(moves)
    result = reviewed(data, evaluator)
    page = open_file(one_file(result), "#40").page
    assert stones(page) == occupied(data, 40)
    page.keyboard.press("End")
    ready(page, 4040)
    assert json.loads(page.locator("#data").inner_text())["least"] == [
        move.number - 1 for move in result.least_expected()
    ]


def test_set_up_stones_are_followed(open_file: OpenFile, evaluator: Any) -> None:
    """Stones put down and taken away in the midst of a game, forward and back."""
    data = b"(;GM[1]SZ[19]AB[dd][pp]HA[2];W[pd];B[dp];AW[jj]AE[pd];W[qf];B[pd])"
    page = open_file(one_file(reviewed(data, evaluator))).page
    first = {"D16": "b", "Q4": "b"}
    after = [
        first,
        first | {"Q16": "w"},
        first | {"D4": "b", "K10": "w"},
        first | {"D4": "b", "K10": "w", "R14": "w"},
        first | {"D4": "b", "K10": "w", "R14": "w", "Q16": "b"},
    ]
    for k, expected in enumerate(after):
        assert stones(page) == expected, k
        page.keyboard.press("ArrowRight")
    for expected in after[-2::-1]:
        page.keyboard.press("ArrowLeft")
        assert stones(page) == expected
