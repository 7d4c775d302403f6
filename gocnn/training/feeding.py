"""How a machine's cores are shared between computing and feeding: threads of torch, and how many
feeders a device wants."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from gocnn.cores import cores

FIRST = 2
"""Feeders that a device other than the CPU begins with."""

WINDOW = 2.0
"""Seconds over which the share waited is looked at."""

TOLERATED = 0.01
"""Share of a window that may be waited for data (0 to 1) before one more feeder is wanted."""


def most_feeders() -> int:
    """The most threads of this process that may prepare samples: all cores of its share but one.
    The cores are shared by the processes that torchrun has started on this machine."""
    return max(1, cores() // max(1, int(os.environ.get("LOCAL_WORLD_SIZE", "1"))) - 1)


def computing_threads(device: torch.device, wanted: int | None) -> int:
    """How many threads torch computes with on the CPU: `wanted` if given; 1 where another device
    computes, so that the cores are free for feeders; else what torch has."""
    return wanted or (torch.get_num_threads() if device.type == "cpu" else 1)


@contextmanager
def threads_for(device: torch.device, wanted: int | None) -> Iterator[None]:
    """Within: torch has `computing_threads`; afterwards as many as before."""
    before = torch.get_num_threads()
    now = computing_threads(device, wanted)
    if now == before:
        yield
        return
    torch.set_num_threads(now)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Lookout:
    """Says when one more feeder is wanted: when more than TOLERATED of the last WINDOW was waited
    for data.

    The first window begins when it is first asked, so that the wait for the very first batch does
    not count.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._began: tuple[float, float] | None = None

    def wants_more(self, waited: float) -> bool:
        """Whether a window has ended and more of it than tolerated was waited; `waited`: seconds
        waited so far."""
        now = self._clock()
        if self._began is None:
            self._began = now, waited
        began, before = self._began
        if now - began < WINDOW:
            return False
        self._began = now, waited
        return waited - before > TOLERATED * (now - began)
