"""Importing: the same store by one process and by several, from a pipe, by content from the cache,
and of a real archive every game taken or its reason counted."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gocnn.errors import UserError
from gocnn.games import importing
from gocnn.games.importing import cached_store, import_games
from gocnn.games.store import Store
from tests.conftest import CORPORA, play_randomly, sgf_text
from tests.stores import write_games


def test_games_from_a_pipe_are_kept_by_their_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for count in (2, 2, 3):
        data = (
            b"".join(sgf_text(play_randomly(i, 10)) + b")" for i in range(count))
            + b"(;SZ[13];B[aa])"
        )
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        path, report = cached_store(["-"], tmp_path / "cache", quiet=True)
        assert report is not None
        assert len(Store(path)) == count
        found.append(path)
    assert found[0] == found[1] != found[2]
    assert len(list((tmp_path / "cache").iterdir())) == 4


def test_a_failed_import_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "bad.sgf").write_bytes(b"nonsense")
    with pytest.raises(UserError, match="1 not SGF"):
        import_games([str(tmp_path / "bad.sgf")], tmp_path / "a.games", quiet=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.sgf"]


@pytest.mark.slow
def test_processes_give_the_same_store_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        write_games(tmp_path / "games" / name, 20, first=ord(name) * 7)
        subprocess.run(
            [
                "tar",
                "cJf",
                str(tmp_path / "games" / f"{name}.tar.xz"),
                "-C",
                str(tmp_path / "games" / name),
                ".",
            ],
            check=True,
        )
    import_games([str(tmp_path / "games")], tmp_path / "one", jobs=1, quiet=True)
    monkeypatch.setattr(importing, "SMALL", 0)
    import_games([str(tmp_path / "games")], tmp_path / "two", jobs=2, quiet=True)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one.skipped.tsv").read_text() == (tmp_path / "two.skipped.tsv").read_text()


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"".join(sgf_text(play_randomly(i, 10)) + b")" for i in range(3))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert import_games(["-"], tmp_path / "a.games", quiet=True).games == 3


def test_the_cache_is_keyed_by_content(tmp_path: Path) -> None:
    games = write_games(tmp_path / "games", 5)
    first, report = cached_store([str(games)], tmp_path / "cache", quiet=True)
    assert report is not None
    assert cached_store([str(games)], tmp_path / "cache", quiet=True) == (first, None)
    write_games(games, 1, first=9)
    assert cached_store([str(games)], tmp_path / "cache", quiet=True)[0] != first


def test_a_renamed_folder_is_another_source(tmp_path: Path) -> None:
    """What `--source` searches, and by which a network is told of whom a game is."""
    folder = write_games(tmp_path / "fox", 2)
    for name in ("fox", "tygem"):
        folder = folder.rename(tmp_path / name)
        path, _ = cached_store([str(folder)], tmp_path / "cache", quiet=True)
        assert Store(path).texts(0)["source"] == name


@pytest.mark.parametrize("name", [".", "0000.sgf", "../fox", "../fox/0000.sgf", "inner/.."])
def test_a_folder_is_the_source_wherever_it_is_named_from(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_games(tmp_path / "fox", 1)
    (folder / "inner").mkdir()
    (made,) = folder.glob("*.sgf")
    made.rename(folder / "0000.sgf")
    monkeypatch.chdir(folder)
    import_games([name], tmp_path / "a.games", quiet=True)
    assert Store(tmp_path / "a.games").texts(0)["source"] == "fox"


def test_a_raised_limit_reads_the_archive_again(tmp_path: Path) -> None:
    """What was left unread is told to be read so."""
    with zipfile.ZipFile(tmp_path / "games.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for seed in range(3):
            comment = b"C[" + b" " * (1 << 19) + b"])"
            archive.writestr(f"{seed}.sgf", sgf_text(play_randomly(seed, 10)) + comment)
    for limit, count in ((1 << 20, 1), (4 << 20, 3)):
        path, report = cached_store(
            [str(tmp_path / "games.zip")], tmp_path / "cache", limit=limit, quiet=True
        )
        assert report is not None
        assert len(Store(path)) == count


@pytest.mark.slow
def test_a_real_archive(tmp_path: Path) -> None:
    archive = CORPORA / "games" / "valid" / "fox-pro.tar.xz"
    if not archive.exists():
        pytest.skip("needs the game corpora (shared/corpora)")
    report = import_games([str(archive)], tmp_path / "a.games", quiet=True)
    assert report.games + sum(report.reasons.values()) == 1240
    assert report.games > 1200
    assert Store(tmp_path / "a.games").size / report.games < 600
