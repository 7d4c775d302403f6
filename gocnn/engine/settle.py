"""Scoring a finished game whose dead stones still stand: the network says which they are, or plays
the game out several times; then the board is counted as it stands, without them.

The games played out tell of life and death alone. Counting their boards would give every neutral
point that was left to whoever happened to take it: five to fifteen in a record that stops when the
players agree, up to four of them more for one side than for the other."""

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, WHITE, Board
from gocnn.board.coords import PASS
from gocnn.engine import scoring
from gocnn.engine.forecast import NetworkWithPlayouts, estimate_of
from gocnn.engine.ownership import PLAYOUTS, Playouts, dead_stones, safe_points, sensible_moves
from gocnn.engine.rulesets import CHINESE_SERVERS, Rules
from gocnn.policy.suggestion import Evaluator, evaluate, suggest_many

GAMES = 9
LONGEST = 400


def play_out(
    evaluator: Evaluator,
    board: Board,
    games: int = GAMES,
    *,
    temperature: float = 0.7,
    seed: int = 1,
) -> npt.NDArray[np.float32]:
    """Ownership, float32 `(361,)`: the mean over `games` continuations of who owns each point
    (Tromp-Taylor), +1 black, -1 white.

    In each, both sides play the network's moves (drawn with `temperature`; the first game plays the
    likeliest) as long as one has a move that can matter (`gocnn.engine.ownership.sensible_moves`).
    """
    rng = np.random.default_rng(seed)
    boards = [board.copy() for _ in range(games)]
    for each in boards:
        each.superko = True  # so that none goes round in circles
    going = list(range(games))
    passes = [0] * games
    for _ in range(LONGEST):
        if not going:
            break
        rows = suggest_many(evaluator, [boards[k] for k in going], [0] * len(going))
        still = []
        for k, row in zip(going, rows, strict=True):
            each = boards[k]
            weights = np.where(
                sensible_moves(each, each.to_play)[:PASS], np.maximum(row[:PASS], 1e-9), 0.0
            ).astype(np.float64)
            if not weights.any():
                move, passes[k] = PASS, passes[k] + 1
            else:
                powers = (weights / weights.max()) ** (1 / temperature)
                move = (
                    int(weights.argmax())
                    if k == 0
                    else int(rng.choice(PASS, p=powers / powers.sum()))
                )
                passes[k] = 0
            each.play(move)
            if passes[k] < 2:
                still.append(k)
        going = still
    owners = np.stack([each.area().ravel() for each in boards])
    # what stands in a region that is safely the opponent's need not be taken
    for row, each in zip(owners, boards, strict=True):
        for colour in (BLACK, WHITE):
            row[safe_points(each, colour)] = colour
    result: npt.NDArray[np.float32] = (
        (owners == BLACK).mean(0) - (owners == WHITE).mean(0)
    ).astype(np.float32)
    return result


def settled_dead(evaluator: Evaluator, board: Board) -> npt.NDArray[np.bool_]:
    """bool `(361,)`: the stones that are dead in a finished game: by what the network foresees and
    playouts tell, or by playing on where it says no score."""
    if not evaluator.scores:
        # No reading: the games played out have shown what can be captured, and what was given up.
        return dead_stones(board, play_out(evaluator, board), reading=False)
    position = estimate_of(evaluate(evaluator, board), board.to_play, 0.0)
    return dead_stones(
        board, NetworkWithPlayouts(position, Playouts(board, 0.0)).at_least(PLAYOUTS).owner
    )


def settled_margin(
    evaluator: Evaluator, board: Board, komi: float, *, rules: Rules = CHINESE_SERVERS
) -> float:
    """Black's margin by these rules, komi subtracted, once the dead stones are taken off."""
    return scoring.margin(board, settled_dead(evaluator, board), rules, komi)
