"""GTP as a process: interrupted analyses, odd input, a client that goes away."""

import json
import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from gocnn.gtp.protocol import Lines
from tests.conftest import ROOT, needs_posix
from tests.conversation import answer_of, case, send

DAYS = b"kata-set-param maxVisits 10000000\n"
"""So much looking ahead takes hours: what answers has not done it."""


def test_analysis_stops_at_the_next_line(process):
    send(process, b"genmove b\n")
    answer_of(process)
    send(process, b"kata-analyze w 5\n")
    assert process.stdout.readline() == b"=\n"
    for _ in range(3):
        assert process.stdout.readline().startswith(b"info move")
    send(process, b"7 name\n")
    # an analysis that goes on never comes to its empty line
    while process.stdout.readline() != b"\n":
        pass
    assert answer_of(process) == b"=7 gocnn\n"


def test_odd_input(process):
    send(
        process,
        b"\xff\xfe\x00\n" + b"play b " + b"D" * (1 << 20) + b"\n" + b"name\n\n\r\nshowboard",
    )
    process.stdin.close()
    text = process.stdout.read()
    assert text.count(b"\n\n") == 4
    assert b"= gocnn" in text
    assert b"19 . . ." in text  # the last command had no line end
    assert process.wait(600) == 0
    assert process.stderr.read() == b""


@needs_posix
def test_interrupted_analysis_ends_its_answer(process):
    send(process, b"lz-analyze b 5\n")
    process.stdout.readline()
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    rest = process.stdout.read()
    assert rest == b"\n" or rest.endswith(b"\n\n")
    assert process.wait(600) == 130
    assert process.stderr.read() == b""


def test_a_client_that_goes_away(process):
    send(process, b"name\n")
    answer_of(process)
    process.stdout.close()
    send(process, b"name\nname\nname\n")
    process.stdin.close()
    assert process.wait(600) in (0, 1)
    assert process.stderr.read() == b""


@pytest.mark.parametrize("command", [b"genmove w", b"reg_genmove w", b"kgs-genmove_cleanup b"])
def test_gogui_interrupts_a_search(process, command):
    """What GoGui sends when a person chooses Interrupt while the engine thinks."""
    send(process, DAYS + b"play B Q16\n")
    assert answer_of(process) + answer_of(process) == b"= \n= \n"
    send(process, command + b"\n")
    send(process, b"# interrupt\n")
    assert answer_of(process)[:2] == b"= "
    send(process, b"kata-get-param maxVisits\n")  # it holds for that command alone
    assert answer_of(process) == b"= 10000000\n"


def test_other_lines_do_not_end_a_search(process):
    send(process, b"kata-set-param maxVisits 20\nplay b Q16\ngenmove w\n# interrupted\nname\n")
    assert [answer_of(process)[:2] for _ in range(4)] == [b"= "] * 4


def test_an_interrupt_is_over_once_it_is_read():
    ours, theirs = os.pipe()
    try:
        lines = Lines(ours)
        os.write(theirs, b"genmove b\n# interrupt \n#interrupt\nname\n")
        while len(lines._lines) < 4:  # the thread that reads
            pass
        seen = []
        for _ in range(4):
            seen.append((lines.next(), lines.interrupted()))
    finally:
        os.close(theirs)
    assert seen == [
        (b"genmove b", True),
        (b"# interrupt ", True),
        (b"#interrupt", False),
        (b"name", False),
    ]


@needs_posix
@pytest.mark.parametrize("command", [b"genmove b\n", b"kata-genmove_analyze b 10\n"])
def test_a_client_that_is_ended_while_the_engine_thinks(process, command):
    send(process, DAYS)
    answer_of(process)
    send(process, command)
    process.stdin.close()
    process.stdout.close()
    assert process.wait(600) in (0, 1)


@needs_posix
def test_a_client_that_is_ended_while_a_query_is_worked_on():
    query = {"id": "x", "moves": [], "rules": "chinese", "boardXSize": 19, "boardYSize": 19}
    engine = subprocess.Popen(
        [sys.executable, "cli.py", "go-analysis", "--threads", "1"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        send(engine, json.dumps(query | {"maxVisits": 10_000_000}).encode() + b"\n")
        for stream in (engine.stdin, engine.stdout):
            assert stream is not None
            stream.close()
        assert engine.wait(600) in (0, 1)
    finally:
        engine.kill()


def test_the_end_of_the_commands_is_no_reason_to_stop(process):
    """`echo genmove b | gocnn go-gtp`: the answer is still wanted."""
    send(process, b"kata-set-param maxVisits 50\nkata-genmove_analyze b 100000\nkata-search b\n")
    process.stdin.close()
    text = process.stdout.read()
    assert text.count(b"\n\n") == 3
    assert process.wait(600) == 0


@needs_posix
def test_a_socket_whose_other_end_is_closed():
    """Node, and so Sabaki, talks to its programs through sockets."""
    ours, theirs = socket.socketpair()
    source, end = os.pipe()
    with ours:
        lines = Lines(source, ours.fileno())
        assert not lines.abandoned()
        theirs.close()
        assert lines.abandoned()
    os.close(end)


def test_records_are_not_read_from_the_protocol_itself(process):
    """With the pipe left open: a refusal, and the next command is answered."""
    for line in [
        *case("loadsgf_stdin.gtp")[:-1],
        "loadsgf /dev/stdin",
        "loadsgf /dev/fd/0",
        "loadsgf - 3",
    ]:
        send(process, f"{line}\n".encode())
        answer = answer_of(process)
        assert answer.startswith(
            b"? cannot load file" if line.startswith("loadsgf") else b"= gocnn"
        ), line
    send(process, b"5 name\n")
    assert answer_of(process) == b"=5 gocnn\n"


def test_every_way_a_line_can_come(process):
    text = (
        "1 name\r\n\r\n \t 2 \tplay\tb\tq16 # the first\r\n#\n3 PLAY b d4\n4 play b D4 extra\n5"
        " play w \uff24\uff14\n6 play W pAsS\n7 komi \uff16.\uff15\n8 name\x07\n9 play b resign\n10"
        " undo\n11 list_stones black\n"
    ).encode()
    send(
        process,
        text + b"12 name \xff\xfe\n13 " + b"x" * 300_000 + b"\n" + b"14 name\n" * 3000 + b"15 name",
    )
    process.stdin.close()
    answers = process.stdout.read().decode().split("\n\n")
    signs = [re.match(r"[=?]\d*", answer).group() for answer in answers[:-1]]  # type: ignore[union-attr]
    assert signs[:13] == [
        "=1",
        "=2",
        "?3",
        "?4",
        "?5",
        "=6",
        "=7",
        "=8",
        "=9",
        "=10",
        "=11",
        "=12",
        "?13",
    ]
    assert signs[13:] == ["=14"] * 3000 + ["=15"]
    assert answers[10] == "=11 Q16"
    assert process.stderr.read() == b""
    assert process.wait(600) == 0
