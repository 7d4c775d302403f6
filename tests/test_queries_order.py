"""Many queries at once: which is answered first, what is terminated, what is said on the way; by
the protocol's priorities, with each position answered exactly once."""

from gocnn.engine import mcts
from gocnn.gtp.analysis_json import requests
from tests.queries import BASE, ask


def test_several_turns_and_priorities(evaluator):
    moves = [["B", "Q16"], ["W", "D4"], ["B", "D16"]]
    answers = ask(
        evaluator,
        BASE | {"id": "low", "moves": moves, "analyzeTurns": [0, 2, 3]},
        BASE | {"id": "high", "priority": 5},
    )
    assert [(a["id"], a["turnNumber"]) for a in answers] == [
        ("high", 0),
        ("low", 0),
        ("low", 2),
        ("low", 3),
    ]


def test_terminated_and_partial(evaluator):
    slow = BASE | {"id": "slow", "maxVisits": 40_000}
    answers = ask(
        evaluator,
        slow,
        BASE | {"id": "later", "maxVisits": 40_000},
        {"id": "t", "action": "terminate", "terminateId": "later"},
        {"id": "u", "action": "terminate_all"},
    )
    assert {a["id"] for a in answers if a.get("noResults")} == {"slow", "later"}
    answers = ask(
        evaluator,
        BASE
        | {
            "id": "p",
            "maxVisits": 40_000,
            "reportDuringSearchEvery": 0.05,
            "overrideSettings": {"maxTime": 2.0},
        },
    )
    assert [a["isDuringSearch"] for a in answers][-1] is False
    assert sum(a["isDuringSearch"] for a in answers) >= 2


def test_only_what_is_meant_is_terminated(evaluator):
    """One position is under way, two wait; each has exactly one last answer."""
    query = BASE | {
        "id": "q",
        "maxVisits": 40_000,
        "moves": [["B", "Q16"], ["W", "D4"]],
        "analyzeTurns": [0, 1, 2],
    }
    other = {"id": "o", "action": "terminate", "terminateId": "nobody"}
    answers = ask(
        evaluator,
        query,
        other,
        {"id": "a", "action": "terminate", "terminateId": "q", "turnNumbers": [1]},
        {"id": "b", "action": "terminate", "terminateId": "q", "turnNumbers": [0, 2]},
        patience=60,
    )
    last = [
        (a["turnNumber"], a.get("noResults", False))
        for a in answers
        if a.get("isDuringSearch") is False
    ]
    assert sorted(last) == [(0, False), (1, True), (2, True)]
    assert [a["id"] for a in answers if "action" in a] == ["o", "a", "b"]
    (found,) = (a for a in answers if "moveInfos" in a)
    assert 0 < found["rootInfo"]["visits"] < 1000


def test_a_small_query_does_not_wait_for_a_large_one(evaluator):
    """What KaTrain asks while it ponders."""
    ponder = BASE | {"id": "ponder", "maxVisits": 100_000_000}
    answers = ask(
        evaluator,
        ponder,
        BASE | {"id": "small"},
        BASE | {"id": "unimportant", "priority": -1},
        {"id": "t", "action": "terminate_all"},
        patience=60,
    )
    kinds = [(a["id"], "noResults" in a) for a in answers if "moveInfos" in a or "noResults" in a]
    assert kinds == [("small", False), ("unimportant", True), ("ponder", False)]
    assert answers[0]["field"] == "maxVisits"
    assert "10000000" in answers[0]["warning"]


def test_a_search_that_is_full_is_answered(evaluator, monkeypatch):
    monkeypatch.setattr(mcts, "MOST_VISITS", 60)
    monkeypatch.setattr(requests, "MOST_VISITS", 60)
    warning, answer = ask(evaluator, BASE | {"id": "full", "maxVisits": 1_000_000})
    assert "at most 60 visits" in warning["warning"]
    assert (answer["id"], answer["rootInfo"]["visits"], answer["isDuringSearch"]) == (
        "full",
        60,
        False,
    )


def test_actions_are_echoed(evaluator):
    for action in ("query_version", "query_models", "clear_cache", "terminate_all"):
        (answer,) = ask(evaluator, {"id": "a", "action": action})
        assert (answer["id"], answer["action"]) == ("a", action)
    (answer,) = ask(evaluator, {"id": "a", "action": "query_models"})
    assert answer["models"][0]["name"] == evaluator.name
    warning, answer = ask(evaluator, b'{"id":"a","action":"terminate","terminateId":"b","x":1e999}')
    assert (warning["field"], answer["terminateId"], answer["x"]) == ("x", "b", None)
