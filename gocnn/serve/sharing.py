"""One processor for many boards: whose turn it is to compute.

Whoever computes takes turns of a few milliseconds (of one evaluation by the network, at least).
The next turn is for the one that has had the least time so far, as in fair queueing (Goyal et al.
1996, "Start-time fair queuing", https://doi.org/10.1145/248156.248171): who comes, or comes back
after a pause, starts level with the others. A new position goes first, so that its board has
colours at once, unless its visitor has had much more time than others already.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from gocnn.engine.analysis import Analysis
from gocnn.errors import UserError
from gocnn.policy.predictions import Floats, PolicyPredictions
from gocnn.policy.suggestion import Evaluator
from gocnn.serve import failures
from gocnn.serve.failures import Refusal

AHEAD = 0.25
"""Seconds that a visitor may be ahead of the others for a new position still to go first."""

SLICE = 0.004
"""Seconds of a board's turn; it ends with the evaluation that is under way."""

MOST_BYTES = 1 << 30
"""Memory that the searches of all boards take together."""

BOARD_BYTES = 2 << 20
"""What a board takes besides the positions of its search."""

MOST_BOARDS = 256
"""Boards that are open at a time."""

FIRST_REPORT, EVERY = 0.1, 0.2
"""Seconds from the policy to the first report of a search that is not over before, and between
reports."""


@dataclass(eq=False)
class Share:
    """A claim on turns. used: seconds that it has had, or that count as had; urgent: whether it
    goes first; open: whether there is still somebody to compute for."""

    used: float = 0.0
    urgent: bool = False
    open: bool = True


class Turn(NamedTuple):
    """Whose turn it is. first: whether it is the turn of one that goes before the others."""

    share: Share
    first: bool


class Turns:
    """Gives turns, one at a time, to the shares that wait for one. One that is urgent waits for no
    turn that is under way, and as long as one computes no other turn begins."""

    def __init__(self) -> None:
        self.changing = threading.Condition()
        """Held while anything changes that a turn depends on."""
        self._waiting: list[Collection[Share]] = []
        self._busy = {False: False, True: False}
        self._clock = 0.0
        """The time that had been had by the share that last was the one with the least."""

    def level(self, share: Share) -> None:
        """The share begins to wait, perhaps after a pause: it claims no time from before."""
        with self.changing:
            share.used = max(share.used, self._clock)
            self.changing.notify_all()

    def take(
        self, shares: Collection[Share], ended: Callable[[], bool] | None = None
    ) -> Turn | None:
        """Wait until it is the turn of one of these: its turn, which must be given back; None once
        `ended` says so. While this waits, `shares` may change, but only within `changing`."""
        with self.changing:
            self._waiting.append(shares)
            try:
                while not (ended and ended()):
                    turn = self._next()
                    if turn is not None and turn.share in shares:
                        self._busy[turn.first] = True
                        if not turn.first:
                            self._clock = max(self._clock, turn.share.used)
                        return turn
                    self.changing.wait()
                return None
            finally:
                self._waiting = [one for one in self._waiting if one is not shares]

    def give_back(self, turn: Turn, seconds: float) -> None:
        """The turn is over; it took so long."""
        with self.changing:
            turn.share.used += seconds
            self._busy[turn.first] = False
            self.changing.notify_all()

    @contextmanager
    def turn(self, share: Share) -> Iterator[None]:
        """Within: it is this share's turn."""
        self.level(share)
        turn = self.take([share])
        assert turn is not None
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.give_back(turn, time.perf_counter() - begun)

    def _next(self) -> Turn | None:
        """The turn that may begin now."""
        every = [share for shares in self._waiting for share in shares]
        hurry = [one for one in every if one.urgent and one.used <= self._clock + AHEAD]
        if self._busy[True] or (self._busy[False] and not hurry) or not every:
            return None
        return Turn(min(hurry or every, key=lambda share: share.used), bool(hurry))


class Gone(Exception):
    """Nobody waits any longer for what is computed."""


