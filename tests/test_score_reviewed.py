"""A review, a picture and a suggestion tell the score as `tests.knower` knows it; a network without
one is told as before."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from gocnn.board import BLACK, Board
from gocnn.board.coords import from_gtp, to_gtp
from gocnn.commands import main
from gocnn.games import sgf_tree
from gocnn.pictures.board import draw_board, legend, squares
from gocnn.policy import runtime
from gocnn.review import annotate, text, values
from gocnn.review.page import content
from gocnn.review.position import expected_at
from gocnn.review.review import Review, review
from tests.conftest import play_randomly, sgf_text
from tests.knower import SPREAD, Knower, truth, win_for_black

MOVES = play_randomly(8, 30)


def reviewed(header: str, moves=MOVES, tempo: float = 0.0) -> Review:
    return review(sgf_tree.parse(sgf_text(moves, header), "game.sgf")[0], "game.sgf", Knower(tempo))


def leads(moves=MOVES, stones=()) -> np.ndarray:
    """Black's area before each move and at the end, without komi."""
    board = Board()
    board.set_up(list(stones), [], 2 if stones else 1)
    found = [truth(board).sum()]
    for index, colour in moves:
        board.play(index, colour)
        found.append(truth(board).sum())
    return np.array(found)


@pytest.mark.parametrize(
    ("header", "komi"),
    [
        ("KM[7.5]", 7.5),
        ("KM[-10]", -10),
        ("", 6.5),
        ("KM[0]RU[Chinese]", 0),
        ("KM[375]AP[foxwq]", 7.5),
    ],
)
def test_who_leads_before_each_move(header: str, komi: float) -> None:
    found = reviewed(header)
    assert found.course is not None
    assert found.course.terms.stated == bool(header)
    assert found.course.lead == pytest.approx(leads() - komi, abs=1e-3)
    assert found.course.spread == pytest.approx(SPREAD, rel=1e-4)
    assert found.course.black_winrate == pytest.approx(win_for_black(leads(), komi), abs=1e-4)
    for move in found.moves:
        change = leads()[move.number - 1] - leads()[move.number]
        assert found.course.lost(move.number, move.colour) == pytest.approx(
            change if move.colour == BLACK else -change, abs=1e-3
        )


def test_the_moves_that_cost_most() -> None:
    """To the knower every stone is worth something; fourteen points for being to play make some
    moves too small."""
    found = reviewed("KM[6.5]", tempo=14.0)
    assert found.course is not None
    lost = [found.course.lost(move.number, move.colour) for move in found.moves]
    costliest = found.costliest(4)
    assert [points for _, points in costliest] == sorted(lost, reverse=True)[:4]
    assert all(points == lost[move.number - 1] > 0 for move, points in costliest)
    assert found.costliest(1000)[-1][1] > 0
    assert [number for number, _ in content(found)["course"]["costly"]] == [
        move.number - 1 for move, _ in found.costliest(10)
    ]
    move, points = costliest[0]
    place = rf"move +{move.number} \w+ +{to_gtp(move.index)} +"
    assert re.search(place + f"{points:.1f} points", "\n".join(text.report(found)))
    assert f"lost {points:.1f} points" in annotate.game_comment(found)
    # what the network would have played itself is no mistake, whatever its score says then
    moves = [replace(m, choices=((m.index, 0.9),)) if m == move else m for m in found.moves]
    agreed = replace(found, moves=moves)
    assert [m.number for m, _ in agreed.costliest(3)] == [m.number for m, _ in costliest[1:]]
    assert move.number not in [m.number for m, _ in agreed.setbacks(1000)]
    assert move.number in [m.number for m, _ in found.setbacks(1000)]


def test_territory_and_handicap() -> None:
    """Under Japanese rules the stones that were put down count against each side; a handicap game
    without komi has half a point; Chinese rules, those of a record that names none, pay white for
    handicap stones."""
    found = reviewed("KM[6.5]RU[Japanese]").course
    assert found is not None
    put_down = np.array([k % 2 for k in range(31)]) + np.array(
        [0.5 if k % 2 == 0 else -0.5 for k in range(31)]
    )
    assert found.lead == pytest.approx(leads() - 6.5 - put_down, abs=1e-3)
    stones = [from_gtp("D4"), from_gtp("Q16")]
    moves = [(from_gtp("Q4"), 2), (from_gtp("D16"), 1)]
    for rules, bonus in (
        ("", 2),
        ("RU[Chinese]", 2),
        ("RU[AGA]", 1),
        ("RU[NZ]", 0),
        ("RU[house rules]", 2),
    ):
        given = reviewed(f"HA[2]AB[dp][pd]{rules}", moves).course
        assert given is not None
        assert given.lead == pytest.approx(leads(moves, stones) - 0.5 - bonus, abs=1e-3), rules


def test_the_record_tells_it() -> None:
    """`V` for programs, a sentence for people; what a record says itself stays."""
    found = reviewed("KM[6.5]")
    found.record.texts[3]["V"] = [b"99"]
    annotate.annotate(found)
    nodes = found.record.texts
    assert float(nodes[1]["V"][0]) == pytest.approx(leads()[1] - 6.5, abs=0.06)
    assert nodes[3]["V"] == [b"99"]
    after = leads()[30] - 6.5
    side = "Black" if after > 0 else "White"
    assert f"after it {side} leads by {abs(after):.1f}".encode() in nodes[30]["C"][0]
    assert f"At the end {side} leads by {abs(after):.1f}".encode() in nodes[0]["C"][0]
    assert b"not known from the record" not in nodes[0]["C"][0]
    assert "Komi 6.5 (not known from the record)" in annotate.game_comment(reviewed(""))


