"""Where a beginner would look: weights for moves by what they do at once, and by how near the last
ones they are.

Not how good a move is: a beginner takes, saves and threatens stones, answers close by, and does not
see the rest.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gocnn._jit import jit
from gocnn.board import Board, symmetry
from gocnn.board.coords import PASS, POINTS, SIZE
from gocnn.board.rules import COLOUR, EMPTY, FIELD, HEAD, STEPS, STRIDE, State
from gocnn.features import planes, tactics

NEAR = 3.0
"""Distance (rows and columns added) within which an answer to the last move is looked for: its
weight falls by e so often."""

ELSEWHERE = 0.12
"""Weight of a move that is near nothing that was played last."""

LINES = (0.06, 0.35, 1.2, 1.3, 1.0, 0.8, 0.7, 0.7, 0.7, 0.7)
"""Weight of a move on the first line, the second and so on, where no stone is near."""

TAKES, SAVES, THREATENS, TOUCHES = 4.0, 4.0, 2.5, 1.5
"""How much more often a move is seen that takes a stone (and again half of that for each further
one), saves one from being taken, puts one in atari, stands beside one of the opponent's."""


@dataclass(frozen=True)
class MoveEffects:
    """What each move of one side does, int64 `(361,)`; meaningless where it is not legal. taken:
    stones it captures, up to 4; exposed: stones of its chain where that has one liberty left, up to
    4, else 0; saves: 1 where a chain in atari gets out of it; threatens: 1 where it puts one in
    atari; touches: 1 where it stands beside a stone of the opponent's; alone: 1 where no stone is
    next to it."""

    taken: npt.NDArray[np.int64]
    exposed: npt.NDArray[np.int64]
    saves: npt.NDArray[np.int64]
    threatens: npt.NDArray[np.int64]
    touches: npt.NDArray[np.int64]
    alone: npt.NDArray[np.int64]


@jit
def _beside(
    state: State, libs: npt.NDArray[np.int16], colour: int, out: npt.NDArray[np.uint8]
) -> None:
    """Fill uint8 `(4, 361)`: empty points beside an own chain in atari, beside one of the
    opponent's with two liberties, beside any of the opponent's, beside none at all."""
    index = -1
    for row in range(1, SIZE + 1):
        for p in range(row * STRIDE + 1, row * STRIDE + 1 + SIZE):
            index += 1
            if state[COLOUR, p] != EMPTY:
                continue
            out[3, index] = 1
            for step in STEPS:
                n = p + step
                c = state[COLOUR, n]
                if c == colour or c == 3 - colour:
                    count = libs[0, state[HEAD, n]]
                    out[3, index] = 0
                    if c == colour:
                        out[0, index] |= count == 1
                    else:
                        out[1, index] |= count == 2
                        out[2, index] = 1


def move_effects(board: Board, colour: int) -> MoveEffects:
    """What each move of `colour` does."""
    libs = np.empty(planes.LIBERTIES_SHAPE, np.int16)
    planes.count_liberties(board.state, libs)
    shown = np.zeros((3 * tactics.MOST, POINTS), np.uint8)
    tactics.fill_moves(
        board.state, libs, colour, 0, tactics.MOST, 2 * tactics.MOST, symmetry.permutation(0), shown
    )
    near = np.zeros((4, POINTS), np.uint8)
    _beside(board.state, libs, colour, near)
    sizes = np.arange(1, tactics.MOST + 1)
    taken, exposed, after = (
        sizes @ shown[i * tactics.MOST : (i + 1) * tactics.MOST] for i in range(3)
    )
    saves = near[0] * (after >= 2)
    return MoveEffects(
        taken, exposed, saves.astype(np.int64), *(row.astype(np.int64) for row in near[1:])
    )


def _distances() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    rows, columns = np.divmod(np.arange(POINTS), SIZE)
    lines = np.minimum(np.minimum(rows, SIZE - 1 - rows), np.minimum(columns, SIZE - 1 - columns))
    return abs(rows[:, None] - rows) + abs(columns[:, None] - columns), lines


DISTANCE, LINE = _distances()
"""int64 `(361, 361)`: rows and columns between two points, added; int64 `(361,)`: the line of each,
0 for the first."""

assert FIELD == STRIDE * STRIDE


def looks(board: Board, does: MoveEffects) -> npt.NDArray[np.float64]:
    """float64 `(361,)`: how readily a beginner sees each move (legal or not), in no unit."""
    weight = np.full(POINTS, ELSEWHERE)
    for back, (index, _) in enumerate(reversed(board.moves[-2:])):
        if index != PASS:
            weight += np.exp(-np.maximum(DISTANCE[index] - 1, 0) / NEAR) / (1 + back)
    weight *= np.where(does.alone, np.array(LINES)[LINE], 1.0)
    weight *= np.where(does.taken > 0, TAKES * (1 + (does.taken - 1) / 2), 1.0)
    weight *= SAVES**does.saves * THREATENS**does.threatens * TOUCHES**does.touches
    return weight
