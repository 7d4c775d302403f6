"""The other end of GTP: an engine in a process of its own, asked with a time limit. It may die,
hang or talk nonsense; each is one exception."""

import contextlib
import queue
import shutil
import subprocess
import threading
import time
from typing import IO, Any

from gocnn.errors import UserError
from gocnn.processes import apart, end, words_of

LONGEST_ANSWER = 1 << 20
"""Characters after which an answer counts as nonsense."""

MOST_LINES = 10_000
"""Lines after which it does, blank ones before it among them."""

READ_AHEAD = 64
"""Lines that are kept of what an engine says unasked; it has to wait with the rest."""


class EngineFault(Exception):
    """The engine is of no more use: it died, hung, or broke the protocol. The text says which."""


class EngineRefusal(Exception):
    """The engine answered a command with a failure (`?`); the text is its reason."""


def program_of(command: str) -> list[str]:
    """The program and the arguments of an engine's command line. Raises UserError if its quotes are
    not closed, it is empty, or there is no such program to run."""
    try:
        words = words_of(command)
    except ValueError as error:
        raise UserError(
            f"the command line {command!r} cannot be read ({error}); close its quotes"
        ) from error
    if not words:
        raise UserError(
            "an engine's command line is empty; give a program such as: gnugo --mode gtp"
        )
    if shutil.which(words[0]) is None:
        raise UserError(
            f"cannot start {words[0]}: there is no such program; give an engine's command line, a"
            " level such as 5k, or a model"
        )
    return words


class EngineProcess:
    """Start an engine by its command line (a program and its arguments, quoted as in a shell).
    Raises UserError if there is no such program."""

    def __init__(self, command: str) -> None:
        self.command = command
        words = program_of(command)
        try:
            pipes: Any = {
                "stdin": subprocess.PIPE,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.DEVNULL,
            }
            self._process = subprocess.Popen(words, **pipes, **apart())
        except OSError as error:
            raise UserError(
                f"cannot start {words[0]}: {error.strerror}; check the engine's command line"
            ) from error
        self._lines: queue.Queue[str | None] = queue.Queue(READ_AHEAD)
        self._closed = threading.Event()
        assert self._process.stdout is not None
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()

    def _read(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(ValueError, OSError):  # closed while waiting
            while line := stream.readline(LONGEST_ANSWER):
                self._put(line.decode("utf-8", "replace").rstrip("\r\n"))
        self._put(None)

    def _put(self, line: str | None) -> None:
        while not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                self._lines.put(line, timeout=1.0)
                return

    def _no_more(self) -> None:
        """Tell whoever is waiting for a line, or will ask for one, that there is none."""
        while True:
            with contextlib.suppress(queue.Full):
                self._lines.put_nowait(None)
                return
            with contextlib.suppress(queue.Empty):
                self._lines.get_nowait()

    def ask(self, command: str, seconds: float = 60.0) -> str:
        """The answer to a command. Raises EngineRefusal if it is a failure, EngineFault if there is
        no whole one within `seconds` or it is not GTP."""
        assert self._process.stdin is not None
        end = time.monotonic() + seconds
        try:
            self._process.stdin.write(command.encode() + b"\n")
            self._process.stdin.flush()
        except (OSError, ValueError) as error:  # ValueError: closed
            raise EngineFault("died") from error
        size = count = 0

        def line() -> str:
            nonlocal size, count
            text = self._line(end, seconds)
            size, count = size + len(text), count + 1
            if size > LONGEST_ANSWER or count > MOST_LINES:
                raise EngineFault("gave an answer without end")
            return text

        first = line()
        while not first.strip():
            first = line()
        if first[:1] not in "=?":
            raise EngineFault(f"answered {first[:60]!r} to {command!r}, which is not GTP")
        rows = [first[1:].lstrip("0123456789").strip()]
        while (row := line()).strip():
            rows.append(row)
        answer = "\n".join(rows).strip()
        if first.startswith("?"):
            raise EngineRefusal(answer)
        return answer

    def _line(self, end: float, seconds: float) -> str:
        """The next line, which must have come by `end` (`time.monotonic()`)."""
        try:
            line = self._lines.get(timeout=max(end - time.monotonic(), 0.0))
        except queue.Empty:
            raise EngineFault(f"did not answer within {seconds:g} s") from None
        if line is None:
            self._no_more()
            with contextlib.suppress(subprocess.TimeoutExpired):
                raise EngineFault(f"died (exit code {self._process.wait(1.0)})")
            raise EngineFault("closed its output")
        return line

    def close(self) -> None:
        """Ask it to quit, then make it."""
        with contextlib.suppress(EngineFault, EngineRefusal):
            self.ask("quit", 1.0)
        self._closed.set()
        end(self._process)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._no_more()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()
