"""Learning from labels of which some are wrong: what the averaged network has said of each training
picture, and what a method makes of it.

elr: early-learning regularisation: the answers are drawn to what the average said so far, which was
learnt before wrong labels are known by heart (Liu et al. 2020, https://arxiv.org/abs/2007.00151).
correction: after a warm-up the labels themselves move to what the average says, and pictures count
by how sure that is: self-adaptive training (Huang et al. 2020, https://arxiv.org/abs/2002.10319),
whose idea is bootstrapping's (Reed et al. 2014, https://arxiv.org/abs/1412.6596).
sce: symmetric cross-entropy, of which the reverse part bears wrong labels (Wang et al. 2019,
https://arxiv.org/abs/1908.06112).
small-loss: of each batch, the pictures whose label the average finds least likely are left out,
more and more of them up to the noise rate: the selection of co-teaching (Han et al. 2018,
https://arxiv.org/abs/1804.06872), by the average in place of a second network, which costs half of
the time (docs/benchmarks.md).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gocnn.training.distributed import Processes, rows_of_all
from imagecls.photos.sets import Labels

Method = Literal["none", "elr", "correction", "sce", "small-loss"]

MOMENTUM = {"elr": 0.7, "correction": 0.9, "small-loss": 0.7}
"""What is kept of what was said of a picture, each time that more is said."""

ELR_WEIGHT, ELR_RAMP = 1.0, 0.5
"""Of the regularisation beside the cross-entropy, and the share of the budget over which it grows.
The paper's 3 from the beginning is for a hundred passes and more: in a dozen the network was held
to what it believed before it knew anything (docs/benchmarks.md)."""

RAMP = 0.2
"""Share of the budget over which the share left out grows."""

CORRECTION_FROM = 0.3
"""Share of the budget before labels begin to move."""

SCE_LOG_ZERO = -4.0
"""What the reverse cross-entropy takes for the logarithm of 0."""


@dataclass(frozen=True)
class Noisy:
    """How labels that may be wrong are learnt from. noise_rate: the share of wrong ones, 0 to 1,
    which small-loss leaves out."""

    method: Method = "none"
    noise_rate: float = 0.2

    @property
    def remembers(self) -> bool:
        """Whether the method needs what the averaged network says of the training pictures."""
        return self.method in MOMENTUM


@dataclass(frozen=True)
class Targets:
    """What a batch is to learn: classes, float32 `(N, classes)`, how much each picture counts, 1 on
    average, `(N,)`, and what was said of it, `(N, classes)`."""

    classes: Tensor
    weights: Tensor
    said: Tensor


class NoisyLabels:
    """What a method remembers of the training pictures, and how it changes the loss.

    `held`, float32 `(pictures, classes)`: an average over time of the averaged network's
    probabilities (for correction of the labels and those). It takes 4 bytes a picture and class, on
    the device. Several processes tell each other what was said of their shares, and so hold the
    same; if each normalises over its own share of the batch, their averaged networks differ in
    their running statistics, and a resumed run does not repeat bit for bit.
    """

    def __init__(
        self, config: Noisy, labels: Labels, classes: int, *, processes: Processes | None = None
    ) -> None:
        """`labels`: those of all training pictures, in the order by which batches number them."""
        self.config, self._processes = config, processes or Processes()
        self.held = torch.zeros(len(labels), classes)
        if config.method == "correction":
            self.held[torch.arange(len(labels)), torch.from_numpy(labels.astype(np.int64))] = 1.0

    def remember(self, numbers: Tensor, probabilities: Tensor, done: float) -> None:
        """Note what the averaged network says of the pictures of those numbers, int64 `(N,)`:
        float32 `(N, classes)`."""
        if self.config.method == "correction" and done < CORRECTION_FROM:
            return
        self.held = self.held.to(numbers.device)  # once: it stays there
        numbers = rows_of_all(numbers, self._processes)
        said = rows_of_all(probabilities, self._processes)
        keep = MOMENTUM[self.config.method]
        self.held.index_copy_(0, numbers, keep * self.held[numbers] + (1 - keep) * said)

    def targets(self, numbers: Tensor, labels: Tensor, done: float) -> Targets:
        """What the pictures of those numbers, with labels int64 `(N,)`, are to learn."""
        self.held = self.held.to(numbers.device)
        said = self.held[numbers]
        given = functional.one_hot(labels, self.held.shape[1]).float()
        weights = torch.ones(len(labels), device=labels.device)
        if self.config.method == "correction":
            given = said
            weights = said.amax(1)
            weights = weights / weights.mean()
        elif self.config.method == "small-loss":
            kept = round(len(labels) * (1 - self.config.noise_rate * min(1.0, done / RAMP)))
            order = (said * given).sum(1).argsort(descending=True, stable=True)
            weights = (order.argsort() < max(kept, 1)) * (len(labels) / max(kept, 1))
        return Targets(given, weights, said)

    def more(self, logits: Tensor, classes: Tensor, said: Tensor, *, done: float) -> Tensor:
        """What is added to the cross-entropy of each picture, `(N,)`; classes and what was said are
        `Targets`' of mixed pictures."""
        p = logits.softmax(1)
        if self.config.method == "sce":
            return -SCE_LOG_ZERO * (1 - (p * classes).sum(1))
        if self.config.method == "elr":
            alike = (p.clamp(1e-4, 1 - 1e-4) * said).sum(1)
            weight = ELR_WEIGHT * min(1.0, done / ELR_RAMP)
            return weight * torch.log1p(-alike.clamp(max=1 - 1e-4))
        return torch.zeros_like(p[:, 0])

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint keeps: the remembered answers for the pictures, where the method has
        any. See `restore`."""
        return {"held": self.held} if self.config.remembers else {}

    def restore(self, state: dict[str, Tensor]) -> None:
        """The inverse of `state`. Raises ValueError if it is of other pictures or classes."""
        if self.config.remembers:
            held = state["held"]
            if held.shape != self.held.shape:
                raise ValueError("the checkpoint remembers other pictures")
            self.held = held.to(self.held.device, copy=True)
