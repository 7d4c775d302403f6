"""Random weights and views that are the same for the same seed, whatever other threads draw."""

import contextlib
import threading
from collections.abc import Iterator

import torch

_drawing = threading.Lock()


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within: torch draws on the CPU from this seed; afterwards it goes on as if nothing had been
    drawn. All threads share torch's generator, so one is within at a time."""
    with _drawing, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
