"""Learning whose each point will be, and by how much the game is won.

Owners are int8 `(N, 361)` as `gocnn.policy.samples.fill` writes them: 1 of the side to play, -1 of
its opponent, 0 nobody's, UNKNOWN_OWNER. What is not known teaches nothing, and all is computed for
the whole batch, so that nothing waits for the device and each head has its part in every loss.
Compare Wu 2019, "Accelerating Self-Play Learning in Go" (https://arxiv.org/abs/1902.10565), section
4.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from gocnn.policy.predictions import LOG_SPREADS, SCALE_OF_SPREAD, SCORE_SCALE
from gocnn.policy.samples import UNKNOWN_OWNER

OWNER_WEIGHT = 1.5
"""How much a board's points, in the mean, count in the loss, beside the next move's 1."""

SCORE_WEIGHT = 0.1
"""How much the score's distribution counts."""

BOUND_WEIGHT = 0.01
"""How hard a spread is drawn back that is outside of what is believed, where the likelihood does
not change with it."""


def loss(owner: Tensor, score: Tensor, owners: Tensor) -> Tensor:
    """The weighted losses of both heads, a mean over the batch: `owner`, float32 `(N, 361)`,
    logits; `score`, float32 `(N, 2)`."""
    by_position = _point_losses(owner, owners).sum(1) / (owners != UNKNOWN_OWNER).sum(1).clamp(
        min=1
    )
    by_score = (
        _score_losses(score, owners)
        + BOUND_WEIGHT * (score[:, 1] - score[:, 1].clamp(*LOG_SPREADS)).square()
    )
    return OWNER_WEIGHT * by_position.mean() + SCORE_WEIGHT * by_score.mean()


def _point_losses(owner: Tensor, owners: Tensor) -> Tensor:
    """Nats, float32 `(N, 361)`: 0 where the owner is not known; a point that is nobody's is as
    likely one side's as the other's."""
    known = owners != UNKNOWN_OWNER
    losses = functional.binary_cross_entropy_with_logits(
        owner, (known * owners + 1) / 2, reduction="none"
    )
    return losses * known


def margins(owners: Tensor) -> tuple[Tensor, Tensor]:
    """The margin of each board by area, seen by the side to play, in points, float32 `(N,)`, and
    whether it is known, bool `(N,)`."""
    known = (owners != UNKNOWN_OWNER).all(1)
    return (owners.float().sum(1) * known), known


def _score_losses(score: Tensor, owners: Tensor) -> Tensor:
    """Nats, float32 `(N,)`, of the margins by a logistic distribution, whose tails forgive a game
    that ended otherwise than it looked; 0 where the margin is not known."""
    margin, known = margins(owners)
    log_scale = score[:, 1].clamp(*LOG_SPREADS) + math.log(SCALE_OF_SPREAD)
    distance = ((margin / SCORE_SCALE - score[:, 0]) * torch.exp(-log_scale)).abs()
    return (distance + 2 * functional.softplus(-distance) + log_scale) * known


def judge(owner: Tensor, score: Tensor, owners: Tensor) -> dict[str, Tensor]:
    """Sums over a batch, as `gocnn.training.Task.judge` gives them."""
    known = owners != UNKNOWN_OWNER
    margin, whole = margins(owners)
    lead = SCORE_SCALE * score[:, 0]
    return {
        "points": known.sum(),
        "owned": (known & (owners != 0)).sum(),
        "owner": (known & (owners != 0) & ((owner > 0) == (owners > 0))).sum(),
        "owner_loss": _point_losses(owner, owners).sum(),
        "scored": whole.sum(),
        "score_error": ((lead - margin).abs() * whole).sum(),
        "score_loss": _score_losses(score, owners).sum(),
    }


def summary(sums: dict[str, float]) -> dict[str, float]:
    """Figures from such sums: `owner`, the share of owned points whose owner was foreseen,
    `owner_loss` in nats a point, `score_error`, the mean absolute difference in points, and
    `score_loss` in nats; none where nothing was known."""
    if not sums.get("scored"):
        return {}
    figures = {
        "owner": sums["owner"] / max(sums["owned"], 1.0),
        "owner_loss": sums["owner_loss"] / sums["points"],
    }
    return figures | {key: sums[key] / sums["scored"] for key in ("score_error", "score_loss")}
