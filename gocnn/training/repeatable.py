"""What makes a run the same run again: random numbers by address, and operations that always add in
the same order."""

import contextlib
import os
from collections.abc import Iterator

import numpy as np
import torch


def seed(device: torch.device, *address: int) -> None:
    """Seed torch's generators, on the CPU and on the device, from an address such as (the run's
    seed, step, process). So a resumed run repeats any step by its number, and no two processes have
    the same random augmentation or dropout."""
    number = int(np.random.SeedSequence(address).generate_state(1, np.uint64)[0])
    # torch.manual_seed asks for every kind of device there might be, which takes ten times as long.
    torch.default_generator.manual_seed(number)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(number)
    elif device.type == "mps":
        torch.mps.manual_seed(number)


@contextlib.contextmanager
def deterministic(device: torch.device, wanted: bool) -> Iterator[None]:
    """Within: only operations that give the same bits each time, if `wanted`. On a CPU all do, for
    a given number of threads; on CUDA some of them are slower than others."""
    if not wanted or device.type != "cuda":
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before, benchmark = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        torch.backends.cudnn.benchmark = benchmark
