"""Messages as they come and go: bodies of requests, JSON, and failures as JSON."""

from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from gocnn.messages import BadMessage, unknown
from gocnn.serve import failures
from gocnn.serve.failures import Refusal

PASSED_OVER = 64 << 20
"""Bytes that are read of a body beyond those that it may have."""


class Failure(Struct):
    """What went wrong, in a sentence."""

    error: str


async def whole_body(request: Request, most: int) -> bytes:
    """The body of a request. Of one that is too long no more is kept than it may be, and what
    follows is passed over for a while: a client that still sends would not see the answer. Raises
    Refusal."""
    stated = request.headers.get("content-length", "")
    large = Refusal(
        413, f"it is larger than {size_text(most)}, which is the most that is taken here"
    )
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


def size_text(count: int) -> str:
    if count < 10 << 10:
        return f"{count} bytes"
    return f"{count >> 20} MB" if count >= 1 << 20 else f"{count >> 10} KB"


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
    """Refuse a message with a field that its kind does not have. Raises BadMessage with the field's
    name, and the one that may be meant."""
    tag = kind.__struct_config__.tag_field
    rest = {key: value for key, value in values.items() if key != tag}
    for key, meant in unknown(rest, kind):
        raise BadMessage(key, f"there is no such field{meant}")


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
