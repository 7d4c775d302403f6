"""Queries that are wrong, in part or as a whole: each fault is named by its field, as the protocol
has it, and the rest is answered."""

import json

import pytest

from tests.queries import BASE, ask


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"boardXSize": 13, "boardYSize": 13}, "boardXSize"),
        ({"boardYSize": 9}, "boardYSize"),
        ({"boardXSize": "19"}, "boardXSize"),
        ({"moves": [["B", "Z9"]]}, "moves"),
        ({"moves": [["B", "Q16"], ["W", "Q16"]]}, "moves"),
        ({"moves": "Q16"}, "moves"),
        ({"moves": ["Q16"]}, "moves"),
        ({"moves": [["X", "Q16"]]}, "moves"),
        ({"moves": [["B", "I5"]]}, "moves"),
        ({"moves": [["B", "(19,0)"]]}, "moves"),
        ({"moves": [["B", 5]]}, "moves"),
        ({"moves": [["B", "Q16", 1]]}, "moves"),
        ({"initialStones": [["B", "pass"]]}, "initialStones"),
        ({"initialStones": {}}, "initialStones"),
        ({"komi": "six"}, "komi"),
        ({"komi": 375}, "komi"),
        ({"komi": 3.75}, "komi"),
        ({"komi": float("nan")}, "komi"),
        ({"komi": float("inf")}, "komi"),
        ({"komi": True}, "komi"),
        ({"rules": "dance"}, "rules"),
        ({"rules": ["chinese"]}, "rules"),
        ({"rules": {"ko": "MAYBE"}}, "rules"),
        ({"whiteHandicapBonus": "M"}, "whiteHandicapBonus"),
        ({"analyzeTurns": [7]}, "analyzeTurns"),
        ({"analyzeTurns": [-1]}, "analyzeTurns"),
        ({"analyzeTurns": ["0"]}, "analyzeTurns"),
        ({"initialPlayer": "green"}, "initialPlayer"),
        ({"maxVisits": "10"}, "maxVisits"),
        ({"maxVisits": 0}, "maxVisits"),
        ({"maxVisits": 1.5}, "maxVisits"),
        ({"maxVisits": True}, "maxVisits"),
        ({"maxVisits": float("inf")}, "maxVisits"),
        ({"maxVisits": 2**60}, "maxVisits"),
        ({"analysisPVLen": 0}, "analysisPVLen"),
        ({"avoidMoves": [{"moves": 3}]}, "avoidMoves"),
        ({"avoidMoves": [{"player": "B", "moves": ["Q4"]}]}, "avoidMoves"),
        ({"allowMoves": [{"player": "B", "moves": ["Z9"], "untilDepth": 1}]}, "allowMoves"),
        ({"overrideSettings": 3}, "overrideSettings"),
        ({"overrideSettings": {"maxTime": -1}}, "overrideSettings"),
        ({"overrideSettings": {"reportAnalysisWinratesAs": "GREEN"}}, "overrideSettings"),
        ({"priority": []}, "priority"),
        ({"priority": 10**40}, "priority"),
        ({"priorities": [1]}, "priorities"),
        ({"priorities": [1, 2], "analyzeTurns": [0]}, "priorities"),
        ({"priority": 1, "priorities": [1], "analyzeTurns": [0]}, "priority"),
        ({"reportDuringSearchEvery": 0}, "reportDuringSearchEvery"),
        ({"rootPolicyTemperature": 0}, "rootPolicyTemperature"),
        ({"rootFpuReductionMax": 3}, "rootFpuReductionMax"),
        ({"includePolicy": "yes"}, "includePolicy"),
        ({"includeOwnership": 1}, "includeOwnership"),
        ({"action": "dance"}, "action"),
        ({"action": 3}, "action"),
        ({"action": "terminate"}, "terminateId"),
        ({"action": "terminate", "terminateId": "x", "turnNumbers": ["1"]}, "turnNumbers"),
    ],
)
def test_bad_queries(evaluator, change, field):
    (answer,) = ask(evaluator, BASE | {"id": "bad"} | change)
    assert (answer["id"], answer["field"]) == ("bad", field)
    assert answer["error"]
    assert "`" not in answer["error"]


@pytest.mark.parametrize(
    ("change", "field", "part"),
    [
        ({"pvVisits": True}, "pvVisits", "includePVVisits"),
        ({"movesOwnership": True}, "movesOwnership", "includeMovesOwnership"),
        ({"maxvisits": 1}, "maxvisits", "maxVisits"),
        ({"comment": "x"}, "comment", "not known"),
        ({"analyzeTurns": []}, "analyzeTurns", "last"),
        ({"rules": None}, "rules", "Chinese"),
        (
            {"overrideSettings": {"humanSLProfile": "rank_5k", "antiMirror": False}},
            "overrideSettings",
            "humanSLProfile",
        ),
    ],
)
def test_what_is_not_followed_is_said_and_the_rest_answered(evaluator, change, field, part):
    warning, answer = ask(evaluator, BASE | {"id": "w"} | change)
    assert (warning["id"], warning["field"]) == ("w", field)
    assert part in warning["warning"]
    assert "antiMirror" not in warning["warning"]
    assert answer["moveInfos"]


def test_settings_may_be_texts(evaluator):
    (answer,) = ask(
        evaluator,
        BASE
        | {
            "id": "t",
            "overrideSettings": {
                "maxTime": "100",
                "maxVisits": "7",
                "reportAnalysisWinratesAs": "black",
            },
        }
        | {"maxVisits": None},
    )
    assert answer["rootInfo"]["visits"] == 7


def test_lines_that_are_no_queries(evaluator):
    bad = (
        b"nonsense",
        b"[1]",
        b'{"moves": []}',
        b'{"id": 7}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'"text"',
        b"null",
        b'{"id":"\xff"}',
        b"x" * 10**6,
    )
    answers = ask(evaluator, *bad, b"", b" \r", {"id": "v", "action": "query_version"})
    assert [set(a) for a in answers[:-1]] == [{"error"}] * len(bad)
    assert answers[-1]["version"].startswith("gocnn")


def test_lines_as_other_systems_write_them(evaluator):
    plain = json.dumps(BASE | {"id": "p", "maxVisits": 1}).encode()
    answers = ask(
        evaluator,
        b"\xef\xbb\xbf" + plain,
        plain + b"\r",
        plain.replace(b'"p"', b'"\\ud800"'),
        plain.replace(b'"p"', '"棋"'.encode()),
    )
    assert [a["id"] for a in answers] == ["p", "p", "\ud800", "棋"]
    answers = ask(
        evaluator,
        b'{"id":"i","moves":[],"komi":1e999}',
        b'{"id":"n","moves":[],"komi":NaN}',
        b'{"id":"l","moves":[],"maxVisits":' + b"9" * 5000 + b"}",
    )
    assert [(a["id"], a["field"]) for a in answers] == [
        ("i", "komi"),
        ("n", "komi"),
        ("l", "maxVisits"),
    ]
