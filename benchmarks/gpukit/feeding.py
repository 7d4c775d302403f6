"""How many samples a second the feeders bring, by their number, with nothing trained."""

import time
from collections.abc import Iterable

import torch

from gocnn.policy.samples import Games
from gocnn.training import Prefetcher
from gpukit import go, timing


def alone(
    games: Games,
    device: torch.device,
    counts: Iterable[int],
    *,
    batch: int,
    ahead: int | None,
    stretch: float,
) -> dict[int, float]:
    """Samples a second for each of these numbers of feeders, over `stretch` seconds; `ahead`
    batches are thrown away first (None: four times what feeders hold ready), for what was ready
    before the clock starts does not count."""
    threads, rates = torch.get_num_threads(), {}
    torch.set_num_threads(1)
    for count in counts:
        prefetcher = Prefetcher(go.source(games, batch), 0, device, feeders=count)
        try:
            for _ in range(4 * Prefetcher.DEPTH * count if ahead is None else ahead):
                prefetcher.next()
            timing.wait(device)
            began, samples = time.perf_counter(), 0
            while time.perf_counter() - began < stretch:
                prefetcher.next()
                samples += batch
            timing.wait(device)
            rates[count] = round(samples / (time.perf_counter() - began), 1)
        finally:
            prefetcher.close()
    torch.set_num_threads(threads)
    return rates
