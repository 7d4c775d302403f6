"""Scoring a finished game whose dead stones still stand: it is played out by the network, several times, and each point goes to its usual owner."""

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, WHITE, Board
from gocnn.board.coords import PASS
from gocnn.play.outlook import pass_alive, useful
from gocnn.policy.suggestion import Evaluator, suggest_many

GAMES = 9
LONGEST = 400


def play_out(evaluator: Evaluator, board: Board, games: int = GAMES, temperature: float = 0.7, seed: int = 1) -> npt.NDArray[np.float32]:
    """Ownership, float32 `(361,)`: the mean over `games` continuations of who owns each point (Tromp-Taylor), +1 black, -1 white.

    In each, both sides play the network's moves (drawn with `temperature`; the first game plays the likeliest) as long as one has a move that can
    matter (`gocnn.play.outlook.useful`).
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
            weights = np.where(useful(each, each.to_play)[:PASS], np.maximum(row[:PASS], 1e-9), 0.0).astype(np.float64)
            if not weights.any():
                move, passes[k] = PASS, passes[k] + 1
            else:
                powers = (weights / weights.max()) ** (1 / temperature)
                move = int(weights.argmax()) if k == 0 else int(rng.choice(PASS, p=powers / powers.sum()))
                passes[k] = 0
            each.play(move)
            if passes[k] < 2:
                still.append(k)
        going = still
    owners = np.stack([each.area().ravel() for each in boards])
    for row, each in zip(owners, boards, strict=True):  # what stands in a region that is safely the opponent's need not be taken
        for colour in (BLACK, WHITE):
            row[pass_alive(each, colour)] = colour
    result: npt.NDArray[np.float32] = ((owners == BLACK).mean(0) - (owners == WHITE).mean(0)).astype(np.float32)
    return result


def settled_margin(evaluator: Evaluator, board: Board, komi: float) -> float:
    """Black's margin, komi subtracted, when every point goes to whoever owns it in most continuations."""
    owner = play_out(evaluator, board)
    return float((owner > 0).sum() - (owner < 0).sum()) - komi
