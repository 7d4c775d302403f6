"""Every CUDA path of the project with tiny steps. All failures are collected, with tracebacks in
OUT/failures.txt; a line each on the screen.

What runs in processes of its own (compiling, several processes, pytest) is started at once and
asked for at the end. After an error that leaves the card's context useless, the rest goes on in a
new process. Exit code 1 if anything failed. What there was no time for, or no package, is said.
"""

import argparse
import contextlib
import faulthandler
import os
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from gocnn.errors import UserError
from gpukit import common, facts, go

LOST = (
    "device-side assert",
    "illegal memory access",
    "unspecified launch failure",
    "misaligned address",
)
"""Words of errors after which nothing works on the card in the same process."""


GAMES_OPEN = "the games open, the kernels compile"


class LeftOut(Exception):
    """A check does not apply here; its text says why."""


@dataclass
class Bench:
    """What checks need: the device, the games, a folder for scratch, and whether everything is to
    be as small as it can be."""

    device: torch.device
    store: Path
    scratch: Path
    tiny: bool = False
    jobs: dict[str, "Job"] = field(default_factory=dict)
    until: float = float("inf")
    """When what can stop in the middle should, by `time.perf_counter`."""
    running: str = ""

    @property
    def cuda(self) -> bool:
        """Whether this is a card and no rehearsal."""
        return self.device.type == "cuda"

    def need_cuda(self) -> None:
        """Raises LeftOut in a rehearsal."""
        if not self.cuda:
            raise LeftOut("needs CUDA")

    @cached_property
    def games(self) -> tuple[Any, Any]:
        """Training and validation games."""
        return go.games(self.store)

    def wait(self) -> None:
        """Until the device has done what it was given."""
        if self.cuda:
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()


Check = Callable[[Bench], str]


class Job:
    """A check in a process of its own; what it prints is kept."""

    def __init__(self, command: list[str], folder: Path, name: str, limit: float) -> None:
        self.name, self.until = name, time.monotonic() + limit
        self._path = folder / f"{name.replace(' ', '-')}.log"
        with self._path.open("wb") as stream:
            self._process = subprocess.Popen(
                command, stdout=stream, stderr=subprocess.STDOUT, cwd=common.ROOT
            )

    def finish(self) -> tuple[int, str]:
        """Its exit code and its output. Raises TimeoutError if it runs for too long; it is ended
        then."""
        try:
            code = self._process.wait(max(0.1, self.until - time.monotonic()))
        except subprocess.TimeoutExpired as error:
            self.end()
            raise TimeoutError(
                f"{self.name} was not done in time:\n{self._text()[-3000:]}"
            ) from error
        return code, self._text()

    def end(self) -> None:
        """End it, if it still runs."""
        if self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(3)
            if self._process.poll() is None:
                self._process.kill()

    def _text(self) -> str:
        return self._path.read_text(encoding="utf-8", errors="replace")


@dataclass
class Result:
    """What came of a check: ok, FAIL or left out; seconds; a note."""

    name: str
    word: str
    seconds: float
    note: str

    def line(self) -> str:
        return (
            f"{self.word:8} {self.seconds:5.1f} s "
            f" {self.name}{': ' if self.note else ''}{self.note}"
        )


def add(parser: argparse.ArgumentParser) -> None:
    common.add_device(parser)
    parser.add_argument(
        "--games",
        type=Path,
        default=common.GAMES,
        metavar="STORE",
        help="a store or a folder of records (default: data/games)",
    )
    parser.add_argument(
        "--seconds",
        type=common.above_zero,
        default=60.0,
        help="what has not begun by then is left out (default: 60)",
    )
    parser.add_argument(
        "--tiny",
        action="store_true",
        help="everything as small as it can be, and nothing that compiles or starts processes",
    )
    parser.add_argument(
        "--only", default="", metavar="WORDS", help="only the checks whose name has these words"
    )
    # after a lost context: the first check to do
    parser.add_argument("--begin-at", type=int, default=0, help=argparse.SUPPRESS)
    # a check that is a process of its own
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> int:
    device = common.device(options)
    if options.child:
        return children(options.child, device, options.games)
    common.need(options.games)
    out = common.folder(options)
    common.prove_writable(out)
    if device.type == "cuda":
        # --deterministic asks for it, and it counts before cuBLAS is first used
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.cuda.set_device(device)
    if options.tiny:
        torch.set_num_threads(1)  # threads of a busy machine wait for one another
    checks = [(name, check) for name, check in every() if options.only.lower() in name.lower()]
    if not checks:
        raise UserError(
            f"--only {options.only}: no check has that in its name; leave the option out to see"
            " their names"
        )
    before = (common.read_json(out / "check.json") or {}) if options.begin_at else {}
    results = [Result(**r) for r in before.get("results", [])]
    failures = out / "failures.txt"
    if not options.begin_at:
        failures.unlink(missing_ok=True)
        print(f"checking {facts.machine(device)['name']}, torch {torch.__version__}", flush=True)
    with tempfile.TemporaryDirectory(prefix="gpu-check-") as scratch:
        bench = Bench(device, options.games, Path(scratch), options.tiny)
        try:
            with watchdog(failures, 4 * options.seconds + 120, bench):
                return _all(checks, bench, options, out, results, before.get("seconds", 0.0))
        finally:
            for job in bench.jobs.values():
                job.end()


