"""The position a person means: a game record, a ply, and moves typed by hand."""

import re
from dataclasses import dataclass

import numpy as np

from gocnn.board import BLACK, WHITE, BadVertex, Board, IllegalMove
from gocnn.board.coords import from_gtp
from gocnn.errors import UserError
from gocnn.games import sources
from gocnn.games.reader import Game, Reader, Skipped
from gocnn.games.scan import WHITE_BIT


@dataclass
class Position:
    """A board, whether the game began with handicap stones, and the move that the record goes on with (None at its end)."""

    board: Board
    handicap: bool = False
    played: int | None = None
    title: str = ""


def read_game(blob: sources.Blob) -> Game:
    """The first game of a file. Raises UserError, with the reason, if it cannot be used."""
    first = next(iter(Reader().games(blob)))
    if isinstance(first, Skipped):
        detail = f" ({first.detail})" if first.detail else ""
        raise UserError(f"{blob.name}: {first.reason}{detail}; give a 19x19 game record in SGF")
    return first


def moves_of(game: Game) -> list[tuple[int, int]]:
    """The moves: flat index and colour of each."""
    return [(int(w) & 511, WHITE if w & WHITE_BIT else BLACK) for w in game.words[int(game.record["setup"]) :]]


def set_up_of(game: Game) -> tuple[list[int], list[int], int]:
    """The stones before the first move, black and white, and the colour that moves first."""
    stones = game.words[: int(game.record["setup"])].astype(np.int64)
    white = (stones & WHITE_BIT) > 0
    return (stones[~white] & 511).tolist(), (stones[white] & 511).tolist(), moves_of(game)[0][1]


def at_ply(game: Game, ply: int | None) -> Position:
    """The position after `ply` moves of the game (all of them if None). Raises UserError if the game is shorter."""
    n_moves = int(game.record["moves"])
    if ply is None:
        ply = n_moves
    if not 0 <= ply <= n_moves:
        raise UserError(f"--at {ply}: {game.name} has {n_moves} moves; choose 0 to {n_moves}")
    moves = moves_of(game)
    board = Board()
    board.set_up(*set_up_of(game))
    for index, colour in moves[:ply]:
        board.play(index, colour)
    if ply < n_moves:
        board.to_play = moves[ply][1]
    names = " - ".join(name or "?" for name in (game.black, game.white))
    return Position(board, bool(game.record["handicap"] > 0), moves[ply][0] if ply < n_moves else None, f"{names}, after move {ply}")


def play_typed(position: Position, typed: str) -> None:
    """Play moves such as `B D4 W Q16` (or `D4 Q16`, in turn). Raises UserError naming the first that is wrong; what follows the record is dropped."""
    colour: int | None = None
    count = 0
    for token in re.split(r"[\s,;]+", typed.strip()):
        if token.lower() in ("b", "w", "black", "white"):
            colour = BLACK if token.lower().startswith("b") else WHITE
            continue
        if not token:
            continue
        count += 1
        try:
            position.board.play(from_gtp(token), colour)
        except BadVertex as error:
            raise UserError(f"--moves: move {count}: {error}") from error
        except IllegalMove as error:
            raise UserError(f"--moves: move {count} is not legal: {error}") from error
        colour = None
    if colour is not None:
        position.board.to_play = colour
    if count:
        position.played = None
        position.title = f"{position.title} and {count} more" if position.title else f"after {count} moves"


def find(game: str | None, at: int | None, moves: str) -> Position:
    """The position that a command's arguments mean: a game record (`-` for standard input) after `at` moves, or the empty board; then the moves
    typed. Raises UserError."""  # fmt: skip
    if game is None:
        place = Position(Board())
    else:
        unit = sources.find([game])[0]
        blob = next(iter(sources.read(unit)), None)
        if blob is None:
            raise UserError(f"{game} holds no game record; give an SGF file")
        place = at_ply(read_game(blob), at)
    if moves.strip():
        play_typed(place, moves)
    return place
