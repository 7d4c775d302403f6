"""Queries that KataGo 1.17.2 was asked, too: whose turn it is, which moves it takes, what komi it
counts. What is expected here is what it answered."""

import pytest

from gocnn.board import Board
from gocnn.board.coords import from_gtp
from tests.knower import Knower, truth
from tests.queries import BASE, ask

HAND = [["B", "Q16"], ["B", "D4"]]


def in_turn(vertices: str) -> list[list[str]]:
    return [["BW"[ply % 2], vertex] for ply, vertex in enumerate(vertices.split())]


KO = in_turn("D5 E5 C4 F4 D3 E3 E4 D4")
SUICIDE = in_turn("A3 A1 B2 Q4 B1 Q16 D4 A2")


def answers(**change) -> list[dict]:
    return ask(Knower(), BASE | {"id": "q", "maxVisits": 1} | change)


@pytest.mark.parametrize(
    ("change", "players"),
    [
        ({"moves": [["B", "D4"], ["B", "Q16"], ["W", "Q4"]]}, "BWWB"),
        ({"moves": [["B", "D4"], ["W", "Q16"]], "initialPlayer": "W"}, "WWB"),
        ({"moves": [["B", "C3"]], "initialPlayer": "W", "initialStones": HAND}, "WW"),
        ({"moves": [["B", "C3"]], "initialStones": HAND}, "BW"),
        ({"moves": [], "initialStones": HAND}, "W"),
        ({"moves": [["W", "pass"], ["W", "D4"]]}, "WBB"),
    ],
)
def test_whose_turn_it_is(change, players):
    turns = list(range(len(change["moves"]) + 1))
    found = {
        answer["turnNumber"]: answer["rootInfo"]["currentPlayer"]
        for answer in answers(**change, analyzeTurns=turns)
    }
    assert "".join(found[turn] for turn in turns) == players


@pytest.mark.parametrize(
    ("moves", "stands", "legal"),
    [
        ([*KO, ["B", "E4"]], "D5 C4 D3 E4 -E5 -F4 -E3", False),  # taken back at once
        ([*KO, ["W", "E4"]], "D5 C4 D3 -E5 -F4 -E3 -D4 -E4", False),  # Black may not; White does
        (SUICIDE, "A3 B2 B1 D4 -Q4 -Q16", False),
        ([["B", "D4"], ["W", "pass"], ["B", "pass"], ["W", "Q16"]], "D4 -Q16", True),
    ],
)
def test_a_record_is_followed_where_it_breaks_the_rules(moves, stands, legal):
    """legal: whether who is to play before the last move may make it."""
    board = Board()
    vertices = stands.split()
    board.set_up(
        [from_gtp(v) for v in vertices if v[0] != "-"],
        [from_gtp(v[1:]) for v in vertices if v[0] == "-"],
    )
    (answer,) = answers(moves=moves)
    assert answer["rootInfo"]["rawLead"] == pytest.approx(truth(board).sum() - 6.5, abs=1e-3)
    (answer,) = answers(moves=moves[:-1], includePolicy=True)
    row, column = divmod(from_gtp(moves[-1][1]), 19)
    assert (answer["policy"][(18 - row) * 19 + column] >= 0) == legal


def test_a_single_stone_cannot_take_itself_off():
    (answer,) = answers(moves=[["B", "A2"], ["W", "Q16"], ["B", "B1"], ["W", "A1"]])
    assert answer["field"] == "moves"
    assert "A1" in answer["error"]


@pytest.mark.parametrize(
    ("rules", "komi"),
    [
        ("chinese", 7.5),
        ("tromp-taylor", 7.5),
        ("japanese", 6.5),
        ("new zealand", 7.0),
        ({"scoring": "TERRITORY"}, 6.5),
        ({"ko": "SITUATIONAL", "suicide": True, "friendlyPassOk": True}, 7.5),
        ({"ko": "SIMPLE", "scoring": "AREA", "komi": 5.5}, 5.5),
        ("koSIMPLEscoreAREAtaxNONEsui0komi5.5", 5.5),
        ('{"scoring":"TERRITORY","komi":0}', 0.0),
    ],
)
def test_komi_that_the_query_does_not_state(rules, komi):
    query = {key: value for key, value in BASE.items() if key != "komi"}
    (answer,) = ask(Knower(), query | {"id": "k", "maxVisits": 1, "rules": rules})
    territory = 0.5 if "TERRITORY" in str(rules) or rules == "japanese" else 0.0
    assert answer["rootInfo"]["rawLead"] == pytest.approx(-komi - territory, abs=1e-3)
    (answer,) = ask(Knower(), query | {"id": "k", "maxVisits": 1, "rules": rules, "komi": 1})
    assert answer["rootInfo"]["rawLead"] == pytest.approx(-1 - territory, abs=1e-3)


@pytest.mark.parametrize("komi", ["5.5", 5.25, 500, True, [5]])
def test_komi_beside_the_rules_that_cannot_be(komi):
    query = {key: value for key, value in BASE.items() if key != "komi"}
    (answer,) = ask(Knower(), query | {"id": "k", "rules": {"ko": "SIMPLE", "komi": komi}})
    assert (answer["id"], answer["field"]) == ("k", "rules")
    assert "komi" in answer["error"]


def test_handicap_stones_are_those_set_up_and_blacks_first_moves():
    for stones, moves, points in (
        (HAND, [["B", "C3"]], 3),
        (HAND[:1], [["B", "C3"]], 2),
        (HAND[:1], [["W", "C3"]], 0),
        ([], [["B", "Q16"], ["W", "pass"], ["B", "D4"], ["W", "pass"], ["B", "C3"]], 3),
        ([*HAND, ["W", "K10"]], [["B", "C3"]], 0),
    ):
        asked = {"initialStones": stones, "moves": moves}
        (paid,), (unpaid,) = answers(**asked), answers(**asked, whiteHandicapBonus="0")
        leads = [each["rootInfo"]["rawLead"] for each in (unpaid, paid)]
        assert leads[0] - leads[1] == pytest.approx(points, abs=1e-3), asked
