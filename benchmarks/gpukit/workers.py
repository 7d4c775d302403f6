"""Processes that prepare a row of the table of speeds while others are measured: compiling is the
processor's work, measuring the card's.

A worker compiles, warms up, says READY, and measures when it is told to, so that one thing at a
time is measured on the card.
"""

import argparse
import json
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

from gocnn.training import memory
from gpukit import common, go, timing
from gpukit.timing import Row, Setting


class Worker:
    """A setting that is being prepared."""

    def __init__(self, setting: Setting, arguments: list[str], log: Path) -> None:
        self.setting, self._log = setting, log
        self._errors: IO[bytes] = log.open("wb")
        described = json.dumps(vars(setting))
        command = [
            sys.executable,
            str(common.ROOT / "benchmarks" / "gpu.py"),
            "speed",
            *arguments,
            "--child",
            described,
        ]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._ready = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _next(self, timeout: float) -> str | None:
        """A line of its answers; None where it has ended. Raises queue.Empty."""
        while True:
            line = self._lines.get(timeout=timeout)
            if line is None or line.startswith(("READY", "{")):
                return line

    def settled(self) -> bool:
        """Whether it is ready, or has ended."""
        if not self._ready:
            try:
                line = self._next(0.01)
            except queue.Empty:
                return False
            self._ready = True
            if line is None:
                self._lines.put(None)
        return True

    def measure(self, timeout: float) -> Row:
        """Let a settled worker measure; what came of it."""
        try:
            assert self._process.stdin is not None
            self._process.stdin.write("go\n")
            self._process.stdin.flush()
            line = self._next(timeout)
        except (BrokenPipeError, OSError):
            line = None
        except queue.Empty:
            return Row(self.setting, note="no time was left")
        finally:
            self.end()
        return Row.read(json.loads(line)) if line else Row(self.setting, note=self._why())

    def _why(self) -> str:
        text = self._log.read_text(encoding="utf-8", errors="replace").strip()
        return " ".join((text.splitlines() or ["ended without a word"])[-1].split())[:160]

    def end(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._errors.close()


def serve(options: argparse.Namespace, device: Any, precision: str) -> int:
    """What a worker does: prepare, say so, measure when told."""
    setting = Setting(**json.loads(options.child))
    try:
        prepared = timing.Prepared(setting, device, precision)
        games = go.games(options.games)[0]
        # compiles the kernels, where that was not done before
        go.source(games, setting.batch).batch(0)
        print("READY", flush=True)
        if not sys.stdin.readline():
            return 1
        row = prepared.measure(
            options.stretch, options.peak * 1e12, timing.operations(setting.shape())
        )
        row.waited, row.fed_per_second = (
            round(value, 4) for value in prepared.feed(games, options.stretch)
        )
    except Exception as error:  # noqa: BLE001 - a mode that does not work here is a row without a figure
        row = Row(
            setting,
            note=(
                "out of memory"
                if memory.ran_out(error)
                else f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
            ),
        )
        print("READY", flush=True)
    print(json.dumps(row.json()), flush=True)
    return 0
