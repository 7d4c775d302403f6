"""The Go Text Protocol, version 2: lines in, answers out. What the commands do is not known here.

Source: G. Farnebäck, "Specification of the Go Text Protocol, version 2, draft 2"
(https://www.lysator.liu.se/~gunnar/gtp/).
"""

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

INTERRUPT = "interrupt"
"""The comment that GoGui sends, as `# interrupt`, while a command is under way that is to end soon
(https://www.kayufu.com/gogui/interrupt.html)."""

Answer = str | Iterator[str]
Handler = Callable[[list[str]], Answer]


class GtpError(Exception):
    """A command that fails; the text is what the client is told after `?`."""


class Quit(Exception):
    """Answer, then end. `answer` is the text of the last response."""

    answer = ""


class LineSource(Protocol):
    """Where commands come from."""

    def next(self) -> bytes | None:
        """The next line, without its end; waits for it. None once there will be no more."""

    def waiting(self) -> bool:
        """Whether a line, or the end, has come that was not asked for yet."""

    def abandoned(self) -> bool:
        """Whether nobody reads the answers any more."""


class Lines:
    """Lines of a file descriptor, read ahead by a thread, so that a running analysis sees that
    something has arrived.

    It reads the descriptor itself: a thread that waits inside `sys.stdin` would hold its lock when
    the program ends. answers: the descriptor that the answers are written to.
    """

    def __init__(self, descriptor: int, answers: int | None = None) -> None:
        self._descriptor, self._answers = descriptor, answers
        self._interrupts = 0
        self._lines: deque[bytes | None] = deque()
        self._arrival = threading.Condition()
        threading.Thread(target=self._read, daemon=True, name="gtp-input").start()

    def _read(self) -> None:
        parts: list[bytes] = []
        while True:
            try:
                block = os.read(self._descriptor, 1 << 16)
            except OSError:
                block = b""
            if not block:
                if parts:  # a last line without its end
                    self._put(b"".join(parts))
                self._put(None)
                return
            head, *rest = block.split(b"\n")
            parts.append(head)
            for piece in rest:
                self._put(b"".join(parts))
                parts = [piece]

    def _put(self, line: bytes | None) -> None:
        with self._arrival:
            self._lines.append(line)
            self._interrupts += _interrupts(line)
            self._arrival.notify()

    def waiting(self) -> bool:
        """Whether a line, or the end of input, has arrived that `next` has not returned yet; does
        not wait."""
        return bool(self._lines)

    def interrupted(self) -> bool:
        """Whether the command under way is to end as soon as it can: the client has sent
        `# interrupt`, or reads no more. Does not wait."""
        return self._interrupts > 0 or self.abandoned()

    def abandoned(self) -> bool:
        """Whether the other end of the pipe or socket that the answers go to is closed: the client
        was ended. (The end of its commands alone does not say so: it may want its answers.) Windows
        does not tell before something is written."""
        if self._answers is None:
            return False
        try:
            from select import POLLERR, POLLHUP, poll
        except ImportError:  # Windows has no poll
            return False
        watch = poll()
        watch.register(self._answers, 0)
        return any(event & (POLLERR | POLLHUP) for _, event in watch.poll(0))

    def next(self) -> bytes | None:
        """The next line without its end, or None after the last; waits for it."""
        with self._arrival:
            while not self._lines:
                # A wait without end cannot be interrupted by Ctrl-C on Windows.
                self._arrival.wait(0.5 if sys.platform == "win32" else None)
            line = self._lines.popleft()
            self._interrupts -= _interrupts(line)
            return line


def _interrupts(line: bytes | None) -> bool:
    text = (line or b"").strip()
    return text[:1] == b"#" and text[1:].strip() == INTERRUPT.encode()


def clean(line: bytes) -> str:
    """A line without control characters and comment, tabs as spaces (specification, section 3.1),
    and without the byte order mark that editors and shells of Windows put first."""
    text = line.decode("utf-8", "replace").removeprefix("\ufeff").partition("#")[0]
    return "".join(
        " " if c == "\t" else c for c in text if c == "\t" or (ord(c) >= 32 and ord(c) != 127)
    ).strip()


def serve(handlers: Mapping[str, Handler], lines: LineSource, write: Callable[[str], None]) -> None:
    """Answer commands until `quit` or the end of input.

    A handler gets the command's arguments and returns its answer, or an iterator over the rows of
    one that takes a while (an analysis, which looks at `Lines.waiting` itself to know when to end).
    It may raise GtpError. Whatever else it raises is a fault of this program, answered as a
    failure: a client must never be left waiting.
    """
    while (line := lines.next()) is not None:
        text = clean(line)
        if not text:
            continue
        first, _, rest = text.partition(" ")
        number = ""
        if first.isascii() and first.isdigit():
            number, text = first, rest.strip()
        name, *arguments = text.split() or [""]
        handler = handlers.get(name)
        sign, answer, ending = "=", "", False
        try:
            if handler is None:
                raise GtpError("unknown command")
            result = handler(arguments)
            if isinstance(result, str):
                answer = result
            else:
                write(f"={number}\n")
                _stream(result, write)
                continue
        except GtpError as refusal:
            sign, answer = "?", str(refusal)
        except Quit as last:
            answer, ending = last.answer, True
        except Exception as error:  # noqa: BLE001 - see above
            sign, answer = "?", f"internal error: {type(error).__name__}: {error}"
        # A blank line would end the response early; one at its beginning only puts what follows on
        # lines of its own.
        rows = answer.replace("\r", "").split("\n")
        write(
            f"{sign}{number} "
            + "\n".join(row for i, row in enumerate(rows) if row.strip() or not i)
            + "\n\n"
        )
        if ending:
            return


def _stream(rows: Iterator[str], write: Callable[[str], None]) -> None:
    """Write rows until there are no more; a blank line ends the response whatever happens."""
    try:
        for row in rows:
            write(f"{row}\n")
    except OSError:  # the client is gone
        raise
    except Exception as error:  # noqa: BLE001 - the response has begun, so it can only be ended
        print(f"internal error: {type(error).__name__}: {error}", file=sys.stderr)
    finally:
        write("\n")
