"""Clients of the socket that are gone, never read or say nothing: their searches end, by a count of
what the network is still asked, and the others are served."""

import json
import socket as socket_module
import threading
import time

import pytest
from websockets.exceptions import ConnectionClosed

from gocnn.engine.limits import MOST_VISITS
from gocnn.serve import server as serve_server
from gocnn.serve import streams
from tests.knower import Knower
from tests.serving_boards import GAME, Counting, ask, pairs, server, until_done, wait_until


def test_a_closed_tab_ends_its_search(evaluator):
    counting = Counting(Knower())
    with server(counting) as (client, state):
        with client.socket("/api/analysis") as alone:
            before = counting.asked
            ask(alone, 1, {"moves": pairs(GAME)})
            until_done(alone, 1)
            needs = counting.asked - before
        with client.socket("/api/analysis") as stays, client.socket("/api/analysis") as goes:
            ask(goes, 1, {"moves": []}, visits=MOST_VISITS)
            counting.wait_for(counting.asked + 50)
            goes.close()
            wait_until(lambda: len(state.sharing._boards) == 1)
            asked = counting.asked
            ask(stays, 1, {"moves": pairs(GAME)})
            until_done(stays, 1)
            # at most the evaluation that was under way
            assert counting.asked - asked in (needs, needs + 1)
        wait_until(lambda: not state.sharing._boards)
        wait_until(lambda: not state.sharing._threads)
        assert state.sharing.bytes == 0


def test_a_closed_tab_ends_the_search_for_a_move():
    counting = Counting(Knower())
    with server(counting) as (client, _):
        counting.free.clear()
        asked = counting.asked
        body = json.dumps({"position": {"moves": []}, "visits": 100_000, "seconds": 60}).encode()
        with socket_module.create_connection(("127.0.0.1", client.port)) as raw:
            head = f"POST /api/play HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\n"
            length = f"Content-Length: {len(body)}\r\n\r\n"
            raw.sendall(head.encode() + length.encode() + body)
            counting.wait_for(asked + 1)
        counting.free.set()
        wait_until(lambda: not any(one.name == "answering" for one in threading.enumerate()))
        # a search to its end asks for a sixteenth of its visits at the least
        assert counting.asked - asked < 100_000 / 16


def test_a_board_that_waits_for_a_network_keeps_nobody_else_waiting():
    with (
        server(Knower()) as (client, state),
        state._lock,  # as while a network is being opened
        client.socket("/api/analysis"),
    ):
        answer = client.ask("POST", "/api/legal", {"position": {"moves": []}}, timeout=10)
        assert answer.json()["to_play"] == "b"


def test_a_client_that_never_reads_is_dropped(monkeypatch):
    monkeypatch.setattr(streams, "PATIENCE", 0.5)
    monkeypatch.setattr(serve_server, "UNREAD", 1.0)
    with server(Knower()) as (client, state):
        raw = socket_module.socket()
        raw.setsockopt(socket_module.SOL_SOCKET, socket_module.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", client.port))
        with client.socket("/api/analysis", sock=raw) as socket:
            # this client stops reading once 16 messages wait in it
            with pytest.raises(ConnectionClosed):
                for _ in range(1_000_000):
                    socket.send("x" * 200)
            wait_until(lambda: not state.sharing._boards)
        with client.socket("/api/analysis") as other:
            ask(other, 1, {"moves": []})
            until_done(other, 1)


def test_a_quiet_client_is_kept(monkeypatch):
    monkeypatch.setattr(serve_server, "UNASKED", 0.05)
    with server(Knower()) as (client, _), client.socket("/api/analysis") as socket:
        time.sleep(0.5)
        ask(socket, 1, {"moves": []})
        until_done(socket, 1)
