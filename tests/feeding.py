"""Sources and a clock for tests of the prefetcher, and a prefetcher that leaves no thread
behind."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from gocnn.training import Prefetcher

CPU, ELSEWHERE = torch.device("cpu"), torch.device("meta")
PATIENCE = 60.0
"""Seconds after which a test that waits for something gives up; nothing waits that long where all
is well."""


class Numbers:
    """Batch `i` says `i`, after a moment that differs from batch to batch; each copy serves one
    thread alone."""

    batches_per_epoch = 10

    def __init__(self, block: int, seed: int = 0) -> None:
        self.block, self.seed, self.thread = block, seed, 0
        self.begun: list[int] = []  # shared by all copies

    def batch(self, index: int) -> tuple[np.ndarray, ...]:
        self.thread = self.thread or threading.get_ident()
        assert self.thread == threading.get_ident()
        self.begun.append(index)
        for _ in range(random.Random(f"{self.seed} {index}").randrange(4)):
            time.sleep(0)
        return np.full((2, 3), index), np.full(2, -index)


class Held(Numbers):
    """Batches from `first_held` on are not ready before `free` is set."""

    def __init__(self, block: int, first_held: int) -> None:
        super().__init__(block)
        self.first_held, self.free = first_held, threading.Event()
        self.given_up: list[int] = []  # shared by all copies

    def batch(self, index: int) -> tuple[np.ndarray, ...]:
        if index >= self.first_held and not self.free.wait(PATIENCE):
            self.given_up.append(index)
        return super().batch(index)


class Clock:
    """Time that passes when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def feeding_from(
    source: Any, first: int = 0, device: torch.device = CPU, feeders: int | None = 1, **more: Any
) -> Iterator[Prefetcher]:
    prefetcher = Prefetcher(source, first, device, feeders=feeders, **more)
    try:
        yield prefetcher
    finally:
        if isinstance(source, Held):
            source.free.set()
        prefetcher.close()
        assert not any(thread.is_alive() for thread in prefetcher._threads)


def eventually(condition: Any) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.001)
