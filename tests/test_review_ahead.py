"""Reviews that look ahead: they blame the move that allowed a loss, not the one that took it; how
much they ask; what is told of it; and the benchmark that measures them."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sgfmill import sgf

import reviewing
from gocnn.board import Board
from gocnn.board.coords import from_gtp, to_gtp
from gocnn.engine.mcts import Search
from gocnn.engine.ownership import sensible_moves
from gocnn.errors import UserError
from gocnn.games import sgf_tree
from gocnn.review import annotate, text, values
from gocnn.review.page import content
from gocnn.review.position import expected_at
from gocnn.review.review import review
from gocnn.selfplay.engine import EnginePosition
from judged import Judged
from tests.conftest import play_randomly, sgf_text
from tests.knower import Knower
from tests.reviewed import RICH
from tests.typed import cli, good, refused

VISITS = 24
LADEN = (
    b"(;GM[1]FF[4]SZ[19]KM[6.5]AB[dd][ed][fd][pd][pp][pj]AW[dc][ec][fc][cd][de][ee][fe]PL[B]"
    b";B[qq];W[gd])"
)
"""Three black stones with one liberty, G16; Black plays R3 elsewhere, and White takes them."""


def expecting(*vertices: str) -> Knower:
    """A network that knows how every position ends, but looks no move ahead; it expects these."""
    return Knower(prefers=tuple(from_gtp(vertex) for vertex in vertices))


def searched(record: sgf_tree.Record, network: Knower) -> Search:
    """The engine's own search of a record's first position, komi 6.5."""
    board = sgf_tree.position_after(record, 0)
    search = Search(network, board, 6.5, sensible_moves(board, board.to_play))
    search.run(VISITS)
    return search


def test_the_move_that_allowed_a_loss_is_blamed() -> None:
    """At a glance the stones are Black's until they are gone, and so White's capture is a gain from
    nowhere; who looks ahead sees them go where Black does not save them."""
    record = sgf_tree.parse(LADEN, "laden.sgf")[0]
    network = expecting("G16", "G17", "Q16")
    glance, ahead = (review(record, "", network, visits=visits) for visits in (0, VISITS))
    assert glance.course is not None
    assert ahead.course is not None
    assert glance.course.lost(1, 1) < 0 < 40 < -glance.course.lost(2, 2)
    assert glance.costliest() == []
    assert [move.number for move, _ in ahead.costliest()] == [1]
    assert ahead.course.lost(1, 1) > 30
    assert abs(ahead.course.lost(2, 2)) < 10  # no surprise any more
    assert [to_gtp(line[0]) for line in ahead.lines] == ["G16", "G16"]
    lost = [ahead.course.lost(1, 1), 0.0]  # White's move would have been played anyway
    assert [ahead.mean_lost(colour) for colour in (1, 2)] == lost
    assert f"lost a move: Black {lost[0]:.2f}, White {lost[1]:.2f}" in "\n".join(text.report(ahead))
    assert "lost a move" not in "\n".join(text.report(glance))
    assert [content(each)["course"]["lost"] for each in (ahead, glance)] == [lost, None]
    head, row, *_ = text.games_table([ahead, ahead])
    assert head.endswith("lost a move: black, white")
    assert row.endswith(f" {lost[0]:.2f} {lost[1]:.2f}")
    assert not any("lost" in line for line in text.games_table([glance, glance]))


def test_a_position_by_itself_is_searched_as_the_engine_searches_it() -> None:
    """The first position has no search before it: all figures are those of a search asked here."""
    record = sgf_tree.parse(LADEN, "laden.sgf")[0]
    network = expecting("G16", "G17", "Q16")
    found = review(record, "", network, visits=VISITS)
    search = searched(record, network)
    assert found.course is not None
    assert found.course.lead[0] == pytest.approx(search.lead)
    assert found.course.black_winrate[0] == pytest.approx(search.win)
    assert found.lines[0] == tuple(move for move, _ in search.action_stats(search.best, 6).line)


def test_what_is_asked_and_what_is_kept() -> None:
    """Less is asked where the moves of the game were foreseen, whose search goes on. The same review
    twice is the same, and the lines can be played."""
    moves = play_randomly(3, 20)
    record = sgf_tree.parse(sgf_text(moves, "KM[6.5]"), "")[0]
    network = Knower(prefers=tuple(index for index, _ in moves))
    done: list[int] = []
    first = review(record, "", network, visits=VISITS, tick=done.append)
    asked = network.asked
    assert sum(done) == 20
    again = review(record, "", network, visits=VISITS)
    assert again.lines == first.lines
    assert first.course is not None
    assert again.course is not None
    assert (again.course.lead == first.course.lead).all()
    strange = Knower(prefers=(from_gtp("A1"), from_gtp("T19")))
    review(record, "", strange, visits=VISITS)
    assert asked < 0.85 * strange.asked
    assert VISITS * 21 < strange.asked < (VISITS + 5) * 21
    assert len(first.lines) == 20
    board = Board()
    for (index, colour), line in zip(moves, first.lines, strict=True):
        copy = board.copy()
        for each in line:
            copy.play(each)  # legal, one side after the other
        board.play(index, colour)


def test_records_that_set_stones_up_on_the_way() -> None:
    record = sgf_tree.parse(RICH, "rich.sgf")[0]
    found = review(record, "", Knower(), visits=4)
    glance = review(record, "", Knower())
    assert found.course is not None
    assert glance.course is not None
    assert found.course.lead.shape == glance.course.lead.shape
    assert found.course.lead_after.shape == glance.course.lead_after.shape
    assert np.isfinite(found.course.lead_after).all()
    assert content(found)["visits"] == 4
    assert [tuple(move["line"]) for move in content(found)["moves"]] == list(found.lines)
    assert not any("line" in move for move in content(glance)["moves"])


def test_a_move_that_is_the_same_by_symmetry_is_no_other_one() -> None:
    """A network that prefers D4 played with Q16, its twin on the empty board, and then with R4,
    which has none."""
    network = expecting("D4", "D16", "Q3")
    text_of = b"(;GM[1]FF[4]SZ[19]KM[6.5];B[pd];W[dp])"
    found = review(sgf_tree.parse(text_of, "")[0], "", network, visits=VISITS)
    assert to_gtp(found.lines[0][0]) == "Q16"
    assert found.preferred(1) == found.moves[0].index
    board = Board()
    for index in found.lines[0]:
        board.play(index)  # turned as a whole: all legal
    plain = review(
        sgf_tree.parse(b"(;GM[1]SZ[19]KM[6.5];B[qp])", "")[0], "", network, visits=VISITS
    )
    assert to_gtp(plain.lines[0][0]) == "D4"


@pytest.mark.parametrize("visits", [0, 4])
@pytest.mark.parametrize(("komi", "margin"), [(6.5, 12.5), (19, 0), (30.5, -11.5)])
def test_a_game_that_two_passes_have_ended_is_counted(
    visits: int, komi: float, margin: float
) -> None:
    """Two walls: by hand Black has ten columns and White nine, 190 points and 171, no neutral one.
    What a network thinks that errs by who is to play counts for nothing then."""
    walls = [(column, row, colour) for row in range(19) for column, colour in ((9, "B"), (10, "W"))]
    body = "".join(f";{c}[{chr(97 + column)}{chr(97 + row)}]" for column, row, c in walls)
    text_of = f"(;GM[1]FF[4]SZ[19]KM[{komi}]RU[Chinese]{body};B[];W[])".encode()
    network = Knower(tempo=20)
    found = review(sgf_tree.parse(text_of, "")[0], "", network, visits=visits)
    assert found.course is not None
    assert found.course.lead[-1] == found.course.lead[-2] == margin
    assert found.course.black_winrate[-1] == (np.sign(margin) + 1) / 2
    assert found.course.spread[-1] == 0
    annotate.annotate(found)
    assert b"points" not in found.record.texts[-1]["C"][0]
    going_on = review(sgf_tree.parse(text_of.replace(b";W[])", b")"), "")[0], "", network)
    assert going_on.course is not None
    assert going_on.course.lead[-1] != margin


def test_a_position_is_searched_too() -> None:
    record = sgf_tree.parse(LADEN.partition(b";B[qq]")[0] + b")", "")[0]
    network = expecting("G16", "G17", "Q16")
    found = expected_at(record, "x", network, visits=VISITS)
    search = searched(record, network)
    assert found.estimate is not None
    assert found.estimate.score_mean == pytest.approx(search.lead)
    assert found.black_winrate == pytest.approx(search.win)
    assert to_gtp(found.line[0]) == "G16"
    assert f"a search of {VISITS} visits would play G16" in text.position_line(found)
    said = values.position_values(found)
    assert (said["visits"], said["instead"][0]) == (VISITS, "G16")
    assert content(found)["visits"] == VISITS
    assert "visits" not in values.position_values(expected_at(record, "x", network))


def test_marks_in_the_record_go_by_the_search() -> None:
    """The move that lost is bad, and a surprise that lost nothing is not."""
    record = sgf_tree.parse(LADEN, "laden.sgf")[0]
    annotate.annotate(review(record, "", expecting("G16", "G17", "Q16"), visits=VISITS))
    assert [name for node in record.texts for name in ("BM", "DO", "TE") if name in node] == ["BM"]
    assert "BM" in record.texts[1]
    assert annotate.visits_of(record) == VISITS
    # likely to the network and lost by the search: no tesuji
    again = sgf_tree.parse(LADEN, "laden.sgf")[0]
    found = review(again, "", expecting("G16", "G17", "Q16"), visits=VISITS)
    choices = ((found.moves[0].index, 0.2), (found.lines[0][0], 0.1))
    first = replace(found.moves[0], rank=1, probability=0.2, choices=choices)
    marked = replace(found, moves=[first, found.moves[1]])
    assert annotate.annotation_of(marked, first) == "BM"
    assert annotate.annotation_of(replace(marked, visits=0, lines=()), first) == "TE"


def test_resuming_searches_what_was_seen_at_a_glance(tmp_path: Path) -> None:
    (tmp_path / "games").mkdir()
    for k in range(2):
        (tmp_path / "games" / f"{k}.sgf").write_bytes(sgf_text(play_randomly(k, 4)))
    call = ("go-review", tmp_path / "games", "--out", tmp_path / "out", "--quiet")
    good(*call)
    assert "2 games" in good(*call, "--resume", "--visits", 3)
    seen = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert all(b"searched with 3 visits" in data for data in seen.values())
    assert good(*call, "--resume", "--visits", 3).count("game") <= 1
    assert seen == {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert "2 games" in good(*call, "--resume")


def test_without_a_score_chances_are_told(scoreless) -> None:
    record = sgf_tree.parse(sgf_text(play_randomly(8, 12)), "")[0]
    found = review(record, "", scoreless, visits=8)
    assert found.course is None
    assert found.black_winrate is not None
    assert found.black_winrate.shape == (13,)
    lines = "\n".join(text.report(found))
    assert "drops of winrate (of black, by searches of 8 visits)" in lines
    assert not found.setbacks() or "; better " in lines


def test_a_network_that_does_not_foresee_the_winner_is_refused() -> None:
    class Silent(Knower):
        has_value_head = scores = False

    record = sgf_tree.parse(sgf_text(play_randomly(8, 12)), "")[0]
    with pytest.raises(UserError, match="visits: knower does not say who wins"):
        review(record, "", Silent(), visits=8)


def test_the_command(sample_files: list[Path], tmp_path: Path) -> None:
    game = tmp_path / "game.sgf"
    node = sgf.Sgf_game.from_bytes(sample_files[3].read_bytes())
    moves = [each.get_move() for each in node.get_main_sequence()[1:25]]
    short = sgf.Sgf_game(19)
    for colour, point in moves:
        short.extend_main_sequence().set_move(colour, point)
    game.write_bytes(short.serialise())
    out = tmp_path / "out.sgf"
    said = good("go-review", game, "--visits", 4, "--out", out)
    assert "score by searches of 4 visits" in said
    row = re.search(r"move +(\d+) .*points; .*; better ([A-T]\d+)", said)
    assert row
    (found,) = json.loads(good("go-review", game, "--visits", 4, "--json"))
    assert found["visits"] == 4
    assert len(found["moves"]) == 24
    told = found["moves"][int(row[1]) - 1]
    black = [
        max(move["lost"], 0) * (move["move"] != move["instead"][0])
        for move in found["moves"]
        if move["colour"] == "black"
    ]
    assert found["lost_a_move"]["black"] == pytest.approx(np.mean(black))
    assert f"points lost a move: Black {np.mean(black):.2f}" in said
    assert told["instead"][0] == row[2] != told["move"]
    sequence = sgf.Sgf_game.from_bytes(out.read_bytes()).get_main_sequence()
    assert "each searched with 4 visits" in sequence[0].get("C")
    for each, at in zip(found["moves"], sequence[1:], strict=True):
        instead = f"The search would play {' '.join(each['instead'])}."
        assert (instead in at.get("C")) == (each["instead"][0] != each["move"])
    (glance,) = json.loads(good("go-review", game, "--json"))
    assert "visits" not in glance
    assert "instead" not in glance["moves"][0]
    assert "--visits 16 looks ahead" in good("go-review", game)
    assert cli("go-review", game, "--visits", -1).exit_code == 2
    assert "--visits" in refused(2, "go-review", game, "--visits", "many")


def judged(moves: list[tuple[int, int]], margins: list[float]) -> list[Judged]:
    """A game's positions, of which an engine says these margins of black's."""
    owner = np.zeros(361, np.float32)
    return [
        Judged(EnginePosition((), tuple(moves[:k])), "game", 7, "chinese", 6.5, m + 6.5, 0.5, owner)
        for k, m in enumerate(margins)
    ]


def test_the_benchmark_counts_as_by_hand() -> None:
    moves = play_randomly(4, 8)
    margins = [0.0, -2.0, 1.0, -9.0, -9.0, -8.0, -1.0, -1.5, 3.0]
    rows = judged(moves, margins)
    (game,) = reviewing.games_of([*reversed(rows)])
    # black plays the moves of even numbers
    assert game.lost == pytest.approx([2, 3, 10, 0, -1, 7, 0.5, 4.5])
    assert reviewing.games_of([rows[0], *rows[2:]]) == []
    assert len(reviewing.games_of(rows[1:])) == 1
    record = reviewing.record_of(game)
    assert [(step.index, step.colour) for step in record.steps] == moves
    assert record.komi == 6.5
    perfect = reviewing.Told(game.lost, [2, 5, 7, 1, 0])
    found = reviewing.figures([game], [perfect])
    assert found == pytest.approx([1, 0, (10 + 7 + 4.5 + 3 + 2) / 5, 1])
    wrong = reviewing.Told(-game.lost, [3, 4])
    found = reviewing.figures([game], [wrong])
    assert found[0] == pytest.approx(-1)
    assert found[1:] == pytest.approx([2 * np.abs(game.lost).mean(), -0.5, 0])
    told = reviewing.reviewed(Knower(), 0, game)
    plain = review(record, "", Knower())
    assert plain.course is not None
    signs = np.tile([1, -1], 4)
    assert told.lost == pytest.approx(-np.diff(plain.course.lead) * signs)
    eight = reviewing.turned(Knower(), game)
    assert eight.lost == pytest.approx(told.lost, abs=1e-3)  # it sees all turns alike


def test_the_benchmark_says_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "judged.jsonl"
    file.write_text("")
    monkeypatch.setattr(sys, "argv", ["reviewing.py", str(file)])
    with pytest.raises(SystemExit, match="no whole game is in these files"):
        reviewing.main()