class Shared:
    """A network that waits for its turn before each evaluation, for work that is not a board's.
    `outputs` raises Gone once the share is not open any more, UserError once `seconds` are over."""

    def __init__(self, evaluator: Evaluator, turns: Turns, share: Share, seconds: float) -> None:
        self._evaluator, self._turns, self._share = evaluator, turns, share
        self._seconds, self._end = seconds, time.monotonic() + seconds
        self.name, self.plane_groups = evaluator.name, evaluator.plane_groups
        self.has_value_head, self.scores = evaluator.has_value_head, evaluator.scores

    @property
    def late(self) -> bool:
        """Whether the time is over, or nobody waits."""
        return time.monotonic() >= self._end or not self._share.open

    def logits(self, batch: npt.NDArray[np.uint8]) -> Floats:
        """As the network's own."""
        return self.outputs(batch).logits

    def outputs(self, batch: npt.NDArray[np.uint8]) -> PolicyPredictions:
        """As the network's own."""
        if not self._share.open:
            raise Gone
        if time.monotonic() >= self._end:
            raise UserError(
                f"{self.name} was not done within {self._seconds:g} s; ask again when fewer boards"
                " are analysed, or for less"
            )
        with self._turns.turn(self._share):
            return self._evaluator.outputs(batch)


class Asked(Protocol):
    """What a visitor wants to know of a position; threads of `Sharing` call the methods. visits:
    after so many it is over."""

    visits: int

    def begin(self) -> Analysis:
        """Begin it. Raises UserError."""

    def tell_policy(self, analysis: Analysis) -> None:
        """Send what the network says of the position itself, before any search."""

    def tell_report(self, analysis: Analysis, done: bool) -> None:
        """Say what is known by now; done: nothing follows."""

    def tell_error(self, sentence: str) -> None:
        """Say why there is no answer; nothing follows."""


class Board(Share):
    """One visitor's board: what it asked last, and the analysis of that. `ask`, `stop` and `close`
    may be called from any thread, and end at once what was asked before."""

    def __init__(self, sharing: "Sharing") -> None:
        super().__init__()
        self._sharing = sharing
        self._asked: Asked | None = None
        self._begun: Asked | None = None
        self._over: Asked | None = None
        self._analysis: Analysis | None = None
        self._before: Analysis | None = None
        self._due = 0.0
        self.touched = 0.0

    def ask(self, asked: Asked) -> None:
        """Answer this from now on."""
        self._sharing.put(self, asked)

    def stop(self) -> None:
        """Compute no further. What was seen is kept for the position that may follow."""
        self._sharing.put(self, None)

    def close(self) -> None:
        """Nobody looks at it any more."""
        self._sharing.close(self)

    @property
    def bytes(self) -> int:
        """Memory that it takes, about."""
        known = [one for one in (self._analysis, self._before) if one is not None]
        return sum(BOARD_BYTES + one.bytes for one in known)

    # What follows is for `Sharing` alone.

    def wanted(self, asked: Asked | None) -> None:
        """This is wanted now."""
        self._asked, self.urgent, self.touched = asked, asked is not None, time.monotonic()

    def forget(self) -> None:
        """Let go of what was seen."""
        self._analysis = self._before = None

    @property
    def searching(self) -> bool:
        """Whether what is wanted was begun and is not over."""
        return self._asked is not None and self._begun is self._asked is not self._over

    def begin(self) -> None:
        """Say what the network says."""
        with self._sharing.turns.changing:
            asked = self._asked
        if asked is None:
            return
        try:
            analysis = asked.begin()
            asked.tell_policy(analysis)
        except Exception as error:  # noqa: BLE001 - the other boards are to be untouched
            asked.tell_error(failures.sentence(error, "an analysis"))
            return
        with self._sharing.turns.changing:
            if self._asked is asked and self.open:
                # a search of the position before may be at work at this moment
                self._before = self._before or self._analysis
                self._analysis, self._begun = analysis, asked
                self._due = time.monotonic() + FIRST_REPORT

    def go_on(self, full: bool) -> None:
        """One turn of the search. full: there is no room for more positions."""
        with self._sharing.turns.changing:
            asked, analysis, before = self._begun, self._analysis, self._before
            self._before = None
        if asked is None or analysis is None or asked is not self._asked:
            self._over = asked
            return
        try:
            if before is not None:
                analysis.take_over(before)
            if not full:
                analysis.advance(SLICE, lambda: self._asked is not asked, asked.visits)
            if self._asked is not asked:
                return
            done = full or analysis.exhausted or analysis.visits >= asked.visits
            if done or time.monotonic() >= self._due:
                asked.tell_report(analysis, done)
                self._due = time.monotonic() + EVERY
            self._over = asked if done else self._over
        except Exception as error:  # noqa: BLE001 - the other boards are to be untouched
            asked.tell_error(failures.sentence(error, "an analysis"))
            self._over = asked


