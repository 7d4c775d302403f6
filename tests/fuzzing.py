"""Messages that nobody should send: made from what the server says of its endpoints (`GET /api`), then
mutated. Every endpoint that is added is attacked as well, without a test of its own."""

import contextlib
import json
import os
import random
import string
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from gocnn.serve.failures import UNEXPECTED
from tests.serving import Answer, Client

COUNT = int(os.environ.get("GOCNN_FUZZ", "150"))
"""Messages for each endpoint; `GOCNN_FUZZ=10000 pytest tests/test_serve_fuzz.py` sends them all."""
SEED = 1000 * int(os.environ.get("GOCNN_FUZZ_SEED", "0"))
"""Other messages, for another number."""

ODD: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    361,
    362,
    2**31,
    2**63,
    -(2**63) - 1,
    2**200,
    0.5,
    -1e308,
    1e-320,
    "",
    "x",
    "pass",
    "Q16",
    "T20",
    "I5",
    "resign",
    "b",
    "w",
    "Q16" * 2000,
    "\x00",
    "\ud800",
    "<script>",
    "../../etc/passwd",
    "圍棋",
    "\U0001d4b3",
    "null",
    [],
    [[]],
    [None],
    ["Q16"] * 400,
    [["b", "Q16"]] * 2,
    {},
    {"": {}},
    {"a": 1},
    [[["b"]]],
    [1, "b"],
]
SPECIAL = (b"{", b"}", b"[", b"]", b'"', b"\\", b"\x00", b"\xff", b"\xed\xa0\x80", b"1e999", b"NaN")
VERTICES = ["Q16", "D4", "pass", "C3", "T19", "A1", "K10"]


class Schemas:
    """Makes values by the server's schemas. names: of what the server has, so that some messages
    ask for something that is there."""

    def __init__(self, schemas: dict[str, Any], seed: int, names: Sequence[str] = ()) -> None:
        self._schemas, self.random = schemas, random.Random(SEED + seed)
        self.names = list(names)

    def value(self, schema: dict[str, Any], depth: int = 0) -> Any:
        """A value that mostly fits."""
        rng = self.random
        if rng.random() < 0.04 or depth > 6:
            return rng.choice(ODD)
        if "$ref" in schema:
            return self.value(self._schemas[schema["$ref"].rpartition("/")[2]], depth + 1)
        if "anyOf" in schema:
            return self.value(rng.choice(schema["anyOf"]), depth + 1)
        if "enum" in schema:
            return rng.choice(schema["enum"])
        if "const" in schema:
            return schema["const"]
        kind = schema.get("type")
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            if "prefixItems" in schema:
                return [self.value(one, depth + 1) for one in schema["prefixItems"]]
            return [
                self.value(schema.get("items") or {}, depth + 1) for _ in range(rng.randrange(4))
            ]
        if kind == "integer":
            low, high = schema.get("minimum", -2), schema.get("maximum", 10)
            return rng.choice([low, min(high, low + 3), low - 1, high + 1, rng.randint(-5, 20)])
        if kind == "number":
            return rng.choice([0, 0.5, 6.5, 7.5, -3, 1e300, schema.get("minimum", 1)])
        if kind == "string":
            return rng.choice(
                [
                    *VERTICES,
                    "b",
                    "w",
                    "chinese",
                    "small",
                    "any",
                    "".join(rng.choices(string.printable, k=5)),
                    *self.names,
                ]
            )
        if kind == "boolean":
            return rng.random() < 0.5
        return None if kind == "null" else rng.choice(ODD)

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        found = {}
        for name, kind in schema.get("properties", {}).items():
            needed = name in schema.get("required", ())
            if self.random.random() < (0.97 if needed else 0.4):
                found[name] = self.value(kind, depth + 1)
        if self.random.random() < 0.05:
            found[self.random.choice(["", "x", "__class__", "moves ", "id"])] = self.random.choice(
                ODD
            )
        return found

    def message(self, schema: dict[str, Any]) -> bytes:
        """A message as bytes, half of them damaged."""
        return self.damaged(json.dumps(self.value(schema)).encode("utf-8", "surrogatepass"))

    def damaged(self, data: bytes) -> bytes:
        """The bytes, with probability a half cut, doubled, or with other bytes in them."""
        rng = self.random
        if rng.random() < 0.5:
            return data
        for _ in range(rng.randrange(1, 4)):
            at, to = sorted(rng.randrange(len(data) + 1) for _ in range(2))
            data = rng.choice(
                (
                    data[:at] + data[to:],
                    data[:to] + data[at:],
                    data[:at] + rng.choice(SPECIAL) + data[at:],
                    data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :],
                    data[:at],
                )
            )
        return data


