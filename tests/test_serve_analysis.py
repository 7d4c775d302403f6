"""The socket of a board, over real sockets: its answers are the library's own, boards share the
processor fairly, and whoever is gone, replaced or wrong costs the others nothing."""

import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import gocnn
from gocnn.board.coords import from_gtp
from gocnn.engine.player import Player
from gocnn.gtp.analysis_json.session import Answerer
from gocnn.serve import sharing
from gocnn.serve.app import create_app
from gocnn.serve.config import ServeConfig
from tests.conversation import Scripted
from tests.serving import Client, serving


class Counting:
    """A network that counts what it is asked, and can be held up."""

    def __init__(self, evaluator: Any) -> None:
        self._evaluator = evaluator
        self.name, self.plane_groups = evaluator.name, evaluator.plane_groups
        self.has_value_head, self.scores = evaluator.has_value_head, evaluator.scores
        self.asked = 0
        self.free = threading.Event()
        self.free.set()
        self.news = threading.Condition()

    def logits(self, batch):
        return self.outputs(batch).logits

    def outputs(self, batch):
        with self.news:
            self.asked += 1
            self.news.notify_all()
        self.free.wait(60)
        return self._evaluator.outputs(batch)

    def wait_for(self, count: int) -> None:
        """Until it has been asked so often."""
        with self.news:
            assert self.news.wait_for(lambda: self.asked >= count, 120)


@contextlib.contextmanager
def server(evaluator: Any) -> Iterator[tuple[Client, Any]]:
    """A server whose only network is this one, and its state."""
    app = create_app(ServeConfig())
    app.state.serve._open["small"] = evaluator
    with serving(app=app) as client:
        yield client, app.state.serve


@pytest.fixture(scope="module")
def served(evaluator) -> Iterator[Client]:
    with server(evaluator) as (client, _):
        yield client


def ask(socket: Any, number: int, position: dict[str, Any], **options: Any) -> None:
    socket.send(
        json.dumps({"type": "analyse", "id": number, "position": position, "visits": 0} | options)
    )


def receive(socket: Any) -> dict[str, Any]:
    return json.loads(socket.recv(120))


def until_done(socket: Any, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The policy and the last report of an answer, which must be well formed."""
    policy = receive(socket)
    assert (policy["type"], policy["id"]) == ("policy", number), policy
    while True:
        report = receive(socket)
        assert (report["type"], report["id"]) == ("report", number), report
        if report["done"]:
            return policy, report


def pairs(text: str) -> list[list[str]]:
    return [["bw"[k % 2], vertex] for k, vertex in enumerate(text.split())]


GAME = "Q16 D4 Q3 D17 R5 C14 O17 F3 K4 Q10"
KO = "D4 E4 C3 F3 D2 E2 E3 K10 K11 D3"
"""White has just taken at D3 where black may not take back at once (E3)."""


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
    assert (policy["score"], policy["score_stdev"], policy["ownership"]) == (None, None, None)
    assert policy["to_play"] == "bw"[len(moves.split()) % 2]
    legal = position.board.legal()
    empty = position.board.stones().ravel() == 0
    expected = {index for index in range(361) if empty[index] and not legal[index]}
    assert {from_gtp(vertex) for vertex in policy["illegal"]} == expected
    assert bool(expected) == (moves == KO)
    suggested = net.suggest(position, top=1, symmetries=symmetries)[0]
    assert int(np.argmax(policy["policy"])) == suggested.index
    assert report["visits"] == 0
    assert report["moves"][0]["move"] == suggested.vertex
    assert len(report["ownership"]) == 361


def test_a_report_is_what_the_command_says(served, evaluator, monkeypatch):
    # a report on the way adds playouts, by which leads are told
    monkeypatch.setattr(sharing, "FIRST_REPORT", 1e9)
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
    Answerer(Player(evaluator), Scripted([json.dumps(query).encode()], -1), written.append).run()
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
