"""The analysis engine that KaTrain speaks to: what is answered to a query, against the board, the
network and the protocol's own words."""

import json
import subprocess
import sys

import numpy as np
import pytest

from gocnn.board import BLACK, WHITE, Board
from gocnn.board.coords import from_gtp
from gocnn.engine import prospects
from gocnn.policy.suggestion import suggest
from tests.conftest import ROOT
from tests.queries import BASE, ask


def test_an_answer_has_what_the_protocol_promises(evaluator):
    moves = [["B", "Q16"], ["W", "D4"], ["B", "D16"]]
    (answer,) = ask(
        evaluator,
        BASE
        | {
            "id": "q",
            "moves": moves,
            "includePolicy": True,
            "includeOwnership": True,
            "includeMovesOwnership": True,
        },
    )
    assert (answer["id"], answer["turnNumber"], answer["isDuringSearch"]) == ("q", 3, False)
    assert answer["rootInfo"]["visits"] >= 24
    assert answer["rootInfo"]["currentPlayer"] == "W"
    assert [info["order"] for info in answer["moveInfos"]] == list(range(len(answer["moveInfos"])))
    assert {
        "move",
        "visits",
        "winrate",
        "scoreLead",
        "scoreStdev",
        "prior",
        "utility",
        "lcb",
        "pv",
    } <= set(answer["moveInfos"][0])
    board = Board(19)
    for player, vertex in moves:
        board.play(from_gtp(vertex), BLACK if player == "B" else WHITE)
    p = suggest(evaluator, board)
    policy = np.array(answer["policy"])
    assert len(policy) == 362
    assert (policy[:361].reshape(19, 19)[::-1].ravel() < 0).sum() == 3  # the stones
    assert policy[:361].reshape(19, 19)[::-1].ravel()[p[:361].argmax()] == pytest.approx(
        p[:361].max(), abs=1e-5
    )
    assert len(answer["ownership"]) == len(answer["moveInfos"][0]["ownership"]) == 361


def test_perspective(evaluator):
    """A board that is all black's: black's winrate is 1 whoever moves, white's and the mover's turn
    with it."""
    stones = [
        ["B", f"{c}{r}"]
        for c in "ABCDEFGHJKLMNOPQRST"
        for r in range(1, 20)
        if (c not in "CR" or r not in (3, 17)) and (c != "A" or r != 1)
    ]
    for side, asked, high in (
        ("W", "BLACK", True),
        ("W", "WHITE", False),
        ("W", "SIDETOMOVE", False),
        ("B", "SIDETOMOVE", True),
        ("B", "WHITE", False),
    ):
        query = BASE | {
            "id": "x",
            "initialStones": stones,
            "initialPlayer": side,
            "includeOwnership": True,
            "whiteHandicapBonus": "0",
            "overrideSettings": {"reportAnalysisWinratesAs": asked},
        }
        (answer,) = ask(evaluator, query)
        assert (answer["rootInfo"]["winrate"] > 0.9) == high, (side, asked)
        assert (answer["rootInfo"]["scoreLead"] > 100) == high
        assert (np.mean(answer["ownership"]) > 0.9) == high


def test_avoid_and_allow(evaluator):
    avoid = [{"player": "B", "moves": ["Q4", "D4", "Q16", "D16"], "untilDepth": 1}]
    (answer,) = ask(evaluator, BASE | {"id": "a", "avoidMoves": avoid})
    assert not {"Q4", "D4", "Q16", "D16"} & {info["move"] for info in answer["moveInfos"]}
    (answer,) = ask(
        evaluator,
        BASE | {"id": "a", "allowMoves": [{"player": "B", "moves": ["K10"], "untilDepth": 1}]},
    )
    assert [info["move"] for info in answer["moveInfos"]] == ["K10"]


