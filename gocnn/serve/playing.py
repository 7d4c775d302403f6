"""An opponent, the score, and what the rules allow."""

import asyncio
import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import Annotated, Literal, TypeVar

import numpy as np
import numpy.typing as npt
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.routing import BaseRoute

from gocnn.board import BLACK, WHITE
from gocnn.board.coords import PASS, POINTS, to_gtp
from gocnn.engine import scoring
from gocnn.engine.game import Game
from gocnn.engine.ownership import chains
from gocnn.engine.player import RESIGN, Player
from gocnn.errors import UserError
from gocnn.policy.conditioning import check_style
from gocnn.serve.endpoints import post
from gocnn.serve.failures import Refusal
from gocnn.serve.messages import (
    LETTERS,
    Colour,
    Points,
    Position,
    Style,
    game_of,
    illegal,
    level_of,
    number,
    points,
)
from gocnn.serve.sharing import Gone, Share, Shared
from gocnn.serve.state import ServeState
from gocnn.serve.threads import in_thread

MOST_VISITS = 100_000
"""Positions that may be looked ahead at for one move."""

UNHURRIED = 20.0
"""Seconds after which a search for a move ends that was given no time."""

MOST_SECONDS = 60.0
"""Seconds that a move may be given."""

LATE = 30.0
"""Seconds after which there is no move, or no score, where the processor has too much else to do:
beyond what a search may take."""

LOOK = 0.25
"""Seconds between two looks at whether the client is still there."""

T = TypeVar("T")


class AskedMove(Struct):
    """A move is asked for. model: a network's name (the first one). level: a rank, `20k` to `max`,
    which chooses visits and temperature itself. visits: positions to look ahead at; 0 takes the
    network's word. temperature: 0 plays the likeliest move, 1 draws as predicted. style: of whom to
    expect moves. symmetries: 8 for the mean over turned boards. resign: the winrate below which it
    gives up (0: never; a level has its own). seconds: look ahead no longer (20). seed: of what is
    drawn (a new one each time)."""

    position: Position
    model: str | None = None
    level: str | None = None
    visits: Annotated[int, Meta(ge=0, le=MOST_VISITS)] = 0
    temperature: Annotated[float, Meta(ge=0, le=10)] = 0.0
    style: Style = "any"
    symmetries: Literal[1, 8] = 1
    resign: Annotated[float, Meta(ge=0, le=0.5)] = 0.0
    seconds: Annotated[float, Meta(ge=0.1, le=MOST_SECONDS)] | None = None
    seed: Annotated[int, Meta(ge=0, le=2**53)] | None = None


class ChosenMove(Struct):
    """The move that is played. move: a vertex, `pass` or `resign`; probability: what the network
    gives it, null for `resign`. winrate: the probability that the side to play wins; lead: its
    points, komi counted; both null where the network does not say."""

    move: str
    probability: float | None
    winrate: float | None
    lead: float | None


class AskedScore(Struct):
    """The score is asked for. model: a network's name (the first one). dead: stones that are dead,
    one of each chain is enough; null has them proposed."""

    position: Position
    model: str | None = None
    dead: Points | None = None


class Score(Struct):
    """How a game that is over is counted. dead: the dead stones. owner: 361 numbers, whose each
    point is: 1 black's, -1 white's, 0 nobody's. black, white: points by the rules, without komi and
    what white gets for handicap stones; margin: black's points minus white's, with those; result:
    `B+3.5`, `W+0.5`, or `0`."""

    dead: list[str]
    owner: list[int]
    black: int
    white: int
    margin: float
    result: str


class AskedLegal(Struct):
    """What may be played?"""

    position: Position


class Legal(Struct):
    """What may be played. to_play: whose turn it is; illegal: empty points where that side may not
    play; captured: how many stones black and white have captured; over: whether both have
    passed."""

    to_play: Colour
    illegal: list[str]
    captured: tuple[int, int]
    over: bool


def routes(state: ServeState) -> list[BaseRoute]:
    """`/api/play`, `/api/score` and `/api/legal`."""
    return [
        post("/api/play", partial(play, state)),
        post("/api/score", partial(score, state)),
        post("/api/legal", legal),
    ]


