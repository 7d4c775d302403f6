"""The analysis engine that KaTrain speaks to: queries and answers, errors, priorities, termination; and the pictures of go-show."""

import json
import subprocess
import sys

import numpy as np
import pytest

from gocnn.board import BLACK, WHITE, Board
from gocnn.board.coords import from_gtp
from gocnn.play import insight
from gocnn.play.player import Player
from gocnn.play.queries import Answerer
from gocnn.policy.model import default_model, load
from gocnn.policy.suggestion import planes_of, suggest
from tests.conftest import ROOT
from tests.test_cli import good, refused
from tests.test_gtp import Scripted

BASE = {"rules": "chinese", "komi": 6.5, "boardXSize": 19, "boardYSize": 19, "maxVisits": 24, "moves": []}


class Arriving(Scripted):
    """All lines are there at once, then the end."""

    def waiting(self) -> bool:
        return True


def ask(evaluator, *queries) -> list[dict]:
    lines = [q if isinstance(q, bytes) else json.dumps(q).encode() for q in queries]
    written: list[str] = []
    Answerer(Player(evaluator), Arriving(lines), written.append).run()
    return [json.loads(line) for line in written]


def test_an_answer_has_what_the_protocol_promises(evaluator):
    moves = [["B", "Q16"], ["W", "D4"], ["B", "D16"]]
    (answer,) = ask(evaluator, BASE | {"id": "q", "moves": moves, "includePolicy": True, "includeOwnership": True, "includeMovesOwnership": True})
    assert (answer["id"], answer["turnNumber"], answer["isDuringSearch"]) == ("q", 3, False)
    assert answer["rootInfo"]["visits"] >= 24
    assert answer["rootInfo"]["currentPlayer"] == "W"
    assert [info["order"] for info in answer["moveInfos"]] == list(range(len(answer["moveInfos"])))
    assert {"move", "visits", "winrate", "scoreLead", "scoreStdev", "prior", "utility", "lcb", "pv"} <= set(answer["moveInfos"][0])
    board = Board(19)
    for player, vertex in moves:
        board.play(from_gtp(vertex), BLACK if player == "B" else WHITE)
    p = suggest(evaluator, board)
    policy = np.array(answer["policy"])
    assert len(policy) == 362
    assert (policy[:361].reshape(19, 19)[::-1].ravel() < 0).sum() == 3  # the stones
    assert policy[:361].reshape(19, 19)[::-1].ravel()[p[:361].argmax()] == pytest.approx(p[:361].max(), abs=1e-5)
    assert len(answer["ownership"]) == len(answer["moveInfos"][0]["ownership"]) == 361


def test_perspective(evaluator):
    """A board that is all black's: black's winrate is 1 whoever moves, white's and the mover's turn with it."""
    stones = [["B", f"{c}{r}"] for c in "ABCDEFGHJKLMNOPQRST" for r in range(1, 20) if (c not in "CR" or r not in (3, 17)) and (c != "A" or r != 1)]
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
            "overrideSettings": {"reportAnalysisWinratesAs": asked},
        }
        (answer,) = ask(evaluator, query)
        assert (answer["rootInfo"]["winrate"] > 0.9) == high, (side, asked)
        assert (answer["rootInfo"]["scoreLead"] > 100) == high
        assert (np.mean(answer["ownership"]) > 0.9) == high


def test_several_turns_and_priorities(evaluator):
    moves = [["B", "Q16"], ["W", "D4"], ["B", "D16"]]
    answers = ask(evaluator, BASE | {"id": "low", "moves": moves, "analyzeTurns": [0, 2, 3]}, BASE | {"id": "high", "priority": 5})
    assert [(a["id"], a["turnNumber"]) for a in answers] == [("high", 0), ("low", 0), ("low", 2), ("low", 3)]


def test_avoid_and_allow(evaluator):
    avoid = [{"player": "B", "moves": ["Q4", "D4", "Q16", "D16"], "untilDepth": 1}]
    (answer,) = ask(evaluator, BASE | {"id": "a", "avoidMoves": avoid})
    assert not {"Q4", "D4", "Q16", "D16"} & {info["move"] for info in answer["moveInfos"]}
    (answer,) = ask(evaluator, BASE | {"id": "a", "allowMoves": [{"player": "B", "moves": ["K10"], "untilDepth": 1}]})
    assert [info["move"] for info in answer["moveInfos"]] == ["K10"]


def test_terminated_and_partial(evaluator):
    slow = BASE | {"id": "slow", "maxVisits": 10**7}
    answers = ask(evaluator, slow, BASE | {"id": "later", "maxVisits": 10**7}, {"id": "t", "action": "terminate", "terminateId": "later"},
                  {"id": "u", "action": "terminate_all"})  # fmt: skip
    assert {a["id"] for a in answers if a.get("noResults")} == {"slow", "later"}
    answers = ask(evaluator, BASE | {"id": "p", "maxVisits": 10**7, "reportDuringSearchEvery": 0.05, "overrideSettings": {"maxTime": 2.0}})
    assert [a["isDuringSearch"] for a in answers][-1] is False
    assert sum(a["isDuringSearch"] for a in answers) >= 2


