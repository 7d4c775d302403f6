"""Boards over real sockets: a server with one network, one that counts what it is asked, and what a
board sends and receives."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gocnn.serve.app import create_app
from gocnn.serve.config import ServeConfig
from tests.serving import Client, serving


class Counting:
    """A network that counts what it is asked, and whose answers to searches can be held up."""

    def __init__(self, evaluator: Any) -> None:
        self._evaluator = evaluator
        self.name, self.plane_groups = evaluator.name, evaluator.plane_groups
        self.has_value_head, self.scores = evaluator.has_value_head, evaluator.scores
        self.asked = 0
        self.batches: list[bytes] = []
        self.free = threading.Event()
        self.free.set()
        self.news = threading.Condition()

    def logits(self, batch):
        return self.outputs(batch).logits

    def outputs(self, batch):
        with self.news:
            self.asked += 1
            self.batches.append(batch.tobytes())
            self.news.notify_all()
        if threading.current_thread().name != "first answers":
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
        # what the server tries at its start is over
        wait_until(lambda: not any(one.name == "loading" for one in threading.enumerate()))
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


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come about")
