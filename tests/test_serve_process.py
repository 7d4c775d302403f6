"""`serve` as a process: it begins, is reached, and ends at once; what is wrong is one sentence."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gocnn import page
from gocnn.commands import main
from tests.conftest import ROOT, needs_posix
from tests.serving import Client

PROGRAM = """
import sys
from pathlib import Path
from typing import Any
from gocnn import page
page.BUILT = Path(sys.argv.pop(1))
for name in sys.argv.pop(1).split(","):
    sys.modules[name] = None
from gocnn.commands import main
main()
"""
"""The program with a page in another folder, on a machine that lacks some packages."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    (folder / "index.html").write_text("<!doctype html><title>gocnn</title>", encoding="utf-8")
    (folder / "sources.json").write_text("{}", encoding="utf-8")
    return folder


def begin(built: Path, *words: str, lacking: str = "torch") -> subprocess.Popen[str]:
    environment = {
        k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    }
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(built), lacking, "serve", *words],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )


@contextlib.contextmanager
def running(built: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str, Client]]:
    """The process, the link that it prints, and a client of it."""
    process = begin(built, "--port", "0", *words)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.match(r"(http://(\S+?):(\d+)/\S*)  \(Ctrl-C ends it\)\n", line)
        assert found is not None, (line, process.communicate())
        yield process, found[1], Client(int(found[3]))
    finally:
        process.kill()
        process.communicate()


def failure(built: Path, *words: str, lacking: str = "torch") -> tuple[int, str]:
    process = begin(built, *words, lacking=lacking)
    out, err = process.communicate(timeout=120)
    assert out == ""
    return process.returncode, err


@needs_posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_ends_at_once_whatever_is_open(built: Path, number: int, code: int) -> None:
    """Without torch; with a socket that analyses, a stream of events and a request half sent."""
    with running(built) as (process, link, client):
        assert link == f"http://127.0.0.1:{client.port}/"
        assert client.get("/").body.startswith(b"<!doctype html>")
        assert client.get("/api/about").json()["version"]
        with client.socket("/api/analysis") as analysing:
            analysing.send(
                json.dumps(
                    {"type": "analyse", "id": 1, "position": {"moves": []}, "visits": 100000}
                )
            )
            assert json.loads(analysing.recv(120))["type"] == "policy"
            with socket.create_connection(("127.0.0.1", client.port)) as half:
                half.sendall(
                    b"POST /api/sgf HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n(;"
                )
                process.send_signal(number)
                _, err = process.communicate(timeout=20)
        assert process.returncode == code
        assert err == ""
        with pytest.raises(OSError):
            client.get("/")


@needs_posix
def test_it_ends_right_after_its_start(built: Path) -> None:
    """While what it needs is still being loaded."""
    with running(built) as (process, _, client):
        assert client.get("/").status == 200
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert (process.returncode, err) == (130, "")


def test_other_machines_need_the_token_of_the_link(built: Path) -> None:
    with running(built, "--host", "0.0.0.0") as (_, link, client):
        token = re.search(r"/\?token=([\w-]{32,})$", link)
        assert token is not None
        assert client.get("/").status == 401
        answer = client.get(f"/?token={token[1]}")
        cookie = answer.headers["set-cookie"].partition(";")[0]
        assert client.get(answer.headers["location"], Cookie=cookie).status == 200
    with running(built, "--host", "0.0.0.0") as (_, other, _):
        assert other.partition("?")[2] != link.partition("?")[2]


def test_a_port_that_is_taken(built: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, err = failure(built, "--port", str(port))
    assert code == 1
    assert err.startswith(f"Error: port {port} of 127.0.0.1 is taken")
    assert "--port" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("happened", "stale"),
    [
        ("nothing", False),
        ("new.ts", False),  # a file that the page does not use
        ("index.html", True),
        ("src/main.ts", True),
        ("gone", True),
        ("unsigned", True),  # built before builds kept what they were built from
        ("broken", True),
        ("wheel", False),
    ],
)
def test_a_page_older_than_its_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, happened: str, stale: bool
) -> None:
    """It is told in one sentence, on stderr; an installation has no sources to be compared."""
    web, built = tmp_path / "web", tmp_path / "built"
    (web / "src").mkdir(parents=True)
    built.mkdir()
    names = ["build.mjs", "index.html", "src/main.ts"]
    for name in names:
        (web / name).write_bytes(name.encode())
    kept = {name: hashlib.sha256(name.encode()).hexdigest() for name in names}
    (built / "index.html").write_text("<!doctype html>")
    (built / "sources.json").write_text("{" if happened == "broken" else json.dumps(kept))
    if happened == "gone":
        (web / "src" / "main.ts").unlink()
    elif happened == "unsigned":
        (built / "sources.json").unlink()
    elif happened == "wheel":
        shutil.rmtree(web)
    elif "." in happened:
        (web / happened).write_text("changed")
    monkeypatch.setattr(page, "BUILT", built)
    monkeypatch.setattr(page, "SOURCES", web)
    with socket.create_server(("127.0.0.1", 0)) as taken:  # so that it ends
        words = ["serve", "--port", str(taken.getsockname()[1])]
        result = CliRunner().invoke(main, words)
    assert result.exit_code == 1
    told = "The page is older than its sources; run `make page`.\n"
    before, port, _ = result.stderr.partition("Error: port")
    assert port
    assert before == (told if stale else "")


