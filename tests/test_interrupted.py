"""Ctrl-C in any command: one sentence, exit code 130, and no output half-written."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import click
import pytest

from gocnn import processes
from gocnn.commands import main
from gocnn.console.calling import call
from gocnn.console.heads import commands
from gocnn.interrupts import heard
from imagecls.commands.img_predict import command as img_predict
from tests.conftest import ROOT, SAMPLES, needs_posix
from tests.typed import cli

STOPPED = "stopped; nothing is half-written: what was not finished is as it was before\n"


def interrupt(*_arguments: Any, **_options: Any) -> NoReturn:
    raise KeyboardInterrupt


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_says_that_it_was_stopped(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    monkeypatch.setattr(command, "params", [])
    monkeypatch.setattr(command, "callback", interrupt)
    result = cli(name)
    assert (result.exit_code, result.stderr, result.stdout) == (130, STOPPED, "")


def test_a_demo_does_not_go_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, code in (("go-train", 130), ("go-eval", 130)):
        command = main.get_command(click.Context(main), name)
        assert command is not None
        monkeypatch.setattr(command, "callback", interrupt)
        result = cli("demo", "--out", tmp_path / "demo")
        assert result.exit_code == code
        assert result.stdout.count("$ ") == 1 + (name == "go-eval")
        assert result.stderr.endswith(STOPPED)
        monkeypatch.setattr(command, "callback", lambda **_: None)


@pytest.mark.parametrize(
    ("words", "output"),
    [
        (("img-predict", "PHOTO", "--model", "RUNS/cnn", "--csv"), "a.csv"),
        (("img-predict", "FEW", "--model", "RUNS/cnn", "--csv-format", "names", "--csv"), "a.csv"),
        (("img-eval", "FEW", "--model", "RUNS/cnn", "--report"), "a.csv"),
        (("img-eval", "FEW", "--model", "RUNS/cnn", "--picture"), "a.png"),
        (("img-clean", "FEW", "--model", "RUNS/cnn", "--csv"), "a.csv"),
        (("img-clean", "FEW", "--model", "RUNS/cnn", "--sheet"), "a.png"),
        (("img-features", "FEW", "--model", "RUNS/cnn", "--out"), "a.npz"),
        (("img-explain", "PHOTO", "--picture"), "a.png"),
        (("img-augment", "PHOTO", "--count", "3", "--picture"), "a.png"),
        (("img-export", "RUNS/cnn", "--onnx"), "a.onnx"),
        (("go-suggest", "GAME", "--picture"), "a.png"),
        (("go-review", "GAME", "--quiet", "--out"), "a.sgf"),
        (("go-import", "GAME", "--replace", "--out"), "a.games"),
    ],
)
def test_what_was_there_before_is_there_still(
    words: tuple[str, ...],
    output: str,
    tiny_classifiers: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-C as the last byte is written, before the file is in its place."""
    few = tiny_classifiers.parent / "few"
    game = sorted(SAMPLES.rglob("*.sgf"))[0]
    places = {
        "FEW": few,
        "RUNS/cnn": tiny_classifiers / "cnn",
        "PHOTO": few / "validation" / "soup" / "000.jpg",
        "GAME": game,
    }
    target = tmp_path / output
    if output.endswith(".games"):
        assert cli("go-import", sorted(SAMPLES.rglob("*.sgf"))[1], "--out", target).exit_code == 0
    else:
        target.write_bytes(b"before")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    came = []

    def fsync(handle: int) -> NoReturn:
        came.append(handle)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", fsync)
    result = cli(*(places.get(word, word) for word in words), target)
    assert came, result.output
    assert result.exit_code == 130
    assert result.stderr.endswith(STOPPED)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_from_python_it_is_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(img_predict, "callback", interrupt)
    with pytest.raises(KeyboardInterrupt):
        call(img_predict, ["x.jpg"], {})


@needs_posix
def test_processes_that_work_for_a_command_do_not_hear_it() -> None:
    """So that they print nothing: this one ends them."""
    ask = "import signal as s; print(s.SIGINT in s.pthread_sigmask(s.SIG_BLOCK, []))"
    with processes.unheard():
        deaf = subprocess.run([sys.executable, "-c", ask], capture_output=True, check=True)
    assert deaf.stdout.split() == [b"True"]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_work_that_nobody_has_taken_is_not_waited_for(tmp_path: Path) -> None:
    """More of it than a pipe holds, of which two processes have done the first part."""
    script = tmp_path / "script.py"
    script.write_text(
        f"""
from pathlib import Path
from gocnn.games import importing, sources
if __name__ == "__main__":
    unit = sources.Unit("files", (Path({str(sorted(SAMPLES.rglob("*.sgf"))[0])!r}),), 1)
    chunks = importing._parallel([unit] * 5000, 2, 1 << 20)
    print(len(next(chunks).records))
    chunks.close()
""",
        encoding="utf-8",
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, script], capture_output=True, timeout=120, check=True, env=environment
    )
    assert (done.stdout.split(), done.stderr) == ([b"1"], b"")


def test_an_interrupt_in_a_callback_of_a_library_is_not_lost(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As in llvmlite's, where a Ctrl-C while kernels were loaded was printed and the command went
    on; other troubles there are printed as ever."""
    kind = ctypes.CFUNCTYPE(None)
    # a shell's jobs in the background begin with Ctrl-C ignored
    before_that = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with heard(), pytest.raises(KeyboardInterrupt):
            kind(interrupt)()
            for _ in range(1000):
                time.sleep(0.02)
    finally:
        signal.signal(signal.SIGINT, before_that)
    assert "KeyboardInterrupt" not in capsys.readouterr().err
    told: list[Any] = []
    before, sys.unraisablehook = sys.unraisablehook, told.append
    try:
        with heard():
            kind(lambda: 1 / 0)()
    finally:
        sys.unraisablehook = before
    assert [each.exc_type for each in told] == [ZeroDivisionError]
