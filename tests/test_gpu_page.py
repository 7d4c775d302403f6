"""docs/gpu.md is true: its commands, one after the other, in a rehearsal with tiny networks."""

import argparse
import importlib
import itertools
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gpu
from gocnn.training.schedule import Budget
from gpukit import train
from tests.conftest import ROOT
from tests.trips import Clock, a_command_begins_with_its_test, games, says
from tests.typed import good

__all__ = ["a_command_begins_with_its_test", "games", "says"]


def page_commands() -> list[list[str]]:
    """The commands in docs/gpu.md, as lists of words without `python`."""
    blocks = (ROOT / "docs" / "gpu.md").read_text(encoding="utf-8").split("```")[1::2]
    lines = [line.split() for block in blocks for line in block.splitlines() if line.strip()]
    assert all(words[0] == "python" for words in lines)
    return [words[1:] for words in lines]


SMALLER = {"--minutes": "0.12", "--total-minutes": "10", "--preset": "tiny", "--size": "1"}
"""What the page's options are in its rehearsal."""

MORE = {
    "train": ["--device", "cpu", "--reserve", "1"],
    "go-eval": ["--positions", "200"],
    "go-import": ["--jobs", "1"],
    "go-train": ["--quiet"],
}
FIRST = [
    "--batch",
    "8",
    "--valid-positions",
    "100",
    "--precision",
    "fp32",
    "--planes",
    "board,handicap",
]


def rehearsed(words: list[str]) -> list[str]:
    """A command of the page made tiny, with the names of files written out."""
    words = [SMALLER.get(before, word) for before, word in itertools.pairwise(["", *words])]
    words = [
        name
        for word in words
        for name in (sorted(map(str, Path().glob(word))) if "*" in word else [word])
    ]
    return [
        *words,
        *MORE.get(words[1], []),
        *(FIRST if words[1] == "train" and "--resume" not in words else []),
    ]


@pytest.mark.slow
def test_the_page_is_true(
    games: Path, tmp_path: Path, says: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command of the page, one after the other. Those that a module of their own tests are
    only read here."""
    (tmp_path / "games").mkdir()
    for source, target in (("a", "games/a.tar.xz"), ("b", "games/b.tar.xz"), ("v", "tygem.tar.xz")):
        with tarfile.open(tmp_path / target, "w:xz") as archive:
            archive.add(games / source, source)
    monkeypatch.chdir(tmp_path)
    read: list[str] = []

    def noted(options: argparse.Namespace) -> int:
        read.append(options.command)
        return 0

    for name in ("check", "speed", "images", "report"):
        monkeypatch.setattr(importlib.import_module(f"gpukit.{name}"), "run", noted)
    fitted: list[tuple[float | None, bool]] = []
    plain = Budget.fit

    def fit(self: Budget, deadline: Any) -> None:
        plain(self, deadline)
        fitted.append((self.seconds, deadline.fits))

    monkeypatch.setattr(Budget, "fit", fit)
    said: dict[str, list[str]] = {}
    for words in map(rehearsed, page_commands()):
        monkeypatch.setattr(train, "CLOCK", Clock())
        program, command, *arguments = words
        if command == "join":  # at home there is no run yet
            Path("runs/base").rename("runs/there")
        assert program in ("cli.py", "benchmarks/gpu.py")
        said.setdefault(command, []).append(
            good(command, *arguments) if program == "cli.py" else says(0, command, *arguments)
        )
    assert sorted(set(read)) == ["check", "images", "report", "speed"]
    # the schedule of the first goes beyond it, that of the last ends with it
    first, last = said["train"]
    assert "stopped; go on with --resume" in first
    assert "done, step" in last
    assert [fits for _, fits in fitted] == [True]
    assert fitted[0][0] is not None
    assert fitted[0][0] < 60
    assert "top-1" in said["go-eval"][0]
    assert "fp16" in said["go-export"][0]
    assert set(said) | {"parts"} == {*gpu.COMMANDS, "go-import", "go-eval", "go-train", "go-export"}