@pytest.mark.parametrize(
    ("words", "lacking", "said"),
    [
        (["--model", "nowhere.onnx"], "torch", ["--model nowhere.onnx does not exist"]),
        (["--image-model", "nowhere"], "torch", ["--image-model nowhere does not exist"]),
        (["--host", "192.0.2.1"], "torch", ["--host 192.0.2.1 is no address of this machine"]),
        (["--host", "300.1.1.1"], "torch", ["--host 300.1.1.1 is no address of this machine"]),
        ([], "starlette", ["the package starlette", "the extra serve of gocnn"]),
        ([], "uvicorn", ["the package uvicorn", "the extra serve of gocnn"]),
        ([], "websockets", ["the package websockets", "the extra serve of gocnn"]),
        (["--model", "README.md"], "torch", ["README.md", "give a model file"]),
    ],
)
def test_what_is_wrong_is_a_sentence(
    built: Path, words: list[str], lacking: str, said: list[str]
) -> None:
    code, err = failure(built, "--port", "0", *words, lacking=lacking)
    assert code == 1
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    assert all(part in err for part in said), err


def test_a_run_without_torch_is_named_and_the_rest_works(built: Path) -> None:
    run = ROOT / "tests" / "cases" / "old" / "go-run"
    with running(built, "--model", str(run)) as (_, _, client):
        about = client.get("/api/about")
        assert about.status == 200
        errors = {model["name"]: model["error"] for model in about.json()["models"]}
        position: dict[str, Any] = {"position": {"moves": []}}
        refused = client.post("/api/play", position)
        assert (refused.status, refused.json()["error"]) == (503, errors.pop("go-run"))
        assert refused.json()["error"].startswith("go-run cannot be opened: ")
        assert "pip install torch" in refused.json()["error"]
        assert set(errors.values()) == {""}
        assert client.post("/api/play", {**position, "model": "small"}).status == 200


def test_a_page_that_is_not_built(tmp_path: Path) -> None:
    assert failure(tmp_path, "--port", "0") == (
        1,
        "Error: the page is not built; run `make page` in the checkout\n",
    )


@needs_posix
def test_no_browser_to_open(built: Path) -> None:
    """Said in a sentence; the link can be opened elsewhere, so it goes on."""
    with running(built, "--open") as (process, _, client):
        assert client.get("/").status == 200
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert err == "There is no browser here that --open could open; open the link in one.\n"


def test_the_page_needs_nothing_heavy() -> None:
    """Nor does the whole server need torch."""
    code = (
        "import sys\n"
        "from gocnn.serve.app import create_app, SUBJECTS\n"
        "from gocnn.serve import server\n"
        "from gocnn.serve.config import ServeConfig\n"
        "import gocnn.commands.serve\n"
        "app = create_app(ServeConfig())\n"
        "print(sorted({'numpy', 'numba', 'onnxruntime', 'torch', 'sgfmill'} & set(sys.modules)))\n"
        "app.state.serve.get_ready()\n"
        "import importlib\n"
        "for name in SUBJECTS: importlib.import_module(name).routes(app.state.serve)\n"
        "print(sorted({'numba', 'onnxruntime', 'torch', 'matplotlib'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True, check=True
    )
    assert done.stdout == "[]\n['numba', 'onnxruntime']\n"


def test_everything_at_once_when_nothing_is_imported_yet() -> None:
    """Threads that import torch at the same time wait for each other's modules, and one of them
    fails, or the program crashes: so one imports at a time."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.asking_at_once"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    found = json.loads(done.stdout)
    assert set(found["answers"].values()) == {200}, (found["answers"], done.stderr)
    assert {"torch", "gocnn.policy.inside", "imagecls.classifier.staged"} <= set(found["alone"])
    assert found["beside_others"] == []
