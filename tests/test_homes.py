"""A home of one's own: nothing but this project's cache is written to it, and without a home, a
cache or open streams commands work or say why not."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, SAMPLES
from tests.homes import HOMES, a_home


def run(folder: Path, *words: object, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A command in a process of its own; nothing in `environment` says an empty value: that
    variable is not there."""
    variables = {
        name: value
        for name, value in (a_home(folder) | environment).items()
        if value and (name != "GOCNN_CACHE" or name in environment)
    }
    variables["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, str(ROOT / "cli.py"), *map(str, words)]
    return subprocess.run(
        command,
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )


def left(folder: Path) -> set[str]:
    """Files and folders that lie in the homes of `a_home(folder)`, two levels deep."""
    return {
        path.relative_to(folder).as_posix()
        for name in set(HOMES.values())
        for depth in ("*", "*/*")
        for path in (folder / name).glob(depth)
    }


@pytest.mark.slow
def test_without_wishes_only_our_cache_is_written(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        "go-suggest",
        "--moves",
        "B D4",
        "--picture",
        tmp_path / "p.png",
        XDG_CACHE_HOME="",
        ORT_DISABLE_TELEMETRY="0",
    )
    assert done.returncode == 0, done.stderr
    assert left(tmp_path) <= {
        "home/.cache",
        "home/.cache/gocnn",
        "home/Library",
        "home/Library/Caches",
        "local/gocnn",
        "local/gocnn/Cache",
    }
    done = run(
        tmp_path, "go-suggest", "--picture", tmp_path / "p.png", GOCNN_CACHE=str(tmp_path / "ours")
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "ours").iterdir()] == ["matplotlib"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems know the home in other ways")
def test_without_a_home(tmp_path: Path) -> None:
    """A picture can be made, with what matplotlib keeps in a folder that is gone afterwards; what
    must be kept is refused."""
    nowhere = {"HOME": "", "XDG_CACHE_HOME": ""}
    code = (
        "import os, pwd, runpy, sys\ndef unknown(number): raise KeyError(number)\npwd.getpwuid ="
        " unknown\nrunpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    for words, status in (
        (["go-suggest", "--picture", "p.png"], 0),
        (["go-train", str(SAMPLES), "--out", "run", "--steps", "1"], 1),
    ):
        environment = {
            name: value
            for name, value in (a_home(tmp_path) | nowhere).items()
            if value and name != "GOCNN_CACHE"
        }
        program = [
            sys.executable,
            "-c",
            code.replace("sys.argv[0]", repr(str(ROOT / "cli.py"))),
            *words,
        ]
        done = subprocess.run(
            program,
            cwd=tmp_path,
            env=environment | {"PYTHONPATH": str(ROOT), "NUMBA_DISABLE_JIT": "1"},
            capture_output=True,
            check=False,
        )
        assert done.returncode == status, done.stderr.decode()
        assert b"Traceback" not in done.stderr
        assert left(tmp_path) == set()
    assert b"GOCNN_CACHE" in done.stderr
    assert [path.name for path in tmp_path.iterdir() if path.name == "~"] == []


@pytest.mark.slow
def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    """Here a file stands where the folder should be: kernels are compiled without being kept,
    matplotlib works in a folder that is gone after."""
    (tmp_path / "cache-file").write_bytes(b"")
    place = str(tmp_path / "cache-file" / "gocnn")
    done = run(tmp_path, "go-suggest", "--picture", tmp_path / "p.png", GOCNN_CACHE=place)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    code = (
        "from gocnn._jit import jit\n@jit\ndef double(x): return 2 * x\nprint(double(4),"
        " double.stats.cache_path)"
    )
    variables = a_home(tmp_path) | {"PYTHONPATH": str(ROOT), "GOCNN_CACHE": place}
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=variables, capture_output=True, check=True
    )
    assert said.stdout.split() == [b"8", b"None"]
    assert left(tmp_path) == set()


@pytest.mark.parametrize("closed", [(0,), (1,), (0, 1), (0, 1, 2)])
@pytest.mark.skipif(
    sys.platform == "win32", reason="descriptors are closed before a program starts by POSIX means"
)
def test_streams_that_are_closed(tmp_path: Path, closed: tuple[int, ...]) -> None:
    """As when a service or a window without a console starts the engine."""
    shell = " ".join(f"{descriptor}{'<' if not descriptor else '>'}&-" for descriptor in closed)
    for words in ("go-gtp --threads 1", "go-suggest --moves 'B D4' --json"):
        line = f"'{sys.executable}' '{ROOT / 'cli.py'}' {words} {shell}"
        done = subprocess.run(
            line,
            shell=True,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
