"""How soon the page has its answers, and how many boards it serves at once.

    PYTHONPATH=. python benchmarks/serve.py [--only clicks boards light memory pages] [--clicks 100]
                               [--boards 20] [--seconds 10] [--requests 2000] [--sessions 200]
                               [--hours 1.0] [--loads 10] [--model FILE]

The server is a process of its own, as `cli.py serve` starts it (after `make page`), and is asked
over real sockets.

clicks: milliseconds from sending a position to having its policy, in games played move by move;
at rest, while the board's own search of the position before is under way (as for somebody who
plays on), and, for comparison, what one evaluation alone takes here. boards: so many boards begin
at the same moment and search for some seconds: milliseconds to each one's first answer, and the
visits that they have got (the fewest against the most). light: requests to what needs no network,
one after another. memory: of the server, in MiB, after so many boards were opened, analysed and
closed (or for so many hours), a tenth of it each. pages: in Chromium, which has seen none of it
before, from going to a page's address to having its head and its first control on the screen, and
KB that came over the wire (needs playwright and a chromium on the PATH).
"""

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from websockets.sync.client import ClientConnection, connect

from gocnn.board.coords import to_gtp
from gocnn.cores import cores
from gocnn.games.sgf_tree import parse
from gocnn.policy.runtime import open_evaluator
from scripts import run_script
from tests.serving import Client

ROOT = Path(__file__).parents[1]
GAMES = sorted((ROOT / "data" / "games" / "network").glob("*.sgf"))
MUCH = 10_000_000


def games() -> Iterator[list[list[str]]]:
    """Moves of sample games, again and again."""
    while True:
        for path in GAMES:
            steps = parse(path.read_bytes(), path.name)[0].steps
            yield [["?bw"[step.colour], to_gtp(step.index)] for step in steps]


@contextmanager
def server(model: str | None) -> Iterator[tuple[int, int]]:
    """`cli.py serve` on a free port: the port, and the number of the process."""
    command = [sys.executable, "cli.py", "serve", "--port", "0"]
    command += ["--model", model] if model else []
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        for line in process.stdout:
            found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
            if found:
                yield int(found[1]), process.pid
                return
        raise SystemExit("the server did not start")
    finally:
        process.terminate()
        process.wait()


class Board:
    """A board that asks."""

    def __init__(self, port: int) -> None:
        self._stack = ExitStack()
        address = f"ws://127.0.0.1:{port}/api/analysis"
        self.socket: ClientConnection = self._stack.enter_context(connect(address))
        self.number = 0

    def ask(self, moves: list[list[str]], visits: int) -> None:
        self.number += 1
        position = {"moves": moves, "komi": 7.5}
        message = {"type": "analyse", "id": self.number, "position": position, "visits": visits}
        self.socket.send(json.dumps(message))

    def answer(self, kind: str) -> dict[str, Any]:
        """The next answer of that type to what was asked last."""
        while True:
            said: dict[str, Any] = json.loads(self.socket.recv(60))
            if said["type"] == "error":
                raise SystemExit(said["error"])
            if (said["type"], said["id"]) == (kind, self.number):
                return said

    def close(self) -> None:
        self._stack.close()


def spread(seconds: list[float]) -> str:
    """Median and 95 % of times, in milliseconds."""
    high = float(np.quantile(seconds, 0.95))
    middle, most = 1e3 * statistics.median(seconds), 1e3 * max(seconds)
    return f"{middle:.1f} ms (95 % within {1e3 * high:.1f}, all within {most:.1f})"


def clicks(port: int, count: int, visits: int) -> list[float]:
    """Seconds from each click to its policy. visits: of the search that begins with it, and that
    the next click ends after a third of a second."""
    board, took = Board(port), []
    for moves in games():
        for ply in range(0, len(moves), 5):
            begun = time.perf_counter()
            board.ask(moves[:ply], visits)
            board.answer("policy")
            took.append(time.perf_counter() - begun)
            if len(took) > count:
                board.close()
                return took[1:]
            if visits:
                time.sleep(0.33)
            else:
                board.answer("report")
    raise AssertionError


def alone(model: str | None, count: int) -> list[float]:
    """Seconds of one evaluation."""
    from gocnn.features.planes import plane_count

    evaluator = open_evaluator(model)
    planes = np.zeros((1, plane_count(evaluator.plane_groups), 19, 19), np.uint8)
    took = []
    for _ in range(count):
        begun = time.perf_counter()
        evaluator.outputs(planes)
        took.append(time.perf_counter() - begun)
    return took


