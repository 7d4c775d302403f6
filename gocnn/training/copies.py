"""How batches get from the feeders' arrays to the device."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Batch = tuple[Tensor, ...]


class Copies:
    """The plain way: nothing is done ahead, and on a CPU nothing is copied at all.

    On Apple's GPUs a copy is waited for: one that does not block reads memory that may have been
    given to others by then (https://github.com/pytorch/pytorch/issues/189690).
    """

    ahead = 0
    """Batches whose copy may be started before they are asked for."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def hold(self, arrays: Sequence[npt.NDArray[Any]]) -> Batch:
        """The arrays as tensors of the host, in a thread that feeds."""
        return tuple(torch.from_numpy(np.ascontiguousarray(a)) for a in arrays)

    def start(self, batch: Batch) -> Batch:
        """Start the copy of a host batch to the device."""
        return tuple(t.to(self.device) for t in batch)

    def finish(self, started: Any) -> Batch:
        """A batch whose copy was started, for work that is queued from now on."""
        batch: Batch = started
        return batch


class CudaCopies(Copies):
    """Pinned by the threads that feed; copied on a stream of their own while the device computes.
    The host never waits for a copy.

    The memory of both sides is safe: torch's allocator of pinned memory notes each copy that does
    not block and gives the memory to nobody before that copy has ended, so the host batch may be
    dropped at once; and what was copied is noted as used by the stream that computes.
    """

    ahead = 2

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        self._stream = torch.cuda.Stream(device)

    def hold(self, arrays: Sequence[npt.NDArray[Any]]) -> Batch:
        # A thread's current device is 0 at first: pinning would open a context there, which costs
        # memory on a device that is not ours.
        with torch.cuda.device(self.device):
            return tuple(t.pin_memory() for t in super().hold(arrays))

    def start(self, batch: Batch) -> Any:
        with torch.cuda.stream(self._stream):
            copied = tuple(t.to(self.device, non_blocking=True) for t in batch)
            return copied, self._stream.record_event()

    def finish(self, started: Any) -> Batch:
        batch, copied = started
        here = torch.cuda.current_stream(self.device)
        here.wait_event(copied)
        for tensor in batch:
            tensor.record_stream(here)
        result: Batch = batch
        return result


def copies_for(device: torch.device) -> Copies:
    """The way to this device."""
    return CudaCopies(device) if device.type == "cuda" else Copies(device)
