"""Budgets and learning rates: how far a run is (0 to 1), and by what the rate is multiplied
there."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from gocnn.training.config import TrainConfig


def factor(config: TrainConfig, progress: float) -> float:
    """The rate's factor, 0 to 1, at `progress` 0 to 1: linear warm-up, then cosine to zero, a
    straight line to zero (`onecycle`: up for 30 %), or constant."""
    warmup = max(config.warmup, 0.3) if config.schedule == "onecycle" else config.warmup
    if progress < warmup:
        return max(progress / warmup, 0.01)
    rest = min(1.0, (progress - warmup) / max(1e-9, 1 - warmup))
    if config.schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * rest)) if config.schedule == "cosine" else 1 - rest


@dataclass(frozen=True)
class Deadline:
    """When this process must stop training, in seconds of `clock`, whatever is left of the
    budget: it then stops as if interrupted.

    fits: instead, the budget, which is in minutes, is made to end there, so that the whole schedule
    is run through.
    """

    at: float
    fits: bool = False
    clock: Callable[[], float] = time.perf_counter

    def left(self) -> float:
        """Seconds until then, below zero after it."""
        return self.at - self.clock()

    def over(self) -> bool:
        """Whether a run has to stop now; not one whose budget ends there by itself."""
        return not self.fits and self.left() <= 0


class Budget:
    """How far a run is. Time counts from `start` on, plus what earlier parts of the run took."""

    def __init__(
        self,
        config: TrainConfig,
        batches_per_epoch: float,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.total_steps = config.steps
        if config.epochs is not None:
            # whole batches, so that no pass is cut short; 1e-9: a product that is whole stays so
            self.total_steps = max(1, math.ceil(config.epochs * batches_per_epoch - 1e-9))
        self.seconds = None if config.minutes is None else config.minutes * 60
        self.before = 0.0
        self._clock = clock
        self._began = clock()

    def start(self, before: float) -> None:
        """Begin to count, after `before` seconds in earlier parts."""
        self.before, self._began = before, self._clock()

    def fit(self, deadline: Deadline) -> None:
        """Let a budget in time end at the deadline."""
        if self.seconds is not None:
            self.seconds = self.elapsed() + max(deadline.left(), 1e-3)

    def elapsed(self) -> float:
        """Seconds of the whole run so far."""
        return self.before + self._clock() - self._began

    def progress(self, step: int) -> float:
        """How much of the budget is spent after `step` steps, 0 to 1."""
        if self.total_steps is not None:
            return min(1.0, step / self.total_steps)
        assert self.seconds is not None
        return min(1.0, self.elapsed() / self.seconds)
