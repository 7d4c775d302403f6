"""Batches: what a source of them looks like, and how they reach the device before they are asked for."""

import copy
import queue
import threading
import time
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Batch = tuple[Tensor, ...]


class BatchSource(Protocol):
    """Endless training batches, each addressed by its number alone, so that a run can resume anywhere.

    `batch(i)` gives this process's part of global batch `i` as arrays; `block` batches, from a multiple of `block` on, are prepared together;
    `batches_per_epoch` is how many see as many samples as there are. A source is copied (shallowly) for each thread that feeds from it.
    """

    block: int

    @property
    def batches_per_epoch(self) -> int: ...

    def batch(self, index: int) -> Sequence[npt.NDArray[Any]]: ...


class Feeder:
    """Hands out batches `first`, `first + 1`, ... on the device, prepared by threads ahead of time.

    On CUDA they are pinned and copied on a stream of their own while the device computes. `waited` is the time in seconds that `next` stood
    waiting for data.
    """

    DEPTH = 4

    def __init__(self, source: BatchSource, first: int, device: torch.device, threads: int = 1) -> None:
        self.waited = 0.0
        self._device, self._index, self._block = device, first, source.block
        self._queues: list[queue.Queue[Batch | BaseException]] = [queue.Queue(self.DEPTH) for _ in range(max(1, threads))]
        self._stop = threading.Event()
        self._copies = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]
        self._ahead: Batch | None = None
        self._threads = [threading.Thread(target=self._work, args=(copy.copy(source), first, lane), daemon=True) for lane in range(len(self._queues))]
        for thread in self._threads:
            thread.start()

    def _work(self, source: BatchSource, first: int, lane: int) -> None:
        """Prepare the blocks of one lane: block `b` belongs to lane `b % lanes`."""
        lanes, index = len(self._queues), first
        try:
            while not self._stop.is_set():
                if index // self._block % lanes != lane:
                    index = (index // self._block + 1) * self._block
                    continue
                arrays = [torch.from_numpy(np.ascontiguousarray(a)) for a in source.batch(index)]
                batch: Batch = tuple(a.pin_memory() if self._copies else a for a in arrays)
                index += 1
                self._put(lane, batch)
        except BaseException as error:  # noqa: BLE001 - raised again where the batch is asked for
            self._put(lane, error)

    def _put(self, lane: int, item: Batch | BaseException) -> None:
        while not self._stop.is_set():
            try:
                self._queues[lane].put(item, timeout=0.2)
                return
            except queue.Full:
                continue

    def _take(self) -> Batch:
        began = time.perf_counter()
        item = self._queues[self._index // self._block % len(self._queues)].get()
        self.waited += time.perf_counter() - began
        if isinstance(item, BaseException):
            raise item
        self._index += 1
        if self._copies is None:
            return tuple(t.to(self._device) for t in item)
        with torch.cuda.stream(self._copies):
            return tuple(t.to(self._device, non_blocking=True) for t in item)

    def next(self) -> Batch:
        """The next batch, on the device."""
        batch = self._ahead or self._take()
        if self._copies is not None:
            here = torch.cuda.current_stream(self._device)
            here.wait_stream(self._copies)
            for tensor in batch:
                tensor.record_stream(here)
            self._ahead = self._take()
        return batch

    def close(self) -> None:
        """End the threads."""
        self._stop.set()
        for thread in self._threads:
            thread.join(5.0)
