"""The socket of a board: what the network says of a position, and what a search finds out as it
goes on."""

import asyncio
import contextlib
from collections import deque
from functools import partial
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from msgspec import Meta, Struct
from starlette.routing import BaseRoute
from starlette.websockets import WebSocketDisconnect

from gocnn.board import BLACK
from gocnn.board.coords import to_gtp
from gocnn.engine.analysis import Analysis
from gocnn.engine.limits import MOST_VISITS
from gocnn.engine.player import Player
from gocnn.policy.conditioning import check_style
from gocnn.policy.suggestion import Evaluator
from gocnn.serve import failures
from gocnn.serve.endpoints import socket
from gocnn.serve.messages import (
    LETTERS,
    Colour,
    Position,
    Style,
    game_of,
    illegal,
    level_of,
    number,
    rounded,
)
from gocnn.serve.sharing import EVERY, Board
from gocnn.serve.state import ServeState
from gocnn.serve.streams import Socket, Trouble
from gocnn.serve.threads import in_thread

USUAL_VISITS = 1000

LONGEST_MESSAGE = 1 << 18
"""Characters of a message that is read: a game of 2,000 moves has 30,000."""

Id = Annotated[int, Meta(ge=-(2**53), le=2**53)]


class Analyse(Struct, tag="analyse"):
    """Ask about a position; what was asked before is at an end.

    id: comes back with each answer. model: a network's name (the first one). visits: positions to
    look ahead at, those kept from the position before among them, 0 for the network's word alone
    (1,000). symmetries: 8 for the mean over the turned and mirrored boards. style: of whom to
    expect moves, where the network knows. level: say too how often a player of that level makes
    each move. ownership: say whose each point will be.
    """

    id: Id
    position: Position
    model: str | None = None
    visits: Annotated[int, Meta(ge=0, le=MOST_VISITS)] = USUAL_VISITS
    symmetries: Literal[1, 8] = 1
    style: Style = "any"
    level: str | None = None
    ownership: bool = True


class Stop(Struct, tag="stop"):
    """Compute no further. What was seen is kept for a position that follows from this one."""


class Policy(Struct, tag="policy"):
    """What the network says of the position by itself; comes first, at once.

    policy: 362 probabilities of the side to play, the pass last; those of illegal moves are 0.
    illegal: empty points where that side may not play. value: its probability to win, 0 to 1;
    score: its lead in points, komi counted; score_stdev: of that; ownership: 361 numbers, +1 for a
    point of its own, -1 for one of the opponent's. What the network does not say is null.
    """

    id: int
    policy: list[float]
    to_play: Colour
    illegal: list[str]
    value: float | None
    score: float | None
    score_stdev: float | None
    ownership: list[float] | None


class Candidate(Struct):
    """A move: prior, its probability by the network; visits; the mover's winrate, its lower
    confidence bound, and the lead in points after it; line: how the game may go on, this move
    first."""

    move: str
    prior: float
    visits: int
    winrate: float | None
    lcb: float | None
    lead: float | None
    line: list[str]


class Report(Struct, tag="report"):
    """What is known by now, at most five times a second; done: the last one.

    winrate, lead, stdev, ownership: as in `policy`, in the mean over the search. Where the network
    says no score, lead and ownership come from random playouts, and are coarse before the endgame;
    where it does not foresee the winner, so do winrates, and a visit is eight playouts. moves: the
    best first. chances: how often a player of the level that was asked for makes each move, 362
    numbers; null without a level, or where it looks ahead itself.
    """

    id: int
    visits: int
    winrate: float | None
    lead: float | None
    stdev: float | None
    moves: list[Candidate]
    ownership: list[float] | None
    chances: list[float] | None
    done: bool


def routes(state: ServeState) -> list[BaseRoute]:
    """`/api/analysis`."""
    return [
        socket(
            "/api/analysis",
            partial(analysis, state),
            receives=(Analyse, Stop),
            sends=(Policy, Report, Trouble),
            most=LONGEST_MESSAGE,
        )
    ]


async def analysis(state: ServeState, client: "Socket[Analyse | Stop]") -> None:
    """A board: what the network says of a position, at once, and what a search finds out."""
    # in a thread: this waits where a network is being opened, and nobody else should
    sharing = await in_thread(lambda: state.sharing)
    await _Visitor(client, state, sharing.board()).run()


