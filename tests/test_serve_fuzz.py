"""Every endpoint, asked for nonsense: an error object each time, and the others are not disturbed."""

import json
from collections.abc import Iterator
from pathlib import Path
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


PICTURES = [
    (ROOT / "data/images/validation/pizza/003.jpg").read_bytes(),
    b"GIF87a\x01\x00\x01\x00\x80\x00\x00\xff\x00\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00"
    b"\x02\x02D\x01\x00;",
]


@pytest.fixture(scope="module")
def client(tiny_classifiers: Path) -> Iterator[Client]:
    config = ServeConfig(image_models=(tiny_classifiers / "cnn",), runs=tiny_classifiers)
    with serving(config) as found:
        # on a cold start kernels are compiled meanwhile
        assert found.ask("POST", "/api/sgf", RECORDS[1], timeout=600).status == 200
        yield found


@pytest.fixture(scope="module")
def names(client: Client) -> list[str]:
    """Of what the server has: pictures, classes, layers, runs, a review that has ended."""
    picture = client.post("/api/images/pictures?name=a.jpg", PICTURES[0]).json()["picture"]
    one = client.get("/api/images/model").json()
    layers = client.get("/api/images/layers").json()["layers"]
    job = client.post("/api/review?name=a.sgf", RECORDS[1]).json()["job"]
    assert [name for name, _ in client.events(f"/api/jobs/{job}/events")][-1] == "done"
    runs = client.get("/api/runs").json()["runs"]
    code = ["field", "map", "pooling"]
    found = [picture, "sample:pizza-000", one["name"], one["classes"][0], layers[0]["name"], job]
    return [*found, *code, *(run["id"] for run in runs)]


@pytest.fixture(scope="module")
def described(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api").json()
    assert found["missing"] == {}
    return found


@pytest.mark.slow
def test_nonsense_is_answered_everywhere(
    client: Client, described: dict[str, Any], names: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    there = [f"{one['method']} {one['path']}" for one in described["endpoints"]]
    assert {"POST /api/sgf", "GET /api/about", "GET /api", "SOCKET /api/analysis"} <= set(there)
    with client.socket("/api/analysis") as other:
        for number, endpoint in enumerate(described["endpoints"]):
            schemas = fuzzing.Schemas(described["schemas"], number, names)
            if endpoint["method"] == "SOCKET":
                fuzzing.attack_socket(client, endpoint, schemas, fuzzing.COUNT)
            else:
                # what takes nothing cannot be asked in many ways
                takes = endpoint["body"] or endpoint["message"]
                count = fuzzing.COUNT if takes else 3
                samples = PICTURES if "images" in endpoint["path"] else RECORDS
                fuzzing.attack_route(client, endpoint, schemas, samples, count)
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
