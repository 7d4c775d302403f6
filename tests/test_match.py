"""Matches: engines that behave and engines that do not, resuming, counting, a real opponent."""

import json
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sgfmill import sgf

from gocnn.board import Board
from gocnn.board.coords import from_gtp
from gocnn.engine.settle import settled_margin
from gocnn.errors import UserError
from gocnn.locks import locked
from gocnn.match.engines import engine_command
from gocnn.match.game import EngineSlot, GameResult, MatchRules
from gocnn.match.gtp_client import EngineFault, EngineProcess, EngineRefusal
from gocnn.match.runner import MatchConfig, run_match
from gocnn.match.summary import summarise
from tests.conftest import ROOT, heed_interrupts, needs_posix
from tests.conversation import FINISHED_LEFT, FINISHED_RIGHT
from tests.typed import good, refused

ODD = """
import os, pathlib, sys, time
kind = sys.argv[1]
pathlib.Path(__file__).with_name(f"{os.getpid()}.pid").touch()
moves = 0
taken = []
points = [f"{c}{r}" for r in (3, 6, 9, 12, 15) for c in "CFKNQ"]
for line in sys.stdin:
    name = line.split()[0] if line.split() else ""
    if name == "genmove":
        moves += 1
        if moves > 3:
            if kind == "dies": sys.exit(3)
            if kind == "hangs": time.sleep(60)
            if kind == "nonsense": print("hello there", flush=True); continue
            if kind == "vertex": print("= Z99\\n", flush=True); continue
            if kind == "illegal": print(f"= {taken[0]}\\n", flush=True); continue
            if kind == "refuses": print("? I am tired\\n", flush=True); continue
            if kind == "resigns": print("= resign\\n", flush=True); continue
            if kind == "blank":
                while True: print("\\n" * 1000, flush=True)
            if kind == "trickles":
                print("= D4", flush=True)
                while True: print("x", flush=True); time.sleep(0.05)
            if kind == "flood": print("= D4" + "\\n x" * 600000, flush=True); continue
        taken.append("pass" if kind == "passes" else next(p for p in points if p not in taken))
        print("= " + taken[-1] + "\\n", flush=True)
    elif name == "play":
        taken.append(line.split()[2]); print("= \\n", flush=True)
    elif name == "clear_board":
        taken, moves = [], 0; print("= \\n", flush=True)
    elif name == "final_score":
        print("= " + {"draws": "0", "vague": "nobody knows"}.get(kind, "W+2.5") + "\\n", flush=True)
    elif name == "quit":
        print("= \\n", flush=True); sys.exit(0)
    elif name == "time_settings" or name == "time_left":
        if kind == "notes": pathlib.Path(__file__).with_name("told").open("a").write(line)
        print("? unknown command\\n", flush=True)
    else:
        print("= \\n", flush=True)
"""


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("odd") / "odd.py"
    path.write_text(ODD)
    return path


def engine(odd: Path, kind: str) -> str:
    return f"{sys.executable} {odd} {kind}"


OURS = f"{sys.executable} {ROOT / 'cli.py'} go-gtp --threads 1"


def played(out: Path) -> list[dict]:
    return sorted(
        (json.loads(line) for line in (out / "games.jsonl").read_text().splitlines()),
        key=lambda g: g["number"],
    )


@pytest.mark.parametrize(
    ("kind", "how", "what"),
    [
        ("dies", "fault", "died (exit code 3)"),
        ("nonsense", "fault", "not GTP"),
        ("vertex", "fault", "'Z99'"),
        ("illegal", "illegal move", "occupied"),
        ("refuses", "fault", "tired"),
        ("resigns", "resignation", ""),
        ("flood", "fault", "without end"),
        ("blank", "fault", "without end"),
    ],
)
def test_an_engine_that_misbehaves_loses_and_the_match_goes_on(odd, tmp_path, kind, how, what):
    """Both games are played and lost, the first one not being its only life."""
    good(
        "go-match",
        "--black",
        engine(odd, kind),
        "--white",
        engine(odd, "good"),
        "--games",
        2,
        "--out",
        tmp_path / "m",
        "--opening-moves",
        0,
        "--jobs",
        1,
        "--seconds",
        300,
        "--main-time",
        100,
    )
    games = played(tmp_path / "m")
    assert [g["winner"] for g in games] == [1, 1]
    assert [g["black"] for g in games] == [0, 1]
    assert all(g["how"] == how and what in g["detail"] for g in games)
    for number, result in enumerate(("W", "B")):
        record = sgf.Sgf_game.from_bytes((tmp_path / "m" / f"{number:04d}.sgf").read_bytes())
        assert record.get_root().get("RE").startswith(result + "+")


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


@pytest.mark.slow
def test_engines_that_do_not_answer_lose_and_the_match_goes_on(odd, tmp_path):
    """One says nothing, one never comes to an end; each loses the game in which its time comes
    first, and the first one plays on in the second."""
    good(
        "go-match",
        "--black",
        engine(odd, "hangs"),
        "--white",
        engine(odd, "trickles"),
        "--games",
        2,
        "--out",
        tmp_path / "m",
        "--opening-moves",
        0,
        "--jobs",
        1,
        "--seconds",
        4,
        "--main-time",
        100,
    )
    games = played(tmp_path / "m")
    assert [(g["black"], g["winner"], g["moves"]) for g in games] == [(0, 1, 6), (1, 0, 6)]
    assert all(g["how"] == "time" and "did not answer within" in g["detail"] for g in games)
    for number in (0, 1):
        record = sgf.Sgf_game.from_bytes((tmp_path / "m" / f"{number:04d}.sgf").read_bytes())
        assert record.get_root().get("RE").startswith("W+")


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
    moves = [
        [n.get_move() for n in sgf.Sgf_game.from_bytes(r).get_main_sequence()][1:5] for r in records
    ]
    assert moves[0] == moves[1]
    assert moves[2] == moves[3]
    assert moves[0] != moves[2]


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


