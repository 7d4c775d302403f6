"""Telling pictures apart, taught with the averaged network's help: labels that may be wrong
(`imagecls.classifier.noisy`), and pictures without labels (`imagecls.classifier.pseudo`)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from gocnn.devices import layout
from gocnn.training import Batch
from imagecls.augment import Augmenter
from imagecls.classifier.growing import Growth
from imagecls.classifier.noisy import NoisyLabels, Targets
from imagecls.classifier.pseudo import Guessed, PseudoLabels
from imagecls.classifier.task import ImageTask


@dataclass(frozen=True)
class Lesson:
    """A batch with what the averaged network has made of it; `done`: how far the run is."""

    pixels: Tensor
    labels: Tensor
    targets: Targets | None = None
    guessed: Guessed | None = None
    done: float = 0.0


class GuidedTask(ImageTask):
    """An ImageTask (and a `gocnn.training.task.Guided`) with one or both of these.

    A batch of training is: with `pseudo`, unlabelled pixels, uint8 `(M, 3, S, S)`; pixels, uint8
    `(N, 3, S, S)`; the pictures' numbers in the training part, int64 `(N,)`; labels, int64 `(N,)`
    (see `imagecls.photos.spare.GuidedSource`). Labelled and unlabelled pictures go through the
    network together, so that it normalises over both. What the averaged network says of labelled
    pictures it says of the plain ones, as in judging, so that mixup and CutMix do not matter; of
    two that are mixed each counts as its own label does, to its share. Where pictures grow, all of
    these do, in the same proportion.
    """

    def __init__(
        self,
        augment: Augmenter,
        view: Augmenter,
        label_smoothing: float = 0.0,
        *,
        class_weights: Tensor | None = None,
        noisy: NoisyLabels | None = None,
        pseudo: PseudoLabels | None = None,
        growth: Growth | None = None,
    ) -> None:
        super().__init__(augment, view, label_smoothing, class_weights=class_weights, growth=growth)
        self.noisy, self.pseudo, self._seen = noisy, pseudo, view

    def _see(self, size: int) -> None:
        super()._see(size)
        assert self.growth is not None
        seen = round(self.view.size * size / self.growth.sizes[-1])
        self._seen = self.view.at(seen)
        if self.pseudo is not None:
            self.pseudo.see(size, seen)

    def guide(self, averaged: nn.Module, batch: Batch, done: float) -> Lesson:
        """The batch with targets for its labelled pictures and guesses for the others."""
        *spare, pixels, numbers, labels = batch
        targets = guessed = None
        if self.noisy is not None:
            if self.noisy.config.remembers:
                with torch.autocast(pixels.device.type, enabled=False):
                    seen = self._seen.plain(pixels)
                logits = averaged(seen.to(memory_format=layout(pixels.device))).float()
                self.noisy.remember(numbers, logits.softmax(1), done)
            targets = self.noisy.targets(numbers, labels, done)
        if self.pseudo is not None:
            guessed = self.pseudo.guess(averaged, spare[0], done)
        return Lesson(pixels, labels, targets, guessed, done)

    def loss(self, model: nn.Module, batch: Batch | Lesson) -> tuple[Tensor, Tensor]:
        """As of an ImageTask; a batch that was not guided is learnt by its labels alone."""
        lesson = batch if isinstance(batch, Lesson) else Lesson(batch[-3], batch[-1])
        labels, device, n = lesson.labels, lesson.pixels.device, len(lesson.labels)
        with torch.autocast(device.type, enabled=False):
            # by their places, to know who is mixed with whom
            mixed = self.augment(lesson.pixels, torch.arange(n, device=device))
            x = mixed.pictures
            if lesson.guessed is not None and self.pseudo is not None:
                x = torch.cat([x, self.pseudo.strong(lesson.guessed.pixels, labels).pictures])
        logits = model(x.to(memory_format=layout(device))).float()
        mine, partner, share = logits[:n], mixed.others, mixed.share
        answered = mine.detach().argmax(1)
        right = (share * (answered == labels) + (1 - share) * (answered == labels[partner])).sum()
        targets = lesson.targets
        if targets is None or self.noisy is None:
            loss = self._cross_entropy(mine, labels, share)
            if partner is not mixed.labels:
                loss = loss + self._cross_entropy(mine, labels[partner], 1 - share)
        else:
            loss = self._cross_entropy(mine, targets.classes, share * targets.weights)
            if partner is not mixed.labels:
                loss = loss + self._cross_entropy(
                    mine, targets.classes[partner], (1 - share) * targets.weights[partner]
                )
            classes = _between(targets.classes, partner, share)
            said = _between(targets.said, partner, share)
            loss = loss + self.noisy.more(mine, classes, said, done=lesson.done).mean()
        if lesson.guessed is not None:
            each = functional.cross_entropy(logits[n:], lesson.guessed.classes, reduction="none")
            loss = loss + (each * lesson.guessed.weights).mean()
        return loss, right

    def state(self) -> dict[str, Tensor]:
        return {
            **(self.noisy.state() if self.noisy else {}),
            **(self.pseudo.state() if self.pseudo else {}),
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        for part in (self.noisy, self.pseudo):
            if part is not None:
                part.restore(state)


def _between(values: Tensor, partner: Tensor, share: Tensor) -> Tensor:
    """Values, `(N, K)`, of each picture and its partner, by their shares in it."""
    return torch.lerp(values[partner], values, share[:, None])
