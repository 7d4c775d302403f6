"""Several that write one store, and writers that are killed: the games of whoever ended well are
there, counted by their source, and whoever did not has said why."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gocnn.errors import UserError
from gocnn.games import reader, store_writer
from gocnn.games.importing import import_games
from gocnn.games.store import Store
from gocnn.locks import locked
from tests.stores import made, write_games

__all__ = ["made"]


def test_what_a_killed_append_left_behind_is_ignored_and_overwritten(
    made: Path, tmp_path: Path
) -> None:
    whole = made.read_bytes()
    with made.open("ab") as stream:
        stream.write(b"torn" * 1000)
    assert len(Store(made)) == 13
    write_games(tmp_path / "more", 2, first=50)
    import_games([str(tmp_path / "more")], made, append=True, quiet=True)
    Store(made).verify()
    assert len(Store(made)) == 15
    assert made.read_bytes()[64 : len(whole)] == whole[64:]


def sources_of(path: Path) -> list[str]:
    opened = Store(path)
    opened.verify()
    return [opened.texts(game)["source"] for game in range(len(opened))]


def test_an_append_during_an_append_is_refused_and_loses_nothing(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second comes when the first has looked into the store, and is sent away; each in turn,
    both are there."""
    for name, first in (("one", 100), ("two", 200)):
        write_games(tmp_path / name, 5, first=first)
    answers: list[subprocess.CompletedProcess[str]] = []
    read = reader.chunks

    def meanwhile(*arguments: Any) -> object:
        for options in (["--append"], ["--replace"]):
            command = [
                sys.executable,
                "-m",
                "gocnn",
                "go-import",
                str(tmp_path / "two"),
                "--out",
                str(made),
                *options,
            ]
            answers.append(subprocess.run(command, capture_output=True, text=True, check=False))
        return read(*arguments)

    monkeypatch.setattr(reader, "chunks", meanwhile)
    assert import_games([str(tmp_path / "one")], made, append=True, quiet=True).games == 5
    for answer in answers:
        assert answer.returncode == 1
        assert (
            answer.stderr
            == f"Error: {made} is being written by another import; wait for it to end, then run"
            " this again\n"
        )
    assert sorted(sources_of(made)) == ["games"] * 13 + ["one"] * 5
    monkeypatch.setattr(reader, "chunks", read)
    import_games([str(tmp_path / "two")], made, append=True, quiet=True)
    assert sorted(sources_of(made)) == ["games"] * 13 + ["one"] * 5 + ["two"] * 5
    assert not list(tmp_path.glob("*.lock"))


@pytest.mark.slow
def test_many_appends_at_once(made: Path, tmp_path: Path) -> None:
    """Whatever falls into whatever: who ends well has its games in the store, and who does not has
    said why."""
    commands = []
    for i in range(3):
        write_games(tmp_path / f"n{i}", 20, first=100 * i + 100)
        commands.append(
            [
                sys.executable,
                "-m",
                "gocnn",
                "go-import",
                str(tmp_path / f"n{i}"),
                "--out",
                str(made),
                "--append",
            ]
        )
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for command in commands
    ]
    expected = ["games"] * 13
    for i, process in enumerate(running):
        _, said = process.communicate()
        assert process.returncode == 0 or (
            process.returncode == 1 and "another import" in said and said.count("\n") == 1
        ), said
        expected += [f"n{i}"] * 20 * (process.returncode == 0)
    assert len(expected) > 13
    assert sorted(sources_of(made)) == sorted(expected)


def test_a_new_store_is_made_by_one(tmp_path: Path) -> None:
    write_games(tmp_path / "games", 2)
    with (
        store_writer.writing(tmp_path / "a.games"),
        pytest.raises(UserError, match="being written by another import"),
    ):
        import_games([str(tmp_path / "games")], tmp_path / "a.games", quiet=True)
    import_games([str(tmp_path / "games")], tmp_path / "a.games", quiet=True)
    with pytest.raises(UserError, match="made by another import meanwhile"):
        import_games([str(tmp_path / "games")], tmp_path / "a.games", replace=False, quiet=True)
    assert len(Store(tmp_path / "a.games")) == 2


def test_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOCNN_CACHE", str(tmp_path / "cache"))
    # where no lock file can lie beside the store, it lies in the cache
    for writable in (True, False):
        monkeypatch.setattr(os, "access", lambda *arguments, writable=writable: writable)
        with locked(tmp_path / "x", "x is busy"):
            files = list(tmp_path.rglob("*.lock"))
            assert [file.parent for file in files] == [
                tmp_path if writable else tmp_path / "cache" / "locks"
            ]
            with pytest.raises(UserError, match="x is busy"), locked(tmp_path / "x", "x is busy"):
                pass
            with locked(tmp_path / "y", "y is busy"):
                pass
        assert not list(tmp_path.rglob("*.lock"))
    (tmp_path / "x.lock").write_text("left behind by a kill")
    monkeypatch.undo()
    with locked(tmp_path / "x", "x is busy"):
        pass
    assert not (tmp_path / "x.lock").exists()


FILL = """
import sys
from pathlib import Path
from typing import Any
from gocnn.games.importing import cached_store
path, report = cached_store([sys.argv[1]], Path(sys.argv[2]), quiet=True)
print(path, report is not None)
"""


@pytest.mark.slow
def test_two_fill_the_same_cache_at_once(tmp_path: Path) -> None:
    games = write_games(tmp_path / "games", 30)
    command = [sys.executable, "-c", FILL, str(games), str(tmp_path / "cache")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = sorted(process.communicate()[0].split() for process in running)
    # one imported, the others waited for it
    assert [answer[1] for answer in answers] == ["False", "False", "True"]
    assert len({answer[0] for answer in answers}) == 1
    assert sources_of(Path(answers[0][0])) == ["games"] * 30
    assert sorted(path.suffix for path in (tmp_path / "cache").iterdir()) == [".games"]


@pytest.mark.slow
def test_an_import_killed_at_random_moments_leaves_the_old_store(tmp_path: Path) -> None:
    write_games(tmp_path / "games", 30)
    import_games([str(tmp_path / "games")], tmp_path / "a.games", quiet=True)
    write_games(tmp_path / "more", 600, moves=60, first=100)
    before = (tmp_path / "a.games").read_bytes()
    rng = random.Random(0)
    for _ in range(5):
        command = [
            sys.executable,
            "-m",
            "gocnn",
            "go-import",
            str(tmp_path / "more"),
            "--out",
            str(tmp_path / "a.games"),
            "--append",
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.2, 1.6))
        process.kill()
        process.wait()
        opened = Store(tmp_path / "a.games")
        opened.verify()
        assert len(opened) in (30, 630)
        if len(opened) == 30:
            assert (tmp_path / "a.games").read_bytes()[: len(before)] == before
    # no lock is left that would keep others out
    import_games([str(tmp_path / "more")], tmp_path / "a.games", append=True, quiet=True)
    assert len(Store(tmp_path / "a.games")) == 630
    assert not list(tmp_path.glob("*.lock"))