def _all(
    checks: list[tuple[str, Check]],
    bench: Bench,
    options: argparse.Namespace,
    out: Path,
    results: list[Result],
    spent: float,
) -> int:
    if not options.begin_at:
        start_jobs(bench, [name for name, _ in checks], options)
    began = time.perf_counter() - spent
    for number, (name, check) in enumerate(checks):
        if number < options.begin_at:
            continue
        bench.until, bench.running = began + options.seconds, name
        write(out, bench, began, results, name, len(checks))
        late = time.perf_counter() - began > options.seconds and name not in bench.jobs
        result, lost = (
            (Result(name, "left out", 0.0, "no time was left"), False)
            if late
            else one(name, check, bench, out / "failures.txt")
        )
        results.append(result)
        print(result.line(), flush=True)
        seconds = write(out, bench, began, results, "", len(checks), lost)
        if lost and number + 1 < len(checks):
            print("the card's context is lost; the rest goes on in a new process", flush=True)
            command = [
                sys.executable,
                str(common.ROOT / "benchmarks" / "gpu.py"),
                *sys.argv[1:],
                "--begin-at",
                str(number + 1),
            ]
            return subprocess.call(command)
    failed = [r.name for r in results if r.word == "FAIL"]
    reasons: dict[str, list[str]] = {}
    for r in results:
        if r.word == "left out":
            reasons.setdefault(r.note, []).append(r.name)
    left = [name for names in reasons.values() for name in names]
    print(
        f"{len(results) - len(failed) - len(left)} ok, {len(failed)} failed, {len(left)} left out,"
        f" {seconds:.0f} s"
    )
    for reason, names in reasons.items():
        print(f"left out, {reason}: {'; '.join(names)}")
    if failed:
        print(f"FAILED: {'; '.join(failed)}; tracebacks in {out / 'failures.txt'}")
    return 1 if failed else 0


def write(
    out: Path,
    bench: Bench,
    began: float,
    results: list[Result],
    running: str,
    planned: int,
    lost: bool = False,
) -> float:
    """check.json as far as it goes; `running` is the check that has begun. Returns the seconds
    since `began`."""
    seconds = time.perf_counter() - began
    value = {
        "machine": {} if lost else facts.machine(bench.device),
        "seconds": round(seconds, 1),
        "planned": planned,
        "running": running,
        "results": [vars(r) for r in results],
    }
    common.write_json(out / "check.json", value)
    return seconds


def one(name: str, check: Check, bench: Bench, failures: Path) -> tuple[Result, bool]:
    """Run a check; its result, and whether the card's context is lost."""
    began = time.perf_counter()
    word, note, lost = "ok", "", False
    try:
        note = check(bench)
        bench.wait()  # what went wrong in a kernel shows here, and not in the check after this one
    except LeftOut as reason:
        word, note = "left out", str(reason)
    except Exception as error:  # noqa: BLE001 - collecting whatever goes wrong is what this is for
        word = "FAIL"
        lost = any(words in str(error) for words in LOST)
        note = f"{type(error).__name__}: {' '.join(str(error).split())[:300]} @ {where(error)}"
        with failures.open("a", encoding="utf-8") as stream:
            stream.write(f"=== {name}\n{traceback.format_exc()}\n")
    return Result(name, word, round(time.perf_counter() - began, 2), note), lost


def where(error: BaseException) -> str:
    """The file and line of this project where the error came from."""
    frames = traceback.extract_tb(error.__traceback__)
    mine = [
        f
        for f in frames
        if Path(f.filename).is_relative_to(common.ROOT) and "site-packages" not in f.filename
    ] or frames
    return f"{Path(mine[-1].filename).name}:{mine[-1].lineno}"


@contextlib.contextmanager
def watchdog(failures: Path, seconds: float, bench: Bench) -> Iterator[None]:
    """Ends a process that hangs, with its jobs, and writes down where each of its threads stood."""

    def over() -> None:
        for job in bench.jobs.values():  # or they would go on, and keep the card's memory
            job.end()
        faulthandler.dump_traceback(stream)
        print(
            f"Error: not done after {seconds:.0f} s, in the middle of {bench.running!r}; where it"
            f" stood is in {failures}; give more --seconds on a slow machine, or rehearse with"
            " --tiny",
            file=sys.stderr,
            flush=True,
        )
        os._exit(1)

    with failures.open("a", encoding="utf-8") as stream:
        timer = threading.Timer(seconds, over)
        timer.daemon = True
        timer.start()
        # for one that lets no other thread run
        faulthandler.dump_traceback_later(seconds + 30, exit=True, file=stream)
        try:
            yield
        finally:
            timer.cancel()
            faulthandler.cancel_dump_traceback_later()
    if not failures.stat().st_size:
        failures.unlink()


def every() -> list[tuple[str, Check]]:
    """All checks by name, in their order."""
    from gpukit import check_device, check_images, check_processes, check_steps, check_trainer

    # What needs no games comes first: meanwhile they are imported, and the kernels compiled.
    first = (*check_device.CHECKS, *check_steps.BEFORE_GAMES, *check_images.CHECKS)
    return [*first, *check_steps.CHECKS, *check_trainer.CHECKS, *check_processes.CHECKS]


def start_jobs(bench: Bench, names: list[str], options: argparse.Namespace) -> None:
    """Start the checks that are processes of their own."""
    from gpukit import check_processes

    for name, command in check_processes.commands(bench).items():
        if name in names or name == GAMES_OPEN:
            bench.jobs[name] = Job(command, bench.scratch, name, options.seconds + 60)


def children(name: str, device: torch.device, games: Path) -> int:
    """What a process of its own does."""
    from gpukit import check_processes

    return check_processes.CHILDREN[name](device, games)
