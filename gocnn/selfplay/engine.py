"""Another engine that is asked about many positions at once, in KataGo's analysis protocol: one
JSON object a line (`katago analysis`, or this project's `go-analysis`, by which the programs that
use this are checked).

Source: https://github.com/lightvector/KataGo/blob/master/docs/Analysis_Engine.md
"""

import contextlib
import itertools
import json
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, Board
from gocnn.board.coords import SIZE, to_gtp
from gocnn.errors import UserError
from gocnn.games.words import decode
from gocnn.processes import apart, end, guard, words_of

StoneSequence = tuple[tuple[int, int], ...]
"""Flat indices with their colours."""

AT_ONCE = 128
"""Positions that an engine has in hand: enough for its largest batch, and few enough that little is
lost when it dies."""

LONGEST_LINE = 1 << 20
"""Bytes of an answer; a longer one counts as nonsense."""

READ_AHEAD = 1024
"""Lines that are kept of what an engine says; it has to wait with the rest."""

POLL = 0.1
"""Seconds after which a wait looks whether it is to stop."""


class Stopped(Exception):
    """The wait for an answer was given up, because `stopped` said so."""


@dataclass(frozen=True)
class EnginePosition:
    """A position as an engine is told it: stones set up, then moves."""

    setup: StoneSequence
    moves: StoneSequence

    @classmethod
    def of_words(cls, words: npt.NDArray[np.uint16], setup: int) -> "EnginePosition":
        """As a store has it: uint16 `(N,)`, `setup` stones and then moves."""
        stones = decode(words)
        return cls(tuple(stones[:setup]), tuple(stones[setup:]))

    def board(self) -> Board:
        """The position. Raises gocnn.board.IllegalMove."""
        board = Board(SIZE)
        if self.setup:
            black, white = ([index for index, c in self.setup if c == colour] for colour in (1, 2))
            board.set_up(black, white, to_play=self.first)
        for index, colour in self.moves:
            board.play(index, colour)
        return board

    @property
    def first(self) -> int:
        """Who plays first: white after handicap stones."""
        if self.moves:
            return self.moves[0][1]
        return 2 if self.setup else BLACK

    @property
    def to_play(self) -> int:
        """Whose turn it is."""
        return 3 - self.moves[-1][1] if self.moves else self.first


def pairs(stones: StoneSequence) -> list[list[str]]:
    """As the protocol writes them."""
    return [["BW"[colour != BLACK], to_gtp(index)] for index, colour in stones]


def query(
    position: EnginePosition, rules: str, komi: float, *, visits: int = 1, **more: Any
) -> dict[str, Any]:
    """A question about one position, the answer seen from black. more: what the answer is to
    include besides."""
    return {
        "initialStones": pairs(position.setup),
        "initialPlayer": "BW"[position.first != BLACK],
        "moves": pairs(position.moves),
        "rules": rules,
        "komi": komi,
        "boardXSize": SIZE,
        "boardYSize": SIZE,
        "maxVisits": visits,
        "analyzeTurns": [len(position.moves)],
        # KataGo's analysis hides the moves before the position from its network where its
        # configuration does not say otherwise, and predicts the next one worse.
        "overrideSettings": {"reportAnalysisWinratesAs": "BLACK", "ignorePreRootHistory": False},
        **more,
    }


def by_index(values: Sequence[float]) -> npt.NDArray[np.float64]:
    """float64 `(361,)` or `(362,)` by flat index, of a list that begins at the upper left (a 362nd
    value is the pass's). Raises TypeError, ValueError if it is no such list."""
    try:
        flat = np.array(values, np.float64)
    except OverflowError as error:
        raise ValueError("a number beyond all bounds") from error
    return np.append(flat[: SIZE * SIZE].reshape(SIZE, SIZE)[::-1].ravel(), flat[SIZE * SIZE :])


def _never() -> bool:
    return False


