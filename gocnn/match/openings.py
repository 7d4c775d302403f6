"""Openings for a match: the first moves of games, drawn from a network or read from a file, so that
no two games are the same."""

from pathlib import Path

import numpy as np

from gocnn.board import Board
from gocnn.board.coords import PASS, SIZE
from gocnn.errors import UserError
from gocnn.games.sgf_tree import parse
from gocnn.policy.suggestion import Evaluator, suggest


def from_network(evaluator: Evaluator, count: int, plies: int, seed: int) -> list[list[int]]:
    """`count` different sequences of `plies` moves (flat indices, black first), each move drawn as
    the network predicts it.

    Neither side is favoured by design; what is left of luck goes to both engines, since each
    opening is played twice with the colours exchanged. Raises UserError if there are not so many.
    """
    rng = np.random.default_rng(seed)
    found: dict[tuple[int, ...], None] = {}
    for _ in range(20 * count + 100):
        board = Board(SIZE)
        for _ in range(plies):
            p = suggest(evaluator, board).astype(np.float64)
            p[PASS] = 0.0
            board.play(int(rng.choice(len(p), p=p / p.sum())))
        found[tuple(index for index, _ in board.moves)] = None
        if len(found) == count:
            return [list(moves) for moves in found]
    raise UserError(
        f"there are not {count} different openings of {plies} moves; choose more --opening-moves"
    )


def from_file(path: Path, plies: int) -> list[list[int]]:
    """The first `plies` moves of each game of an SGF file, different ones only. Raises UserError if
    there are none, if one cannot be played, or colours do not alternate."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"cannot read {path}: {error.strerror}; give an SGF file with openings"
        ) from error
    found: dict[tuple[int, ...], None] = {}
    for number, record in enumerate(parse(data, str(path)), 1):
        steps = record.steps[:plies]
        if record.trouble and len(steps) < max(plies, 1):
            raise UserError(f"{path}: game {number}: {record.trouble}; take it out")
        if not steps:
            continue
        if any(step.colour != 1 + k % 2 or step.setup is not None for k, step in enumerate(steps)):
            raise UserError(
                f"{path}: game {number} has setup stones, or its first {plies} moves are not"
                " black's and white's in turn; take it out"
            )
        found[tuple(step.index for step in steps)] = None
    if not found:
        raise UserError(f"{path} holds no moves; give an SGF file with openings")
    return [list(moves) for moves in found]
