"""The one-file page that is made of a review, opened from a disk."""

import json
from pathlib import Path
from typing import Any

import pytest

from gocnn.board.coords import to_gtp
from gocnn.review.page import page as one_file
from tests.conftest import play_randomly, sgf_text
from tests.knower import Knower

from .boards import stones
from .conftest import DESKTOP, PHONE, OpenFile
from .reviews import fits, named, nothing_serious, occupied, ready, reviewed


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
    move = result.moves[0]
    other = next(k for k, (index, _) in enumerate(move.choices) if index != move.index)
    page.locator(".choices tbody button").nth(other).click()
    tried = to_gtp(move.choices[other][0])
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
