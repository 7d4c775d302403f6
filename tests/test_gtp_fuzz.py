"""A fuzz of GTP's command lines: an answer to each, and at the end the board of a twin that was
told the same."""

import random
import re
from collections.abc import Iterator

import pytest

from gocnn.board import Board
from gocnn.gtp.protocol import serve
from tests.conversation import Scripted, engine_on


def random_lines(count: int, names: list[str]) -> Iterator[bytes]:
    rng = random.Random(7)
    words = [
        "b",
        "w",
        "black",
        "WHITE",
        "D4",
        "q16",
        "T19",
        "A1",
        "I3",
        "pass",
        "resign",
        "Z99",
        "19",
        "-1",
        "1e9",
        "nan",
        "6.5",
        "",
        "interval",
        "avoid",
        "allow",
        "true",
        "9" * 40,
        "é",
        "\x00",
        "#",
        "play",
        "dead",
        "seki",
        "x" * 300,
        '{"ko":"SIMPLE"}',
        "/nothing.sgf",
        "0",
        "all",
    ]
    # the second would write files of such names
    names = [n for n in names if n not in ("quit", "printsgf")]
    for _ in range(count):
        kind = rng.random()
        if kind < 0.35:
            line = (
                f"play {rng.choice('bw')} {rng.choice('ABCDEFGHJKLMNOPQRST')}{rng.randint(1, 19)}"
            )
        elif kind < 0.8:
            name = rng.choice(names)
            if ("analyze" in name and "gogui" not in name) or name in (
                "kata-raw-nn",
                "final_score",
                "final_status_list",
                "gocnn-ownership",
            ):
                name = name if rng.random() < 0.05 else "play"
            line = " ".join([name, *(rng.choice(words) for _ in range(rng.randint(0, 4)))])
        else:
            line = " ".join(rng.choice(words) for _ in range(rng.randint(0, 5)))
        data = line.encode()
        if rng.random() < 0.3 and data:
            mutable = bytearray(data)
            for _ in range(rng.randint(1, 3)):
                mutable[rng.randrange(len(mutable))] = rng.choice(
                    [c for c in range(256) if c != 10]
                )
            data = bytes(mutable)
        if b"quit" not in data:
            yield data


@pytest.mark.slow
def test_ten_thousand_lines(evaluator):
    """An answer to each line that is a command, no internal error, and at the end a board that
    agrees with a twin told the same."""
    probe = Scripted([])
    names = list(engine_on(probe, evaluator).commands)
    lines = [
        line
        for line in random_lines(12_000, names)
        if b"genmove" not in line or random.Random(line).random() < 0.3
    ][:10_000]
    assert len(lines) == 10_000
    script = Scripted(list(lines), patience=2)
    engine = engine_on(script, evaluator)
    written: list[str] = []
    serve(engine.commands, script, written.append)
    text = "".join(written)
    from gocnn.gtp.protocol import clean

    assert text.count("\n\n") == sum(bool(clean(line)) for line in lines)
    assert "internal error" not in text
    twin = Board(19, suicide=True)  # the script sets rules that allow it
    twin.set_up(*engine.game._setup)
    for index, colour in engine.game.board.moves:
        twin.play(index, colour)
    assert (twin.stones() == engine.game.board.stones()).all()
    serve(engine.commands, Scripted([b"clear_board", b"genmove b"]), written.append)
    assert re.fullmatch(r"= \n\n= [A-T]\d+\n\n", "".join(written[-2:]))
