"""Learning from pictures without labels: FixMatch (Sohn et al. 2020,
https://arxiv.org/abs/2001.07685), with the averaged network as the one that guesses, as in Mean
Teacher (Tarvainen and Valpola 2017, https://arxiv.org/abs/1703.01780).

Where it is sure of a picture weakly augmented (mirrored, a little cropped), its answer is the label
of the same picture strongly augmented. Before that its answers are aligned to how often each class
occurs among the labelled pictures (ReMixMatch, Berthelot et al. 2019,
https://arxiv.org/abs/1911.09785): without, few labels and a low threshold may end with one class
for everything (docs/benchmarks.md).
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gocnn.devices import layout
from imagecls.augment import RECIPES, Augmenter, Recipe

WEAK = Recipe(0.5, 0.0, 0.0, 0.0, 0.8, (0.0, 0.0, 0.0, 0.0), border="reflection")
MOMENTUM = 0.99
"""What is kept, with each batch, of how often each class was guessed."""

STRONG = replace(RECIPES["strong"], mixup=0.0, cutmix=0.0)


@dataclass(frozen=True)
class Unlabelled:
    """Which pictures without labels are learnt from, and how.

    source: a folder, zip or tar; empty: the layout's own folder; None: none are used. threshold:
    probability, 0 to 1, from which on a guess counts, as a share of the most that label smoothing
    lets the network say. weight: of the unlabelled pictures' loss beside that of the labelled ones,
    after the warm-up. ratio: unlabelled pictures in a batch for each labelled one. warmup: share of
    the budget over which the weight grows.
    """

    source: str | None = None
    threshold: float = 0.95
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
    """Guesses labels, and keeps count. `counts`, float32 `(2,)`: pictures that were sure enough,
    and all that were guessed; `guessed`, float32 `(classes,)`: the average of what was said of
    late. Of several processes each keeps its own, and the checkpoint those of the first: resumed,
    such a run does not repeat bit for bit."""

    def __init__(
        self,
        config: Unlabelled,
        augment: Augmenter,
        view: Augmenter,
        shares: npt.NDArray[np.float64],
        *,
        smoothing: float = 0.0,
    ) -> None:
        """`augment` and `view`: those of the labelled pictures, for size and normalisation;
        `shares`: of each class among them, `(classes,)`; `smoothing`: of their labels."""
        self.config = config
        self.threshold = config.threshold * (1 - smoothing + smoothing / len(shares))
        self._shares = torch.tensor(shares, dtype=torch.float32)
        self.guessed = self._shares.clone()
        mean, std = augment.mean, augment.std
        self._weak = Augmenter(WEAK, view.size, mean, std)
        self.strong = Augmenter(STRONG, augment.size, mean, std)
        self.counts = torch.zeros(2)

    def see(self, size: int, seen: int) -> None:
        """From now on the pictures that are learnt from have `size` pixels a side, and those that
        are guessed `seen`."""
        self.strong, self._weak = self.strong.at(size), self._weak.at(seen)

    def guess(self, averaged: nn.Module, pixels: Tensor, done: float) -> Guessed:
        """What the averaged network makes of pictures, uint8 `(N, 3, S, S)`, on its device."""
        with torch.autocast(pixels.device.type, enabled=False):
            seen = self._weak.views(pixels)
        logits = averaged(seen.to(memory_format=layout(pixels.device))).float()
        if self.counts.device != pixels.device:  # once: they stay there
            self.counts, self.guessed, self._shares = (
                t.to(pixels.device) for t in (self.counts, self.guessed, self._shares)
            )
        said = logits.softmax(1)
        self.guessed = torch.lerp(said.mean(0), self.guessed, MOMENTUM)
        aligned = said * (self._shares / self.guessed.clamp(min=1e-6))
        sure, classes = (aligned / aligned.sum(1, keepdim=True)).max(1)
        counted = (sure >= self.threshold).float()
        self.counts += torch.stack([counted.sum(), torch.full_like(counted[0], len(pixels))])
        grown = min(1.0, done / self.config.warmup) if self.config.warmup else 1.0
        return Guessed(pixels, classes, counted * (self.config.weight * grown))

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint keeps: how many pictures were looked at and how many counted, and how
        often each class was guessed. See `restore`."""
        return {"counts": self.counts, "guessed": self.guessed}

    def restore(self, state: dict[str, Tensor]) -> None:
        """The inverse of `state`."""
        self.counts = state["counts"].to(self.counts.device, copy=True)
        self.guessed = state["guessed"].to(self.guessed.device, copy=True)
