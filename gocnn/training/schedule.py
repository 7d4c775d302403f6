"""Budgets and learning rates: how far a run is (0 to 1), and by what the rate is multiplied there."""

import math
import time
from collections.abc import Callable

from gocnn.training.config import TrainConfig


def factor(config: TrainConfig, progress: float) -> float:
    """The rate's factor, 0 to 1, at `progress` 0 to 1: linear warm-up, then cosine to zero, a straight line to zero (`onecycle`: up for 30 %), or
    constant."""  # fmt: skip
    warmup = max(config.warmup, 0.3) if config.schedule == "onecycle" else config.warmup
    if progress < warmup:
        return max(progress / warmup, 0.01)
    rest = min(1.0, (progress - warmup) / max(1e-9, 1 - warmup))
    if config.schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * rest)) if config.schedule == "cosine" else 1 - rest


class Budget:
    """How far a run is. Time counts from `start` on, plus what earlier parts of the run took."""

    def __init__(self, config: TrainConfig, batches_per_epoch: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self.total_steps = config.steps
        if config.epochs is not None:
            self.total_steps = max(1, round(config.epochs * batches_per_epoch))
        self.seconds = None if config.minutes is None else config.minutes * 60
        self.before = 0.0
        self._clock = clock
        self._began = clock()

    def start(self, before: float) -> None:
        """Begin to count, after `before` seconds in earlier parts."""
        self.before, self._began = before, self._clock()

    def elapsed(self) -> float:
        """Seconds of the whole run so far."""
        return self.before + self._clock() - self._began

    def progress(self, step: int) -> float:
        """From 0 at the beginning to 1 when the budget is spent, after `step` steps."""
        if self.total_steps is not None:
            return min(1.0, step / self.total_steps)
        assert self.seconds is not None
        return min(1.0, self.elapsed() / self.seconds)
