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

import contextlib
import inspect
import typing
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from gocnn.messages import BadMessage, read
from gocnn.serve import failures
from gocnn.serve.bodies import answer, failed, known, parse, whole_body
from gocnn.serve.config import MESSAGE_BYTES
from gocnn.serve.streams import EventStream, Socket
from gocnn.serve.threads import in_thread


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
        return EventStream(handler(**arguments), f"GET {request.url.path}")

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
