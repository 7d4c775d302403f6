"""When memory runs out: how to tell, and into how many parts a batch would have to be divided."""

import gc
from collections.abc import Callable, Iterator

import numpy as np
import torch

from gocnn import devices
from gocnn.training.batches import Again, BatchSource
from gocnn.training.stepping import Stepper

WORDS = ("out of memory", "not enough memory", "can't allocate memory", "STATUS_ALLOC_FAILED")
"""What cudaMalloc, Metal, the CPU's allocator, cuBLAS and cuDNN say."""


def ran_out(error: BaseException | None) -> bool:
    """Whether an exception, or one that it comes from, says that memory ran out, on whatever
    device."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, MemoryError | torch.OutOfMemoryError):
            return True
        if isinstance(error, RuntimeError) and any(word in str(error) for word in WORDS):
            return True
        error = error.__cause__ or error.__context__
    return False


def free(device: torch.device) -> None:
    """Give back what nobody uses any more."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def gigabytes(device: torch.device) -> str:
    """How much there is, as ` (15.8 GB)`; empty where it is not known."""
    return (
        f" ({torch.cuda.get_device_properties(device).total_memory / 1e9:.1f} GB)"
        if device.type == "cuda"
        else ""
    )


def finer(batch: int, parts: int, world: int = 1) -> Iterator[int]:
    """Numbers of parts to try for a batch that did not fit in `parts` of them, each part being
    shared by `world` processes: growing, by half at least each time, with two samples at least for
    each process."""
    last = parts
    for number in range(parts + 1, batch // (2 * world) + 1):
        if batch % (number * world) == 0 and number * 2 >= last * 3:
            last = number
            yield number


def first_that_fits(
    device: torch.device, candidates: Iterator[int], attempt: Callable[[int], None]
) -> int | None:
    """The first number with which `attempt` does not run out of memory; None if there is none.
    Raises whatever else goes wrong in it."""
    for number in candidates:
        free(device)
        try:
            attempt(number)
        except Exception as error:
            if not ran_out(error):
                raise
        else:
            return number
    return None


def advice(stepper: Stepper, source: BatchSource, device: torch.device, *, world: int = 1) -> str:
    """A sentence for the person whose batch did not fit: into how many parts to divide it. A single
    process finds the number by trying steps on the device (they change the model: the run is over).
    Of several processes none can try alone, so they name the next number."""
    config = stepper.config
    parted = f" in {config.accumulate} parts" if config.accumulate > 1 else ""
    head = (
        f"a batch of {config.batch}{parted} does not fit into the memory of"
        f" {devices.title(device)}{gigabytes(device)}"
    )

    def attempt(parts: int) -> None:
        for optimiser in stepper.optimisers:
            optimiser.zero_grad()
        # a new scaler: one whose step was cut short refuses the next
        stepper.precision = stepper.precision
        arrays = [np.ascontiguousarray(a)[: config.batch // parts] for a in source.batch(0)]
        stepper.step(
            stepper.model,
            Again(tuple(torch.from_numpy(a).to(device) for a in arrays)),
            0.01,
            parts=1,
            done=1.0,  # as large as samples become
        ).sum().item()

    candidates = finer(config.batch, config.accumulate, world)
    number = first_that_fits(device, candidates, attempt) if world == 1 else next(candidates, None)
    if number is None:
        return (
            f"{head}, and no smaller part of it does; choose a smaller network, or another --device"
        )
    rows = config.batch // (number * world)
    found = f"parts of {rows} samples do" if world == 1 else f"parts of {rows} samples may"
    return (
        f"{head}, but {found}: go on with --resume --batch {config.batch} --accumulate {number},"
        " which learns from the same batches"
    )
