"""The other end of GTP: an engine in a process of its own, asked with a time limit. It may die, hang or talk nonsense; each is one exception."""

import contextlib
import queue
import subprocess
import threading
from typing import IO, Any

from gocnn.errors import UserError
from gocnn.processes import apart, end, words_of

LONGEST_ANSWER = 1 << 20
"""Characters after which an answer counts as nonsense."""


class EngineFault(Exception):
    """The engine is of no more use: it died, hung, or broke the protocol. The text says which."""


class EngineRefusal(Exception):
    """The engine answered a command with a failure (`?`); the text is its reason."""


class EngineProcess:
    """Start an engine by its command line (a program and its arguments, quoted as in a shell). Raises UserError if there is no such program."""

    def __init__(self, command: str) -> None:
        self.command = command
        try:
            words = words_of(command)
        except ValueError as error:
            raise UserError(f"the command line {command!r} cannot be read ({error}); close its quotes") from error
        if not words:
            raise UserError("an engine's command line is empty; give a program such as: gnugo --mode gtp")
        try:
            pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            self._process = subprocess.Popen(words, **pipes, **apart())
        except OSError as error:
            raise UserError(f"cannot start {words[0]}: {error.strerror}; check the engine's command line") from error
        self._lines: queue.Queue[str | None] = queue.Queue(maxsize=10000)
        assert self._process.stdout is not None
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()

    def _read(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(ValueError, OSError):  # closed while waiting
            while line := stream.readline(LONGEST_ANSWER):
                self._lines.put(line.decode("utf-8", "replace").rstrip("\r\n"))
        self._lines.put(None)

    def ask(self, command: str, seconds: float = 60.0) -> str:
        """The answer to a command. Raises EngineRefusal if it is a failure, EngineFault if there is none within `seconds` or it is not GTP."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(command.encode() + b"\n")
            self._process.stdin.flush()
        except (OSError, ValueError) as error:  # ValueError: closed
            raise EngineFault("died") from error
        first = self._line(seconds)
        while not first.strip():
            first = self._line(seconds)
        if first[:1] not in "=?":
            raise EngineFault(f"answered {first[:60]!r} to {command!r}, which is not GTP")
        rows = [first[1:].lstrip("0123456789").strip()]
        size = 0
        while (row := self._line(seconds)).strip():
            rows.append(row)
            size += len(row)
            if size > LONGEST_ANSWER:
                raise EngineFault("gave an answer without end")
        answer = "\n".join(rows).strip()
        if first.startswith("?"):
            raise EngineRefusal(answer)
        return answer

    def _line(self, seconds: float) -> str:
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            raise EngineFault(f"did not answer within {seconds:g} s") from None
        if line is None:
            self._lines.put(None)  # for whoever else is waiting, and whoever asks next
            with contextlib.suppress(subprocess.TimeoutExpired):
                raise EngineFault(f"died (exit code {self._process.wait(1.0)})")
            raise EngineFault("closed its output")
        return line

    def close(self) -> None:
        """Ask it to quit, then make it."""
        with contextlib.suppress(EngineFault, EngineRefusal):
            self.ask("quit", 1.0)
        end(self._process)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()