def check(answer: Answer, path: str) -> None:
    """Whether an answer is one: no failure that nobody expected, and an error object where there is
    an error."""
    assert answer.status != 500, (path, answer.body)
    if answer.headers.get("content-type", "").startswith("application/json"):
        said = answer.json()
        assert (answer.status >= 400) == (isinstance(said, dict) and list(said) == ["error"]), (
            path,
            said,
        )
        if answer.status >= 400:
            assert isinstance(said["error"], str)
            assert 0 < len(said["error"]) < 1000, said
            assert UNEXPECTED not in said["error"]
    else:
        assert answer.status < 400, (path, answer)


def path_of(pattern: str, schemas: Schemas) -> str:
    """A path with something in its places."""
    parts = pattern.split("/")
    for number, part in enumerate(parts):
        if part.startswith("{"):
            some = schemas.random.choice(
                ["0", "1", "x", "%00", "..%2f..", "-1", "9" * 30, "small", quote("圍")]
                + [quote(name, safe="") for name in schemas.names]
            )
            parts[number] = some
    return "/".join(parts)


def attack_route(
    client: Client, endpoint: dict[str, Any], schemas: Schemas, samples: list[bytes], count: int
) -> None:
    """Send mutated requests to an endpoint of HTTP, and check each answer. samples: bytes that it
    would take, where it takes bytes."""
    rng, method = schemas.random, endpoint["method"]
    for _ in range(count):
        path, body = path_of(endpoint["path"], schemas), None
        if endpoint["body"] == "bytes":
            body = schemas.damaged(rng.choice(samples))
        elif endpoint["body"] == "json":
            body = schemas.message(endpoint["message"])
        elif method == "POST":
            body = b""
        if endpoint["message"] and endpoint["body"] != "json":
            query = schemas.value(endpoint["message"])
            if isinstance(query, dict):
                texts = {
                    key: json.dumps(value) if not isinstance(value, str) else value
                    for key, value in query.items()
                }
                path += (
                    "?"
                    + "&".join(
                        f"{quote(key, errors='replace')}={quote(value, errors='replace')}"
                        for key, value in texts.items()
                        if "{" + key + "}" not in endpoint["path"]
                    )[:3000]
                )
        if method == "EVENTS":
            continue_events(client, path)
        else:
            check(client.ask(method, path, body), path)


def continue_events(client: Client, path: str) -> None:
    """Ask for events, and take the first of them."""
    answer = client.ask("HEAD", path)
    assert answer.status in (200, 404, 414), (path, answer)
    with contextlib.suppress(AssertionError), contextlib.closing(client.events(path)) as heard:
        for name, said in heard:
            assert name
            assert UNEXPECTED not in str(said)
            break


def replies(socket: ClientConnection, marker: int) -> Iterator[dict[str, Any]]:
    """What a socket says up to the error about a message that has this id and no good type."""
    socket.send(json.dumps({"type": "no such type", "id": marker}))
    while True:
        said = json.loads(socket.recv(300))
        assert isinstance(said, dict)
        if said.get("type") == "error" and said.get("id") == marker:
            return
        yield said


def attack_socket(client: Client, endpoint: dict[str, Any], schemas: Schemas, count: int) -> None:
    """Send mutated messages to a socket; it stays open, and says nothing but messages."""
    kinds, path = endpoint["messages"], endpoint["path"]
    with client.socket(path, max_size=None) as socket:
        for number in range(count):
            message = schemas.message(schemas.random.choice(kinds))
            data: bytes | str = message
            with contextlib.suppress(UnicodeDecodeError):
                if schemas.random.random() < 0.8:
                    data = message.decode()
            try:
                socket.send(data)
                for said in replies(socket, 10**6 + number):
                    assert UNEXPECTED not in str(said.get("error", "")), (data, said)
            except ConnectionClosed as error:
                raise AssertionError((data, error)) from error
