"""go-import and go-stats as a person types them: the games that come into the store are those that
were written, and what is no game is one sentence that names the file."""

import json
import os
import zipfile
from pathlib import Path

import pytest

from tests.conftest import play_randomly, sgf_text
from tests.typed import good, refused


def test_import_and_stats(tmp_path: Path) -> None:
    folder = tmp_path / "games"
    folder.mkdir()
    for i in range(6):
        (folder / f"{i}.sgf").write_bytes(
            sgf_text(play_randomly(i, 50), "BR[9d]WR[8d]RE[B+R]DT[2011-01-02]") + b")"
        )
    (folder / "bad.sgf").write_bytes(b"(;SZ[13];B[aa])")
    (folder / "twin.sgf").write_bytes((folder / "0.sgf").read_bytes())
    out = good("go-import", folder, "--out", tmp_path / "a.games")
    assert "6 games, 300 moves" in out
    assert "1 board other than 19x19" in out
    assert "1 duplicate" in out
    listing = (tmp_path / "a.games.skipped.tsv").read_text().splitlines()
    assert len(listing) == 3
    assert listing[0] == "file\tgame\treason\tdetail"
    assert "exists" in refused(2, "go-import", folder, "--out", tmp_path / "a.games")
    assert "0 games" in good("go-import", folder, "--out", tmp_path / "a.games", "--append")
    assert "6 games" in good("go-import", folder, "--out", tmp_path / "a.games", "--replace")
    figures = json.loads(good("go-stats", tmp_path / "a.games", "--json", "--verify"))
    assert figures["games"] == 6
    assert figures["results"]["black"] == 6
    assert figures["ranks"] == [{"stronger": "9d", "weaker": "8d", "games": 6}]
    assert figures["skipped"] == {"board other than 19x19": 1, "duplicate": 1}
    assert sum(o["games"] for o in figures["openings"]) == 6
    none = good("go-stats", tmp_path / "a.games", "--min-rank", "9p").splitlines()
    assert ": 0 games, 0 moves, " in none[0]
    assert not any("average" in line or line.endswith(": ") for line in none)
    text = good("go-stats", tmp_path / "a.games", "--min-rank", "8d")
    assert "6 games, 300 moves" in text
    assert "9d - 8d" in text
    assert (
        json.loads(good("go-stats", tmp_path / "a.games", "--json", "--min-rank", "9d"))["games"]
        == 0
    )


def test_stats_of_what_is_no_store(tmp_path: Path, game: Path) -> None:
    assert "not a game store" in refused(1, "go-stats", game)
    assert "No such file" in refused(1, "go-stats", tmp_path / "nothing")


def test_a_store_where_records_are_wanted(sample_store: Path, tmp_path: Path) -> None:
    for arguments in (
        ("go-import", sample_store, "--out", tmp_path / "a.games"),
        ("go-review", sample_store),
        ("go-suggest", sample_store),
    ):
        assert "is a store already, which go-train" in refused(1, *arguments)
    assert not list(tmp_path.glob("a.games*"))


def test_bad_games(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    out = tmp_path / "x.games"
    assert "holds no .sgf file" in refused(1, "go-import", empty, "--out", out)
    (empty / "notes.txt").write_text("x")
    assert "holds no .sgf file" in refused(1, "go-import", empty, "--out", out)
    assert "does not exist" in refused(1, "go-import", tmp_path / "nowhere", "--out", out)
    cases = {
        "jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)) * 4,
        "half": sgf_text(play_randomly(0, 50))[:200],
        "brackets": b"(" * 10_000_000,
        "thirteen": b"(;GM[1]SZ[13];B[aa];W[bb])",
        "empty": b"",
    }
    words = {
        "jpeg": "not SGF",
        "half": "broken SGF",
        "brackets": "not SGF",
        "thirteen": "board other than 19x19",
        "empty": "empty file",
    }
    for name, data in cases.items():
        (tmp_path / f"{name}.sgf").write_bytes(data)
        message = refused(1, "go-import", tmp_path / f"{name}.sgf", "--out", out)
        assert words[name] in message
        assert f"{name}.sgf" in message
        assert words[name].split()[-1] in refused(
            1, "go-suggest", tmp_path / f"{name}.sgf", "--model", "x"
        )
    assert not list(tmp_path.glob("x.games*"))
    assert not list(tmp_path.glob(".x.games*"))


def test_bombs_say_which_option_lifts_the_limit(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.sgf", b"(" * 30_000_000)
    assert "--max-unpacked" in refused(
        1, "go-import", tmp_path / "bomb.zip", "--out", tmp_path / "x", "--max-unpacked", "10"
    )


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret.sgf"
    secret.write_bytes(b"(;SZ[19];B[aa])")
    secret.chmod(0)
    if getattr(os, "geteuid", int)() == 0:  # root may read everything: let the system refuse
        read = Path.read_bytes

        def refuse(path: Path) -> bytes:
            if path == secret:
                raise PermissionError(13, "Permission denied")
            return read(path)

        monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "Permission denied" in refused(1, "go-import", secret, "--out", tmp_path / "x")


def test_an_out_folder_that_is_not_there(tmp_path: Path, game: Path) -> None:
    assert "cannot write" in refused(1, "go-import", game, "--out", tmp_path / "no" / "x.games")
