"""Messages that go on: server-sent events, and the sockets of clients."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Generic, TypeVar

from msgspec import Struct
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from gocnn.messages import BadMessage, read
from gocnn.serve import failures
from gocnn.serve.bodies import encoded, known, named, parse, size_text

PATIENCE = 10.0
"""Seconds that the client of a socket may leave unread what it was sent; then it is dropped."""

KEEP_ALIVE = 15.0
"""Seconds of silence after which a stream of events says that it is still there."""


class EventStream(Response):
    """Server-sent events, until they end or the client has gone."""

    media_type = "text/event-stream"

    def __init__(self, source: AsyncIterator[Struct], doing: str) -> None:
        super().__init__()
        self._source, self._doing = source, doing
        self.raw_headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        pump = asyncio.create_task(self._pump(send))
        gone = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait((pump, gone), return_when=asyncio.FIRST_COMPLETED)
            if pump.done():
                await pump
        finally:
            for task in (pump, gone):
                task.cancel()
            await asyncio.gather(pump, gone, return_exceptions=True)

    async def _pump(self, send: Send) -> None:
        waiting: asyncio.Task[Struct | None] | None = None
        try:
            while True:
                waiting = waiting or asyncio.create_task(self._next())
                done, _ = await asyncio.wait((waiting,), timeout=KEEP_ALIVE)
                text = b": still here\n\n"
                if done:
                    event, waiting = waiting.result(), None
                    if event is None:
                        break
                    text = _event(event)
                await send({"type": "http.response.body", "body": text, "more_body": True})
        except Exception as error:  # noqa: BLE001 - told to the client
            told = _event(Trouble(failures.sentence(error, self._doing)))
            await send({"type": "http.response.body", "body": told, "more_body": True})
        finally:
            if waiting is not None:
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
            closing = getattr(self._source, "aclose", None)
            if closing is not None:
                await closing()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _next(self) -> Struct | None:
        return await anext(self._source, None)


def _event(event: Struct) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (named(event).encode(), encoded(event))


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Trouble(Struct, tag="error"):
    """A message that could not be followed: its id, if it has one, and why."""

    error: str
    id: int | None = None


S = TypeVar("S")


class Socket(Generic[S]):
    """A client's socket. Iterating over it gives its messages, and ends when the client has gone;
    messages that do not fit are answered with an error, `{"type": "error", "id": N or null,
    "error": sentence}`, and left out.

    Whoever iterates must come back for the next message soon (work belongs into a task of its own):
    a client that goes away is noticed there.
    """

    def __init__(self, websocket: WebSocket, receives: tuple[type[Struct], ...], most: int) -> None:
        self._websocket, self._most = websocket, most
        self._kinds = {str(one.__struct_config__.tag): one for one in receives}
        self._sending = asyncio.Lock()

    async def __aiter__(self) -> AsyncIterator[S]:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text") or message.get("bytes") or b""
            number: Any = None
            try:
                values = self._parse(text)
                number = values.get("id")
                yield self._read(values)
            except BadMessage as bad:
                await self.fail(failures.sentence(bad, ""), number if type(number) is int else None)

    def _parse(self, text: str | bytes) -> dict[str, Any]:
        if len(text) > self._most:
            raise BadMessage("", f"the message is larger than {size_text(self._most)}")
        return parse(text)

    def _read(self, values: dict[str, Any]) -> Any:
        name = values.get("type")
        kind = self._kinds.get(name) if isinstance(name, str) else None
        if kind is None:
            raise BadMessage("type", f"it is one of {', '.join(self._kinds)}")
        known(values, kind)
        return read(values, kind)

    async def send(self, message: Struct) -> None:
        """Send one; waits where the client is slow. Raises WebSocketDisconnect where it has gone,
        or has read nothing for `PATIENCE`."""
        text = encoded(message).decode()
        try:
            async with asyncio.timeout(PATIENCE), self._sending:
                await self._websocket.send_text(text)
        except TimeoutError:
            raise WebSocketDisconnect(1013, "nothing was read") from None

    async def fail(self, sentence: str, number: int | None = None) -> None:
        """Send an error about the message with that id."""
        await self.send(Trouble(sentence, number if _is_safe(number) else None))


def _is_safe(number: int | None) -> bool:
    """Whether msgspec writes the number."""
    return number is not None and -(1 << 63) <= number < 1 << 63