class _Visitor:
    """One socket: reads what is asked, writes what is answered."""

    def __init__(self, client: "Socket[Analyse | Stop]", state: ServeState, board: Board) -> None:
        self._client, self._state, self._board = client, state, board
        self._loop = asyncio.get_running_loop()
        self._question: _Question | None = None
        self._answers: deque[Struct] = deque()
        self._report: Report | None = None
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Until the client is gone, or does not read."""
        both = [asyncio.create_task(part) for part in (self._read(), self._write())]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._board.close()
            for task in both:
                task.cancel()
            ended = await asyncio.gather(*both, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception) and not isinstance(error, WebSocketDisconnect):
                raise error

    # --- reading ---

    async def _read(self) -> None:
        async for message in self._client:
            self._ask(None)
            if isinstance(message, Stop):
                continue
            try:
                self._ask(await self._question_of(message))
            except Exception as error:  # noqa: BLE001 - told to the client
                sentence = failures.sentence(error, "opening a network for an analysis")
                await self._client.fail(sentence, message.id)

    async def _question_of(self, message: Analyse) -> "_Question":
        evaluator = self._state.opened(message.model)
        if evaluator is None:
            evaluator = await in_thread(self._state.evaluator, message.model)
        check_style(evaluator, message.style)
        return _Question(message, evaluator, self)

    def _ask(self, question: "_Question | None") -> None:
        """From here on only this is answered."""
        self._question, self._report = question, None
        self._answers.clear()
        if question is None:
            self._board.stop()
        else:
            self._board.ask(question)

    # --- writing ---

    def tell(self, question: "_Question", message: Struct) -> None:
        """Send it, if that is still the question; from any thread."""
        with contextlib.suppress(RuntimeError):  # the server has ended meanwhile
            self._loop.call_soon_threadsafe(self._note, question, message)

    def _note(self, question: "_Question", message: Struct) -> None:
        if question is not self._question:
            return
        if isinstance(message, Report):
            self._report = message  # instead of one that was not sent yet
        else:
            self._answers.append(message)
        self._news.set()

    async def _write(self) -> None:
        next_report = 0.0
        while True:
            wait = None if self._report is None else next_report - self._loop.time()
            if self._answers:
                await self._client.send(self._answers.popleft())
            elif self._report is not None and wait is not None and wait <= 0:
                report, self._report = self._report, None
                next_report = self._loop.time() + EVERY
                await self._client.send(report)
            else:
                self._news.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), wait)


class _Question:
    """What is asked about a position (`gocnn.serve.sharing.Asked`)."""

    def __init__(self, message: Analyse, evaluator: Evaluator, visitor: _Visitor) -> None:
        self.visits = message.visits
        self._message, self._visitor = message, visitor
        self._player = Player(evaluator, symmetries=message.symmetries, style=message.style)
        self._level = level_of(message.level)
        self._chances: list[float] | None = None

    def begin(self) -> Analysis:
        """The analysis of its position."""
        game = game_of(self._message.position)
        return Analysis(self._player, game, game.board.to_play)

    def tell_policy(self, analysis: Analysis) -> None:
        """What the network says by itself."""
        said, mine = analysis.network_estimate, 1 if analysis.colour == BLACK else -1
        self._visitor.tell(
            self,
            Policy(
                self._message.id,
                rounded(analysis.probabilities, 6),
                LETTERS[analysis.colour],
                illegal(analysis.game.board, analysis.legal),
                number(analysis.network_winrate),
                number(mine * said.score_mean, 2) if said else None,
                number(said.score_stdev, 2) if said else None,
                self._ownership(mine * said.owner) if said else None,
            ),
        )

    def tell_report(self, analysis: Analysis, done: bool) -> None:
        """What is known by now."""
        whole, mine = analysis.estimate(), 1 if analysis.colour == BLACK else -1
        self._visitor.tell(
            self,
            Report(
                self._message.id,
                analysis.visits,
                number(analysis.winrate),
                number(mine * whole.score_mean, 2),
                number(whole.score_stdev, 2),
                [
                    Candidate(
                        to_gtp(info.index),
                        round(info.prior, 6),
                        info.visits,
                        number(info.winrate),
                        number(info.lcb),
                        number(info.lead, 2),
                        [to_gtp(index) for index in info.variation],
                    )
                    for info in analysis.moves()
                ],
                self._ownership(mine * whole.owner),
                self._of_level(analysis),
                done,
            ),
        )

    def tell_error(self, sentence: str) -> None:
        """Why there is no answer."""
        self._visitor.tell(self, Trouble(sentence, self._message.id))

    def _ownership(self, owner: npt.NDArray[np.float32]) -> list[float] | None:
        return rounded(owner, 2) if self._message.ownership else None

    def _of_level(self, analysis: Analysis) -> list[float] | None:
        if self._level is None or self._level.visits:
            return None
        if self._chances is None:
            self._player.level = self._level
            self._chances = rounded(self._player.chances(analysis.game, analysis.colour), 6)
            self._player.level = None
        return self._chances
