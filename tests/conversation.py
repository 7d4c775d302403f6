"""Conversations over GTP: in this process with a script, and with a process of its own."""

import re
from pathlib import Path
from typing import Any

from gocnn.engine.player import Player
from gocnn.gtp.clients import install
from gocnn.gtp.commands import Engine
from gocnn.gtp.protocol import serve


class Scripted:
    """Lines in a list, as `gocnn.gtp.protocol.Lines` gives them. An analysis goes on for `patience`
    looks before the next line arrives."""

    def __init__(self, lines: list[bytes], patience: int = 40) -> None:
        self.left, self.patience, self._looks = lines, patience, 0

    def next(self) -> bytes | None:
        self._looks = 0
        return self.left.pop(0) if self.left else None

    def waiting(self) -> bool:
        self._looks += 1
        return self._looks > self.patience

    def abandoned(self) -> bool:
        return False


def engine_on(lines: Scripted, evaluator, **options) -> Engine:
    engine = Engine(Player(evaluator, **options))
    install(engine, lines.waiting)
    return engine


def talk(evaluator, *commands: str | bytes, **options) -> list[str]:
    """The answers, without their signs where all went well; a failure begins with `?`."""
    lines = Scripted([c if isinstance(c, bytes) else c.encode() for c in commands])
    engine = engine_on(lines, evaluator, **options)
    written: list[str] = []
    serve(engine.commands, lines, written.append)
    text = "".join(written)
    assert text.endswith("\n\n")
    answers = text[:-2].split("\n\n")
    assert all(a[0] in "=?" for a in answers)
    return [
        (
            a[1:].lstrip("0123456789").removeprefix(" ")
            if a[0] == "="
            else "?" + a[1:].lstrip("0123456789").removeprefix(" ")
        )
        for a in answers
    ]


FINISHED_LEFT = [f"{c}{r}" for r in (1, 3, 5, 7, 9, 11, 13, 15, 17, 19) for c in "ABCDEFGHJ"] + [
    f"{c}{r}" for r in range(2, 19, 2) for c in "BDFHJ"
]
FINISHED_RIGHT = [f"{c}{r}" for r in (1, 3, 5, 7, 9, 11, 13, 15, 17, 19) for c in "KLMNOPQRST"] + [
    f"{c}{r}" for r in range(2, 19, 2) for c in "KMOQS"
]


def finished() -> list[str]:
    """A board that two nets of eyes divide, black's on the left."""
    return [*(f"play b {v}" for v in FINISHED_LEFT), *(f"play w {v}" for v in FINISHED_RIGHT)]


def answer_of(process) -> bytes:
    rows = []
    while (row := process.stdout.readline()) not in (b"\n", b""):
        rows.append(row)
    return b"".join(rows)


def send(process, data: bytes) -> None:
    process.stdin.write(data)
    process.stdin.flush()


CASES = Path(__file__).parent / "cases" / "go"


def case(name: str) -> list[str]:
    return (CASES / name).read_text().splitlines()


BOARDS = ("ownership", "ownershipStdev", "movesOwnership", "movesOwnershipStdev")


def read_kata(line: str) -> tuple[list[dict], dict[str, Any], list[float]]:
    """Read a kata-analyze line from its documentation: `info` blocks of keys with one value, `pv`
    and its visits with several, boards with 361; then rootInfo; then the position's own boards,
    which come back with the infos as those of the last one."""
    infos: list[dict] = []
    root: dict[str, Any] = {}
    tokens = line.split()
    i = 0
    current: dict = {}
    while i < len(tokens):
        token = tokens[i]
        i += 1
        if token == "info":
            current = {}
            infos.append(current)
        elif token == "rootInfo":
            current = root
        elif token in BOARDS:
            current[token] = [float(t) for t in tokens[i : i + 361]]
            i += 361
        elif token == "pv":
            current["pv"] = []
            while i < len(tokens) and re.fullmatch(r"pass|[A-HJ-T]\d{1,2}", tokens[i]):
                current["pv"].append(tokens[i])
                i += 1
        elif token in ("pvVisits", "pvEdgeVisits"):
            current[token] = [int(t) for t in tokens[i : i + len(current["pv"])]]
            i += len(current["pv"])
        else:
            current[token] = tokens[i] if token == "move" else float(tokens[i])
            i += 1
    return infos, root, current.get("ownership", [])
