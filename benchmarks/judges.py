"""Who says how a position will end: this project's network, or random playouts. Seen from black,
komi not counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, Board
from gocnn.engine.ownership import Playouts
from gocnn.policy.predictions import mean_owner
from gocnn.policy.runtime import open_evaluator
from gocnn.policy.suggestion import Evaluator, planes_of, recent_moves

BATCH = 256
KOMI = 6.5
"""Who wins is asked at this komi."""


@dataclass(frozen=True)
class Said:
    """Of N positions: lead, float64 `(N,)`, points that black is ahead without komi; win, float64
    `(N,)`, how likely black wins; owner, float32 `(N, 361)`, 1 where black surely owns the point at
    the end, -1 where white does. nan where nothing is said."""

    lead: npt.NDArray[np.float64]
    win: npt.NDArray[np.float64]
    owner: npt.NDArray[np.float32]


class Judge(Protocol):
    """Says how positions will end."""

    @property
    def name(self) -> str:
        """What to call it in a table."""

    def judge(self, boards: Sequence[Board], conditioning: Sequence[int]) -> Said:
        """`conditioning`: of each game (`gocnn.features.conditioning`)."""


class RandomPlayouts:
    """So many random playouts of each position, as analysis runs them where the network does not
    know the score."""

    def __init__(self, count: int = 16) -> None:
        self.count, self.name = count, f"{count} random playouts"

    def judge(self, boards: Sequence[Board], _conditioning: Sequence[int]) -> Said:
        estimates = [
            Playouts(board, KOMI, seed=1 + 7919 * number).run(self.count)
            for number, board in enumerate(boards)
        ]
        return Said(
            np.array([o.score_mean for o in estimates]) + KOMI,
            np.array([o.black_winrate for o in estimates]),
            np.stack([o.owner for o in estimates]),
        )


class Network:
    """A network of this project, asked once a position (or once for each of its eight turned and
    mirrored boards)."""

    def __init__(self, evaluator: Evaluator, symmetries: int = 1) -> None:
        self.evaluator, self.turns = evaluator, range(symmetries)
        self.name = evaluator.name + (" (8 symmetries)" if symmetries == 8 else "")

    def judge(self, boards: Sequence[Board], conditioning: Sequence[int]) -> Said:
        parts = [
            self._batch(boards[i : i + BATCH], conditioning[i : i + BATCH])
            for i in range(0, len(boards), BATCH)
        ]
        return Said(
            *(
                np.concatenate([getattr(part, key) for part in parts])
                for key in ("lead", "win", "owner")
            )
        )

    def _batch(self, boards: Sequence[Board], conditioning: Sequence[int]) -> Said:
        stacks = [
            planes_of(
                board,
                recent_moves(board),
                self.evaluator.plane_groups,
                conditioning=k,
                symmetries=self.turns,
            )
            for board, k in zip(boards, conditioning, strict=True)
        ]
        said = self.evaluator.outputs(np.concatenate(stacks))
        n, s = len(boards), len(self.turns)
        sign = np.array([1 if board.to_play == BLACK else -1 for board in boards])
        win = said.win.reshape(n, s).mean(1).astype(np.float64)
        owner = np.stack([mean_owner(part, self.turns) for part in said.owner.reshape(n, s, -1)])
        return Said(
            sign * said.lead.reshape(n, s).mean(1).astype(np.float64),
            np.where(sign > 0, win, 1 - win),
            owner * sign[:, None],
        )


def network(model: str | None, symmetries: int = 1, device: str = "cpu") -> Network:
    """The judge that `--model` names."""
    return Network(open_evaluator(model, device), symmetries)