@pytest.mark.parametrize(("change", "field"), [
    ({"boardXSize": 13, "boardYSize": 13}, "boardXSize"), ({"moves": [["B", "Z9"]]}, "moves"), ({"moves": [["B", "Q16"], ["W", "Q16"]]}, "moves"), ({"moves": "Q16"}, "moves"),
    ({"moves": [["X", "Q16"]]}, "moves"), ({"komi": "six"}, "komi"), ({"analyzeTurns": [7]}, "analyzeTurns"), ({"initialPlayer": "green"}, "initialPlayer"),
    ({"avoidMoves": [{"moves": 3}]}, "avoidMoves"), ({"overrideSettings": 3}, "overrideSettings"), ({"priority": []}, "priority"), ({"action": "dance"}, "action"),
])  # fmt: skip
def test_bad_queries(evaluator, change, field):
    (answer,) = ask(evaluator, BASE | {"id": "bad"} | change)
    assert (answer["id"], answer["field"]) == ("bad", field)
    assert answer["error"]


def test_lines_that_are_no_queries(evaluator):
    answers = ask(
        evaluator, b"nonsense", b"[1]", b'{"moves": []}', b'{"id": 7}', b"\xff\xfe", b"", b"[" * 100_000, {"id": "v", "action": "query_version"}
    )
    assert sum("error" in a for a in answers) == 6
    assert answers[-1]["version"].startswith("gocnn")


def test_unknown_rules_are_said_and_answered(evaluator):
    warning, answer = ask(evaluator, BASE | {"id": "j", "rules": "house"})
    assert warning["field"] == "rules"
    assert answer["moveInfos"]


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


# --- go-show ----------------------------------------------------------------------------------------------------------------------------


def test_layers_and_pictures(tiny_run, sample_files, tmp_path):
    listed = good("go-show", tiny_run, sample_files[0])
    assert [line.split()[1] for line in listed.splitlines()] == ["stem", "block", "block", "norm", "head"]
    assert "5x5" in listed.splitlines()[0]
    assert "13x13" in listed.splitlines()[2]  # 5 + 4 convolutions of 3x3
    good("go-show", tiny_run, sample_files[0], "--at", 60, "--layer", 1, "--picture", tmp_path / "m.png", "--filters", tmp_path / "f.svg", "--field", tmp_path / "r.png",
         "--point", "K10")  # fmt: skip
    assert all((tmp_path / name).stat().st_size > 5000 for name in ("m.png", "f.svg", "r.png"))
    assert "no layer 9" in refused(2, "go-show", tiny_run, "--layer", 9, "--picture", tmp_path / "m.png")
    assert "'Z1'" in refused(2, "go-show", tiny_run, "--point", "Z1", "--field", tmp_path / "m.png")
    assert ".png or .svg" in refused(2, "go-show", tiny_run, "--picture", tmp_path / "m.gif")
    assert "--at needs" in refused(2, "go-show", tiny_run, "--at", 3)
    assert "does not exist" in refused(1, "go-show", tmp_path / "none")


def test_what_an_answer_depends_on_is_where_the_gradient_is():
    """Without context the influence ends where the receptive field ends; feature maps are what the layers compute."""
    import torch

    from gocnn.policy.network import PolicyConfig, PolicyNetwork

    policy = load(default_model())
    planes = planes_of(Board(19), [], policy.groups)
    assert insight.influence(policy, planes, from_gtp("K10")).max() == pytest.approx(1)
    maps = insight.feature_maps(policy, planes, 0)
    with torch.inference_mode():
        expected = policy.network.stem(torch.from_numpy(planes).float())[0].numpy()
    assert np.abs(maps - expected).max() < 1e-4
    torch.manual_seed(0)
    policy.network = PolicyNetwork(PolicyConfig(blocks=2, channels=8, context="none", groups=policy.groups)).eval()
    for part in policy.network.blocks:
        torch.nn.init.ones_(part.second[1].weight)
    heat = insight.influence(policy, planes, from_gtp("K10"))
    side = insight.layers(policy)[-1].receptive_field
    assert side == 13
    rows, columns = np.nonzero(heat > 0)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (9 - 6, 9 + 6, 9 - 6, 9 + 6)
    filters, groups = insight.first_filters(policy)
    assert filters.shape == (8, len(groups), 5, 5)
    assert np.abs(filters.sum(1) - policy.network.stem[0].weight.detach().numpy().sum(1)).max() < 1e-5