def test_both_are_told_the_time_for_a_move(odd, tmp_path):
    """As overtime of one stone, which every engine's clock knows; that one does not know of clocks
    costs it nothing."""
    out = good(
        "go-match",
        "--black",
        engine(odd, "resigns"),
        "--white",
        engine(odd, "notes"),
        "--games",
        2,
        "--out",
        tmp_path / "m",
        "--opening-moves",
        0,
        "--jobs",
        1,
        "--move-time",
        1.5,
    )
    told = odd.with_name("told").read_text().split("\n")
    assert [(game["moves"], game["how"]) for game in played(tmp_path / "m")] == [
        (6, "resignation"),
        (7, "resignation"),
    ]
    assert told == [
        *["time_settings 0 1.5 1"],
        *["time_left W 1.5 1"] * 3,
        *["time_settings 0 1.5 1"],
        *["time_left B 1.5 1"] * 4,
        "",
    ]
    assert "seconds a move: 0." in out
    assert "either" in refused(
        2,
        "go-match",
        "--black",
        "x",
        "--white",
        "x",
        "--out",
        tmp_path / "n",
        "--move-time",
        1,
        "--main-time",
        1,
    )
    assert "--seconds" in refused(
        2,
        "go-match",
        "--black",
        "x",
        "--white",
        "x",
        "--out",
        tmp_path / "n",
        "--move-time",
        2,
        "--seconds",
        1,
    )


def test_games_that_the_board_did_not_decide_are_named(odd, tmp_path):
    """Or an engine that crashes often would make the other look strong."""
    arguments = (
        "go-match",
        "--black",
        engine(odd, "resigns"),
        "--out",
        tmp_path / "m",
        "--opening-moves",
        0,
        "--jobs",
        1,
    )
    out = good(*arguments, "--white", engine(odd, "dies"), "--games", 2)
    assert [line[:6] for line in out.splitlines() if "not decided on the board" in line] == [
        "game 1"
    ]
    assert (
        "game 1, B+F, not decided on the board (fault): white died (exit code 3) at move 8" in out
        or "game 1, W+F" in out
    )
    assert "without these: won 0, lost 1, drawn 0" in out


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


@needs_posix
def test_interrupted_match_leaves_no_engine_behind(odd, tmp_path):
    arguments = [
        sys.executable,
        "cli.py",
        "go-match",
        "--black",
        engine(odd, "hangs"),
        "--white",
        engine(odd, "hangs"),
        "--games",
        "4",
        "--out",
        str(tmp_path / "m"),
        "--opening-moves",
        "0",
        "--jobs",
        "2",
    ]
    process = subprocess.Popen(
        arguments,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    )
    while running(odd) < 4 and process.poll() is None:
        time.sleep(0.1)
    assert running(odd) == 4
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert "the same command goes on" in errors
    assert "Traceback" not in errors
    assert running(odd) == 0


def running(script: Path) -> int:
    """Engines of this script that are alive; they leave their numbers beside it. `ww`: a narrow
    window must not cut the path off."""
    numbers = [path.stem for path in script.parent.glob("*.pid")]
    out = (
        subprocess.run(
            ["ps", "-ww", "-o", "args=", "-p", ",".join(numbers)], capture_output=True, text=True
        ).stdout
        if numbers
        else ""
    )
    return out.count(str(script))


def test_a_seat_that_was_ended_starts_no_engine(odd):
    """Else Ctrl-C between two games, or between two questions, would start engines that nobody
    stops."""
    slot = EngineSlot(engine(odd, "good"))
    assert slot.ask("name", 30) == ""
    before = len(list(odd.parent.glob("*.pid")))
    slot.end()
    with pytest.raises(EngineFault, match="stopped"):
        slot.ask("name", 30)
    assert len(list(odd.parent.glob("*.pid"))) == before
    assert running(odd) == 0


@pytest.mark.parametrize("kind", ["hangs", "good"])
def test_ending_a_seat_ends_the_question_it_is_at(odd, kind):
    """`good` quits as it is told: that its answers are over must reach both who wait for one."""
    slot = EngineSlot(engine(odd, kind))
    faults = []

    def ask_on() -> None:
        try:
            while True:
                for command in ("genmove b",) * 4 + ("clear_board",):
                    slot.ask(command, 50)
        except EngineFault as fault:
            faults.append(str(fault))

    thread = threading.Thread(target=ask_on, daemon=True)
    thread.start()
    time.sleep(1)
    slot.end()
    thread.join()
    assert len(faults) == 1
    assert running(odd) == 0


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


def test_the_client_tells_failure_from_fault(odd):
    process = EngineProcess(engine(odd, "refuses"))
    with pytest.raises(EngineRefusal, match="unknown command"):
        process.ask("time_settings 1 2 3")
    for _ in range(3):
        process.ask("genmove b")
    with pytest.raises(EngineRefusal, match="tired"):
        process.ask("genmove b")
    process.close()
    with pytest.raises(EngineFault):
        process.ask("name")


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
