"""What the server has, what describes it, records that are dropped on it, and other heads."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import BaseRoute

from gocnn import __version__
from gocnn.console import heads
from gocnn.console.heads import Head
from gocnn.engine import levels, rulesets
from gocnn.games.variations import read_file
from gocnn.policy import runtime
from gocnn.serve import failures
from gocnn.serve.about import about
from gocnn.serve.config import RECORD_BYTES, ServeConfig
from gocnn.serve.endpoints import get
from gocnn.serve.state import ServeState
from tests.conftest import ROOT, SAMPLES
from tests.serving import Client, serving

LIGHT, HEAVY, BROKEN = "light", "heavy", "broken"


def routes(config: ServeConfig) -> list[BaseRoute]:
    """The pages of a head, as another package would have them; this module is that."""

    def port() -> dict[str, int]:
        """Its port."""
        return {"port": config.port}

    return [get("/port", port)]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "needs_more.py").write_text("import torchh_not_there\n", encoding="utf-8")
    (folder / "needs_pillow.py").write_text(
        "raise ModuleNotFoundError('No module named PIL', name='PIL')\n", encoding="utf-8"
    )
    config = ServeConfig(
        models=(folder / "gone.onnx", ROOT / "gocnn/policy/weights/small.onnx"), runs=folder
    )
    heads.heads()  # or those of the program would be registered in what is undone below
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setattr(heads, "_registered", dict(heads._registered))
        heads.register(Head(LIGHT, {}, "x", pages=__name__))
        heads.register(Head(HEAVY, {}, "x", extra="images", pages="needs_pillow"))
        heads.register(Head(BROKEN, {}, "x", pages="needs_more"))
        with serving(config) as found:
            yield found


def test_about_is_what_the_library_says(client: Client) -> None:
    about = client.get("/api/about").json()
    assert about["version"] == __version__
    assert about["levels"] == levels.names()
    assert about["rules"] == list(rulesets.RULES)
    assert about["runs"] is True
    assert {"go", LIGHT, HEAVY} <= set(about["heads"])
    assert about["limits"]["record_bytes"] == RECORD_BYTES
    models = {one["name"]: one for one in about["models"]}
    assert list(models) == ["gone", "small", "base", "base8"]  # those that were named come first
    assert models["small"]["shipped"]
    assert models["base"]["shipped"]
    assert models["base"]["has_score"]
    assert models["small"]["has_value"] is True
    assert "gone.onnx" in models["gone"]["error"]
    assert not re.search(r"/\w+/", models["gone"]["error"])  # no folder of this machine


def test_the_page_of_endpoints_has_every_route(client: Client) -> None:
    described = client.get("/api").json()
    found = {(one["method"], one["path"]): one for one in described["endpoints"]}
    for key in (
        ("GET", "/api/about"),
        ("POST", "/api/sgf"),
        ("EVENTS", "/api/jobs/{job}/events"),
        ("DELETE", "/api/jobs/{job}"),
        ("GET", f"/api/{LIGHT}/port"),
    ):
        assert found[key]["about"]
    sgf = found["POST", "/api/sgf"]
    assert (sgf["body"], sgf["most"]) == ("bytes", RECORD_BYTES)
    assert sgf["answers"] == [{"$ref": "#/schemas/Records"}]
    assert set(described["schemas"]["Records"]["properties"]) == {"games", "skipped"}
    assert f"/api/{HEAVY}" in described["missing"]
    page = client.get("/api", Accept="text/html,*/*").body.decode()
    for method, path in found:
        assert f"<code>{method} {path}</code>" in page
    for name in described["schemas"]:
        assert f'id="{name}"' in page
    for reference in re.findall('href="#([^"]+)"', page):
        assert f'id="{reference}"' in page


def test_a_heads_pages_are_below_its_name_and_loaded_when_asked_for(client: Client) -> None:
    assert client.get(f"/api/{LIGHT}/port").json() == {"port": client.port}
    assert client.get(f"/api/{LIGHT}/nowhere").status == 404
    assert client.post(f"/api/{LIGHT}/port", b"").status == 405


def test_a_head_whose_packages_are_missing_says_which(
    client: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        answer = client.get(f"/api/{HEAVY}/anything")
        assert answer.status == 503
        assert (
            "pip install pillow (all that is needed: the extra images of gocnn)"
            in answer.json()["error"]
        )
    assert capfd.readouterr().err == ""
    answer = client.get(f"/api/{BROKEN}/anything")
    assert (answer.status, answer.json()["error"]) == (500, failures.UNEXPECTED)
    assert "torchh_not_there" in capfd.readouterr().err


@pytest.mark.parametrize("name", ["network/0001.sgf", "gnugo/0003.sgf"])
def test_records_come_as_the_library_reads_them(client: Client, name: str) -> None:
    data = (SAMPLES / name).read_bytes()
    (game,) = client.post("/api/sgf?name=a%2Fb%2Fx.sgf", data).json()["games"]
    (expected,) = read_file(data, "x.sgf").games
    assert game["name"] == "x.sgf"
    assert [node["parent"] for node in game["nodes"]] == expected.parents
    assert [node["props"] for node in game["nodes"]] == expected.properties


def post(client: Client, data: bytes) -> tuple[int, Any]:
    answer = client.post("/api/sgf?name=x", data)
    return answer.status, answer.json()


@pytest.mark.slow
def test_bad_records_are_a_sentence(client: Client) -> None:
    for data, word in (
        (b"", "empty file"),
        (b"nonsense", "not a game record"),
        (b"PK\x03\x04", "damaged"),
        (b"(;" + b";" * 200_001 + b")", "more than 200000 nodes"),
        (b"(;SZ[19])" * 200_001, "more than 200000 nodes"),
        (gzip.compress(b"(;C[" + b"x" * (200 << 20)), "unpacks to more"),
    ):
        status, said = post(client, data)
        assert status == 400
        assert word in said["error"], said
    status, said = post(client, b"(;SZ[9];B[aa])")
    assert status == 200
    assert (said["games"][0]["nodes"], "9x9" in said["games"][0]["trouble"]) == ([], True)
    deep = b"(;SZ[19]" + b"(;" * 100_000 + b")" * 100_001
    assert len(post(client, deep)[1]["games"][0]["nodes"]) == 100_001


def test_a_record_may_be_so_large_and_no_larger(client: Client) -> None:
    most = b"(;SZ[19]C[" + b"x" * (RECORD_BYTES - 20) + b"];B[pd])"
    status, said = post(client, most)
    assert (status, len(said["games"][0]["nodes"])) == (200, 2)
    answer = client.post("/api/sgf", b"x" * (RECORD_BYTES + 1))
    assert answer.status == 413
    assert "20 MB" in answer.json()["error"]


@pytest.mark.parametrize(
    "error",
    [
        ModuleNotFoundError("No module named 'torch'", name="torch"),
        OSError("libtorch_cpu.so: cannot open shared object file"),
        MemoryError(),
        RuntimeError("of a kind that nobody foresaw"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_one_network_that_cannot_be_opened_spoils_nothing(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = runtime.open_evaluator

    def failing(model: Any, *more: Any) -> Any:
        if model == Path("mine.onnx"):
            raise error
        return opened(model, *more)

    monkeypatch.setattr(runtime, "open_evaluator", failing)
    mine, *others = about(ServeState(ServeConfig(models=(Path("mine.onnx"),)))).models
    assert mine.name == "mine"
    assert mine.error
    assert not any(each.error for each in others)
    assert [each.name for each in others] == ["small", "base", "base8"]
    assert ("failed unexpectedly" in capsys.readouterr().err) == (failures.UNEXPECTED in mine.error)
