"""Every endpoint, asked for nonsense: an error object each time, and the others are not disturbed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gocnn.serve.config import ServeConfig
from tests import fuzzing
from tests.conftest import ROOT, SAMPLES
from tests.serving import Client, serving

RECORDS = [
    (SAMPLES / "network" / "0001.sgf").read_bytes()[:2000],
    b"(;SZ[19]PB[<script>];B[pd](;W[dd])(;W[dp]C[x]))",
    (ROOT / "tests/cases/go/tygem.gib").read_bytes(),
    (ROOT / "tests/cases/go/nested.zip").read_bytes(),
    (ROOT / "tests/cases/go/sjis_5c_mid.sgf").read_bytes(),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serving(ServeConfig(runs=tmp_path_factory.mktemp("runs"))) as found:
        # on a cold start kernels are compiled meanwhile
        assert found.ask("POST", "/api/sgf", RECORDS[1], timeout=600).status == 200
        yield found


@pytest.fixture(scope="module")
def described(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api").json()
    assert found["missing"] == {}
    return found


@pytest.mark.slow
def test_nonsense_is_answered_everywhere(
    client: Client, described: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    names = [f"{one['method']} {one['path']}" for one in described["endpoints"]]
    assert {"POST /api/sgf", "GET /api/about", "GET /api", "SOCKET /api/analysis"} <= set(names)
    with client.socket("/api/analysis") as other:
        for number, endpoint in enumerate(described["endpoints"]):
            schemas = fuzzing.Schemas(described["schemas"], number)
            if endpoint["method"] == "SOCKET":
                fuzzing.attack_socket(client, endpoint, schemas, fuzzing.COUNT)
            else:
                # what takes nothing cannot be asked in many ways
                takes = endpoint["body"] or endpoint["message"]
                count = fuzzing.COUNT if takes else 3
                fuzzing.attack_route(client, endpoint, schemas, RECORDS, count)
        assert list(fuzzing.replies(other, 7)) == []
    assert client.get("/api/about").status == 200
    assert "failed unexpectedly" not in capfd.readouterr().err


def test_a_name_that_is_markup_comes_back_as_text(client: Client) -> None:
    name = "<script>alert(1)</script>"
    answer = client.post(
        f"/api/sgf?name={name.replace('<', '%3C').replace('/', '%2F')}",
        f"(;SZ[19]PB[{name}];B[pd])".encode(),
    )
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["games"][0]["nodes"][0]["props"]["PB"] == [name]
    html = client.get("/api", Accept="text/html")
    assert html.headers["content-type"].startswith("text/html")
    assert (
        json.loads(client.get("/api", Accept="application/json").body) == client.get("/api").json()
    )
