"""Engines that misbehave, die, hang or run out of time: they lose by the rules of the match, which
goes on, and none of them is left behind."""

import signal
import subprocess
import sys
import threading
import time

import pytest
from sgfmill import sgf

from gocnn.match.game import EngineSlot
from gocnn.match.gtp_client import EngineFault, EngineProcess, EngineRefusal
from tests.conftest import ROOT, heed_interrupts, needs_posix
from tests.odd_engines import engine, odd, played, running
from tests.typed import good, refused

__all__ = ["odd"]


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
