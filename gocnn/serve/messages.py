"""What requests and answers share: positions, and how numbers are written."""

from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from msgspec import Meta, Struct

from gocnn.board import BLACK, WHITE, BadVertex, Board, IllegalMove
from gocnn.board.coords import PASS, from_gtp, to_gtp
from gocnn.engine import levels
from gocnn.engine.game import Game
from gocnn.engine.rulesets import BadRules, parse
from gocnn.errors import UserError
from gocnn.games.position import usual_komi

MOST_MOVES = 2000
"""Longer games are refused: nobody has played one."""

Colour = Literal["b", "w"]
COLOURS: dict[str | None, int] = {"b": BLACK, "w": WHITE}
LETTERS: dict[int, Colour] = {BLACK: "b", WHITE: "w"}

Style = Literal["any", "tygem", "tom", "fox", "professional"]
"""Whose moves a network can be asked to expect (`gocnn.features.conditioning.STYLES`)."""

Vertex = Annotated[str, Meta(max_length=8)]
Points = Annotated[list[Vertex], Meta(max_length=400)]


class Position(Struct, forbid_unknown_fields=True):
    """A position, by what led to it; all but `moves` may be missing.

    black, white: stones that stand before the first move. first: who plays first (the colour of the
    first move; without moves white after handicap stones, else black). moves: colour and vertex of
    each, at most 2,000; a side may play twice. komi: a whole number or a half, -150 to 150 (6.5, or
    0.5 with handicap stones). rules: a name, or an object as KataGo writes them (`chinese`).
    handicap: how many of black's stones are handicap stones (if it is missing: all that stand,
    where white has none).
    to_play: whose turn it is after the moves, where it is not the other side's.

    A record may repeat positions that its rules forbid to repeat; what comes next may not.
    """

    moves: list[tuple[Colour, Vertex]]
    black: Points = []
    white: Points = []
    first: Colour | None = None
    komi: Annotated[float, Meta(ge=-150, le=150)] | None = None
    rules: str | dict[str, Any] = "chinese"
    handicap: Annotated[int, Meta(ge=0, le=361)] | None = None
    to_play: Colour | None = None


def game_of(position: Position) -> Game:
    """The position as a game that goes on. Raises UserError if there is no such one."""
    if len(position.moves) > MOST_MOVES:
        raise UserError(
            f"the game has {len(position.moves):,} moves by here, and {MOST_MOVES:,} are looked at"
            " at most; go back to an earlier one"
        )
    rules = _rules(position.rules)
    black, white = points(position.black, "black"), points(position.white, "white")
    both = sorted(set(black) & set(white))
    if both:
        raise UserError(f"black and white: {to_gtp(both[0])} cannot hold stones of both sides")
    stones = len(black) if not white and len(black) > 1 else 0
    handicap = stones if position.handicap is None else position.handicap
    moves = [
        (_point(vertex, f"moves[{k}]"), COLOURS[colour])
        for k, (colour, vertex) in enumerate(position.moves)
    ]
    first = COLOURS.get(position.first) or (
        moves[0][1] if moves else WHITE if handicap > 1 else BLACK
    )
    game = Game(_komi(position.komi, handicap), rules)
    try:
        # else black's first moves may be handicap stones
        known = bool(black or white) or position.handicap is not None
        game.set_up(black, white, first, handicap=handicap if known else None)
    except IllegalMove as error:
        raise UserError(f"black and white: {error}; take stones off or move them") from None
    _play(game, moves)
    if position.to_play is not None:
        game.set_to_play(COLOURS[position.to_play])
    return game


def _play(game: Game, moves: list[tuple[int, int]]) -> None:
    """Play a record's moves: of repetitions, only a ko taken back at once is refused."""
    superko, game.board.superko = game.board.superko, False
    for k, (index, colour) in enumerate(moves):
        try:
            game.play(index, colour)
        except IllegalMove as error:
            raise UserError(f"moves[{k}] is illegal: {error}; leave it out") from None
    game.board.superko = superko


def _rules(wished: str | dict[str, Any]) -> Any:
    try:
        return parse(wished)
    except BadRules as error:
        raise UserError(f"rules: {error}") from None


def _komi(komi: float | None, handicap: int) -> float:
    if komi is None:
        return usual_komi(float("nan"), handicap)
    if komi * 2 != int(komi * 2):
        raise UserError(f"komi: {komi:g} is neither a whole number nor a half")
    return komi


def points(vertices: list[str], name: str) -> list[int]:
    """Flat indices of points of the board, without repetitions. name: of the field, for the
    sentence. Raises UserError."""
    found = [_point(vertex, f"{name}[{k}]") for k, vertex in enumerate(vertices)]
    if PASS in found:
        raise UserError(f"{name}[{found.index(PASS)}]: a stone stands on a point, not on a pass")
    return list(dict.fromkeys(found))


def _point(vertex: str, name: str) -> int:
    try:
        return from_gtp(vertex)
    except BadVertex as error:
        raise UserError(f"{name}: {error}") from None


def rounded(values: npt.ArrayLike, digits: int = 4) -> list[float]:
    """Numbers as they are sent: so many digits after the point."""
    return np.round(np.asarray(values, np.float64), digits).tolist()  # type: ignore[no-any-return]


def number(value: float, digits: int = 4) -> float | None:
    """A number as it is sent; null for one that is none."""
    return round(float(value), digits) if np.isfinite(value) else None


def level_of(name: str | None) -> levels.Level | None:
    """The level of that name, None for None. Raises UserError."""
    try:
        return None if name is None else levels.parse(name)
    except levels.BadLevel as error:
        raise UserError(f"level: {error}") from None


def illegal(board: Board, legal: npt.NDArray[np.bool_]) -> list[str]:
    """Empty points that are not among the legal moves, bool `(362,)`."""
    forbidden = (board.stones().ravel() == 0) & ~legal[:PASS]
    return [to_gtp(int(index)) for index in np.flatnonzero(forbidden)]
