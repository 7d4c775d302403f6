"""Commands of KataGo's, and Leela Zero's options: searches, positions, parameters and rules,
against those engines' own documentation."""

import json
import re

from gocnn.engine.limits import MOST_VISITS
from gocnn.engine.rulesets import RULES, parse
from tests.conversation import Scripted, engine_on, talk


def test_searches_leave_the_board_alone(evaluator):
    before, move, rows, cancelled, after = talk(
        evaluator,
        "showboard",
        "kata-search b",
        "kata-search_analyze b 10",
        "kata-search_analyze_cancellable b 10",
        "showboard",
    )
    assert before == after
    assert re.fullmatch(r"[A-T]\d+", move)
    assert re.search(r"^info move .*\nplay [A-T]\d+$", rows, re.M)
    assert re.search(r"^play ([A-T]\d+|cancelled)$", cancelled, re.M)
    engine = engine_on(Scripted([], patience=-1), evaluator, visits=100_000)
    assert engine.commands["kata-search_cancellable"](["b"]) == "cancelled"


def test_positions_set(evaluator):
    answers = talk(
        evaluator,
        "play b D4",
        "set_position b A1 w T19 b C3",
        "list_stones b",
        "list_stones w",
        "undo",
        "captures b",
        "set_position b A1 w A1",
        "set_position b A2 b B1 w A1",
        "set_position b",
        "set_position b pass",
        "set_position b Z1",
        "list_stones b",
        "set_position",
        "list_stones b",
        "last_move",
    )
    assert answers[1:6] == ["", "A1 C3", "T19", "?cannot undo", "0"]
    assert all(answer.startswith("?") for answer in answers[6:11])
    assert answers[11:] == ["A1 C3", "", "", "?no previous move known"]


def test_parameters(evaluator):
    answers = talk(
        evaluator,
        "kata-set-param maxVisits 50",
        "kata-get-param maxVisits",
        "kata-set-param maxVisits 1125899906842624",
        "kata-get-param maxVisits",
        "kata-set-param analysisWideRootNoise 0",
        "kata-set-param analysisWideRootNoise 0.04",
        "kata-get-param playoutDoublingAdvantage",
        "kata-get-param nonsense",
        'kata-set-params {"maxTime": 2.5, "chosenMoveTemperature": 0.5}',
        "kata-get-param maxTime",
        'kata-set-params {"maxTime": 7, "maxVisits": -3}',
        "kata-get-param maxTime",
        "kata-set-params [1]",
        "kata-set-params {",
        "kata-set-param maxVisits 1.5",
        "kata-set-param maxTime nan",
        "kata-set-param humanSLProfile",
        "kata-set-param humanSLProfile rank_1d",
        "kata-list-params",
        "kata-get-params",
    )
    assert answers[:5] == ["", "50", "", str(MOST_VISITS), ""]
    assert answers[5] == "?could not set params: analysisWideRootNoise is always 0.0 in this engine"
    assert answers[6] == "0.0"
    assert answers[7] == "?invalid parameter: nonsense"
    assert answers[8:10] == ["", "2.5"]
    assert answers[10].startswith("?")
    assert answers[11] == "2.5"
    assert all(answer.startswith("?") for answer in answers[12:16])
    assert answers[16] == ""
    assert answers[17].startswith("?")
    assert set(answers[18].split()) == set(json.loads(answers[19]))


def test_options_of_leela_zero(evaluator):
    answers = talk(
        evaluator,
        "lz-setoption name Visits value 50",
        "lz-setoption",
        "lz-setoption name Resign Percentage value 10",
        "lz-setoption name Pondering value false",
        "lz-setoption name Pondering value true",
        "lz-setoption name Visits",
        "lz-setoption name Visits value x",
        "lz-setoption name Resign Percentage value 99",
        "heatmap average",
        "heatmap 9",
    )
    assert answers[0] == answers[2] == answers[3] == ""
    assert "option name Visits type spin default 50" in answers[1]
    assert all(answer.startswith("?") for answer in (*answers[4:8], answers[9]))
    assert not answers[8].startswith("?")


def test_rules_by_every_form(evaluator):
    for name, rules in RULES.items():
        answers = talk(
            evaluator,
            f"kata-set-rules {name}",
            "kata-get-rules",
            "kata-set-rules chinese",
            "kata-get-rules",
        )
        assert parse(answers[1]) == rules
    answers = talk(
        evaluator,
        "kata-set-rule ko SITUATIONAL",
        "kata-set-rule whiteHandicapBonus N-1",
        "kata-set-rule suicide true",
        "kata-get-rules",
        "kata-set-rule ko",
        "kata-set-rule ko SPIGHT",
        "kata-set-rules aga-button",
        "kata-get-rules",
    )
    assert json.loads(answers[3]) == RULES["chinese-kgs"].to_json() | {
        "ko": "SITUATIONAL",
        "whiteHandicapBonus": "N-1",
        "suicide": True,
    }
    assert all(answer.startswith("?") for answer in answers[4:7])
    assert answers[7] == answers[3]
