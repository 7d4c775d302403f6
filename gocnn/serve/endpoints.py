"""Endpoints: a function, its message and its answer, made into a route.

A route module declares each of its endpoints with one call:

    class Asked(Struct):
        name: str
        top: Annotated[int, Meta(ge=1, le=362)] = 5

    class Answer(Struct):
        moves: list[str]

    def moves(state: ServeState, asked: Asked) -> Answer:
        '''The likeliest moves. (This line, Asked and Answer are what GET /api shows.)'''

    def routes(state: ServeState) -> list[BaseRoute]:
        return [post("/api/moves/{name}", partial(moves, state))]

What a function is handed follows from its annotations. A parameter whose type is a msgspec struct
gets the message: its fields are those of the JSON object in a POST's body, of the query, and of the
path (the later one counts; numbers in query and path may be texts). One of type `bytes` gets the
body as it is. One of type `Request` gets Starlette's request. A plain function runs in a thread
beside the loop, one that is `async` in the loop.

What it returns is sent: a struct (or anything msgspec writes) as JSON, `bytes` or a `Response` as
it is. What it raises is answered with `{"error": sentence}`: `Refusal` with its status, BadMessage
and UserError with 400, a package that is missing with 503, anything else with 500 (and a line on
standard error).

`events` makes an endpoint of server-sent events of an async generator, `socket` one for messages to
and fro. Their messages are structs with a tag, as `class Stop(Struct, tag="stop")`: the tag is the
event's name, or the socket message's `type`.
"""

import asyncio
import contextlib
import inspect
import threading
import typing
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from gocnn.messages import BadMessage, read, unknown
from gocnn.serve import failures
from gocnn.serve.config import MESSAGE_BYTES
from gocnn.serve.failures import Refusal

PATIENCE = 10.0
"""Seconds that the client of a socket may leave unread what it was sent; then it is dropped."""

KEEP_ALIVE = 15.0
"""Seconds of silence after which a stream of events says that it is still there."""


class Failure(Struct):
    """What went wrong, in a sentence."""

    error: str


@dataclass(frozen=True)
class Declared:
    """What an endpoint is. kind: GET, POST, DELETE, SOCKET or EVENTS; takes: the message, or None;
    raw: whether the body is bytes; most: bytes that a body or a socket's message may have; receives
    and gives: structs of messages to the server and from it (gives may be another type); about: the
    function's docstring."""

    kind: str
    path: str
    about: str
    takes: type[Struct] | None = None
    raw: bool = False
    most: int = MESSAGE_BYTES
    receives: tuple[type[Struct], ...] = ()
    gives: tuple[Any, ...] = ()


class Declaration:
    """A route that knows what it is."""

    declared: Declared


class _HttpRoute(Route, Declaration):
    def __init__(self, endpoint: Any, declared: Declared) -> None:
        kind = "GET" if declared.kind == "EVENTS" else declared.kind
        super().__init__(declared.path, endpoint, methods=[kind])
        self.declared = declared


class _SocketRoute(WebSocketRoute, Declaration):
    def __init__(self, endpoint: Any, declared: Declared) -> None:
        super().__init__(declared.path, endpoint)
        self.declared = declared


def get(path: str, handler: Callable[..., Any]) -> Route:
    """An endpoint that answers GET."""
    return _http("GET", path, handler, 0)


def post(path: str, handler: Callable[..., Any], *, most: int = MESSAGE_BYTES) -> Route:
    """An endpoint that answers POST. most: bytes that the body may have."""
    return _http("POST", path, handler, most)


def delete(path: str, handler: Callable[..., Any]) -> Route:
    """An endpoint that answers DELETE."""
    return _http("DELETE", path, handler, 0)


@dataclass(frozen=True)
class _Shape:
    """What a function is handed, by the names of its parameters, and what it returns."""

    about: str
    message: str = ""
    takes: type[Struct] | None = None
    raw: str = ""
    request: str = ""
    returns: Any = None


