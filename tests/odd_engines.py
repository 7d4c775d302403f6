"""Engines of a few lines that behave in every odd way, and the games that they played."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

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


def played(out: Path) -> list[dict]:
    return sorted(
        (json.loads(line) for line in (out / "games.jsonl").read_text().splitlines()),
        key=lambda g: g["number"],
    )


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
