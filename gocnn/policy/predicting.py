"""What a network in training says of a handful of validation positions, kept for people to look
at."""

from typing import Any

import numpy as np
import torch
from torch import nn

from gocnn.board.coords import to_gtp
from gocnn.features.planes import NO_MOVE
from gocnn.policy.network import PolicyConfig
from gocnn.policy.samples import Games, choose_positions, positions
from gocnn.policy.task import PolicyTask
from gocnn.training.precision import autocast

COUNT = 8
"""Positions that are shown."""

TOP = 5
"""Moves that are shown of each."""

_SEEN = ("stones", "history", "black")
"""Groups of planes from which a position is drawn."""


class PositionPredictions:
    """Says what a network thinks of some of the games' positions, the same each time.

    Each is a dict: black and white (vertices of the stones), to_play (`b` or `w`), last (the
    vertex of the last move, None where that was a pass or nothing), played (the move that was
    played), moves (of the likeliest `TOP`: move and probability), probability (of the move that was
    played), and winrate (of the side to play, None where the network says none).
    """

    def __init__(self, games: Games, network: PolicyConfig, count: int = COUNT) -> None:
        which, plies = choose_positions(games, count, seed=1)
        planes, moves, *_ = positions(games, network.plane_groups, which, plies)
        self._planes, self._moves = torch.from_numpy(planes), moves
        self._positions = [
            _drawn(each)
            for each in positions(games, _SEEN, which, plies)[0].reshape(
                len(which), -1, planes.shape[2] * planes.shape[3]
            )
        ]
        self._task = PolicyTask()

    def __call__(
        self, model: nn.Module, device: torch.device, precision: str
    ) -> list[dict[str, Any]]:
        """What the model says of them."""
        with autocast(device, precision):
            said = self._task.outputs(model, self._planes.to(device))
        probabilities = said.logits.softmax(1).cpu().numpy()
        winrates = None if said.value is None else said.value.sigmoid().cpu().numpy()
        found = []
        for k, position in enumerate(self._positions):
            p, played = probabilities[k], int(self._moves[k])
            best = np.argsort(-p, kind="stable")[:TOP].tolist()
            found.append(
                position
                | {
                    "played": None if played == NO_MOVE else to_gtp(played),
                    "probability": None if played == NO_MOVE else round(float(p[played]), 4),
                    "moves": [
                        {"move": to_gtp(i), "probability": round(float(p[i]), 4)} for i in best
                    ],
                    "winrate": None if winrates is None else round(float(winrates[k]), 4),
                }
            )
        return found


def _drawn(planes: np.ndarray[Any, Any]) -> dict[str, Any]:
    """The stones of a position, from planes `(C, 361)` of the groups `_SEEN`."""
    own, other, last, black = (planes[k] > 0 for k in (0, 1, 2, -1))
    mine, theirs = ([to_gtp(int(i)) for i in np.flatnonzero(each)] for each in (own, other))
    plays_black = bool(black.all())
    return {
        "black": mine if plays_black else theirs,
        "white": theirs if plays_black else mine,
        "to_play": "b" if plays_black else "w",
        "last": next((to_gtp(int(i)) for i in np.flatnonzero(last)), None),
    }
