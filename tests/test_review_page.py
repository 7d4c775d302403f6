"""A review's page and chart: what is written is there, nothing breaks out of it, stones stand as on
a board; without the page it is said before any work."""

import json
import re

import pytest

from gocnn.board import Board
from gocnn.errors import UserError
from gocnn.games.sgf_tree import parse
from gocnn.review.page import content, page, template
from gocnn.review.review import review
from tests.conftest import lacking, main_line, play_randomly, sgf_text
from tests.reviewed import game
from tests.typed import good, refused

__all__ = ["game"]


def built_page():
    """The page, or the test is skipped (in CI: fails)."""
    try:
        return template()
    except UserError as error:
        lacking(str(error))


@pytest.mark.slow
def test_a_record_of_6000_moves(tiny_run, tmp_path):
    """A short opening, then passes without end."""
    built_page()
    cycle: list[tuple[int, int]] = []
    board = Board(19)
    opening = [(20, 1), (21, 2), (1, 2), (2, 1), (38, 1), (39, 2)]
    for index, colour in opening:
        board.play(index, colour)
    while len(cycle) < 6_000 - len(opening):
        cycle += [(361, 1), (361, 2)]
    (tmp_path / "long.sgf").write_bytes(sgf_text([*opening, *cycle]))
    run = good(
        "go-review",
        tmp_path / "long.sgf",
        "--out",
        tmp_path / "out.sgf",
        "--html",
        tmp_path / "page.html",
        "--model",
        tiny_run,
    )
    assert "6000" in run
    assert len(main_line((tmp_path / "out.sgf").read_bytes())) == 6_000


@pytest.mark.slow
def test_chart_and_page_are_written(game, tmp_path):
    built_page()
    good("go-review", game, "--picture", tmp_path / "strip.png", "--html", tmp_path / "page.html")
    good("go-review", game, "--picture", tmp_path / "strip.svg")
    assert (tmp_path / "strip.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / "strip.svg").read_bytes()
    assert "/*DATA*/" not in (tmp_path / "page.html").read_text()


def test_names_cannot_break_out_of_the_page(evaluator):
    built_page()
    (record,) = parse(
        sgf_text(play_randomly(1, 5), "PB[</script><script>alert(1)</script>]PW[a & b]"), "x"
    )
    text = page(review(record, "<b>", evaluator))
    assert text.count("</script>") == 2
    found = re.search(r'type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    assert (data["black"], data["white"]) == ("</script><script>alert(1)</script>", "a & b")
    assert (data["name"], data["network"]) == ("<b>", "small.onnx")


def test_without_the_page_it_is_said_before_any_work(game, tmp_path, monkeypatch):
    """The page is built by `make page`; without it nothing is reviewed, and nothing written."""
    from gocnn import page as built
    from gocnn.review import files

    monkeypatch.setattr(files, "review_files", lambda *_: pytest.fail("it was reviewed"))
    asked = ["go-review", game, "--out", tmp_path / "out.sgf", "--html", tmp_path / "x.html"]
    for there in ("nothing", "another file"):
        monkeypatch.setattr(built, "BUILT", tmp_path / there)
        assert "run `make page`" in refused(1, *asked)
        (tmp_path / "another file").mkdir(exist_ok=True)
        (tmp_path / "another file" / "index.html").touch()
    assert not (tmp_path / "x.html").exists()
    assert not (tmp_path / "out.sgf").exists()


def test_what_a_position_without_moves_cannot_show_is_said(tmp_path):
    record = tmp_path / "p.sgf"
    record.write_bytes(b"(;GM[1]SZ[19]AB[br][cr]AW[bq][cq]PL[W])")
    assert "position without moves" in good("go-review", record)
    assert str(tmp_path / "r.html") in refused(
        1, "go-review", record, "--html", tmp_path / "r.html"
    )
    assert not (tmp_path / "r.html").exists()


def test_setup_in_the_midst_is_in_the_page(evaluator):
    """Stones set up before a move and taken away stand with that move."""
    (record,) = parse(b"(;SZ[19]AB[dd][pp]HA[2];W[pd];B[dp]AW[jj]AE[pd];W[qf];B[pd])", "x")
    found = content(review(record, "x", evaluator))
    board = Board(19)
    for move, step in zip(found["moves"], record.steps, strict=True):
        stones = board.stones().ravel().copy()
        for point, stone in move.get("setup", []):
            stones[point] = stone
        if step.setup is not None:
            board.set_up(*step.setup)
        board.to_play = step.colour
        assert (stones == board.stones().ravel()).all()
        board.play(move["index"], move["colour"])
    assert [bool(move.get("setup")) for move in found["moves"]] == [True, False, True, False] or [
        bool(move.get("setup")) for move in found["moves"]
    ] == [True, True, False, False]
    assert (found["handicap"], found["start"]) == (2, None)
