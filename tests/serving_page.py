"""A server with a small page, and bytes as they go over the wire."""

import contextlib
import gzip
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gocnn import page
from tests.serving import Client, serving


def write_page(folder: Path) -> None:
    """A page as the build makes one, but small."""
    (folder / "index.html").write_text("<!doctype html><title>gocnn</title>", encoding="utf-8")
    (folder / "main-ABCD2345.js").write_text("let x = 1;\n" * 1000, encoding="utf-8")
    (folder / "main-ABCD2345.js.gz").write_bytes(gzip.compress(b"let x = 1;\n" * 1000))
    (folder / "plain.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", encoding="utf-8")
    (folder.parent / "secret.txt").write_text("secret", encoding="utf-8")


@pytest.fixture(scope="module", autouse=True)
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("page") / "built"
    folder.mkdir()
    write_page(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "BUILT", folder)
        yield folder


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with serving() as found:
        yield found


def raw(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(request)
        parts = []
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(65536):
                parts.append(part)
        return b"".join(parts)