def _shape(handler: Callable[..., Any]) -> _Shape:
    function = getattr(handler, "func", handler)
    hints = typing.get_type_hints(function)
    about = inspect.getdoc(function) or ""
    if not about:
        raise TypeError(f"{function.__qualname__} has no docstring, which GET /api would show")
    found: dict[str, Any] = {"about": about, "returns": hints.get("return")}
    for name in inspect.signature(handler).parameters:
        kind = hints.get(name)
        if isinstance(kind, type) and issubclass(kind, Struct):
            found |= {"message": name, "takes": kind}
        elif kind is bytes:
            found["raw"] = name
        elif kind is Request:
            found["request"] = name
    return _Shape(**found)


def _http(kind: str, path: str, handler: Callable[..., Any], most: int) -> Route:
    shape = _shape(handler)
    is_async = inspect.iscoroutinefunction(getattr(handler, "func", handler))

    async def endpoint(request: Request) -> Response:
        try:
            body = await whole_body(request, most) if kind == "POST" else b""
            arguments = _arguments(shape, request, body, kind == "POST")
            if is_async:
                found = await handler(**arguments)
            else:
                found = await in_thread(handler, **arguments)
            if isinstance(found, Response):
                return found
            if isinstance(found, bytes):
                return Response(found, media_type="application/octet-stream")
            return answer(found)
        except Exception as error:  # noqa: BLE001 - every failure is answered
            return failed(error, f"{kind} {request.url.path}")

    gives = () if shape.returns in (None, Response) else (shape.returns,)
    declared = Declared(kind, path, shape.about, shape.takes, bool(shape.raw), most, (), gives)
    return _HttpRoute(endpoint, declared)


def events(path: str, handler: Callable[..., AsyncIterator[Struct]]) -> Route:
    """An endpoint that answers GET with server-sent events: the structs that the async generator
    yields, each as an event of its tag's name. It is closed as soon as the client has gone."""
    shape = _shape(handler)

    async def endpoint(request: Request) -> Response:
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        try:
            arguments = _arguments(shape, request, b"", False)
        except BadMessage as error:
            return failed(error, "")
        return _EventStream(handler(**arguments), f"GET {request.url.path}")

    gives = typing.get_args(shape.returns)[:1]
    return _HttpRoute(
        endpoint, Declared("EVENTS", path, shape.about, shape.takes, gives=_members(gives))
    )


def socket(
    path: str,
    handler: Callable[["Socket[Any]"], Awaitable[None]],
    *,
    receives: tuple[type[Struct], ...],
    sends: tuple[type[Struct], ...],
    most: int = MESSAGE_BYTES,
) -> WebSocketRoute:
    """An endpoint for a WebSocket. receives: the messages that it understands, with tags; sends:
    those that it answers with; most: bytes that a message may have."""
    about = inspect.getdoc(getattr(handler, "func", handler)) or ""

    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        client: Socket[Any] = Socket(websocket, receives, most)
        with contextlib.suppress(WebSocketDisconnect):
            try:
                await handler(client)
            except WebSocketDisconnect:
                raise
            except Exception as error:  # noqa: BLE001 - told to the client
                await client.fail(failures.sentence(error, f"the socket {path}"))
                await websocket.close(1011)

    declared = Declared("SOCKET", path, about, most=most, receives=receives, gives=sends)
    return _SocketRoute(endpoint, declared)


def _members(kinds: tuple[Any, ...]) -> tuple[Any, ...]:
    """The members of a union, or the type itself."""
    return tuple(one for kind in kinds for one in (typing.get_args(kind) or (kind,)))


T = TypeVar("T")


