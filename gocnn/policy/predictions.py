"""What networks answer, in the units that people count in. Nothing here needs torch."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gocnn.board import symmetry
from gocnn.board.coords import POINTS

Floats = npt.NDArray[np.float32]

SCORE_SCALE = 20.0
"""Points that are one in a network's output."""

LOG_SPREADS = (-3.0, 2.5)
"""Least and largest logarithm of a spread that is believed: 1 to 244 points."""


FAR, OWNED_SHARE = 20.0, 0.5
"""From so many points ahead on, the lead is so much the sum of the owners, beside what the score's
head says; in between by degrees. The head has seen few games that were lost by much, and errs on
the side of the even ones; in even games it is the better of the two (docs/benchmarks.md)."""


class PolicyPredictions(NamedTuple):
    """What a network says of N positions; float32, seen by the side to play. logits: of the moves,
    `(N, 362)`. win: its probability to win, `(N,)`. owner: `(N, 361)`, +1 where a point will surely
    be its own, -1 where it will be the opponent's. lead and spread: the mean and the standard
    deviation of its margin by area, in points, without komi, `(N,)`. nan wherever the network does
    not say."""

    logits: Floats
    win: Floats
    owner: Floats
    lead: Floats
    spread: Floats


def predictions(
    logits: Floats,
    value: Floats | None = None,
    owner: Floats | None = None,
    score: Floats | None = None,
) -> PolicyPredictions:
    """Answers from a network's outputs (`gocnn.policy.network.PolicyNetwork`), float32: logits `(N,
    362)`; and what it has of value `(N,)`, owner `(N, 361)`, both logits, and score `(N, 2)`."""
    n = len(logits)
    nothing = np.full(n, np.nan, np.float32)
    owned = np.full((n, POINTS), np.nan, np.float32) if owner is None else 2 * _sigmoid(owner) - 1
    return PolicyPredictions(
        logits,
        nothing if value is None else _sigmoid(value),
        owned,
        nothing if score is None else _lead(SCORE_SCALE * score[:, 0], owned.sum(1)),
        (
            nothing
            if score is None
            else (SCORE_SCALE * np.exp(np.clip(score[:, 1], *LOG_SPREADS))).astype(np.float32)
        ),
    )


def _lead(said: Floats, owned: Floats) -> Floats:
    """Points, from what the score's head says and from the sum of the owners."""
    share = OWNED_SHARE * np.minimum(np.abs(said + owned) / (2 * FAR), 1)
    lead: Floats = (said + share * (owned - said)).astype(np.float32)
    return lead


def _sigmoid(x: Floats) -> Floats:
    result: Floats = 0.5 * (1 + np.tanh(0.5 * x))
    return result


def mean_owner(owner: Floats, symmetries: Sequence[int]) -> Floats:
    """The mean over turned boards, turned back, float32 `(..., 361)`. owner: float32 `(S, ...,
    361)`, row `s` of boards after `symmetries[s]`."""
    turned = [
        row[..., symmetry.permutation(s)[:POINTS].astype(np.int64)]
        for row, s in zip(owner, symmetries, strict=True)
    ]
    mean: Floats = np.mean(turned, 0, dtype=np.float32)
    return mean


VALUE_SHARE = 0.5
"""How much the head that foresees the winner weighs beside the score's distribution."""

USUAL_KOMI = 6.5
"""The komi of the games that the head that foresees the winner learned from: it knows no other."""

SCALE_OF_SPREAD = float(np.sqrt(3) / np.pi)
"""The scale of a logistic distribution whose standard deviation is one."""


def winrate(
    win: npt.ArrayLike,
    lead: npt.ArrayLike,
    spread: npt.ArrayLike,
    komi_for_side: npt.ArrayLike,
    *,
    share: float = VALUE_SHARE,
) -> npt.NDArray[np.float64]:
    """The probability that the side to play wins, float64 of the arguments' shape, from two heads:
    the value head says it directly, the score head by how likely the margin is above zero.

    win, lead, spread: as in `PolicyPredictions`; komi_for_side: points that the side to play gets,
    komi where it is white, its negative where it is black. share: the weight of the value head, 0
    to 1, in the mean of the two logits. Where one of them is nan the other decides; where both are,
    the result is nan. The value head is taken at its word: see `winrate_with`."""
    return _probability(_logit(win, lead, spread, komi_for_side, share))


def winrate_with(
    komi: npt.ArrayLike,
    black: npt.ArrayLike,
    win: npt.ArrayLike,
    lead: npt.ArrayLike,
    spread: npt.ArrayLike,
) -> npt.NDArray[np.float64]:
    """As `winrate`, for a komi that the value head may never have seen: what it says is about
    USUAL_KOMI, and is moved by as much as the score's distribution moves from there to `komi`.

    komi: what black must lead by in area; black: whether it is black to play. Where there is no
    score the value head's word stays as it is."""
    for_side = np.where(black, -1.0, 1.0)
    moved = for_side * (np.asarray(komi, np.float64) - USUAL_KOMI) / _scale(spread)
    usual = _logit(win, lead, spread, for_side * USUAL_KOMI, VALUE_SHARE)
    return _probability(usual + np.where(np.isnan(moved), 0.0, moved))


def _logit(
    win: npt.ArrayLike,
    lead: npt.ArrayLike,
    spread: npt.ArrayLike,
    komi_for_side: npt.ArrayLike,
    share: float,
) -> npt.NDArray[np.float64]:
    value, margin = np.asarray(win, np.float64), np.asarray(lead, np.float64)
    by_value = np.log(value := np.clip(value, 1e-6, 1 - 1e-6)) - np.log1p(-value)
    by_score = (margin + np.asarray(komi_for_side, np.float64)) / _scale(spread)
    both = share * by_value + (1 - share) * by_score
    return np.where(np.isnan(by_score), by_value, np.where(np.isnan(by_value), by_score, both))


def _scale(spread: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Points by which a margin moves the logit of the score's distribution by one."""
    return SCALE_OF_SPREAD * np.maximum(np.asarray(spread, np.float64), 0.1)


def _probability(logit: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logit)))