class Sharing:
    """All boards of a server, and the threads that compute for them: one says what the network says
    of new positions, one looks ahead, in turns."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.turns = Turns()
        self._most_bytes = most_bytes
        self._boards: set[Board] = set()
        self._new: set[Share] = set()
        self._active: set[Share] = set()
        self._threads: set[str] = set()

    def board(self) -> Board:
        """A board more. Raises Refusal if there are too many; it must be closed."""
        with self.turns.changing:
            if len(self._boards) >= MOST_BOARDS:
                raise Refusal(
                    503,
                    f"{MOST_BOARDS} boards are open here already; close one, or try again later",
                )
            board = Board(self)
            self._boards.add(board)
            for name, work in (("first answers", self._begin), ("searches", self._go_on)):
                if name not in self._threads:
                    self._threads.add(name)
                    threading.Thread(target=work, args=(name,), name=name, daemon=True).start()
            return board

    @property
    def bytes(self) -> int:
        """Memory that all boards take, about."""
        with self.turns.changing:
            return sum(board.bytes for board in self._boards)

    def put(self, board: Board, asked: Asked | None) -> None:
        """Only for `Board`: what is wanted of it now."""
        with self.turns.changing:
            board.wanted(asked if board.open else None)
            self._active.discard(board)
            self._new.discard(board)
            if asked is not None and board.open:
                self._new.add(board)
                self.turns.level(board)

    def close(self, board: Board) -> None:
        """Only for `Board`."""
        with self.turns.changing:
            board.open = False
            self.put(board, None)
            board.forget()
            self._boards.discard(board)
            self.turns.changing.notify_all()

    def _take(self, shares: Collection[Share], name: str) -> tuple[Turn, Board] | None:
        """The next turn of one of these; None once there are no boards, and the thread is to
        end."""
        while True:
            turn = self.turns.take(shares, lambda: not self._boards)
            with self.turns.changing:
                if turn is None and not self._boards:
                    self._threads.discard(name)
                    return None
            if turn is not None and isinstance(turn.share, Board):
                return turn, turn.share

    def _begin(self, name: str) -> None:
        """Answer new questions, as long as there are boards."""
        while (taken := self._take(self._new, name)) is not None:
            turn, board = taken
            with self.turns.changing:
                self._new.discard(board)
                board.urgent = False
            begun = time.perf_counter()
            board.begin()
            with self.turns.changing:
                if board.searching:
                    self._active.add(board)
                self.turns.give_back(turn, time.perf_counter() - begun)

    def _go_on(self, name: str) -> None:
        """Look ahead, as long as there are boards."""
        while (taken := self._take(self._active, name)) is not None:
            turn, board = taken
            begun = time.perf_counter()
            board.go_on(self._full(board))
            with self.turns.changing:
                if not board.searching:
                    self._active.discard(board)
                if not board.open:
                    board.forget()
                self.turns.give_back(turn, time.perf_counter() - begun)

    def _full(self, board: Board) -> bool:
        """Whether a board may see no more positions. Where memory runs out, boards that wait for
        nothing let go of theirs, the longest untouched first; then the largest must end."""
        with self.turns.changing:
            total = sum(one.bytes for one in self._boards)
            idle = sorted(self._boards - self._active - self._new, key=lambda one: one.touched)
            for one in idle:
                if total <= self._most_bytes:
                    return False
                total -= one.bytes
                one.forget()
            return total > self._most_bytes and board.bytes == max(
                one.bytes for one in self._boards
            )
