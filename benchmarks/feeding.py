"""What feeding costs: samples drawn by 1, 2, ... feeders side by side, and how long a device of a
given speed would wait for them.

    python benchmarks/feeding.py [GAMES-OR-STORE] [--batch 1024] [--feeders 1,2] [--rates \
        10000,30000] [--seconds 6]

A prefetcher here also copies each batch, as pinning it for a GPU does; `copy` is how much of its
time that is. `cores` is the processor time that was used a second: as many as there are feeders if
they do not wait for each other (the machine's other work takes its share of the samples, not of
this ratio). The device is a pause of batch / rate seconds after each batch, with the number of
feeders that the trainer finds by itself.
"""

import argparse
import itertools
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gocnn.features.planes import DEFAULT_GROUPS, plane_count
from gocnn.games.selection import GameFilter
from gocnn.policy import data
from gocnn.policy.source import PositionSource
from gocnn.training import Prefetcher
from gocnn.training.feeding import most_feeders
from scripts import run_script

SIMULATED = torch.device("meta")
"""Takes batches and keeps nothing of them."""


class Pinning(PositionSource):
    """Batches copied once, as for a GPU; `spent` is the processor time of drawing and of copying,
    of all copies of the source."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.spent = [0.0, 0.0]

    def batch(self, index: int) -> tuple[np.ndarray[Any, Any], ...]:
        began = time.thread_time()
        arrays = super().batch(index)
        drawn = time.thread_time()
        copied = tuple(np.array(a) for a in arrays)
        self.spent[0] += drawn - began
        self.spent[1] += time.thread_time() - drawn
        return copied


def drawn(source: PositionSource, feeders: int, seconds: float) -> tuple[float, float]:
    """Samples a second, and samples a second of processor time, of so many feeders with nobody in
    their way."""
    prefetcher = Prefetcher(source, 0, torch.device("cpu"), feeders=feeders)
    for _ in range(source.block * (feeders + 1)):
        prefetcher.next()
    began, used, count = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - began < seconds:
        count += len(prefetcher.next()[-1])
    wall, used = time.perf_counter() - began, time.process_time() - used
    prefetcher.close()
    return count / wall, count / used


def fed(source: PositionSource, rate: float, seconds: float) -> tuple[float, float, int, int]:
    """A device that takes `rate` samples a second: what it got, the share waited in the second
    half, how many feeders were found, of how many."""
    prefetcher = Prefetcher(source, 0, SIMULATED)
    prefetcher.next()
    began, count, half = time.perf_counter(), 0, (0.0, 0.0)
    due = began
    for turn in itertools.count():
        count += len(prefetcher.next()[-1])
        due = max(due + source.batch_size / rate, time.perf_counter())
        time.sleep(max(0.0, due - time.perf_counter()))
        passed = time.perf_counter() - began
        if passed >= seconds / 2 and not half[0]:
            half = passed, prefetcher.waited
        if passed >= seconds and turn:
            break
    prefetcher.close()
    return (
        count / passed,
        (prefetcher.waited - half[1]) / max(passed - half[0], 1e-9),
        prefetcher.feeders,
        prefetcher.most,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "games", nargs="?", default=str(Path(__file__).parents[1] / "data" / "games")
    )
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--feeders", default="1,2", help="numbers to compare")
    parser.add_argument(
        "--rates", default="10000,30000", help="samples a second that the simulated devices take"
    )
    parser.add_argument("--seconds", type=float, default=6.0, help="for each line")
    options = parser.parse_args()
    chosen = data.select_games(data.open_stores([options.games])[0], GameFilter()).games
    source = Pinning(chosen, DEFAULT_GROUPS, options.batch, 0, future=2, outcome=True)
    sample = plane_count(DEFAULT_GROUPS) * 361
    block = source.block * options.batch * sample
    print(
        f"batch {options.batch}, {sample / 1000:.1f} KB a sample, {block / 1e6:.0f} MB a block of"
        f" {source.block} batches"
    )
    print(f"{'feeders':>8}{'samples/s':>12}{'of one':>9}{'cores':>8}{'a core':>10}{'copy':>8}")
    first = 0.0
    for number in map(int, options.feeders.split(",")):
        source.spent[:] = 0.0, 0.0
        rate, of_core = drawn(source, number, options.seconds)
        first = first or rate
        print(
            f"{number:>8}{rate:>12,.0f}{rate / first:>9.2f}{rate / of_core:>8.2f}{of_core:>10,.0f}"
            f"{source.spent[1] / sum(source.spent):>8.0%}"
        )
    print(
        f"{'device':>8}{'got':>12}{'waited':>9}"
        f"{'feeders found, of at most ' + str(most_feeders()):>32}"
    )
    for wanted in map(float, options.rates.split(",")):
        rate, share, found, _ = fed(source, wanted, 2 * options.seconds)
        print(f"{wanted:>8,.0f}{rate:>12,.0f}{share:>9.1%}{found:>32}")


if __name__ == "__main__":
    run_script(main)
