"""Compiling all kernels before anybody waits for them: each job is done once, small, by the command
that does it, so that what is compiled is what that command will ask for."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from gocnn import _jit
from gocnn.cores import cores
from gocnn.errors import UserError

GAMES = 4
"""Records that there are for the jobs to read, none like another."""


@dataclass(frozen=True)
class Job:
    """A job by its name, and the command lines (with what is typed into each) that do it."""

    name: str
    commands: list[tuple[list[str], str]]


def scattered(game: int) -> str:
    """A record of some thirty moves all over the board, other ones for each game."""
    letters = "abcdefghijklmnopqrs"
    points = (divmod((147 * move + 7 * game) % 361, 19) for move in range(30 + 2 * game))
    moves = "".join(f";{'BW'[i % 2]}[{letters[x]}{letters[y]}]" for i, (x, y) in enumerate(points))
    return f"(;GM[1]FF[4]SZ[19]KM[6.5]{moves})"


def ending(moves: str, result: str) -> str:
    """A record that begins near its end: black and white hold a half of the board each, with two
    eyes, and between them lies an open column."""
    letters = "abcdefghijklmnopqrs"
    black = "".join(
        f"[{x}{y}]" for x in letters[:9] for y in letters if x + y not in ("bb", "dd", "ff")
    )
    white = "".join(
        f"[{x}{y}]" for x in letters[10:] for y in letters if x + y not in ("rr", "pp", "nn")
    )
    return f"(;GM[1]FF[4]SZ[19]KM[6.5]RE[{result}]AB{black}AW{white}{moves})"


def jobs(folder: Path) -> list[Job]:
    """What there is to do with the records in `folder`: playing, importing, and what needs the
    store that importing leaves there, the longest first. Training is left out where torch is not
    installed."""
    script = ["boardsize 19", "komi 6.5", *["genmove b", "genmove w"] * 15]
    last = folder / "last.sgf"
    script += ["lz-analyze b 1", "kata-analyze b 1 ownership true", "kata-raw-nn 0", "undo"]
    script += [f"loadsgf {last}", "genmove b", "final_score", "final_status_list dead"]
    script += ["kata-set-rules japanese", "genmove w", "final_score", "final_status_list dead"]
    query = {
        "id": "1",
        "moves": [["B", "Q16"], ["W", "D4"]],
        "rules": "tromp-taylor",
        "boardXSize": 19,
        "boardYSize": 19,
        "includeOwnership": True,
        "maxVisits": 8,
    }
    store, own = folder / "games.games", folder / "own.games"
    records = [str(folder / f"{game}.sgf") for game in range(GAMES)]
    playing = [
        (["go-gtp", "--temperature", "1", "--threads", "1"], "\n".join([*script, "quit\n"])),
        (["go-gtp", "--visits", "16"], "\n".join([*script, "quit\n"])),
        (["go-gtp", "--level", "12k"], "\n".join([*script[:10], "quit\n"])),
    ]
    found = [
        Job("playing", playing),
        Job("importing", [(["go-import", *records, str(last), "--out", str(store)], "")]),
    ]
    if importlib.util.find_spec("torch") is not None:
        options = "--preset tiny --steps 1 --batch 16 --valid-share 0.5 --valid-positions 100"
        options += " --validations 1 --precision fp32 --convolution winograd --no-compile --quiet"
        out = ["--out", str(folder / "run")]
        found.append(Job("training", [(["go-train", str(store), *options.split(), *out], "")]))
    return [
        *found,
        Job("measuring", [(["go-eval", str(store), "--positions", "32"], "")]),
        Job(
            "labelling",
            [(["go-label", str(store), "--own", "1", "--out", str(own), "--batch", "4"], "")],
        ),
        Job(
            "analysis", [(["go-analysis"], json.dumps(query) + "\n"), (["go-review", *records], "")]
        ),
    ]


def run(say: Callable[[str], None]) -> None:
    """Do all jobs and `say` a line on each. Raises UserError if one fails, or if the cache folder
    cannot be written, so that there is no use in it."""
    kept = _jit.cache()
    if kept is None:
        raise UserError(
            "the cache folder cannot be written, so that nothing compiled can be kept; make room"
            " or name another one in GOCNN_CACHE"
        )
    with tempfile.TemporaryDirectory(prefix="gocnn-warm-up-") as name:
        folder = Path(name)
        for game in range(GAMES):
            (folder / f"{game}.sgf").write_text(scattered(game), encoding="ascii")
        (folder / "last.sgf").write_text(
            ending(";B[ja];W[jb];B[jc];W[jd]", "B+0.5"), encoding="ascii"
        )
        began = time.perf_counter()

        def done(job: Job) -> None:
            for words, typed in job.commands:
                _do(words, typed)
            say(f"{job.name}: ready after {time.perf_counter() - began:.0f} s")

        playing, importing, *others = jobs(folder)
        with ThreadPoolExecutor(cores()) as pool:
            beside = pool.submit(done, playing)
            done(importing)
            list(pool.map(done, others))
            beside.result()
        say(f"{_count(kept)} functions are compiled, in {kept}")


def _count(folder: Path) -> int:
    """Compiled functions in the cache: numba keeps a file for each signature."""
    return sum(1 for _ in folder.rglob("*.nbc"))


def _do(words: list[str], typed: str) -> None:
    package = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", "gocnn", *words],
        input=typed,
        text=True,
        encoding="utf-8",
        capture_output=True,
        check=False,
        # the smaller network asks for the same kernels, and answers in a fifth of the time
        env=os.environ | {"GOCNN_COMPILING": "quiet", "GOCNN_MODEL": "small", "PYTHONPATH": path},
    )
    if done.returncode:
        why = (done.stderr.strip().splitlines() or [f"it ended with code {done.returncode}"])[-1]
        raise UserError(f"{words[0]} failed in the warm-up: {why}")
