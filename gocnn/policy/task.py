"""Predicting the move played, who wins, and whose each point will be, as a task for the trainer."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from gocnn.devices import layout
from gocnn.features.planes import NO_MOVE
from gocnn.policy import owners
from gocnn.policy.samples import UNDECIDED
from gocnn.training import Batch

VALUE_WEIGHT = 0.5
"""How much foreseeing the winner counts in the loss, beside the next move's 1."""

FUTURE_WEIGHT = 0.25
"""How much each later move counts in the loss, beside the next one's 1."""


class Outputs(NamedTuple):
    """What a network says, float32: logits `(N, 362)`, or `(N, 1 + F, 362)` from a network in
    training mode that learns F later moves; and, where it has them, logits of winning `(N,)`, of
    owning each point `(N, 361)`, and the score `(N, 2)` (`gocnn.policy.network.PolicyNetwork`)."""

    logits: Tensor
    value: Tensor | None = None
    owner: Tensor | None = None
    score: Tensor | None = None


class PolicyTask:
    """Cross-entropy over the 362 moves; figures are top-1, top-5 and the mean log-likelihood (nats)
    of the move played.

    A batch is planes, uint8 `(N, C, 19, 19)`, and moves, int64 `(N,)`, or `(N, 1 + F)` for a
    network that learns F later moves too. A third tensor, int8 `(N,)`, says whether the side to
    play won (1), lost (0), or that nobody knows (UNDECIDED): a network with a value head learns
    that, and `value` and `value_loss` say how often, and how well, it was foreseen. A fourth, int8
    `(N, 361)`, says who owns each point at the end (`gocnn.policy.samples.fill`): a network that
    says the score learns that (`gocnn.policy.owners`); moves may be -1 then, where none is to be
    learnt. Illegal moves are not masked here: the network is shown what is legal. Neither loss nor
    judging waits for the device.
    """

    metric = "top1"

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = label_smoothing

    def outputs(self, model: nn.Module, planes: Tensor) -> Outputs:
        """What the model says."""
        result = model(planes.to(dtype=torch.float32, memory_format=layout(planes.device)))
        return Outputs(
            *(part.float() for part in (result if isinstance(result, tuple) else (result,)))
        )

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        planes, moves, *more = batch
        said = self.outputs(model, planes)
        logits = said.logits
        extra = torch.zeros((), device=logits.device)
        if moves.ndim == 2:
            later, logits, moves = (logits[:, 1:], moves[:, 1:]), logits[:, 0], moves[:, 0]
            sums = functional.cross_entropy(
                later[0].flatten(0, 1), later[1].flatten(), ignore_index=NO_MOVE, reduction="sum"
            )
            extra = FUTURE_WEIGHT * sums / len(moves)
        if said.value is not None and more:
            known = more[0] != UNDECIDED
            losses = functional.binary_cross_entropy_with_logits(
                said.value, known * more[0].float(), reduction="none"
            )
            extra = extra + VALUE_WEIGHT * (losses * known).sum() / len(moves)
        right = (logits.detach().argmax(1) == moves).sum()
        if said.owner is None or said.score is None or len(more) < 2:
            return self._cross_entropy(logits, moves) + extra, right
        extra = extra + owners.loss(said.owner, said.score, more[1])
        played = moves != NO_MOVE
        count = played.sum().clamp(min=1)
        return (
            self._cross_entropy_where(logits, moves, played, count) + extra,
            right * len(moves) / count,
        )

    def _cross_entropy(self, logits: Tensor, moves: Tensor) -> Tensor:
        """torch's mean cross-entropy, whose own smoothing picks out the labels that count in some
        releases, which waits for the device."""
        logs, smoothing = functional.log_softmax(logits, 1), self.label_smoothing
        right = functional.nll_loss(logs, moves)
        return (
            (1 - smoothing) * right - (smoothing / logits.shape[1]) * logs.sum(1).mean()
            if smoothing
            else right
        )

    def _cross_entropy_where(
        self, logits: Tensor, moves: Tensor, played: Tensor, count: Tensor
    ) -> Tensor:
        """The same over the `count` moves that were `played`; 0 where none was."""
        logs, smoothing = functional.log_softmax(logits, 1), self.label_smoothing
        right = functional.nll_loss(logs, moves, ignore_index=NO_MOVE, reduction="sum")
        if smoothing:
            right = (1 - smoothing) * right - (smoothing / logits.shape[1]) * (
                logs.sum(1) * played
            ).sum()
        return right / count

    def judge(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        planes, moves, *more = batch
        logits, value, owner, score = self.outputs(model, planes)
        top = logits.topk(5, 1).indices == moves[:, None]
        sums = {
            "count": torch.full((), len(moves), device=logits.device),
            "top1": top[:, 0].sum(),
            "top5": top.any(1).sum(),
            "loss": functional.cross_entropy(logits, moves, reduction="sum"),
        }
        if value is not None and more:
            known = more[0] != UNDECIDED
            losses = functional.binary_cross_entropy_with_logits(
                value, known * more[0].float(), reduction="none"
            )
            sums["decided"] = known.sum()
            sums["value"] = (known & ((value > 0) == (more[0] > 0))).sum()
            sums["value_loss"] = torch.where(known, losses, 0.0).sum()
        return sums | (
            owners.judge(owner, score, more[1])
            if owner is not None and score is not None and len(more) > 1
            else {}
        )

    def summary(self, sums: dict[str, float]) -> dict[str, float]:
        n = max(sums.get("count", 0.0), 1.0)
        figures = {key: sums[key] / n for key in ("loss", "top1", "top5")}
        decided = max(sums.get("decided", 0.0), 1.0)
        return (
            figures
            | {key: sums[key] / decided for key in ("value", "value_loss") if key in sums}
            | owners.summary(sums)
        )
