"""GTP as a process: interrupted analyses, odd input, a client that goes away."""

import signal

from tests.conftest import needs_posix
from tests.conversation import answer_of, send


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