class AnalysisEngine:
    """Start it by its command line. Whatever it does wrong is a UserError, one sentence; then it
    has been ended, as it is when this process ends."""

    def __init__(
        self, command: str, seconds: float = 600.0, stopped: Callable[[], bool] = _never
    ) -> None:
        """seconds: how long it may give no answer while a question is open. stopped: whether to
        wait no more; then Stopped is raised, or `answers` ends."""
        self.command, self.seconds, self._stopped = command, seconds, stopped
        if not command.strip():
            raise UserError(
                "an engine's command line is empty; give a program such as: katago analysis -model"
                " MODEL -config CONFIG"
            )
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        try:
            self._process = subprocess.Popen(
                words_of(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                **apart(),
            )
        except (
            OSError,
            ValueError,
            IndexError,
        ) as error:  # IndexError: nothing but a comment or quotes
            raise UserError(
                f"cannot start {command!r} ({error}); check the engine's command line"
            ) from error
        self._guard = guard(self._process)
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        self._lines: queue.Queue[bytes | None] = queue.Queue(READ_AHEAD)
        self._questions: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._asked = itertools.count()
        # Both in threads: a wait for an engine that neither reads nor writes could not be given up.
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()
        self._writer = threading.Thread(
            target=self._write, args=(self._process.stdin,), daemon=True
        )
        self._writer.start()

    def _read(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(ValueError, OSError):  # closed while waiting
            while line := stream.readline(LONGEST_LINE):
                self._keep(line)
        self._keep(None)

    def _keep(self, line: bytes | None) -> None:
        while not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                self._lines.put(line, timeout=1.0)
                return

    def _write(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(ValueError, OSError):  # it has died, which the other thread tells
            while (line := self._questions.get()) is not None:
                stream.write(line)
                stream.flush()

    def version(self) -> str:
        """What the engine says of its version, which may be nothing. Raises UserError, Stopped."""
        self._send({"id": "version", "action": "query_version"})
        return " ".join(
            str(self._answer(time.monotonic() + self.seconds).get("version", "")).split()
        )

    def answers(
        self, queries: Iterable[dict[str, Any]], at_once: int = AT_ONCE, refusals: bool = False
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """The answer to each, in the order in which they come: its number among `queries`, and what
        was said. refusals: what the engine refuses is yielded, too (it has `error`), instead of
        raised. Raises UserError."""
        waiting = enumerate(queries)
        # Of no two questions to an engine alike: it may answer an earlier one again.
        open_: dict[str, int] = {}
        more = True
        end_ = time.monotonic() + self.seconds
        while more or open_:
            while more and len(open_) < at_once:
                asked = next(waiting, None)
                if asked is None:
                    more = False
                    break
                name = str(next(self._asked))
                self._send({"id": name, **asked[1]})
                open_[name] = asked[0]
            if not open_:
                break
            try:
                answer = self._answer(end_)
            except Stopped:
                return
            name = str(answer.get("id"))
            if "error" in answer and not (refusals and name in open_):
                raise self._failed(f"refused a question: {answer['error']}")
            if answer.get("isDuringSearch") or name not in open_:
                continue
            yield open_.pop(name), answer
            end_ = time.monotonic() + self.seconds

    def _send(self, values: dict[str, Any]) -> None:
        self._questions.put(json.dumps(values).encode() + b"\n")

    def _answer(self, end_: float) -> dict[str, Any]:
        """The next answer that is no warning, if there is one by `end_` (`time.monotonic()`)."""
        while True:
            if self._stopped():
                raise Stopped
            if self._closed.is_set():  # by another thread, to which it did something wrong
                raise self._failed("has been ended")
            left = end_ - time.monotonic()
            try:
                line = self._lines.get(timeout=min(max(left, 0.0), POLL))
            except queue.Empty:
                if left <= 0:
                    raise self._failed(f"gave no answer for {self.seconds:g} s") from None
                continue
            if line is None:
                raise self._failed("died")
            try:
                answer = json.loads(line)
            except (ValueError, RecursionError):
                answer = None
            if not isinstance(answer, dict):
                raise self._failed(
                    f"answered {line[:60].decode('utf-8', 'replace')!r}, which is not a JSON object"
                )
            if left <= 0:
                raise self._failed(f"gave no answer for {self.seconds:g} s")
            if "warning" not in answer:
                return answer

    def _failed(self, how: str) -> UserError:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            self._process.wait(1.0)
        self._said.seek(0, 2)
        self._said.seek(max(self._said.tell() - 2000, 0))
        rows = self._said.read().decode("utf-8", "replace").split("\n")
        last = next((row.strip() for row in reversed(rows) if row.strip()), "")
        self.close()
        return UserError(
            f"the engine {self.command!r} {how}"
            + (f"; its last words: {last[:200]}" if last else "")
        )

    def nonsense(self, how: str) -> UserError:
        """The error for an answer of which nothing can be made; the engine is ended."""
        return self._failed(how)

    def close(self) -> None:
        """End the engine's process, if need be by force."""
        self._closed.set()
        self._questions.put(None)
        end(self._process)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._writer.join(1.0)
        streams = (
            [self._process.stdout]
            if self._writer.is_alive()
            else [self._process.stdout, self._process.stdin]
        )
        if self._guard is not None:
            end(self._guard)
            self._guard.wait(5)
            streams.append(self._guard.stdin)
        for stream in streams:
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()

    def __enter__(self) -> "AnalysisEngine":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