def test_who_is_to_play_and_who_needs_an_answer(evaluator):
    lines = (
        (ROOT / "tests" / "cases" / "go" / "analysis_initialplayer.jsonl").read_bytes().splitlines()
    )
    answers = {a["id"]: a for a in ask(evaluator, *lines) if "warning" not in a}
    assert answers["h"]["rootInfo"]["currentPlayer"] == "W"
    assert answers["e"]["moveInfos"]
    assert (answers["s"]["field"], "moveInfos" in answers["s"]) == ("maxVisits", False)
    stones = [["B", "Q4"], ["B", "C4"]]
    for change, player in (
        ({"initialStones": stones, "initialPlayer": "b"}, "B"),
        ({"initialStones": stones[:1]}, "B"),
        ({"initialStones": [*stones, ["W", "D16"]]}, "B"),
        ({"initialStones": stones, "moves": [["b", "K10"]]}, "W"),
        ({"moves": [["w", "pass"]]}, "B"),
    ):
        (answer,) = ask(evaluator, BASE | {"id": "p", "maxVisits": 1} | change)
        assert answer["rootInfo"]["currentPlayer"] == player, change


def test_coordinates_as_numbers_count_from_the_upper_left(evaluator):
    one, two = (
        ask(evaluator, BASE | {"id": "c", "moves": moves})[0]["rootInfo"]
        for moves in ([["B", "(3,4)"], ["W", "(0,18)"]], [["b", "D15"], ["w", "a1"]])
    )
    assert one["thisHash"] == two["thisHash"]


def test_positions_have_names(evaluator):
    ways = ([["B", "Q16"]], [["B", "D4"]], [["B", "Q16"], ["W", "D4"]], [["B", "C3"]])
    roots = [
        ask(evaluator, BASE | {"id": "n", "maxVisits": 1, "moves": moves})[0]["rootInfo"]
        for moves in ways
    ]
    assert len({root["thisHash"] for root in roots}) == 4
    assert roots[0]["symHash"] == roots[1]["symHash"]
    assert len({root["symHash"] for root in roots}) == 3


def test_points_for_handicap_count(evaluator):
    stones = [["B", "Q4"], ["B", "D16"], ["B", "D4"]]
    leads = {}
    for bonus in ("0", "N-1", "N", None):
        # One visit: a network that says the score, and so who wins under which komi, looks at other
        # moves after that.
        change = {"maxVisits": 1} | ({} if bonus is None else {"whiteHandicapBonus": bonus})
        (answer,) = ask(evaluator, BASE | {"id": "h", "initialStones": stones} | change)
        leads[bonus] = answer["rootInfo"]["scoreLead"]
    assert leads["0"] - leads["N-1"] == pytest.approx(2)
    assert leads["0"] - leads["N"] == pytest.approx(3)
    assert leads[None] == leads["N"], "Chinese rules"


def test_variations_are_as_long_as_asked_and_can_be_played(evaluator):
    moves = [["B", "Q16"], ["W", "D4"]]
    lengths = []
    for longest in (1, 3, None):
        query = BASE | {"id": "v", "moves": moves, "maxVisits": 120, "includePVVisits": True}
        (answer,) = ask(evaluator, query if longest is None else query | {"analysisPVLen": longest})
        lengths.append(max(len(info["pv"]) for info in answer["moveInfos"]))
        for info in answer["moveInfos"]:
            assert len(info["pvVisits"]) == len(info["pv"])
            assert info["pvVisits"][0] == info["visits"]
            board = Board(19)
            for vertex in ["Q16", "D4", *info["pv"]]:
                board.play(from_gtp(vertex))
    assert lengths[:2] == [2, 4]
    assert lengths[2] > 4


@pytest.mark.parametrize("scores", [True, False])
def test_who_owns_what_is_never_nobody(evaluator, scoreless, scores):
    query = (
        BASE
        | {"id": "o", "maxVisits": 1, "moves": [["B", "Q16"]]}
        | {
            f"include{what}": True
            for what in (
                "Ownership",
                "MovesOwnership",
                "OwnershipStdev",
                "MovesOwnershipStdev",
                "NoResultValue",
            )
        }
    )
    (answer,) = ask(evaluator if scores else scoreless, query)
    assert len(answer["moveInfos"]) > 3
    for values in (answer, *answer["moveInfos"]):
        assert all(0 < abs(value) <= 1 for value in values["ownership"])
        assert all(0 <= value <= 1 for value in values["ownershipStdev"])
    assert all(info["noResultValue"] == 0 for info in answer["moveInfos"])
    if not scores:  # playouts of one position tell of all moves that were not looked at
        assert max(-info["scoreLead"] for info in answer["moveInfos"]) == pytest.approx(
            -answer["moveInfos"][0]["scoreLead"]
        )