async def in_thread(function: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """What the function returns, called in a thread of its own beside the loop. The thread does not
    keep the program from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(found: T | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is None:
            future.set_result(found)  # type: ignore[arg-type]
        else:
            future.set_exception(error)

    def work() -> None:
        try:
            found, error = function(*arguments, **named), None
        except BaseException as raised:  # noqa: BLE001 - raised where it is waited for
            found, error = None, raised
            if isinstance(raised, StopIteration):
                error = RuntimeError("StopIteration")
        # the loop is closed where the server has ended meanwhile
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, found, error)

    async with _places():
        threading.Thread(target=work, daemon=True, name="answering").start()
        return await future


PASSED_OVER = 64 << 20
"""Bytes that are read of a body beyond those that it may have."""

THREADS = 32
"""Requests that are worked on at once; more wait."""

_limits: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}


def _places() -> asyncio.Semaphore:
    loop = asyncio.get_running_loop()
    if loop not in _limits:
        for old in [one for one in _limits if one.is_closed()]:
            del _limits[old]
        _limits[loop] = asyncio.Semaphore(THREADS)
    return _limits[loop]


async def whole_body(request: Request, most: int) -> bytes:
    """The body of a request. Of one that is too long no more is kept than it may be, and what
    follows is passed over for a while: a client that still sends would not see the answer. Raises
    Refusal."""
    stated = request.headers.get("content-length", "")
    large = Refusal(413, f"it is larger than {_size(most)}, which is the most that is taken here")
    if stated.isdigit() and int(stated) > most + PASSED_OVER:
        raise large
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size <= most:
            parts.append(part)
        else:
            parts.clear()
            if size > most + PASSED_OVER:
                break
    if size > most:
        raise large
    return b"".join(parts)


def _size(count: int) -> str:
    return f"{count >> 20} MB" if count >= 1 << 20 else f"{count} bytes"


def _arguments(shape: _Shape, request: Request, body: bytes, posted: bool) -> dict[str, Any]:
    """What to hand to a function. Raises BadMessage."""
    found: dict[str, Any] = {}
    if shape.raw:
        found[shape.raw] = body
    if shape.request:
        found[shape.request] = request
    if shape.takes is None:
        return found
    values: dict[str, Any] = {}
    if posted and not shape.raw:
        values = parse(body)
    texts = {**request.query_params, **request.path_params}
    texts.pop("token", None)
    known(values | texts, shape.takes)
    if texts:
        # what stands in an address is text, whatever it means
        kinds = {one.encode_name: one.type for one in msgspec.structs.fields(shape.takes)}
        for name, text in texts.items():
            values[name] = read(text, kinds[name], name, strict=False)
    found[shape.message] = read(values, shape.takes)
    return found


def parse(body: bytes | str) -> dict[str, Any]:
    """The JSON object that a message is. Raises BadMessage."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadMessage("", "the message must be a JSON object") from None
    if not isinstance(found, dict):
        raise BadMessage("", "the message must be a JSON object")
    return found


def known(values: dict[str, Any], kind: type[Struct]) -> None:
    """Raises BadMessage if the message has no such field."""
    tag = kind.__struct_config__.tag_field
    rest = {key: value for key, value in values.items() if key != tag}
    for key, said in unknown(rest, kind):
        raise BadMessage(key, f"{said}: there is no such field")


def answer(value: Any, status: int = 200) -> Response:
    """A value as JSON."""
    return Response(encoded(value), status, media_type="application/json")


def encoded(value: Any) -> bytes:
    """A value as JSON. What is no character (half of a pair) becomes a question mark."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_characters(msgspec.to_builtins(value)))


def _characters(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_characters(key): _characters(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_characters(each) for each in value]
    return value


def failed(error: BaseException, doing: str) -> Response:
    """The answer for what was raised while doing something (`GET /api/x`)."""
    status, sentence = failures.status_of(error, doing)
    headers = getattr(error, "headers", None)
    response = answer(Failure(sentence), status)
    response.headers.update(headers or {})
    if status in (408, 413):
        response.headers["connection"] = "close"  # what is left of the body is not read
    return response


def named(value: Struct) -> str:
    """The tag of a message."""
    return str(value.__struct_config__.tag)


class _EventStream(Response):
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
            told = _event(_Trouble(failures.sentence(error, self._doing)))
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


class _Trouble(Struct, tag="error"):
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
            raise BadMessage("", f"the message is larger than {_size(self._most)}")
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
        await self.send(_Trouble(sentence, number if _is_safe(number) else None))


def _is_safe(number: int | None) -> bool:
    """Whether msgspec writes the number."""
    return number is not None and -(1 << 63) <= number < 1 << 63
