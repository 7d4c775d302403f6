"""Telling pictures apart, as a task for the trainer."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gocnn.devices import layout
from gocnn.training import Batch
from imagecls.augment import Augmenter, Mixed
from imagecls.classifier.growing import Growth
from imagecls.photos.sets import Labels


class ImageTask:
    """Cross-entropy over the classes, on augmented pictures in training and on plain ones in
    judging; figures are accuracy, top-3 and loss (nats).

    A batch is pixels, uint8 `(N, 3, S, S)`, and labels, int64 `(N,)`. Mixed pictures count as right
    to the share of the label that is answered. `class_weights`, float `(classes,)`, weigh the
    training loss. Neither waits for the device. With `growth` the pictures of training grow (see
    `gocnn.training.task.Staged`); its last size is that of `augment`.
    """

    metric = "accuracy"

    def __init__(
        self,
        augment: Augmenter,
        view: Augmenter,
        label_smoothing: float = 0.0,
        *,
        class_weights: Tensor | None = None,
        growth: Growth | None = None,
    ) -> None:
        self.augment, self.view, self.growth = augment, view, growth
        self.label_smoothing, self.class_weights = label_smoothing, class_weights

    @property
    def stages(self) -> Sequence[float]:
        return self.growth.begins if self.growth else (0.0,)

    def advance(self, done: float) -> None:
        if self.growth and self.growth.size(done) != self.augment.size:
            self._see(self.growth.size(done))

    def _see(self, size: int) -> None:
        """From now on pictures of training have so many pixels a side."""
        self.augment = self.augment.at(size)

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        mixed, pictures = self.mixed(batch)
        logits = model(pictures).float()
        return self.of_labels(logits, mixed), self.right(logits, mixed)

    def mixed(self, batch: Batch) -> tuple[Mixed, Tensor]:
        """A batch, augmented and mixed, and its pictures as they lie in the device's memory."""
        pixels, labels = batch
        with torch.autocast(pixels.device.type, enabled=False):
            mixed = self.augment(pixels, labels)
        return mixed, mixed.pictures.to(memory_format=layout(pixels.device))

    def right(self, logits: Tensor, mixed: Mixed) -> Tensor:
        """How many answers, logits `(N, classes)`, are right."""
        answered = logits.detach().argmax(1)
        return (
            mixed.share * (answered == mixed.labels)
            + (1 - mixed.share) * (answered == mixed.others)
        ).sum()

    def of_labels(self, logits: Tensor, mixed: Mixed) -> Tensor:
        """The mean cross-entropy of answers, logits `(N, classes)`, to the labels."""
        loss = self._cross_entropy(logits, mixed.labels, mixed.share)
        if mixed.others is not mixed.labels:
            loss = loss + self._cross_entropy(logits, mixed.others, 1 - mixed.share)
        return loss

    def _cross_entropy(self, logits: Tensor, labels: Tensor, share: Tensor) -> Tensor:
        if self.class_weights is not None and self.class_weights.device != logits.device:
            self.class_weights = self.class_weights.to(logits.device)  # once: they stay there
        each = functional.cross_entropy(
            logits,
            labels,
            weight=self.class_weights,
            label_smoothing=self.label_smoothing,
            reduction="none",
        )
        return (each * share).mean()

    def judge(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        pixels, labels = batch
        with torch.autocast(pixels.device.type, enabled=False):
            x = self.view.plain(pixels)
        logits = model(x.to(memory_format=layout(pixels.device))).float()
        top = logits.topk(min(3, logits.shape[1]), 1).indices == labels[:, None]
        return {
            "count": torch.full((), len(labels), device=logits.device),
            "accuracy": top[:, 0].sum(),
            "top3": top.any(1).sum(),
            "loss": functional.cross_entropy(logits, labels, reduction="sum"),
        }

    def summary(self, sums: dict[str, float]) -> dict[str, float]:
        n = max(sums.get("count", 0.0), 1.0)
        return {
            "loss": sums["loss"] / n,
            "accuracy": sums["accuracy"] / n,
            "top3": sums["top3"] / n,
        }


def class_weights(labels: Labels, classes: int) -> Tensor:
    """Weights, float32 `(classes,)`, inversely proportional to how often each class occurs, 1 on
    average over the labels; 0 for absent ones."""
    counts = np.bincount(labels, minlength=classes)
    present = counts > 0
    weight = np.where(present, len(labels) / (present.sum() * np.maximum(counts, 1)), 0.0)
    return torch.tensor(weight, dtype=torch.float32)