async def play(state: ServeState, asked: AskedMove, request: Request) -> ChosenMove:
    """The move that a player makes for the side to play."""
    return await _while_there(state, request, partial(_chosen, state, asked))


async def score(state: ServeState, asked: AskedScore, request: Request) -> Score:
    """Dead stones, whose each point is, and the result, as the position stands."""
    return await _while_there(state, request, partial(_scored, state, asked))


def legal(asked: AskedLegal) -> Legal:
    """What the rules, superko among them, forbid the side to play."""
    game = game_of(asked.position)
    board = game.board
    return Legal(LETTERS[board.to_play], illegal(board, board.legal()), board.captured(), game.over)


async def _while_there(state: ServeState, request: Request, work: Callable[[Share], T]) -> T:
    """What the work finds, in a thread; it ends soon after the client has gone."""
    share = Share()
    task = asyncio.create_task(in_thread(work, share))
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=LOOK)
            if not task.done() and await request.is_disconnected():
                share.open = False
        return await task
    except Gone:
        raise Refusal(503, "nobody waits for the answer any more") from None
    finally:
        share.open = False


def _chosen(state: ServeState, asked: AskedMove, share: Share) -> ChosenMove:
    level = level_of(asked.level)
    if level is not None and (asked.visits or asked.temperature):
        raise UserError("level: it chooses visits and temperature itself; leave those out")
    game = game_of(asked.position)
    most = asked.seconds or UNHURRIED
    evaluator = Shared(state.evaluator(asked.model), state.sharing.turns, share, most + LATE)
    check_style(evaluator, asked.style)
    if asked.visits and not evaluator.has_value_head:
        raise UserError(
            f"visits: {evaluator.name} does not say who wins, so that it cannot look ahead; leave"
            " them out"
        )
    player = Player(
        evaluator,
        symmetries=asked.symmetries,
        temperature=asked.temperature,
        resign=asked.resign,
        seed=secrets.randbits(32) if asked.seed is None else asked.seed,
        style=asked.style,
        visits=asked.visits,
    )
    player.level = level
    colour = game.board.to_play
    player.take_up(game, colour)
    end = time.monotonic() + most

    def stopped() -> bool:
        return time.monotonic() >= end or not share.open

    decision = player.decide(game, colour, seconds=asked.seconds, stopped=stopped)
    if decision.index == PASS and game.must_capture:
        decision = player.decide(game, colour, clean_up=True, stopped=stopped)
    return ChosenMove(
        "resign" if decision.index == RESIGN else to_gtp(decision.index),
        None if decision.index == RESIGN else number(decision.probabilities[decision.index], 6),
        number(decision.winrate),
        number(decision.lead, 2),
    )


def _scored(state: ServeState, asked: AskedScore, share: Share) -> Score:
    game = game_of(asked.position)
    if asked.dead is not None:
        dead = _chains_of(game, points(asked.dead, "dead"))
    else:
        evaluator = Shared(state.evaluator(asked.model), state.sharing.turns, share, LATE)
        dead = Player(evaluator).dead(game)
    margin = game.margin(dead)
    owner = scoring.owners(game.board, dead, game.rules)
    black, white = scoring.points(game.board, dead, game.rules)
    return Score(
        [to_gtp(int(index)) for index in np.flatnonzero(dead)],
        ((owner == BLACK).astype(int) - (owner == WHITE)).tolist(),
        black,
        white,
        margin,
        scoring.result_text(margin),
    )


def _chains_of(game: Game, indices: list[int]) -> npt.NDArray[np.bool_]:
    """bool `(361,)`: the chains that have stones at these points. Raises UserError if one is
    empty."""
    dead = np.zeros(POINTS, np.bool_)
    stones = game.board.stones().ravel()
    for k, index in enumerate(indices):
        if not stones[index]:
            raise UserError(f"dead[{k}]: there is no stone at {to_gtp(index)}")
    for chain in chains(game.board):
        dead[chain] = bool(np.isin(chain, indices).any())
    return dead
