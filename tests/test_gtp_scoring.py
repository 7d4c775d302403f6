"""Scores through GTP, against boards that are counted by hand under each rule set; and when the
engine takes a game for over."""

import re

import pytest

from gocnn.engine.rulesets import RULES
from tests.conversation import case, finished, talk


def test_handicap_under_chinese_rules(scoreless):
    assert talk(scoreless, *case("handicap_score.gtp"))[3] == "B+358.5"


def test_final_score_of_the_empty_board(scoreless):
    """Counted, as it stands; a network that knows the score says how it would end."""
    for name in RULES:
        assert talk(
            scoreless, "komi 7.5", f"kata-set-rules {name}", "final_score", "estimate_score"
        )[1:] == ["", "W+7.5", "W+7.5"]


def test_prisoners_and_points_of_a_divided_board(evaluator):
    """Black has columns A to C, white D to T; a white stone is dead at A10, another was captured at
    A1."""
    moves = [move for row in range(1, 20) for move in (f"play b C{row}", f"play w D{row}")]
    moves += ["play w A1", "play b A2", "play w A10", "play b B1", "play w pass", "play b pass"]
    answers = talk(
        evaluator,
        "komi 0.5",
        *moves,
        "kata-set-rules japanese",
        "final_score",
        "captures black",
        "kata-set-rules chinese",
        "final_score",
        "kata-set-rules tromp-taylor",
        "final_score",
        "final_status_list dead",
        "kata-set-rules chinese",
        "final_status A10",
        "final_status C1",
        "final_status A19",
        "final_status T19",
    )[len(moves) + 1 :]
    # Territory: black 2 * 19 points less two stones of its own, two prisoners; white 15 * 19. Area:
    # 3 * 19 against 16 * 19.
    assert answers[1] == f"W+{15 * 19 - (2 * 19 - 2 + 2) + 0.5:g}"
    assert answers[2] == "1"
    assert answers[4] == f"W+{16 * 19 - 3 * 19 + 0.5:g}"
    # Tromp and Taylor: the game is over and A10 stands, so all that touches it is nobody's: black
    # has its 19 + 2 stones and A1.
    assert answers[6] == f"W+{16 * 19 + 1 - 22 + 0.5:g}"
    assert answers[7] == ""
    assert answers[9:] == ["dead", "alive", "black_territory", "white_territory"]


def test_dead_stones_are_captured_before_the_end_where_the_rules_want_it(evaluator):
    """All is settled but for a dead white stone at A11: black passes under Chinese rules, takes the
    stone under Tromp and Taylor's, then passes. In the middle of a game such a stone is no reason
    to play there."""
    settled = [line for line in finished() if line not in ("play b A11", "play b B11")] + [
        "play w A11",
        "play w pass",
    ]
    assert talk(evaluator, "kata-set-rules chinese", *settled, "genmove b")[-1] == "pass"
    capturing = [line for _ in range(4) for line in ("genmove b", "play w pass")]
    answers = talk(
        evaluator,
        "kata-set-rules tromp-taylor",
        *settled,
        *capturing,
        "captures black",
        "final_score",
    )[len(settled) + 1 :]
    assert {answers[0], answers[2], answers[4]} <= {"A10", "A12", "B11"}
    assert answers[6:9] == ["pass", "", "1"]
    assert answers[9] == "W+25.5"
    begun = [f"play b B{row}" for row in range(1, 20)] + [
        "play w A10",
        "play w D16",
        "play w Q4",
        "play b Q16",
    ]
    chosen = [
        talk(evaluator, f"kata-set-rules {rules}", *begun, "genmove b")[-1]
        for rules in ("chinese-kgs", "tromp-taylor")
    ]
    assert chosen[0] == chosen[1]


@pytest.mark.parametrize("rules", ["japanese", "chinese-kgs"])
def test_an_early_pass_does_not_end_the_game(evaluator, rules):
    """What Quarry 0.2.0 sends when a person passes after six moves of a handicap game: counted as
    it stands White has won by its komi, but nobody would call it over."""
    answers = talk(
        evaluator,
        f"kata-set-rules {rules}",
        "boardsize 19",
        "clear_board",
        "time_settings 1800 0 0",
        "fixed_handicap 5",
        "komi 6.5",
        "play white O17",
        "play black R14",
        "play white R12",
        "play black F17",
        "play white O10",
        "time_left white 1799 0",
        "play black pass",
        "genmove white",
    )
    assert re.fullmatch(r"[A-T]\d+", answers[-1])
