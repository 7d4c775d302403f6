"""What Kigo, Quarry and GoGui ask in GNU Go's words
(https://www.gnu.org/software/gnugo/gnugo_19.html): stones, liberties, legal moves, statuses."""

import re

import numpy as np

from gocnn.board import BLACK, WHITE
from gocnn.board.coords import COLOUR_NAMES, PASS, SIZE, to_gtp
from gocnn.engine import levels
from gocnn.engine.scoring import owners
from gocnn.gtp.commands import TERRITORIES, Engine, one, parse_colour, vertex_of
from gocnn.gtp.protocol import GtpError, Handler

SHOWN = 10
"""How many moves `top_moves` names."""


def install(engine: Engine) -> None:
    """Add the commands."""
    game = engine.game

    def list_stones(arguments: list[str]) -> str:
        return names(np.flatnonzero(game.board.stones().ravel() == parse_colour(one(arguments))))

    def captures(arguments: list[str]) -> str:
        return str(game.board.captured()[0 if parse_colour(one(arguments)) == BLACK else 1])

    begun_with = engine.player.level

    def level(arguments: list[str]) -> str:
        """`level 5k`; `level` tells which it is; `level none` plays by the options again. A number
        means one of GNU Go's ten."""
        text = " ".join(arguments) or "?"
        if text == "?":
            return engine.player.level.name if engine.player.level else "none"
        if re.fullmatch(r"[+-]?[0-9]{1,9}", text):
            # who sends this believes to speak with GNU Go, and Kigo takes nothing but its PASS for
            # a pass
            engine.shouts_pass = True
            engine.player.level = levels.of_number(int(text)) or begun_with
            return ""
        engine.player.level = level_of(text)
        return ""

    def move_history(arguments: list[str]) -> str:
        return "\n".join(
            f"{COLOUR_NAMES[colour]} {to_gtp(index)}"
            for index, colour in reversed(game.board.moves)
        )

    def last_move(arguments: list[str]) -> str:
        if not game.board.moves:
            raise GtpError("no previous move known")
        index, colour = game.board.moves[-1]
        return f"{COLOUR_NAMES[colour]} {to_gtp(index)}"

    def colour_at(arguments: list[str]) -> str:
        stone = int(game.board.stones().ravel()[_point(arguments)])
        return COLOUR_NAMES[stone] if stone else "empty"

    def find_liberties(arguments: list[str]) -> str:
        return names(_liberties(engine, _point(arguments)))

    def count_liberties(arguments: list[str]) -> str:
        return str(len(_liberties(engine, _point(arguments))))

    def is_legal(arguments: list[str]) -> str:
        if len(arguments) != 2:
            raise GtpError("syntax error: is_legal COLOR VERTEX")
        return str(int(game.board.legal(parse_colour(arguments[0]))[vertex_of(arguments[1])]))

    def all_legal(arguments: list[str]) -> str:
        return names(np.flatnonzero(game.board.legal(parse_colour(one(arguments)))[:PASS]))

    def top_moves(colour: int | None) -> Handler:
        def handler(arguments: list[str]) -> str:
            p = engine.player.probabilities(game, colour or game.board.to_play)
            order = [
                int(index) for index in np.argsort(-p[:PASS], kind="stable")[:SHOWN] if p[index] > 0
            ]
            return " ".join(f"{to_gtp(index)} {100 * p[index]:.2f}" for index in order)

        return handler

    def final_status(arguments: list[str]) -> str:
        index = _point(arguments)
        for chain, status in engine.statuses():
            if index in chain:
                return status
        owner = int(owners(game.board, engine.dead(), game.rules)[index])
        return next(name for name, whose in TERRITORIES.items() if whose == owner)

    engine.commands.update(
        {
            "list_stones": list_stones,
            "captures": captures,
            "level": level,
            "query_boardsize": lambda arguments: str(SIZE),
            "move_history": move_history,
            "get_handicap": lambda arguments: str(game.handicap_stones),
            "last_move": last_move,
            "color": colour_at,
            "findlib": find_liberties,
            "countlib": count_liberties,
            "is_legal": is_legal,
            "all_legal": all_legal,
            "top_moves": top_moves(None),
            "top_moves_black": top_moves(BLACK),
            "top_moves_white": top_moves(WHITE),
            "final_status": final_status,
            "estimate_score": engine.cmd_final_score,
            "help": engine.cmd_list_commands,
        }
    )


def level_of(text: str) -> levels.Level | None:
    """The level of that name; None for `none`. Raises GtpError."""
    try:
        return None if text.strip().lower() == "none" else levels.parse(text)
    except levels.BadLevel as error:
        raise GtpError(f"{error}, and none") from None


def names(indices: "np.typing.NDArray[np.int64] | list[int]") -> str:
    """The vertices, in order, on one line."""
    return " ".join(to_gtp(int(index)) for index in indices)


def _point(arguments: list[str]) -> int:
    index = vertex_of(one(arguments))
    if index == PASS:
        raise GtpError("invalid vertex: a point is expected")
    return index


def _liberties(engine: Engine, index: int) -> list[int]:
    """Flat indices of the liberties of the chain at a point. Raises GtpError if no stone is
    there."""
    stones, heads = engine.game.board.stones(), engine.game.board.chain_ids()
    if not stones.ravel()[index]:
        raise GtpError("vertex must not be empty")
    near = np.zeros((SIZE + 2, SIZE + 2), np.bool_)
    chain = ((heads == heads[index]) & (stones.ravel() > 0)).reshape(SIZE, SIZE)
    for rows, columns in ((0, 1), (2, 1), (1, 0), (1, 2)):
        near[rows : rows + SIZE, columns : columns + SIZE] |= chain
    return [int(i) for i in np.flatnonzero(near[1:-1, 1:-1] & (stones == 0))]
