"""An engine that is asked about many positions at once, in KataGo's analysis protocol: one JSON
object a line (`katago analysis`, or this project's `go-analysis`, by which the programs that use
this are checked).

Source: https://github.com/lightvector/KataGo/blob/master/docs/Analysis_Engine.md
"""

import contextlib
import json
import queue
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, Board
from gocnn.board.coords import SIZE, to_gtp
from gocnn.processes import apart, end, words_of

Stones = tuple[tuple[int, int], ...]
"""Flat indices with their colours."""

AT_ONCE = 128
"""Positions that an engine has in hand: enough for its largest batch, and few enough that little is
lost when it dies."""


@dataclass(frozen=True)
class Position:
    """A position as an engine is told it: stones set up, then moves."""

    setup: Stones
    moves: Stones

    def board(self) -> Board:
        """The position. Raises gocnn.board.IllegalMove."""
        board = Board(SIZE)
        if self.setup:
            board.set_up(
                *([index for index, c in self.setup if c == colour] for colour in (1, 2)),
                to_play=self.first,
            )
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


def pairs(stones: Stones) -> list[list[str]]:
    """As the protocol writes them."""
    return [["BW"[colour != BLACK], to_gtp(index)] for index, colour in stones]


def query(
    position: Position, rules: str, komi: float, visits: int = 1, **more: bool
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
        "overrideSettings": {"reportAnalysisWinratesAs": "BLACK"},
        **more,
    }


def by_index(values: Sequence[float]) -> npt.NDArray[np.float64]:
    """float64 `(361,)` or `(362,)` by flat index, of a list that begins at the upper left (a 362nd
    value is the pass's)."""
    grid = np.array(values[: SIZE * SIZE], np.float64).reshape(SIZE, SIZE)
    return np.append(grid[::-1].ravel(), values[SIZE * SIZE :])


class AnalysisEngine:
    """Start it by its command line. Whatever it does wrong ends the program with a sentence that
    says so (SystemExit)."""

    def __init__(self, command: str, seconds: float = 600.0) -> None:
        """seconds: how long it may say nothing while a question is open."""
        self.command, self.seconds = command, seconds
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        try:
            self._process = subprocess.Popen(
                words_of(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                **apart(),
            )
        except (OSError, ValueError, IndexError) as error:
            raise SystemExit(
                f"cannot start {command!r} ({error}); check the engine's command line"
            ) from error
        assert self._process.stdout is not None
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()

    def _read(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(ValueError, OSError):  # closed while waiting
            for line in stream:
                self._lines.put(line)
        self._lines.put(None)

    def version(self) -> str:
        """What the engine says of its version."""
        self._send({"id": "version", "action": "query_version"})
        return str(self._answer().get("version", "of no known version"))

    def answers(
        self, queries: Sequence[dict[str, Any]], at_once: int = AT_ONCE
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """The answer to each, in the order in which they come: its number among `queries`, and what
        was said."""
        asked = open_ = 0
        while asked < len(queries) or open_:
            while asked < len(queries) and open_ < at_once:
                self._send({"id": str(asked), **queries[asked]})
                asked, open_ = asked + 1, open_ + 1
            answer = self._answer()
            number = str(answer.get("id"))
            if answer.get("isDuringSearch") or not number.isdigit() or int(number) >= asked:
                continue
            open_ -= 1
            yield int(number), answer

    def _send(self, values: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(values).encode() + b"\n")
            self._process.stdin.flush()
        except (OSError, ValueError):
            raise self._failed("died") from None

    def _answer(self) -> dict[str, Any]:
        """The next answer that is no warning."""
        while True:
            try:
                line = self._lines.get(timeout=self.seconds)
            except queue.Empty:
                raise self._failed(f"said nothing for {self.seconds:g} s") from None
            if line is None:
                raise self._failed("died")
            try:
                answer = json.loads(line)
            except ValueError:
                answer = None
            if not isinstance(answer, dict):
                raise self._failed(
                    f"answered {line[:60].decode('utf-8', 'replace')!r}, which is not a JSON object"
                )
            if "error" in answer:
                raise self._failed(f"refused a question: {answer['error']}")
            if "warning" not in answer:
                return answer

    def _failed(self, how: str) -> SystemExit:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            self._process.wait(1.0)
        self._said.seek(0)
        rows = self._said.read()[-2000:].decode("utf-8", "replace").split("\n")
        last = next((row.strip() for row in reversed(rows) if row.strip()), "")
        self.close()
        return SystemExit(
            f"the engine {self.command!r} {how}"
            + (f"; its last words: {last[:200]}" if last else "")
        )

    def close(self) -> None:
        """End it."""
        end(self._process)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()

    def __enter__(self) -> "AnalysisEngine":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
