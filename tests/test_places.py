"""Places as people name them: `~` that no shell has read, links to folders, folders that are closed
to them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gocnn.arguments import path, paths
from gocnn.errors import UserError
from gocnn.files import at_home, walk
from gocnn.games import sources
from gocnn.games.importing import import_games
from gocnn.games.position import find_position
from gocnn.games.reader import UNREADABLE
from gocnn.gtp.commands import file_and_number
from gocnn.processes import words_of
from tests.conftest import play_randomly, sgf_text
from tests.typed import good, refused


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with a blank in its name, and another current one."""
    folder, here = tmp_path / "a home", tmp_path / "here"
    folder.mkdir()
    here.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    monkeypatch.chdir(here)
    return folder


@pytest.mark.parametrize(
    ("word", "rest"), [("~", ""), ("~/", "/"), ("~/a b", "/a b"), ("--out=~/x", "/x")]
)
def test_the_home_folder_stands_for_a_tilde(home: Path, word: str, rest: str) -> None:
    assert at_home(word) == word.partition("~")[0] + str(home) + rest


@pytest.mark.parametrize(
    "word", ["", "a~", "./~", "~nobody-of-that-name/x", "a=~/x", "--out", "--out=a~/x", "-", "B~/"]
)
def test_other_words_stay_as_they_are(home: Path, word: str) -> None:
    assert at_home(word) == word


def test_commands_programs_functions_and_loadsgf_know_the_home_folder(home: Path) -> None:
    game = home / "my game.sgf"
    game.write_bytes(sgf_text(play_randomly(1, 30)) + b")")
    good("go-import", "~/my game.sgf", "--out=~/mine.games")
    assert (home / "mine.games").is_file()
    assert list(Path.cwd().iterdir()) == []
    assert words_of('~/bin/katago gtp -model "~/b 6.gz"') == [
        f"{home}/bin/katago",
        "gtp",
        "-model",
        f"{home}/b 6.gz",
    ]
    assert path("out", Path("~/x")) == f"{home}/x"
    assert paths("games", ["~/x", "y"]) == [f"{home}/x", "y"]
    assert file_and_number(["~/my", "game.sgf"]) == (str(game), None)
    assert file_and_number(["~/my", "game.sgf", "7"]) == (str(game), 7)
    assert file_and_number(['"~/my', 'game.sgf"']) == (str(game), None)
    assert file_and_number(["'~/my", "game.sgf'", "7"]) == (str(game), 7)


def test_records_behind_links_to_folders_are_read_and_circles_end(tmp_path: Path) -> None:
    games, elsewhere = tmp_path / "games", tmp_path / "elsewhere"
    for i, name in enumerate(("games/1.sgf", "games/sub/2.sgf", "elsewhere/deep/3.sgf")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(sgf_text(play_randomly(i, 30)) + b")")
    (games / "kgs").symlink_to(elsewhere)
    (games / "sub" / "round").symlink_to(games)
    units = sources.find_units([str(games)])
    found = [path for unit in units for path in unit.paths]
    assert found == [games / "1.sgf", games / "kgs" / "deep" / "3.sgf", games / "sub" / "2.sgf"]
    assert import_games([str(games)], tmp_path / "x.games", quiet=True).games == 3


def test_a_folder_that_cannot_be_listed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may hold half of the games: to pass it over would be to lose them without a word."""
    for i, name in enumerate(("open/1.sgf", "closed/2.sgf")):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(sgf_text(play_randomly(i, 30)) + b")")
    closed = str(tmp_path / "closed")
    listed, read = os.scandir, Path.read_bytes

    def scandir(folder: Any = ".") -> Any:
        if os.fspath(folder) == closed:
            raise PermissionError(13, "Permission denied", closed)
        return listed(folder)

    def read_bytes(self: Path) -> bytes:
        if str(self) == closed:
            raise PermissionError(13, "Permission denied", closed)
        return read(self)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    said = good("go-import", tmp_path, "--out", tmp_path / "x.games")
    assert "1 game, " in said
    assert f"skipped 1: 1 {UNREADABLE} (see {tmp_path / 'x.games'}.skipped.tsv)" in said
    assert f"{closed}\t0\t{UNREADABLE}\tcannot be read: Permission denied" in (
        tmp_path / "x.games.skipped.tsv"
    ).read_text(encoding="utf-8")
    errors: list[OSError] = []
    assert list(walk(tmp_path / "closed", errors.append)) == []
    assert [error.filename for error in errors] == [closed]


@pytest.mark.parametrize("trouble", ["cannot be read: Permission denied", "larger than 256 MB"])
def test_what_cannot_be_read_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    game = tmp_path / "game.sgf"
    game.write_bytes(sgf_text(play_randomly(1, 30)) + b")")

    def unreadable(unit: sources.Unit, limit: int = 0) -> Iterator[sources.Blob]:
        yield sources.Blob(str(game), b"", trouble)

    monkeypatch.setattr(sources, "read", unreadable)
    with pytest.raises(UserError) as refusal:
        find_position(str(game), None, "")
    assert str(refusal.value) == f"{game}: {trouble}"
    assert f"{game}: {trouble}" in refused(1, "go-import", game, "--out", tmp_path / "x.games")
