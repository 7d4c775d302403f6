"""Command lines and the ending of programs, as on this system and as on one without POSIX."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gocnn.processes import apart, end, words_of


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (r"C:\Go\gnugo.exe --mode gtp", [r"C:\Go\gnugo.exe", "--mode", "gtp"]),
        (
            r'"C:\Program Files\KataGo\katago.exe" gtp -model "D:\my nets\b6.bin.gz"',
            [r"C:\Program Files\KataGo\katago.exe", "gtp", "-model", r"D:\my nets\b6.bin.gz"],
        ),
        (r"it's.exe #1", ["it's.exe", "#1"]),
    ],
)
def test_command_lines_of_windows(
    monkeypatch: pytest.MonkeyPatch, command: str, words: list[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert words_of(command) == words
    with pytest.raises(ValueError):
        words_of(command + ' "')


def test_a_program_is_ended_without_process_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        **apart(),
    )
    monkeypatch.delattr(os, "killpg", raising=False)
    end(process)
    assert process.wait(600) != 0
    end(process)  # once more: it is gone


ORPHAN = """
import multiprocessing, os, signal, time
from gocnn.processes import end_with_parent

def work(ready):
    end_with_parent()
    ready.set()
    time.sleep(600)

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    context.Process(target=work, args=(ready,), daemon=True).start()
    ready.wait()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_process_ends_with_the_one_that_started_it(tmp_path: Path) -> None:
    """Killed so that it cannot end its own, as by the system when memory is short: both have let go
    of the pipe when it is at its end."""
    script = tmp_path / "orphan.py"
    script.write_text(ORPHAN)
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, **apart())
    try:
        assert parent.communicate(timeout=300)[0] == b""
    finally:
        end(parent)