def test_json_and_the_page_tell_it() -> None:
    found = reviewed("KM[6.5]")
    said = json.loads(json.dumps(values.review_values(found)))
    expected = leads() - 6.5
    assert [move["lead"] for move in said["moves"]] == pytest.approx(expected[:-1], abs=1e-3)
    assert (said["lead"], said["komi"], said["komi_stated"]) == (
        pytest.approx(expected[-1], abs=1e-3),
        6.5,
        True,
    )
    course = content(found)["course"]
    assert course["lead"] == pytest.approx(expected, abs=0.06)
    assert course["wins"] == pytest.approx(found.black_winrate, abs=6e-4)


def test_a_position_without_moves_has_a_score() -> None:
    record = sgf_tree.parse(b"(;GM[1]FF[4]SZ[19]KM[5.5]AB[dd][pd]AW[pp]PL[W])", "position.sgf")[0]
    start = expected_at(record, "position.sgf", Knower())
    board = Board()
    board.set_up([from_gtp("D16"), from_gtp("Q16")], [from_gtp("Q4")], 2)
    assert start.estimate is not None
    assert start.estimate.score_mean == pytest.approx(truth(board).sum() - 5.5, abs=1e-3)
    assert "leads by" in text.position_line(start)
    assert values.position_values(start)["lead"] == start.estimate.score_mean


def test_nothing_is_said_of_it_by_a_network_that_does_not_know(scoreless) -> None:
    record = sgf_tree.parse(sgf_text(MOVES, "KM[6.5]"), "game.sgf")[0]
    found = review(record, "game.sgf", scoreless)
    assert found.course is None
    assert found.costliest() == []
    annotate.annotate(found)
    assert not any("V" in node for node in record.texts)
    assert set(values.review_values(found)) == {
        "game",
        "black",
        "white",
        "result",
        "trouble",
        "notes",
        "agreement",
        "moves",
        "winrate",
    }
    assert "points lost" not in "\n".join(text.report(found))


def test_a_picture_shows_whose_points_they_are(tmp_path: Path) -> None:
    board = Board()
    for index, colour in MOVES:
        board.play(index, colour)
    owner = truth(board)
    stones = board.stones().ravel()
    drawn = {row * 19 + column: (black, side) for row, column, black, side in squares(board, owner)}
    for index in range(361):
        bare = stones[index] != (1 if owner[index] > 0 else 2)
        assert (index in drawn) == (bool(bare) and abs(owner[index]) >= 0.1)
        if index in drawn:
            black, side = drawn[index]
            assert black == (owner[index] > 0)
            assert side == pytest.approx(0.5 * abs(owner[index]) ** 0.5)
    target = tmp_path / "board.svg"
    draw_board(board, target, owner=owner)
    shown = set(re.findall(r'id="(black|white)-(\d+)"', target.read_text()))
    assert shown == {
        ("black" if black else "white", str(index)) for index, (black, _) in drawn.items()
    }
    hidden, last = sorted(drawn)[0], sorted(drawn)[-1]
    draw_board(board, target, ((hidden, 0.5), (last, 0.1)), owner=owner)
    assert {index for _, index in re.findall(r'id="(black|white)-(\d+)"', target.read_text())} == {
        str(index) for index in drawn if index not in (hidden, last)
    }  # a square behind a percentage could not be read


def test_a_picture_says_what_its_marks_mean() -> None:
    assert legend(False, False, False) == ""
    assert legend(True, False, False) == "discs: how likely a move is"
    assert "red frame" in legend(True, True, True)
    assert "squares" in legend(False, False, True)


def test_the_strip_shows_the_lead(tmp_path: Path) -> None:
    from gocnn.review.chart import draw_strip

    draw_strip(reviewed("KM[6.5]"), tmp_path / "strip.svg")
    assert (tmp_path / "strip.svg").stat().st_size > 1000


def test_suggestions_tell_the_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = tmp_path / "game.sgf"
    record.write_bytes(sgf_text(MOVES, "KM[7.5]"))
    board = Board()
    for index, colour in MOVES[:21]:
        board.play(index, colour)
    monkeypatch.setattr(
        runtime, "open_evaluator", lambda model=None, device="cpu", threads=None: Knower()
    )
    for options, komi in (((), 7.5), (("--komi", "-3.5"), -3.5)):
        result = CliRunner().invoke(
            main, ["go-suggest", str(record), "--at", "21", "--json", "--model", "run", *options]
        )
        said = json.loads(result.output)
        assert said["komi"] == komi
        assert said["lead"] == pytest.approx(truth(board).sum() - komi, abs=1e-3)
        assert (said["winrate"] > 0.5) == (said["lead"] > 0)
        assert said["ownership"] == pytest.approx(
            truth(board).reshape(19, 19)[::-1].ravel(), abs=1e-4
        )
    text = CliRunner().invoke(main, ["go-suggest", "--model", "run"]).output
    assert "score: White leads by 6.5 with komi 6.5" in text, (
        "the empty board, in the eyes of a network that gives nothing for the first move"
    )
