"""Analysis as board programs read it, by parsers written from its documentation; rules, the bare
network, GoGui's commands."""

import json
import re

import numpy as np
import pytest

import gocnn
from gocnn.board import Board
from gocnn.board.coords import from_gtp
from gocnn.engine.analysis import PLAYED_ON
from gocnn.policy.predictions import predictions
from tests.conftest import ROOT
from tests.conversation import Scripted, engine_on, finished, read_kata, talk

# --- analysis
# ---------------------------------------------------------------------------------------------------------------------------

LZ_MOVE = re.compile(
    r"info move (pass|[A-HJ-T]\d{1,2}) visits (\d+) winrate (\d+) prior (\d+) lcb (\d+) order (\d+)"
    r" pv((?: (?:pass|[A-HJ-T]\d{1,2}))+)"
)


def test_lz_analyze(evaluator):
    played, answer = talk(evaluator, "play b D4", "lz-analyze w 10")
    assert played == ""
    rows = [row for row in answer.split("\n") if row]
    for row in rows:
        moves = LZ_MOVE.findall(row)
        assert " ".join(m.group(0) for m in LZ_MOVE.finditer(row)) == row
        assert [int(m[5]) for m in moves] == list(range(len(moves)))
        assert all(int(m[2]) <= 10000 and m[6].split()[0] == m[0] for m in moves)
    best, *others = said = [(int(m[1]), int(m[3]), int(m[4])) for m in LZ_MOVE.findall(rows[-1])]
    assert [s[:2] for s in others] == sorted((s[:2] for s in others), reverse=True), (
        "by visits, then by prior"
    )
    assert sum(visits for visits, _, _ in said) > 0
    assert best[2] >= max(
        lcb for visits, _, lcb in said if visits >= max(0.15 * max(s[0] for s in said), 1)
    ), "the one that would be played"


@pytest.mark.parametrize("kind", ["lz", "kata"])
def test_an_analysis_that_is_stopped_at_once_has_a_visit(evaluator, kind):
    """What comes next was typed before it began, or while kernels were compiled: clients divide by
    the sum of visits."""
    engine = engine_on(Scripted([], patience=-1), evaluator)
    (row,) = list(engine.commands[f"{kind}-analyze"](["b", "50"]))
    visits = [int(found) for found in re.findall(r" visits (\d+)", row)]
    assert visits[0] == max(visits) > 0


def test_kata_analyze(evaluator):
    for arguments in (
        "10",
        "b 10",
        "b interval 10",
        "interval 10 maxmoves 50",
        "minmoves 2 interval 5 pvVisits true",
    ):
        infos, _, ownership = read_kata(
            talk(evaluator, f"kata-analyze {arguments}")[0].strip().split("\n")[-1]
        )
        assert infos
        assert not ownership
        for order, info in enumerate(infos):
            assert set(info) - {"pvVisits"} == {
                "move",
                "visits",
                "utility",
                "winrate",
                "scoreMean",
                "scoreStdev",
                "scoreLead",
                "scoreSelfplay",
                "prior",
                "lcb",
                "utilityLcb",
                "order",
                "pv",
            }
            assert info["order"] == order
            assert 0 <= info["lcb"] <= info["winrate"] <= 1
            assert info["pv"][0] == info["move"]
            board = Board(19)
            for vertex in info["pv"]:
                board.play(from_gtp(vertex))  # a variation is a legal sequence
    answer = talk(evaluator, "kata-analyze w 10 maxmoves 3 rootInfo true ownership true", "name")[0]
    infos, root, ownership = read_kata(answer.strip().split("\n")[-1])
    assert len(infos) <= 3
    assert root["visits"] == sum(info["visits"] for info in infos)
    assert len(ownership) == 361
    assert all(-1 <= value <= 1 for value in ownership)


