"""The server itself: uvicorn on a socket of ours. It ends at once, and drops who does not read."""

import asyncio
import contextlib
import errno
import os
import socket
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from gocnn.errors import UserError
from gocnn.serve.bodies import Failure, encoded
from gocnn.serve.config import RECORD_BYTES
from gocnn.serve.guard import LONGEST_HEAD, is_loopback

UNREAD = 20.0
"""Seconds after which a client is dropped that does not read what is sent to it."""

UNASKED = 20.0
"""Seconds that a client may take to begin, and to end, the head of its request."""

IDLE = 30
"""Seconds that a connection is kept for another request."""


class _Reading:
    """A client that must read: the protocol of a connection, which is cut once nothing was read for
    `UNREAD` seconds."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    _overdue: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()  # type: ignore[misc]
        if self._overdue is None:
            self._overdue = self.loop.call_later(UNREAD, self._cut)

    def resume_writing(self) -> None:
        super().resume_writing()  # type: ignore[misc]
        self._relax()

    def connection_lost(self, exc: Exception | None) -> None:
        self._relax()
        super().connection_lost(exc)  # type: ignore[misc]

    def _relax(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _cut(self) -> None:
        self._overdue = None
        self.transport.abort()


class _Http(_Reading, H11Protocol):
    """HTTP. A client that does not say what it wants is cut, too; what is no HTTP gets an error as
    everything else does."""

    _begun: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport.get_protocol() is not self:
            return  # it is a WebSocket from now on
        if self.cycle is None or self.cycle.response_complete:
            self._expect()
        else:
            self._heard()

    def connection_lost(self, exc: Exception | None) -> None:
        self._heard()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: Any) -> None:
        self._heard()
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        body = encoded(
            Failure(f"the request is no HTTP, or its head is longer than {LONGEST_HEAD >> 10} KB")
        )
        head = (
            "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\n"
            f"X-Content-Type-Options: nosniff\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _expect(self) -> None:
        if self._begun is None:
            self._begun = self.loop.call_later(UNASKED, self.transport.abort)

    def _heard(self) -> None:
        if self._begun is not None:
            self._begun.cancel()
            self._begun = None


class _Socket(_Reading, WebSocketsSansIOProtocol):
    """A WebSocket."""


class Server(uvicorn.Server):
    """A server that ends at once when it is told to. `ended_by`: the signal that did, or None."""

    def __init__(self, app: ASGIApp, ready: Callable[[], None] = lambda: None) -> None:
        """ready: called once it answers."""
        super().__init__(
            uvicorn.Config(
                app,
                http=_Http,
                ws=_Socket,
                loop="asyncio",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=IDLE,
                # beyond this a socket is closed without a word: more than the page can ask, so that
                # it is told what its socket's own limit is
                ws_max_size=RECORD_BYTES,
                ws_per_message_deflate=False,
                h11_max_incomplete_event_size=LONGEST_HEAD,
            )
        )
        self._ready = ready
        self.ended_by: int | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Cut all connections: what is under way has no end of its own (sockets, events)."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for task in list(self.server_state.tasks):
            task.cancel()
        await self.lifespan.shutdown()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note the signal; the loop looks ten times a second."""
        self.ended_by = self.ended_by or sig
        self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises UserError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=256)
    except OSError as error:
        raise UserError(_cannot_listen(host, port, error)) from error


def _cannot_listen(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} of {host} is taken: another program listens there, perhaps this one in"
            " another terminal; end that, or choose another --port (0: any that is free)"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {port} may not be used here; choose a --port above 1023"
    # create_server raises an OSError of its own in place of the one that it met
    unknown = any(isinstance(e, socket.gaierror) for e in (error, error.__context__))
    if unknown or error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return (
            f"--host {host} is no address of this machine; leave it out, or give 0.0.0.0 for all"
            " it has"
        )
    return f"cannot listen at {host}, port {port}: {error.strerror or error}; choose another --port"


def link(listener: socket.socket, token: str | None) -> str:
    """The address to open."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = _own_address(listener.family)
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/" + (f"?token={token}" if token else "")


def _own_address(family: int) -> str:
    """An address by which others reach this machine; nothing is sent to find it."""
    target = ("2001:db8::1", 9) if family == socket.AF_INET6 else ("192.0.2.1", 9)
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.connect(target)
        found = str(asking.getsockname()[0])
        if not is_loopback(found):
            return found
    return socket.gethostname()


def leave(number: int) -> None:
    """End this process by a signal's exit code, whatever its threads are at."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(128 + number)