def boards(port: int, count: int, seconds: float) -> tuple[list[float], list[int]]:
    """Seconds to each board's first answer, and how many visits each has in the end."""
    with ExitStack() as stack:
        every = [Board(port) for _ in range(count)]
        for board in every:
            stack.callback(board.close)
        firsts, visits = [0.0] * count, [0] * count
        start = threading.Barrier(count)

        def work(k: int, moves: list[list[str]]) -> None:
            start.wait()
            begun = time.perf_counter()
            every[k].ask(moves, MUCH)
            every[k].answer("policy")
            firsts[k] = time.perf_counter() - begun
            while time.perf_counter() < begun + seconds:
                visits[k] = every[k].answer("report")["visits"]

        threads = [
            threading.Thread(target=work, args=(k, moves[: 10 + 5 * k]))
            for k, moves in zip(range(count), games(), strict=False)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return firsts, visits


def light(port: int, count: int) -> dict[str, list[float]]:
    """Seconds of each request, by route."""
    client, moves = Client(port), next(games())
    record = GAMES[0].read_bytes()
    position = {"moves": moves[:150]}
    asked: dict[str, Callable[[], Any]] = {
        "GET /api/about": lambda: client.get("/api/about"),
        "POST /api/legal": lambda: client.post("/api/legal", {"position": position}),
        "POST /api/score": lambda: client.post("/api/score", {"position": position, "dead": []}),
        "POST /api/sgf": lambda: client.post("/api/sgf?name=x.sgf", record),
    }
    took: dict[str, list[float]] = {name: [] for name in asked}
    for k in range(count):
        name = list(asked)[k % len(asked)]
        begun = time.perf_counter()
        answer = asked[name]()
        took[name].append(time.perf_counter() - begun)
        if answer.status != 200:
            raise SystemExit(f"{name}: {answer.status} {answer.body!r}")
    return took


def resident(process: int) -> float:
    """MiB of memory that a process takes."""
    text = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    found = re.search(r"VmRSS:\s*(\d+)", text)
    assert found
    return int(found[1]) / 1024


def memory(port: int, process: int, sessions: int, hours: float | None) -> list[float]:
    """MiB after each tenth of all boards, or of the time."""
    taken, source, begun = [], games(), time.monotonic()
    for tenth in range(1, 11):
        done = 0
        while (
            done < sessions / 10
            if hours is None
            else time.monotonic() < begun + 360 * hours * tenth
        ):
            done += 1
            board, moves = Board(port), next(source)
            for ply in range(20, 120, 20):
                board.ask(moves[:ply], MUCH)
                board.answer("policy")
                board.answer("report")
            board.close()
        taken.append(resident(process))
    return taken


PAGES = ("/", "/review", "/lesson/1", "/runs")


def loads(port: int, count: int) -> Iterator[tuple[str, list[float], float]]:
    """Of each page: its path, seconds of each load until it can be used, and KB of the first."""
    from playwright.sync_api import sync_playwright

    sizes = (
        "() => [...performance.getEntriesByType('navigation'),"
        " ...performance.getEntriesByType('resource')].reduce((sum, each) => sum +"
        " each.transferSize, 0)"
    )
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("there is no chromium on the PATH; install it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for path in PAGES:
            took, kilobytes = [], 0.0
            for number in range(count + 1):
                context = browser.new_context()
                page = context.new_page()
                begun = time.perf_counter()
                page.goto(f"http://127.0.0.1:{port}{path}", wait_until="commit")
                page.wait_for_selector("main h1", state="attached")
                page.wait_for_selector("main :is(button, input, a, [tabindex='0'], pre)")
                if number:  # the browser's own start is not the page's
                    took.append(time.perf_counter() - begun)
                    page.wait_for_timeout(500)
                    kilobytes = kilobytes or page.evaluate(sizes) / 1000
                context.close()
            yield path, took, kilobytes
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = ("clicks", "boards", "light", "memory", "pages")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument("--clicks", type=int, default=100)
    parser.add_argument("--boards", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--hours", type=float)
    parser.add_argument("--loads", type=int, default=10)
    parser.add_argument("--model")
    options = parser.parse_args()
    print(f"{cores()} cores\n")
    print("| | |\n| --- | --- |")
    with server(options.model) as (port, process):
        clicks(port, 3, 20)  # everything is loaded
        if "clicks" in options.only:
            print(f"| one evaluation alone | {spread(alone(options.model, options.clicks))} |")
            print(f"| click to policy, at rest | {spread(clicks(port, options.clicks, 0))} |")
            playing = spread(clicks(port, options.clicks, MUCH))
            print(f"| click to policy, while searching | {playing} |", flush=True)
        if "boards" in options.only:
            firsts, visits = boards(port, options.boards, options.seconds)
            print(f"| {options.boards} boards at once: first answer | {spread(firsts)} |")
            print(
                f"| visits of each in {options.seconds:g} s | {min(visits)} to {max(visits)}"
                f" (fewest / most {min(visits) / max(visits):.2f}) |",
                flush=True,
            )
        if "light" in options.only:
            begun = time.perf_counter()
            took = light(port, options.requests)
            rate = options.requests / (time.perf_counter() - begun)
            print(f"| {options.requests} light requests | {rate:.0f} a second |")
            for name, seconds in took.items():
                print(f"| {name} | {spread(seconds)} |", flush=True)
        if "memory" in options.only:
            before = resident(process)
            after = memory(port, process, options.sessions, options.hours)
            what = f"{options.hours:g} h" if options.hours else f"{options.sessions} boards"
            row = ", ".join(f"{value:.0f}" for value in after)
            print(f"| MiB before, and after each tenth of {what} | {before:.0f}; {row} |")
        if "pages" in options.only:
            for path, times, kilobytes in loads(port, options.loads):
                print(f"| {path} can be used | {spread(times)}; {kilobytes:.0f} KB |", flush=True)


if __name__ == "__main__":
    run_script(main)