def test_every_key_of_kata_analyze_is_answered(evaluator):
    keys = (
        "ownership ownershipStdev movesOwnership movesOwnershipStdev pvVisits pvEdgeVisits"
        " noResultValue rootInfo"
    )
    asked = " ".join(f"{key} true" for key in keys.split())
    line = (
        talk(evaluator, "play b Q16", f"kata-analyze w 10 maxmoves 3 {asked}", "name")[1]
        .strip()
        .split("\n")[-1]
    )
    assert "nan" not in line
    assert "inf " not in line
    infos, root, ownership = read_kata(line)
    assert len(infos) == 3
    for info in infos:
        assert info["pvVisits"] == info["pvEdgeVisits"]
        assert info["pvVisits"][0] == info["visits"]
        assert sorted(info["pvVisits"], reverse=True) == info["pvVisits"]
        assert all(count > 0 for count in info["pvVisits"][:-1]), (
            "all but the last move of a variation were visited"
        )
        assert info["noResultValue"] == 0
        assert len(info["movesOwnership"]) == len(info["movesOwnershipStdev"]) == 361
        assert all(0 <= value <= 1 for value in info["movesOwnershipStdev"])
        assert all(-1 <= value <= 1 and value for value in info["movesOwnership"])
    assert len(root["ownershipStdev"]) == 361
    assert all(value for value in ownership)
    # the best is the one with the most visits, which need not lead by most to a hair
    assert max(info["scoreLead"] for info in infos) < infos[0]["scoreLead"] + 0.5, (
        "the best move's, since Sabaki shows the largest"
    )
    off = (
        talk(evaluator, "kata-analyze 10 " + asked.replace("true", "false"))[0]
        .strip()
        .split("\n")[-1]
    )
    assert not set(keys.split()) & set(off.split())
    assert (
        talk(evaluator, "kata-analyze 10 pvVisits maybe")[0]
        == "?syntax error: pvvisits is true or false"
    )


def test_so_many_moves_at_least(evaluator):
    rows = [
        talk(evaluator, "play b K10", f"kata-analyze w 5 minmoves {least}")[1]
        .strip()
        .split("\n")[-1]
        for least in (1, 40)
    ]
    few, many = (len(read_kata(row)[0]) for row in rows)
    assert few <= 12
    assert many == 40


def test_moves_are_avoided_until_a_ply(evaluator):
    """Where white may answer in one place only, every variation goes there."""
    row = (
        talk(evaluator, "kata-analyze b 30 maxmoves 4 allow w K10 3 avoid b K10 1")[0]
        .strip()
        .split("\n")[-1]
    )
    assert {info["pv"][1] for info in read_kata(row)[0] if len(info["pv"]) > 1} == {"K10"}


class Blind:
    """A network without a value head: that which ships, unasked for who wins."""

    def __init__(self, evaluator) -> None:
        (
            self.evaluator,
            self.name,
            self.plane_groups,
            self.has_value_head,
            self.scores,
            self.asked,
        ) = (evaluator, "blind", evaluator.plane_groups, False, False, 0)

    def outputs(self, batch):
        self.asked += len(batch)
        return predictions(self.evaluator.logits(batch))

    def logits(self, batch):
        return self.outputs(batch)[0]


def test_variations_without_a_search_are_cheap_and_legal(evaluator):
    blind = Blind(evaluator)
    infos, _, _ = read_kata(
        talk(blind, "play b Q16", "kata-analyze w 10")[1].strip().split("\n")[-1]
    )
    assert len(infos[0]["pv"]) == PLAYED_ON
    assert {len(info["pv"]) for info in infos[1:]} == {2}
    for info in infos:
        board = Board(19)
        for vertex in ["Q16", *info["pv"]]:
            board.play(from_gtp(vertex))
    assert blind.asked == 1 + len(infos) + PLAYED_ON - 2, (
        "the position, each move's answer, and the first variation"
    )


def test_the_transcript_in_the_documents_is_the_format():
    lines = [
        line.strip()
        for line in (ROOT / "docs" / "play.md").read_text().splitlines()
        if line.startswith("    info ")
    ]
    assert len(lines) == 2
    position = gocnn.position(moves=["Q16", "D4", "Q4"])
    policy = gocnn.load("base").evaluate(position).policy
    for line in lines:
        infos, root, _ = read_kata(line)
        for info in infos:  # what ships today says so
            assert info["prior"] == pytest.approx(policy[from_gtp(info["move"])], abs=0.005)
        assert [info["order"] for info in infos] == [0, 1]
        assert all(info["pv"][0] == info["move"] and 0 < info["prior"] < 1 for info in infos)
        assert bool(root) == ("rootInfo" in line)


def test_analysis_is_of_the_side_to_move(evaluator):
    """Black far ahead: who owns what and the winrate turn with the side."""
    black, white = (
        read_kata(
            talk(evaluator, *finished(), f"komi {komi}", f"kata-analyze {side} 10 ownership true")[
                -1
            ]
            .strip()
            .split("\n")[-1]
        )
        for side, komi in (("b", -50), ("w", -50))
    )
    assert black[0][0]["winrate"] > 0.9 > 0.1 > white[0][0]["winrate"]
    assert black[0][0]["scoreLead"] > 20 > -20 > white[0][0]["scoreLead"]
    assert black[2][0] > 0.9 > -0.9 > white[2][0]  # A19, the first value, is black's
    assert black[2][18] < -0.9  # T19


