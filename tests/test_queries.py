"""The analysis engine that KaTrain speaks to: queries and answers, errors, priorities, termination;
and the pictures of go-show."""

import json
import subprocess
import sys

import numpy as np
import pytest

from gocnn.board import BLACK, WHITE, Board
from gocnn.board.coords import from_gtp
from gocnn.engine import mcts, prospects
from gocnn.engine.player import Player
from gocnn.gtp.analysis_json import requests
from gocnn.gtp.analysis_json.session import Answerer
from gocnn.policy import explain
from gocnn.policy.model import default_model, load
from gocnn.policy.suggestion import planes_of, suggest
from tests.conftest import ROOT
from tests.conversation import Scripted
from tests.typed import good, refused

BASE = {
    "rules": "chinese",
    "komi": 6.5,
    "boardXSize": 19,
    "boardYSize": 19,
    "maxVisits": 24,
    "moves": [],
}


def no_constant(name: str) -> float:
    raise AssertionError(f"{name} is not JSON")


def ask(evaluator, *queries, patience: int = -1) -> list[dict]:
    """The answers. All queries are there at once, or each arrives when the analysis before it has
    looked for it so often."""
    lines = [q if isinstance(q, bytes) else json.dumps(q).encode() for q in queries]
    written: list[str] = []
    Answerer(Player(evaluator), Scripted(lines, patience), written.append).run()
    return [json.loads(line, parse_constant=no_constant) for line in written]


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


def test_avoid_and_allow(evaluator):
    avoid = [{"player": "B", "moves": ["Q4", "D4", "Q16", "D16"], "untilDepth": 1}]
    (answer,) = ask(evaluator, BASE | {"id": "a", "avoidMoves": avoid})
    assert not {"Q4", "D4", "Q16", "D16"} & {info["move"] for info in answer["moveInfos"]}
    (answer,) = ask(
        evaluator,
        BASE | {"id": "a", "allowMoves": [{"player": "B", "moves": ["K10"], "untilDepth": 1}]},
    )
    assert [info["move"] for info in answer["moveInfos"]] == ["K10"]


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


def test_actions_are_echoed(evaluator):
    for action in ("query_version", "query_models", "clear_cache", "terminate_all"):
        (answer,) = ask(evaluator, {"id": "a", "action": action})
        assert (answer["id"], answer["action"]) == ("a", action)
    (answer,) = ask(evaluator, {"id": "a", "action": "query_models"})
    assert answer["models"][0]["name"] == evaluator.name
    warning, answer = ask(evaluator, b'{"id":"a","action":"terminate","terminateId":"b","x":1e999}')
    assert (warning["field"], answer["terminateId"], answer["x"]) == ("x", "b", None)


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


# --- go-show
# ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_layers_and_pictures(tiny_run, sample_files, tmp_path):
    listed = good("go-show", tiny_run, sample_files[0])
    assert [line.split()[1] for line in listed.splitlines()] == [
        "stem",
        "block",
        "block",
        "norm",
        "head",
    ]
    assert "5x5" in listed.splitlines()[0]
    assert "13x13" in listed.splitlines()[2]  # 5 + 4 convolutions of 3x3
    good(
        "go-show",
        tiny_run,
        sample_files[0],
        "--at",
        60,
        "--layer",
        1,
        "--picture",
        tmp_path / "m.png",
        "--filters",
        tmp_path / "f.svg",
        "--field",
        tmp_path / "r.png",
        "--point",
        "K10",
    )
    assert all((tmp_path / name).stat().st_size > 5000 for name in ("m.png", "f.svg", "r.png"))
    assert "no layer 9" in refused(
        2, "go-show", tiny_run, "--layer", 9, "--picture", tmp_path / "m.png"
    )
    assert "'Z1'" in refused(2, "go-show", tiny_run, "--point", "Z1", "--field", tmp_path / "m.png")
    assert ".svg or .pdf" in refused(2, "go-show", tiny_run, "--picture", tmp_path / "m.gif")
    assert "--at needs" in refused(2, "go-show", tiny_run, "--at", 3)
    assert "does not exist" in refused(1, "go-show", tmp_path / "none")


def test_what_an_answer_depends_on_is_where_the_gradient_is():
    """Without context the influence ends where the receptive field ends; feature maps are what the
    layers compute."""
    import torch

    from gocnn.policy.network import PolicyConfig, PolicyNetwork

    policy = load(default_model())
    planes = planes_of(Board(19), [], policy.plane_groups)
    assert explain.influence(policy, planes, from_gtp("K10")).max() == pytest.approx(1)
    maps = explain.feature_maps(policy, planes, 0)
    with torch.inference_mode():
        expected = policy.network.stem(torch.from_numpy(planes).float())[0].numpy()
    assert np.abs(maps - expected).max() < 1e-4
    torch.manual_seed(0)
    policy.network = PolicyNetwork(
        PolicyConfig(blocks=2, channels=8, context="none", plane_groups=policy.plane_groups)
    ).eval()
    for part in policy.network.blocks:
        torch.nn.init.ones_(part.get_parameter("second.1.weight"))
    heat = explain.influence(policy, planes, from_gtp("K10"))
    side = explain.layers(policy)[-1].receptive_field
    assert side == 13
    rows, columns = np.nonzero(heat > 0)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (9 - 6, 9 + 6, 9 - 6, 9 + 6)
    filters, groups = explain.first_filters(policy)
    assert filters.shape == (8, len(groups), 5, 5)
    assert (
        np.abs(
            filters.sum(1) - policy.network.get_parameter("stem.0.weight").detach().numpy().sum(1)
        ).max()
        < 1e-5
    )
