"""The socket of a board, over real sockets: its answers are the library's and the command's own,
for one request after another."""

import json
import random
from typing import Any

import numpy as np
import pytest

import gocnn
from gocnn.board import BLACK, symmetry
from gocnn.board.coords import from_gtp, to_gtp
from gocnn.engine import levels
from gocnn.engine.analysis import Analysis
from gocnn.engine.game import Game
from gocnn.engine.limits import MOST_VISITS
from gocnn.engine.player import Player
from gocnn.engine.rulesets import RULES
from gocnn.gtp.analysis_json.session import Answerer
from gocnn.serve import sharing
from tests.conversation import Scripted
from tests.knower import SPREAD, Knower, truth
from tests.serving_boards import GAME, KO, Counting, ask, pairs, receive, served, server, until_done

__all__ = ["served"]


@pytest.mark.parametrize("moves", ["", GAME, KO])
@pytest.mark.parametrize("symmetries", [1, 8])
def test_the_policy_is_what_the_library_says(served, evaluator, moves, symmetries):
    net = gocnn.Network(evaluator)
    position = gocnn.position(moves=moves, komi=7.5)
    said = net.evaluate(position, symmetries=symmetries)
    with served.socket("/api/analysis") as socket:
        ask(socket, 3, {"moves": pairs(moves), "komi": 7.5}, symmetries=symmetries)
        policy, report = until_done(socket, 3)
    np.testing.assert_allclose(policy["policy"], said.policy, atol=2e-6)
    assert policy["value"] == pytest.approx(said.value, abs=1e-4)
    sign = 1 if position.board.to_play == BLACK else -1
    assert said.score is not None
    assert policy["score"] == pytest.approx(sign * said.score, abs=0.02)
    assert policy["score_stdev"] > 0
    assert len(policy["ownership"]) == 361
    assert policy["to_play"] == "bw"[len(moves.split()) % 2]
    legal = position.board.legal()
    empty = position.board.stones().ravel() == 0
    expected = {index for index in range(361) if empty[index] and not legal[index]}
    assert {from_gtp(vertex) for vertex in policy["illegal"]} == expected
    assert bool(expected) == (moves == KO)
    suggested = net.suggest(position, top=1, symmetries=symmetries)[0]
    first = from_gtp(report["moves"][0]["move"])
    if moves or symmetries == 1:
        assert int(np.argmax(policy["policy"])) == suggested.index == first
    else:  # the empty board looks alike from all sides, but for rounding
        alike = {symmetry.permutation(s)[suggested.index] for s in range(8)}
        assert {int(np.argmax(policy["policy"])), first} <= alike
    assert report["visits"] == 0
    assert len(report["ownership"]) == 361


def test_a_report_is_what_the_command_says(served, evaluator, monkeypatch):
    # a report on the way adds playouts, by which leads are told
    monkeypatch.setattr(sharing, "FIRST_REPORT", 1e9)
    monkeypatch.setattr(sharing, "SLICE", 1e9)  # in one turn, as the command does
    moves = pairs(GAME)
    query = {
        "id": "q",
        "moves": moves,
        "rules": "japanese",
        "komi": 6.5,
        "maxVisits": 40,
        "includeOwnership": True,
        "boardXSize": 19,
        "boardYSize": 19,
        "overrideSettings": {"reportAnalysisWinratesAs": "SIDETOMOVE"},
    }
    written: list[str] = []
    lines: Any = Scripted([json.dumps(query).encode()], -1)
    Answerer(Player(evaluator), lines, written.append).run()
    expected = json.loads(written[-1])
    with served.socket("/api/analysis") as socket:
        ask(socket, 1, {"moves": moves, "rules": "japanese", "komi": 6.5}, visits=40)
        _, report = until_done(socket, 1)
    assert report["visits"] == expected["rootInfo"]["visits"]
    assert report["winrate"] == pytest.approx(expected["rootInfo"]["winrate"], abs=1e-4)
    assert report["lead"] == pytest.approx(expected["rootInfo"]["scoreLead"], abs=1e-2)
    for mine, theirs in zip(report["moves"], expected["moveInfos"], strict=True):
        assert (mine["move"], mine["visits"]) == (theirs["move"], theirs["visits"])
        assert mine["line"] == theirs["pv"]
        for key, other in (("winrate", "winrate"), ("lcb", "lcb"), ("prior", "prior")):
            assert mine[key] == pytest.approx(theirs[other], abs=1e-4)
    from_the_top = np.array(expected["ownership"]).reshape(19, 19)[::-1].ravel()
    np.testing.assert_allclose(report["ownership"], from_the_top, atol=0.011)


# --- other networks


def test_a_network_that_says_a_score(monkeypatch):
    monkeypatch.setattr(sharing, "FIRST_REPORT", 1e9)
    knower = Knower(tempo=2.0, prefers=(from_gtp("K10"), from_gtp("Q16")))
    stones = {"black": ["D4", "C6"], "white": ["Q17"]}
    for first, sign in (("b", 1), ("w", -1)):
        game = Game(2.5, RULES["chinese"])
        game.set_up([from_gtp("D4"), from_gtp("C6")], [from_gtp("Q17")], BLACK if sign > 0 else 2)
        expected = sign * truth(game.board)
        analysis = Analysis(Player(knower), game, game.board.to_play)
        analysis.advance(600, lambda: False, 12)
        with server(knower) as (client, _), client.socket("/api/analysis") as socket:
            ask(socket, 1, stones | {"moves": [], "komi": 2.5, "first": first}, visits=12)
            policy, report = until_done(socket, 1)
        np.testing.assert_allclose(policy["ownership"], expected, atol=0.0051)
        assert policy["score"] == pytest.approx(expected.sum() + 2.0 - sign * 2.5, abs=0.01)
        assert policy["score_stdev"] == pytest.approx(SPREAD, abs=0.01)
        assert policy["to_play"] == first
        whole = analysis.estimate()
        assert report["lead"] == pytest.approx(sign * whole.score_mean, abs=0.01)
        np.testing.assert_allclose(report["ownership"], sign * whole.owner, atol=0.0051)
        assert [(c["move"], c["visits"]) for c in report["moves"]] == [
            (to_gtp(info.index), info.visits) for info in analysis.moves()
        ]