def test_avoid_and_allow(evaluator):
    best = read_kata(talk(evaluator, "kata-analyze b 5")[0].strip())[0][0]["move"]
    avoided = [
        i["move"]
        for i in read_kata(
            talk(evaluator, f"kata-analyze b 5 avoid b {best} 1")[0].strip().split("\n")[-1]
        )[0]
    ]
    assert best not in avoided
    allowed = read_kata(
        talk(evaluator, "kata-analyze b 5 allow b K10,A1 1")[0].strip().split("\n")[-1]
    )[0]
    assert {i["move"] for i in allowed} <= {"K10", "A1"}
    assert talk(evaluator, "lz-genmove_analyze b 5 allow b K10 1")[0].split("\n")[-1] == "play K10"
    assert talk(
        evaluator,
        "kata-analyze b 5 avoid b",
        "kata-analyze dance 3",
        "kata-analyze b interval",
        "kata-analyze interval x",
        "kata-analyze avoid w Z1 1",
    ) == [
        "?syntax error: avoid COLOR VERTEX,VERTEX,... DEPTH",
        "?syntax error: unknown key dance",
        "?syntax error: interval needs a value",
        "?syntax error: a whole number is expected",
        "?invalid vertex",
    ]


@pytest.mark.parametrize("command", ["lz-genmove_analyze", "kata-genmove_analyze"])
def test_genmove_analyze_plays_what_it_says(evaluator, command):
    """The move that its last line puts first, which need not be the one that the network by itself
    likes best."""
    for interval in (1, 5, 20):
        answer, stones = talk(evaluator, "play w D4", f"{command} b {interval}", "list_stones b")[
            1:
        ]
        *rows, move = answer.split("\n")
        first = re.match(r"info move (\S+) ", rows[-1])
        assert first
        assert move == f"play {first[1]}"
        assert stones == first[1]


def test_raw_network(evaluator):
    answer = talk(evaluator, "play b D4", "kata-raw-nn 0", "kata-raw-nn all", "kata-raw-nn 8")
    assert answer[3].startswith("?syntax error")
    assert answer[2].count("symmetry") == 8
    rows = answer[1].split("\n")
    at = rows.index("policy")
    grid = np.array([[float(x) for x in row.split()] for row in rows[at + 1 : at + 20]])
    assert np.isnan(grid[15, 3])  # D4, the fourth row from below
    assert np.isnan(grid).sum() == 1
    total = np.nansum(grid) + float(
        next(row.split()[1] for row in rows if row.startswith("policyPass"))
    )
    assert total == pytest.approx(1, abs=1e-3)
    at = rows.index("whiteOwnership")
    assert np.array([row.split() for row in rows[at + 1 : at + 20]]).shape == (19, 19)
    # The turned board, turned back, says nearly the same.
    turned = talk(evaluator, "play b D4", "kata-raw-nn 5")[1].split("\n")
    other = np.array(
        [[float(x) for x in row.split()] for row in turned[turned.index("policy") + 1 :][:19]]
    )
    assert np.nanmax(np.abs(grid - other)) < 0.3


def test_rules(evaluator):
    assert json.loads(talk(evaluator, "kata-get-rules")[0])["ko"] == "POSITIONAL"
    assert (
        json.loads(talk(evaluator, "kata-set-rules chinese", "kata-get-rules")[1])["ko"] == "SIMPLE"
    )
    assert talk(evaluator, "kata-list_rules")[0].count("AREA") == 11
    assert (
        json.loads(
            talk(
                evaluator,
                'kata-set-rules {"ko":"SIMPLE","scoring":"AREA","suicide":false}',
                "kata-get-rules",
            )[1]
        )["ko"]
        == "SIMPLE"
    )
    assert (
        json.loads(talk(evaluator, "kata-set-rule ko SIMPLE", "kata-get-rules")[1])["ko"]
        == "SIMPLE"
    )
    for wish in ("house", '{"ko":"SPIGHT"}', '{"hasButton":true}', "[1]", "{"):
        failed, rules = talk(evaluator, f"kata-set-rules {wish}", "kata-get-rules")
        assert failed.startswith("?")
        assert json.loads(rules)["ko"] == "POSITIONAL"


def test_gogui(evaluator):
    listed, heat, graphics, owner = talk(
        evaluator, "gogui-analyze_commands", "gocnn-policy", "gocnn-policy_gfx", "gocnn-ownership"
    )
    known = talk(evaluator, "list_commands")[0].split("\n")
    for line in listed.split("\n"):
        kind, label, command = line.split("/")
        assert kind in ("gfx", "dboard", "plist", "string")
        assert label
        assert command.split()[0] in known
    for board in (heat, owner):
        values = np.array([[float(x) for x in row.split()] for row in board.strip().split("\n")])
        assert values.shape == (19, 19)
        assert (np.abs(values) <= 1).all()
    assert "INFLUENCE" in graphics
    assert "LABEL" in graphics
