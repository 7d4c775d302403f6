"""A server for tests: the application in uvicorn, in a thread, on a free port; and clients that know
nothing of it."""

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

from websockets.sync.client import ClientConnection, connect

from gocnn.serve.app import create_app
from gocnn.serve.config import ServeConfig
from gocnn.serve.server import Server, listen


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """Asks a server."""

    port: int

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        timeout: float = 60,
    ) -> Answer:
        """Bytes are sent as they are, anything else as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        sent = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        with contextlib.closing(connection):
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return Answer(
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                response.read(),
            )

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, None, headers)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        return self.ask("POST", path, body, headers)

    def socket(self, path: str, **options: Any) -> ClientConnection:
        return connect(f"ws://127.0.0.1:{self.port}{path}", **options)

    def events(self, path: str, timeout: float = 60) -> Generator[tuple[str, Any]]:
        """Server-sent events, each with its name and value, until the server ends them."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        with contextlib.closing(connection):
            connection.request("GET", path)
            response = connection.getresponse()
            assert response.getheader("content-type", "").startswith("text/event-stream")
            name = ""
            for line in response:
                key, _, value = line.decode().rstrip("\n").partition(": ")
                if key == "event":
                    name = value
                elif key == "data":
                    yield name, json.loads(value)


@contextlib.contextmanager
def serving(config: ServeConfig | None = None, app: Any = None) -> Iterator[Client]:
    """A running server: of the whole application, or of another one. Its port is always a free
    one."""
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        server = Server(app or create_app(replace(config or ServeConfig(), port=port)))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        try:
            yield Client(port)
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()