def test_a_network_that_knows_the_winner_alone(scoreless):
    with server(scoreless) as (client, _), client.socket("/api/analysis") as socket:
        ask(socket, 1, {"moves": pairs(GAME)})
        policy, report = until_done(socket, 1)
    assert 0 < policy["value"] < 1
    assert (policy["score"], policy["score_stdev"], policy["ownership"]) == (None, None, None)
    assert len(report["ownership"]) == 361  # by playouts


def test_a_network_that_says_moves_alone(evaluator):
    blind = Counting(evaluator)
    blind.has_value_head = blind.scores = False
    with server(blind) as (client, _), client.socket("/api/analysis") as socket:
        ask(socket, 1, {"moves": pairs(GAME)}, visits=20, ownership=False)
        policy, report = until_done(socket, 1)
        for key in ("value", "score", "score_stdev", "ownership"):
            assert key in policy
        assert report["visits"] >= 20
        assert report["ownership"] is None
        assert 0 <= report["winrate"] <= 1  # by playouts
        assert [c["prior"] for c in report["moves"]] == sorted(
            (c["prior"] for c in report["moves"]), reverse=True
        )


@pytest.mark.parametrize("level", ["15k", "3k"])
def test_how_often_a_level_makes_each_move(served, evaluator, level):
    player = Player(evaluator)
    player.level = levels.parse(level)
    assert not player.level.visits
    game = Game(6.5, RULES["chinese"])
    for _, vertex in pairs(GAME):
        game.play(from_gtp(vertex), game.board.to_play)
    with served.socket("/api/analysis") as socket:
        ask(socket, 1, {"moves": pairs(GAME)}, level=level)
        _, report = until_done(socket, 1)
        np.testing.assert_allclose(report["chances"], player.chances(game, BLACK), atol=2e-6)
        ask(socket, 2, {"moves": pairs(GAME)}, level="max")  # looks ahead itself
        assert until_done(socket, 2)[1]["chances"] is None
        ask(socket, 3, {"moves": []}, level="40k")
        assert "there is no level '40k'" in receive(socket)["error"]


# --- one request after another


def test_what_was_seen_is_kept_for_the_position_that_follows():
    knower = Knower(prefers=(from_gtp("K10"), from_gtp("Q16")))
    with server(knower) as (client, _), client.socket("/api/analysis") as socket:
        ask(socket, 1, {"moves": []}, visits=60)
        _, first = until_done(socket, 1)
        kept = {c["move"]: c["visits"] for c in first["moves"]}["K10"]
        assert kept > 2
        before = knower.asked
        ask(socket, 2, {"moves": [["b", "K10"]]}, visits=kept - 1)
        _, second = until_done(socket, 2)
        # one evaluation for the policy, none for visits (those of the move itself count one more)
        assert (knower.asked - before, second["visits"]) == (1, kept - 1)
        # another komi is another search
        ask(socket, 3, {"moves": [["b", "K10"]], "komi": 0.5}, visits=0)
        assert until_done(socket, 3)[1]["visits"] == 0


@pytest.mark.parametrize("rounds", [3])
def test_a_request_that_was_replaced_never_answers_late(rounds):
    with server(Knower()) as (client, _), client.socket("/api/analysis") as socket:
        rng, number, done = random.Random(1), 0, 0
        for _ in range(rounds):
            burst = rng.randrange(10, 40)
            for _ in range(burst):
                number += 1
                moves = pairs(" ".join(rng.sample(GAME.split(), rng.randrange(10))))
                kind = rng.randrange(4)
                if kind == 0:
                    moves += moves[:1]  # illegal, if there is one
                ask(socket, number, {"moves": moves}, visits=rng.choice([0, 5, 10_000]))
            number += 1
            ask(socket, number, {"moves": pairs(GAME)}, visits=40)
            while True:
                answer = receive(socket)
                assert answer["id"] >= done, "an answer to what had been replaced"
                done = answer["id"]
                if answer.get("done") and answer["id"] == number:
                    break


def test_stop_is_heeded():
    counting = Counting(Knower())
    with server(counting) as (client, _), client.socket("/api/analysis") as socket:
        ask(socket, 1, {"moves": []}, visits=MOST_VISITS)
        counting.wait_for(counting.asked + 20)
        socket.send('{"type": "stop"}')
        # whoever asks next is answered by the same thread: nothing goes on behind it
        ask(socket, 2, {"moves": pairs(GAME)})
        while receive(socket)["id"] == 1:
            pass
        asked = counting.asked
        with client.socket("/api/analysis") as other:
            ask(other, 1, {"moves": pairs(KO)})
            until_done(other, 1)
        assert counting.asked - asked <= 5
