"""A learning-rate range test (`gocnn.training.range_test`) of a trainer's network."""

import math

import numpy as np

from gocnn.errors import UserError
from gocnn.training import feeding, memory, repeatable, tuning
from gocnn.training.batches import Prefetcher
from gocnn.training.config import DEFAULT_RATES, LEAST_RANGE_STEPS
from gocnn.training.progress import Progress
from gocnn.training.range_test import HIGHEST, LOWEST, TORN, RangeTest, smooth
from gocnn.training.trainer import Trainer


def run(trainer: Trainer, steps: int) -> RangeTest:
    """The range test of a trainer's network on its task, in `steps` steps at most. The trainer is
    of no use afterwards; nothing is written.

    Raises ValueError for fewer than LEAST_RANGE_STEPS steps; UserError if several processes train,
    if memory runs out, or if the loss is no number from the beginning.
    """
    if steps < LEAST_RANGE_STEPS:
        raise ValueError(f"a range test takes {LEAST_RANGE_STEPS} steps or more, not {steps}")
    if trainer.processes.world > 1:
        raise UserError("--find-rate is for one process: start it without torchrun")
    config = trainer.config
    try:
        with (
            feeding.threads_for(trainer.device, config.threads),
            repeatable.deterministic(trainer.device, config.deterministic),
            tuning.tuned(trainer.device, not config.deterministic),
        ):
            trainer.choices.make()
            found = _rise(trainer, steps)
    except (RuntimeError, MemoryError) as error:
        if not memory.ran_out(error):
            raise
    else:
        return found
    # here the exception is gone, and with it what the step had taken
    raise UserError(memory.advice(trainer.stepper, trainer.data.source, trainer.device, world=1))


def _rise(trainer: Trainer, steps: int) -> RangeTest:
    config, stepper = trainer.config, trainer.stepper
    own = DEFAULT_RATES[config.optimiser]
    rates = own * np.geomspace(LOWEST, HIGHEST, steps)
    base = config.highest_rate  # a factor of 1 means this one
    losses: list[float] = []
    torn = False
    prefetcher = Prefetcher(trainer.data.source, 0, trainer.device, feeders=config.feeders)
    progress = Progress("rates", trainer.quiet)
    try:
        for i, rate in enumerate(rates.tolist()):
            loss, _, count = stepper.step(trainer.model, prefetcher, rate / base).tolist()
            loss = loss / max(count, 1.0)
            if not math.isfinite(loss):
                torn = True
                break
            losses.append(loss)
            progress.show((i + 1) / len(rates), i + 1, {"loss": loss, "rate": rate})
            smoothed = smooth(np.array(losses))
            if i >= LEAST_RANGE_STEPS and smoothed[-1] > TORN * smoothed.min():
                torn = True
                break
    finally:
        prefetcher.close()
        progress.close()
    if len(losses) < 2:
        raise UserError(
            "the loss is no number at the lowest rates already; look at the data, or train with"
            " --precision fp32"
        )
    values = np.array(losses)
    return RangeTest(rates[: len(values)], values, smooth(values), title(config.optimiser), torn)


def title(optimiser: str) -> str:
    """An optimiser with what works beside it."""
    return "muon (and AdamW beside it)" if optimiser == "muon" else optimiser
