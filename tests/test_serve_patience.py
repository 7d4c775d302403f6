"""Clients that send or read slowly: whoever says nothing, takes nothing or goes is dropped, and the
others are served meanwhile."""

import contextlib
import json
import socket
import time
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gocnn.serve import guard, server
from tests.serving import Client
from tests.serving_page import built, client, raw

__all__ = ["built", "client"]


def slow(connection: socket.socket, seconds: float) -> bool:
    """Whether the server has cut the connection within so long."""
    connection.settimeout(seconds)
    try:
        return connection.recv(1 << 20) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def test_who_does_not_say_what_it_wants_is_dropped(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "UNASKED", 0.2)
    for begun in (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: 1"):
        with socket.create_connection(("127.0.0.1", client.port)) as connection:
            connection.sendall(begun)
            assert slow(connection, 30)
    # nor if it has asked for something before
    with socket.create_connection(("127.0.0.1", client.port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        said = b""
        while b"<title>" not in said:
            said += connection.recv(1 << 16)
        connection.sendall(b"GET / HT")
        assert slow(connection, 30)


def test_a_socket_may_be_silent(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The patience with who asks for nothing ends where a socket begins."""
    monkeypatch.setattr(server, "UNASKED", 0.2)
    with client.socket("/api/analysis") as quiet:
        time.sleep(1.0)
        quiet.send("nonsense")
        assert json.loads(quiet.recv(60))["type"] == "error"


def test_a_body_that_does_not_come_is_given_up(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "PATIENCE", 0.2)
    said = raw(
        client.port, b"POST /api/sgf HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n(;"
    )
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b'{"error":' in said


def test_a_client_that_never_reads_is_dropped(
    client: Client, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "UNREAD", 0.2)
    (built / "large.bin").write_bytes(b"\x00" * (64 << 20))
    with socket.create_connection(("127.0.0.1", client.port)) as connection:
        connection.sendall(b"GET /assets/large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.get("/").status == 200  # the others are served meanwhile
        time.sleep(1.0)
        connection.settimeout(30)
        count = 0
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(1 << 20):
                count += len(part)
        assert count < 64 << 20
    (built / "large.bin").unlink()


def test_a_socket_whose_client_is_gone_is_closed(client: Client) -> None:
    with contextlib.suppress(InvalidStatus, ConnectionClosed), client.socket("/api/nowhere"):
        pass
    with pytest.raises(InvalidStatus) as error:
        client.socket("/api/nowhere")
    assert error.value.response.status_code in (403, 404)
