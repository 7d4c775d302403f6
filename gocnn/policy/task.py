"""Predicting the move played, as a task for the trainer."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from gocnn.board.planes import NO_MOVE
from gocnn.training import Batch

FUTURE_WEIGHT = 0.25
"""How much each later move counts in the loss, beside the next one's 1."""


class PolicyTask:
    """Cross-entropy over the 362 moves; figures are top-1, top-5 and the mean log-likelihood (nats) of the move played.

    A batch is planes, uint8 `(N, C, 19, 19)`, and moves, int64 `(N,)`, or `(N, 1 + F)` for a network that learns F later
    moves too. Illegal moves are not masked here: the network is shown what is legal.
    """

    metric = "top1"

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = label_smoothing

    def logits(self, model: nn.Module, planes: Tensor) -> Tensor:
        """The model's logits, float32 `(N, 362)`, or `(N, 1 + F, 362)` from a network in training mode that learns F later moves."""
        x = planes.to(dtype=torch.float32, memory_format=torch.channels_last)
        result: Tensor = model(x).float()
        return result

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        planes, moves = batch
        logits = self.logits(model, planes)
        extra = torch.zeros((), device=logits.device)
        if moves.ndim == 2:
            later, logits, moves = (logits[:, 1:], moves[:, 1:]), logits[:, 0], moves[:, 0]
            sums = functional.cross_entropy(later[0].flatten(0, 1), later[1].flatten(), ignore_index=NO_MOVE, reduction="sum")
            extra = FUTURE_WEIGHT * sums / len(moves)
        right = (logits.detach().argmax(1) == moves).sum()
        return functional.cross_entropy(logits, moves, label_smoothing=self.label_smoothing) + extra, right

    def judge(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        planes, moves = batch
        logits = self.logits(model, planes)
        top = logits.topk(5, 1).indices == moves[:, None]
        return {
            "count": torch.tensor(len(moves)),
            "top1": top[:, 0].sum(),
            "top5": top.any(1).sum(),
            "loss": functional.cross_entropy(logits, moves, reduction="sum"),
        }

    def summary(self, sums: dict[str, float]) -> dict[str, float]:
        n = max(sums.get("count", 0.0), 1.0)
        return {"loss": sums["loss"] / n, "top1": sums["top1"] / n, "top5": sums["top5"] / n}
