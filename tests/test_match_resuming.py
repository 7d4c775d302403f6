"""A match that goes on: the games and openings that are there are kept as their files have them,
other terms are refused, and nobody plays the same match beside it."""

import json

import pytest
from sgfmill import sgf

from gocnn.locks import locked
from tests.odd_engines import engine, odd, played
from tests.typed import good, refused

__all__ = ["odd"]


def test_two_at_once_do_not_play_the_same_match(odd, tmp_path):
    """Else each game would be played and noted twice, with the record of one of them."""
    ok, out = engine(odd, "passes"), tmp_path / "m"
    call = ("go-match", "--black", ok, "--white", ok, "--out", out, "--games", 1)
    with locked(out, "busy"):
        assert "another process plays the match" in refused(1, *call, "--opening-moves", 0)
    assert not any(out.iterdir())
    good(*call, "--opening-moves", 0)
    assert len((out / "games.jsonl").read_text().splitlines()) == 1
    assert not out.with_name("m.lock").exists()


def test_a_match_that_cannot_begin_leaves_its_folder_to_the_next(odd, tmp_path):
    """A slip in an engine's name or in the openings is mended in the same folder."""
    ok, out = engine(odd, "passes"), tmp_path / "m"
    wrong = [
        ("--black", "5q", "--white", ok),
        ("--black", ok, "--white", "gnugoo --mode gtp"),
        ("--black", ok, "--white", ok, "--referee", "'x"),
        ("--black", ok, "--white", ok, "--openings", tmp_path / "none.sgf"),
    ]
    for engines in wrong:
        refused(1, "go-match", *engines, "--out", out, "--games", 1, "--opening-moves", 0)
        assert not out.exists()


def test_goes_on_where_it_stopped(odd, tmp_path):
    arguments = [
        "go-match",
        "--black",
        engine(odd, "resigns"),
        "--white",
        engine(odd, "good"),
        "--out",
        str(tmp_path / "m"),
        "--opening-moves",
        "0",
        "--jobs",
        "1",
    ]
    good(*arguments, "--games", 2)
    with (tmp_path / "m" / "games.jsonl").open("a") as stream:
        stream.write('{"number": 2, "opening')  # killed while writing
    before = (tmp_path / "m" / "0000.sgf").stat().st_mtime_ns
    good(*arguments, "--games", 4)
    assert [g["number"] for g in played(tmp_path / "m")] == [0, 1, 2, 3]
    assert (tmp_path / "m" / "0000.sgf").stat().st_mtime_ns == before
    assert "another komi" in refused(1, *arguments, "--komi", 0.5)


@pytest.mark.parametrize("line", ["", '{"number": 0, "opening'], ids=["none", "cut short"])
def test_a_match_without_a_game_takes_other_settings(odd, tmp_path, line):
    """It was stopped in its first game: a corrected command goes on in the same folder, and not
    with the openings that the other one drew."""
    ok, out = engine(odd, "resigns"), tmp_path / "m"
    out.mkdir()
    settings = {"black": "gnugo", "white": ok, "komi": 7.5, "opening_moves": 0}
    (out / "match.json").write_text(json.dumps(settings))
    (out / "openings.json").write_text("[[0, 360]]")
    (out / "games.jsonl").write_text(line)
    call = ("go-match", "--black", ok, "--white", ok, "--out", out, "--games", 1)
    good(*call, "--komi", 0.5, "--opening-moves", 2)
    (game,) = played(out)
    assert (game["number"], json.loads((out / "match.json").read_text())["komi"]) == (0, 0.5)
    assert json.loads((out / "openings.json").read_text())[0] != [0, 360]
    assert "another komi" in refused(1, *call, "--komi", 1.5, "--opening-moves", 2)


def test_a_match_goes_on_with_the_openings_of_its_file_only(odd, tmp_path):
    """Else the two games of an opening would be of two."""
    ok, file = engine(odd, "passes"), tmp_path / "o.sgf"
    file.write_bytes(b"(;SZ[19];B[dd];W[];B[pp])")
    call = ("go-match", "--black", ok, "--white", ok, "--out", tmp_path / "m", "--openings", file)
    good(*call, "--games", 1, "--opening-moves", 3)
    assert played(tmp_path / "m")[0]["given"] == 3
    good(*call, "--games", 2, "--opening-moves", 3)
    file.write_bytes(b"(;SZ[19];B[dd];W[pp];B[pd])")
    assert "other openings" in refused(1, *call, "--games", 3, "--opening-moves", 3)
    assert len(played(tmp_path / "m")) == 2


def test_a_match_keeps_its_openings(odd, tmp_path):
    """Those that are there are played on even if the network that drew them is another one now, and
    a match of an earlier version goes on."""
    arguments = [
        "go-match",
        "--black",
        engine(odd, "resigns"),
        "--white",
        engine(odd, "good"),
        "--out",
        tmp_path / "m",
        "--opening-moves",
        2,
        "--jobs",
        1,
    ]
    good(*arguments, "--games", 2)
    terms = json.loads((tmp_path / "m" / "match.json").read_text())
    del terms["move_time"]
    (tmp_path / "m" / "match.json").write_text(json.dumps(terms))
    (tmp_path / "m" / "openings.json").write_text("[[0, 360]]")
    good(*arguments, "--games", 4)
    kept = json.loads((tmp_path / "m" / "openings.json").read_text())
    assert kept[0] == [0, 360]
    assert [game["opening"] for game in played(tmp_path / "m")] == [0, 0, 1, 1]
    for number in (2, 3):
        nodes = sgf.Sgf_game.from_bytes(
            (tmp_path / "m" / f"{number:04d}.sgf").read_bytes()
        ).get_main_sequence()
        assert [
            row * 19 + column for row, column in (node.get_move()[1] for node in nodes[1:3])
        ] == kept[1]
    (tmp_path / "m" / "openings.json").write_text("[[999]]")
    assert "another --out" in refused(1, *arguments, "--games", 6)