def test_moves_are_avoided_until_a_ply(evaluator):
    allow = [
        {"player": "W", "moves": ["K10"], "untilDepth": 4},
        {"player": "B", "moves": ["Q16", "D4"], "untilDepth": 1},
    ]
    (answer,) = ask(evaluator, BASE | {"id": "d", "maxVisits": 60, "allowMoves": allow})
    assert {info["move"] for info in answer["moveInfos"]} == {"Q16", "D4"}
    assert {info["pv"][1] for info in answer["moveInfos"]} == {"K10"}
    (answer,) = ask(
        evaluator,
        BASE | {"id": "none", "allowMoves": [{"player": "B", "moves": [], "untilDepth": 1}]},
    )
    assert answer["moveInfos"] == []
    assert answer["rootInfo"]["currentPlayer"] == "B"


def test_a_wider_search_looks_at_more(evaluator):
    query = BASE | {
        "id": "t",
        "maxVisits": 100,
        "moves": [["B", "Q16"], ["W", "D4"], ["B", "D16"], ["W", "Q4"], ["B", "R3"]],
    }
    shares = []
    for change in (
        {},
        {"rootPolicyTemperature": 5.0},
        {"overrideSettings": {"wideRootNoise": 1.0}},
    ):
        (answer,) = ask(evaluator, query | change)
        shares.append(answer["moveInfos"][0]["visits"])
    assert shares[0] > max(shares[1:])
    (answer,) = ask(evaluator, query | {"rootFpuReductionMax": 0})
    assert answer["rootInfo"]["visits"] == 100


def test_records_may_repeat_a_position(evaluator):
    """Under superko a double ko's repetition is illegal, but where a record has it the rest is
    analysed all the same."""
    ko = ["D5", "E5", "C4", "F4", "D3", "E3", "E4", "D4", "pass", "pass", "E4"]
    moves = [["BW"[ply % 2], vertex] for ply, vertex in enumerate(ko)]
    answer = ask(
        evaluator, BASE | {"id": "k", "rules": "tromp-taylor", "moves": moves, "maxVisits": 1}
    )[-1]
    assert answer["rootInfo"]["currentPlayer"] == "W"


def test_few_playouts_are_believed_as_far_as_they_go():
    """The share given to each mean is that of DerSimonian and Laird, worked out the slow way."""
    rng = np.random.default_rng(5)
    for _ in range(50):
        n = rng.integers(0, 40, 6).astype(float)
        n[0] = 8
        means, variance = rng.normal(0, rng.choice([0.1, 5, 30]), 6), 400.0
        used = [i for i in range(6) if n[i]]
        middle = sum(n[i] * means[i] for i in used) / sum(n[i] for i in used)
        q = sum(n[i] / variance * (means[i] - middle) ** 2 for i in used)
        scale = sum(n[i] / variance for i in used) - sum(
            (n[i] / variance) ** 2 for i in used
        ) / sum(n[i] / variance for i in used)
        between = max(0.0, (q - (len(used) - 1)) / scale) if len(used) > 1 else 0.0
        expected = [between / (between + variance / n[i]) if n[i] else 0.0 for i in range(6)]
        assert prospects._share(n, means, variance) == pytest.approx(expected, abs=1e-9)


def test_as_a_process():
    run = subprocess.run(
        [sys.executable, "cli.py", "go-analysis", "--threads", "1"],
        cwd=ROOT,
        input=json.dumps(BASE | {"id": "x"}).encode() + b"\n",
        capture_output=True,
        check=True,
    )
    assert json.loads(run.stdout)["id"] == "x"
    assert run.stderr == b""
