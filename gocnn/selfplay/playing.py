"""A network plays a stream of games to their ends, many at once: as one ends, the next takes its
place."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gocnn.board import rules, symmetry
from gocnn.board.coords import MOVES, POINTS, SIZE
from gocnn.features import planes
from gocnn.policy.suggestion import Evaluator
from gocnn.selfplay import boards

LOOK_EVERY = 8
"""Moves between two looks whether a game is settled."""


@dataclass(frozen=True)
class GameToPlay:
    """A game to be played to its end.

    number: what the caller knows it by; words: uint16, `setup` stones and then `moves` moves, as a
    store has them; to_play: whose turn it is, 0 the side that the words say; conditioning: what the
    network is told (`gocnn.features.conditioning`); seed: of what is drawn; most: moves after which
    it is given up; other: the colour that another player has, 0 if none. Of black and white:
    temperature, and from move `noise_from` to `noise_to` `noise` instead; up to move `passing` that
    side passes.
    """

    number: int
    words: npt.NDArray[np.uint16]
    setup: int
    moves: int
    seed: int
    to_play: int = 0
    conditioning: int = 0
    most: int = 700
    temperature: tuple[float, float] = (0.0, 0.0)
    noise: tuple[float, float] = (0.0, 0.0)
    noise_from: tuple[int, int] = (0, 0)
    noise_to: tuple[int, int] = (0, 0)
    passing: tuple[int, int] = (0, 0)
    other: int = 0


Other = Callable[[list[npt.NDArray[np.uint16]], list[GameToPlay]], npt.NDArray[np.float32]]
"""Another player: of games under way, the moves played (those of the record included) and the
tasks, it says logits, float32 `(n, 362)`."""


@dataclass(frozen=True)
class Ended:
    """How a game ended: `status` of `boards`, its owners, int8 `(361,)`, all its moves, uint16,
    those of the record included."""

    task: GameToPlay
    status: int
    owner: npt.NDArray[np.int8]
    moves: npt.NDArray[np.uint16]
    captured: tuple[int, int]


@dataclass
class Spent:
    """What it took: moves that were played, batches that were evaluated."""

    moves: int = 0
    batches: int = 0
    ends: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    """Games by how they ended (`boards.GOING` and so on)."""

    def add(self, other: "Spent") -> None:
        """Add what another thread spent."""
        self.moves, self.batches = self.moves + other.moves, self.batches + other.batches
        self.ends = [a + b for a, b in zip(self.ends, other.ends, strict=True)]


def play_games(
    evaluator: Evaluator,
    tasks: Iterator[GameToPlay],
    batch: int,
    spent: Spent,
    *,
    stopped: Callable[[], bool] = lambda: False,
    other: Other | None = None,
) -> Iterator[Ended]:
    """Play the tasks, `batch` at a time, and yield each as it ends; once `stopped` says so, those
    under way are left. other: who plays the colours that tasks give to another player."""
    b = boards.new_boards(batch)
    at, permutation = planes.offsets(evaluator.plane_groups), symmetry.permutation(0)
    shown = np.empty((batch, planes.plane_count(evaluator.plane_groups), POINTS), np.uint8)
    wanted = np.empty((batch, MOVES), np.bool_)
    status, owners = np.zeros(batch, np.int64), np.zeros((batch, POINTS), np.int8)
    playing: list[GameToPlay | None] = [None] * batch
    start, limit, free, more = (
        np.zeros(batch, np.int64),
        np.zeros(batch, np.int64),
        list(range(batch)),
        True,
    )
    while not stopped():
        while more and free:
            task = next(tasks, None)
            if task is None:
                more = False
            elif _begin_in_row(b, free[0], task):
                playing[free[0]] = task
                start[free[0]], limit[free[0]] = task.moves, task.moves + task.most
                free.pop(0)
            else:
                yield Ended(
                    task,
                    boards.TOO_LONG,
                    np.zeros(POINTS, np.int8),
                    task.words[task.setup :],
                    (0, 0),
                )
        rows = np.array([k for k in range(batch) if playing[k] is not None], np.int64)
        if not len(rows):
            return
        n = len(rows)
        boards.judge_boards(rows, LOOK_EVERY, start, b, status, owners)
        status[:n][(status[:n] == boards.GOING) & (b.moves[rows] >= limit[rows])] = boards.TOO_LONG
        over = status[:n] != boards.GOING
        for i in np.flatnonzero(over).tolist():
            k = int(rows[i])
            task = playing[k]
            assert task is not None
            spent.ends[int(status[i])] += 1
            playing[k] = None
            free.append(k)
            captured = b.states[
                k, rules.META, rules.CAPTURED_BY_BLACK : rules.CAPTURED_BY_WHITE + 1
            ]
            yield Ended(
                task,
                int(status[i]),
                owners[i].copy(),
                b.words[k, : b.moves[k]].copy(),
                (int(captured[0]), int(captured[1])),
            )
        rows = rows[~over]
        n = len(rows)
        if not n:
            continue
        boards.fill_planes(rows, b, at, permutation, shown, wanted)
        seen = shown[:n].reshape(n, -1, SIZE, SIZE)
        if other is None:
            logits = evaluator.logits(seen)
        else:
            logits = _of_both(evaluator, other, seen, rows=rows, playing=playing, b=b)
            if stopped():  # the other player may have left its answers out
                return
        boards.step(rows, logits, wanted, b)
        spent.moves += n
        spent.batches += 1


def _of_both(
    evaluator: Evaluator,
    other: Other,
    seen: npt.NDArray[np.uint8],
    *,
    rows: npt.NDArray[np.int64],
    playing: list[GameToPlay | None],
    b: boards.Boards,
) -> npt.NDArray[np.float32]:
    """Logits, float32 `(n, 362)`, for the boards `rows`, each by whose turn it is there."""
    logits = np.empty((len(rows), MOVES), np.float32)
    tasks = [task for k in rows.tolist() if (task := playing[k]) is not None]
    theirs = np.array([task.other for task in tasks]) == b.colour[rows]
    if not theirs.all():
        logits[~theirs] = evaluator.logits(seen[~theirs])
    if theirs.any():
        played = [b.words[k, : b.moves[k]].copy() for k in rows[theirs].tolist()]
        logits[theirs] = other(played, [tasks[i] for i in np.flatnonzero(theirs)])
    return logits


def _begin_in_row(b: boards.Boards, row: int, task: GameToPlay) -> bool:
    """Put a game on a board; False where its words lead nowhere."""
    if task.moves + task.most > boards.LONGEST:
        return False
    words = task.words.copy()  # a store's cannot be written to, and would be compiled for anew
    turn = boards.set_up_board(
        b.states[row], words, task.setup, task.moves, b.words[row], b.hashes[row]
    )
    if turn == 0:
        return False
    b.colour[row] = task.to_play or turn
    b.moves[row], b.passes[row], b.conditioning[row] = task.moves, 0, task.conditioning
    b.safe[row] = False
    # A generator of this kind must not begin with 0, and small seeds are alike at first.
    b.random[row] = np.random.SeedSequence(task.seed).generate_state(1, np.uint64)[0] | np.uint64(1)
    for name in ("temperature", "noise", "noise_from", "noise_to", "passing"):
        getattr(b, name)[row] = getattr(task, name)
    return True
