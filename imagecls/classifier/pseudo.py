"""Learning from pictures without labels: FixMatch (Sohn et al. 2020,
https://arxiv.org/abs/2001.07685), with the averaged network as the one that guesses, as in Mean
Teacher (Tarvainen and Valpola 2017, https://arxiv.org/abs/1703.01780).

Where it is sure of a picture weakly augmented (mirrored, a little cropped), its answer is the label
of the same picture strongly augmented.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from gocnn.devices import layout
from imagecls.augment import RECIPES, Augmenter, Recipe

WEAK = Recipe(0.5, 0.0, 0.0, 0.0, 0.8, (0.0, 0.0, 0.0, 0.0), border="reflection")
STRONG = replace(RECIPES["strong"], mixup=0.0, cutmix=0.0)


@dataclass(frozen=True)
class Unlabelled:
    """Which pictures without labels are learnt from, and how.

    source: a folder, zip or tar; empty: the layout's own folder; None: none are used. threshold:
    probability, 0 to 1, from which on a guess counts. weight: of the unlabelled pictures' loss
    beside that of the labelled ones, after the warm-up. ratio: unlabelled pictures in a batch for
    each labelled one. warmup: share of the budget over which the weight grows.
    """

    source: str | None = None
    threshold: float = 0.7
    weight: float = 1.0
    ratio: int = 1
    warmup: float = 0.1


@dataclass(frozen=True)
class Guessed:
    """Unlabelled pictures of a batch, uint8 `(N, 3, S, S)`, the classes guessed, int64 `(N,)`, and
    how much each counts, `(N,)`: 0 where the guess is not sure."""

    pixels: Tensor
    classes: Tensor
    weights: Tensor


class PseudoLabels:
    """Guesses labels, and keeps count: `counts`, float32 `(2,)`: pictures that were sure enough,
    and all that were guessed."""

    def __init__(self, config: Unlabelled, augment: Augmenter, view: Augmenter) -> None:
        """`augment` and `view`: those of the labelled pictures, for size and normalisation."""
        self.config = config
        mean, std = augment.mean, augment.std
        self._weak = Augmenter(WEAK, view.size, mean, std)
        self.strong = Augmenter(STRONG, augment.size, mean, std)
        self.counts = torch.zeros(2)

    def guess(self, averaged: nn.Module, pixels: Tensor, done: float) -> Guessed:
        """What the averaged network makes of pictures, uint8 `(N, 3, S, S)`, on its device."""
        with torch.autocast(pixels.device.type, enabled=False):
            seen = self._weak.views(pixels)
        logits = averaged(seen.to(memory_format=layout(pixels.device))).float()
        sure, classes = logits.softmax(1).max(1)
        counted = (sure >= self.config.threshold).float()
        self.counts = self.counts.to(pixels.device)
        self.counts += torch.stack([counted.sum(), torch.full_like(counted[0], len(pixels))])
        grown = min(1.0, done / self.config.warmup) if self.config.warmup else 1.0
        return Guessed(pixels, classes, counted * (self.config.weight * grown))

    def state(self) -> dict[str, Tensor]:
        """For the checkpoint."""
        return {"counts": self.counts}

    def restore(self, state: dict[str, Tensor]) -> None:
        """The inverse of `state`."""
        self.counts = state["counts"].to(self.counts.device, copy=True)
