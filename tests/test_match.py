"""Matches: which engines play, what is counted against published tables, what a call must not be,
and whole games against GNU Go."""

import math
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from sgfmill import sgf

from gocnn.board import Board
from gocnn.board.coords import from_gtp
from gocnn.commands import go_match
from gocnn.engine.settle import settled_margin
from gocnn.errors import UserError
from gocnn.match.engines import engine_command
from gocnn.match.game import GameResult, MatchRules
from gocnn.match.openings import from_file
from gocnn.match.runner import MatchConfig, run_match
from gocnn.match.summary import seconds_a_move, summarise
from tests.conftest import ROOT
from tests.conversation import FINISHED_LEFT, FINISHED_RIGHT
from tests.odd_engines import engine, odd, played
from tests.typed import good, refused

__all__ = ["odd"]

OURS = f"{sys.executable} {ROOT / 'cli.py'} go-gtp --threads 1"


def test_a_network_is_an_engine_by_its_name(tmp_path, monkeypatch):
    """One that ships, a file or a run; a program of that name comes first."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    (tmp_path / "my net.onnx").write_bytes(b"")
    for name in ("small", "base", "shipped", "run", "my net.onnx"):
        words = shlex.split(engine_command(name))
        assert words[-5:] == ["go-gtp", "--model", name, "--threads", "1"]
    for command in ("small --fast", "gone.onnx", "gnugo --mode gtp", "my-gocnn go-gtp"):
        assert engine_command(command) == command
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    for command in ("small", "gocnn go-gtp --model small"):
        assert engine_command(command) == command


@pytest.mark.parametrize("name", ["cli.py", "./cli.py", "gocnn"])
def test_the_example_of_the_help_starts(name, tmp_path, monkeypatch):
    """This program by its name, in a folder and on a machine that has no program of that name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    words = shlex.split(engine_command(f'{name} go-gtp --model "a b.onnx"'))
    assert words[0] == sys.executable
    assert words[-3:] == ["go-gtp", "--model", "a b.onnx"]
    told = subprocess.run(
        [*words[:-2], "--help"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert "Go Text Protocol" in told.stdout


def test_two_that_pass(odd, tmp_path):
    out = good(
        "go-match",
        "--black",
        engine(odd, "passes"),
        "--white",
        engine(odd, "passes"),
        "--games",
        4,
        "--out",
        tmp_path / "m",
        "--opening-moves",
        4,
        "--referee",
        engine(odd, "counts"),
    )
    games = played(tmp_path / "m")
    assert all(g["how"] == "score" and g["moves"] == 6 and g["result"] == "W+2.5" for g in games)
    assert [g["winner"] for g in games] == [1, 0, 1, 0]
    assert "4 games" in out
    records = [(tmp_path / "m" / f"{n:04d}.sgf").read_bytes() for n in range(4)]
    named = sgf.Sgf_game.from_bytes(records[0]).get_root()
    assert named.get("PB") == named.get("PW") == engine(odd, "passes")
    moves = [
        [n.get_move() for n in sgf.Sgf_game.from_bytes(r).get_main_sequence()][1:5] for r in records
    ]
    assert moves[0] == moves[1]
    assert moves[2] == moves[3]
    assert moves[0] != moves[2]


def test_bad_calls(odd, tmp_path):
    ok = engine(odd, "passes")
    assert "cannot start" in refused(
        1,
        "go-match",
        "--black",
        "/no/such/engine",
        "--white",
        ok,
        "--out",
        tmp_path / "a",
        "--games",
        1,
    )
    assert "close its quotes" in refused(
        1, "go-match", "--black", "'x", "--white", ok, "--out", tmp_path / "b", "--games", 1
    )
    assert "cannot read" in refused(
        1,
        "go-match",
        "--black",
        ok,
        "--white",
        ok,
        "--out",
        tmp_path / "c",
        "--openings",
        tmp_path / "none.sgf",
    )
    (tmp_path / "o.sgf").write_bytes(b"(;SZ[19]AB[dd];W[pp])")
    assert "take it out" in refused(
        1,
        "go-match",
        "--black",
        ok,
        "--white",
        ok,
        "--out",
        tmp_path / "d",
        "--openings",
        tmp_path / "o.sgf",
    )
    (tmp_path / "o.sgf").write_bytes(b"(;SZ[19];B[dd];W[pp];B[pp];W[dp])")
    assert from_file(tmp_path / "o.sgf", 2) == [[from_gtp("D16"), from_gtp("Q4")]]
    with pytest.raises(UserError, match="move 3 is not legal"):
        from_file(tmp_path / "o.sgf", 6)
    (tmp_path / "o.sgf").write_bytes(b"(;SZ[19];B[dd];W[pp];B[dp])(;SZ[19];B[qd];W[dd])")
    good(
        "go-match",
        "--black",
        ok,
        "--white",
        ok,
        "--out",
        tmp_path / "e",
        "--openings",
        tmp_path / "o.sgf",
        "--games",
        4,
        "--opening-moves",
        2,
        "--referee",
        engine(odd, "draws"),
    )
    assert {g["result"] for g in played(tmp_path / "e")} == {"0"}
    assert "does not count" in refused(
        1,
        "go-match",
        "--black",
        ok,
        "--white",
        ok,
        "--out",
        tmp_path / "f",
        "--games",
        1,
        "--referee",
        engine(odd, "vague"),
    )
    assert [g["opening"] for g in played(tmp_path / "e")] == [0, 0, 1, 1]


def test_players_are_called_what_they_were_called(odd, tmp_path):
    """Not by the command line that starts a level here."""
    out = tmp_path / "m"
    other = engine(odd, "resigns")
    good("go-match", "--black", "20k", "--white", other, "--games", 1, "--out", out)
    root = sgf.Sgf_game.from_bytes((out / "0000.sgf").read_bytes()).get_root()
    assert (root.get("PB"), root.get("PW"), root.get("RE")) == ("20k", other, "B+R")


def test_matches_without_games_or_moves_give_no_figures_of_them(tmp_path, capsys):
    go_match._show([], "a", "b")
    assert capsys.readouterr().out == "a  against  b: no game was finished\n"
    ends = f'"{sys.executable}" -c pass'
    out = good("go-match", "--black", ends, "--white", ends, "--games", 2, "--out", tmp_path / "m")
    assert "0 moves a game\n" in out
    assert "nan" not in out


def test_summarise():
    def game(winner: int) -> GameResult:
        return GameResult(0, 0, 0, winner, "", "score", "", 100, (0.0, 0.0))

    s = summarise([game(0)] * 75 + [game(1)] * 25)
    assert (s.wins, s.losses, s.draws, s.rate) == (75, 25, 0, 0.75)
    assert s.elo == pytest.approx(190.8, abs=0.1)  # 400 log10 3
    # Wilson's interval of 75 of 100, as published tables have it.
    assert s.interval == pytest.approx((0.657, 0.825), abs=0.001)
    assert summarise([game(-1)] * 10).elo == 0
    assert summarise([game(0)] * 10).elo == float("inf")


def test_moves_of_the_opening_take_no_time():
    games = [GameResult(0, 0, 0, 0, "", "score", "", 46, (40.0, 20.0), given) for given in (6, 6)]
    assert seconds_a_move(games) == (2.0, 1.0)
    assert all(math.isnan(each) for each in seconds_a_move([]))


def test_dead_stones_are_settled_by_playing_out(evaluator):
    """Two nets of eyes divide the board; in black's there is a hole with a hopeless white stone:
    counted as if it were taken off."""
    board = Board(19)
    hole = {f"{column}{row}" for column in "DEF" for row in (9, 10, 11)}
    black = [from_gtp(vertex) for vertex in FINISHED_LEFT if vertex not in hole]
    board.set_up(black, [*(from_gtp(vertex) for vertex in FINISHED_RIGHT), from_gtp("E10")])
    assert settled_margin(evaluator, board, 0.0) == 9 * 19 - 10 * 19


GNUGO = shutil.which("gnugo") or shutil.which("gnugo", path="/usr/games")


@pytest.mark.slow
@pytest.mark.skipif(GNUGO is None, reason="needs GNU Go (Debian: gnugo)")
def test_whole_games_against_gnu_go(tmp_path):
    """GNU Go plays, referees and counts: two games to the end, no illegal move by either, and its
    score is ours but for small things. (GNU Go takes nearly all of the time, so it begins after 40
    moves of each.)"""
    good(
        "go-match",
        "--black",
        OURS,
        "--white",
        f"{GNUGO} --mode gtp --level 0 --chinese-rules",
        "--games",
        2,
        "--out",
        tmp_path / "m",
        "--referee",
        f"{GNUGO} --mode gtp --level 0 --chinese-rules",
        "--opening-moves",
        40,
        "--seed",
        2,  # GNU Go crashes in some games, in that of seed 1 too
    )
    for game in played(tmp_path / "m"):
        assert game["how"] in ("score", "resignation")
        assert game["moves"] > 80


def test_a_match_is_called_from_python(odd, tmp_path):
    """And goes on where it is called again for more games; another match in its folder is
    refused."""
    config = MatchConfig(
        first=engine(odd, "good"),
        second=engine(odd, "resigns"),
        out=tmp_path / "m",
        games=1,
        rules=MatchRules(komi=0.5, seconds=300),
        opening_moves=0,
        jobs=1,
    )
    results, interrupted = run_match(config)
    assert [(game.number, game.winner, game.how) for game in results] == [(0, 0, "resignation")]
    assert not interrupted
    seen = []
    results, _ = run_match(
        replace(config, games=2), lambda result, so_far: seen.append((result.number, len(so_far)))
    )
    assert seen == [(1, 2)]
    assert [game.to_json() for game in results] == [
        game | {"seconds": tuple(game["seconds"])} for game in played(tmp_path / "m")
    ]
    with pytest.raises(UserError, match="another komi"):
        run_match(replace(config, rules=MatchRules(komi=6.5, seconds=300)))
