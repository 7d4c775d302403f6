"""Strengths from results: Bradley and Terry's model (1952), fitted by maximum likelihood."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SCALE = 400 / math.log(10)
"""Elo points of one natural unit of strength."""

VAGUE = 4000.0
"""Standard deviation, in Elo, of what is believed of each player before any game: so vague that it
matters only where all games were won."""


@dataclass(frozen=True)
class Ratings:
    """The strength of `P` players. elo: float64 `(P,)`, that of the anchor is 0; half: float64
    `(P,)`, half the width of the 95 % interval of the difference to the anchor, in Elo; games:
    int64 `(P,)`, how many each has played."""

    elo: npt.NDArray[np.float64]
    half: npt.NDArray[np.float64]
    games: npt.NDArray[np.int64]


def rate(players: int, results: Sequence[tuple[int, int, float]], anchor: int) -> Ratings:
    """Ratings from results, each two players and the first one's points (1, 0.5 or 0)."""
    points = np.zeros((players, players))
    for first, second, won in results:
        points[first, second] += won
        points[second, first] += 1 - won
    games = points + points.T
    strength = np.zeros(players)
    belief = np.eye(players) / (VAGUE / SCALE) ** 2
    for _ in range(200):  # Newton's method on a concave function, its steps held short
        expected = 1 / (1 + np.exp(strength[None, :] - strength[:, None]))
        slope = (points - games * expected).sum(1) - belief @ strength
        spread = games * expected * (1 - expected)
        curve = np.diag(spread.sum(1)) - spread + belief
        step = np.linalg.solve(curve, slope)
        strength += np.clip(step, -1, 1)
        if abs(step).max() < 1e-10:
            break
    covariance = np.linalg.inv(curve)
    own = np.diag(covariance)
    variance = np.maximum(own + own[anchor] - 2 * covariance[anchor], 0.0)
    return Ratings(
        SCALE * (strength - strength[anchor]),
        1.96 * SCALE * np.sqrt(variance),
        games.sum(1).astype(np.int64),
    )


def rising(
    values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The sequence that never falls and is nearest to `values` by weighted squares (pool adjacent
    violators: Ayer et al. 1955)."""
    blocks: list[list[float]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        blocks.append([value, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            value, weight, count = blocks.pop()
            total = blocks[-1][1] + weight
            blocks[-1] = [
                (blocks[-1][0] * blocks[-1][1] + value * weight) / total,
                total,
                blocks[-1][2] + count,
            ]
    return (
        np.concatenate([np.full(int(count), value) for value, _, count in blocks])
        if blocks
        else np.zeros(0)
    )
