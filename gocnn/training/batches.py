"""Batches: what a source of them looks like, and how they are prepared before they are asked
for."""

import copy
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy.typing as npt
import torch

from gocnn.training import feeding
from gocnn.training.copies import Batch, copies_for

__all__ = ["Batch", "BatchSource", "Prefetcher"]


class BatchSource(Protocol):
    """Endless training batches, each made from its number alone, so that a run can resume anywhere.

    `batch(i)` returns this process's share of batch `i` as arrays. `block` batches, from a multiple
    of `block` on, are prepared by the same thread, since they share work. `batches_per_epoch`:
    batches in one pass over the samples, above 0 (below 1 where they are fewer than a batch).

    Each thread that prepares batches has a shallow copy of the source. So what the source remembers
    must be replaced as a whole, never changed in place, and arrays that it has handed out must not
    be written to again.
    """

    block: int

    @property
    def batches_per_epoch(self) -> float: ...

    def batch(self, index: int) -> Sequence[npt.NDArray[Any]]: ...


class Prefetcher:
    """Hands out batches `first`, `first + 1`, ... on the device, prepared by threads ahead of time.

    Each thread takes the next block that no other has taken: threads can be added at any time, and
    the batches and their order stay the same. `feeders`: the number of threads. None: one where the
    CPU computes; else two at first, and one more, up to `most` (None: what the cores allow), each
    time that more than one per cent of the time was spent waiting for data
    (`gocnn.training.feeding`). On CUDA batches are pinned and copied ahead. `waited`: seconds that
    `next` has waited for data.
    """

    DEPTH, DEEP = 4, 12
    """Batches to have ready, if those are more than a block a thread: on a CPU, and for a device
    that runs behind and takes several at once."""

    def __init__(
        self,
        source: BatchSource,
        first: int,
        device: torch.device,
        *,
        feeders: int | None = None,
        most: int | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.waited = 0.0
        self._source, self._index, self._block = source, first, source.block
        self._first, self._next_block = first, first // source.block
        self._depth = self.DEPTH if device.type == "cpu" else self.DEEP
        self._ready: dict[int, Batch | BaseException] = {}
        self._change = threading.Condition()
        self._closed = False
        self._copies = copies_for(device)
        self._started: deque[Any] = deque()
        self._clock = clock
        self.most = feeding.most_feeders() if most is None else most
        """The most feeders that it adds by itself."""
        self._lookout = feeding.Lookout(clock) if feeders is None and device.type != "cpu" else None
        self._threads: list[threading.Thread] = []
        for _ in range(feeders or (min(feeding.FIRST, self.most) if self._lookout else 1)):
            self.add()

    @property
    def searching(self) -> bool:
        """Whether it finds the number of feeders itself."""
        return self._lookout is not None

    @property
    def feeders(self) -> int:
        """How many threads prepare batches."""
        return len(self._threads)

    def add(self) -> None:
        """Let one more thread prepare batches."""
        thread = threading.Thread(
            target=self._work,
            args=(copy.copy(self._source),),
            name=f"feeder {self.feeders}",
            daemon=True,
        )
        with self._change:
            thread.start()
            self._threads.append(thread)
            self._change.notify_all()

    # --- in the threads
    # --------------------------------------------------------------------------------

    def _work(self, source: BatchSource) -> None:
        """Prepare batches until the prefetcher is closed or the source fails."""
        for index in self._indices():
            try:
                batch = self._copies.hold(source.batch(index))
            except BaseException as error:  # noqa: BLE001 - raised again where the batch is asked for
                self._put(index, error)
                return
            self._put(index, batch)

    def _indices(self) -> Iterator[int]:
        """The batches that one thread is to prepare, one block after the other, until the
        prefetcher is closed."""
        while (block := self._take_block()) is not None:
            for index in range(max(self._first, block * self._block), (block + 1) * self._block):
                if self._closed:
                    return
                yield index

    def _take_block(self) -> int | None:
        """The number of the next block to prepare, as soon as it is wanted; None when the
        prefetcher is closed.

        Wanted are, beside the block that is being handed out, as many blocks as there are threads:
        so all threads may work while that one is used up.
        """
        with self._change:
            while not self._closed:
                ahead = max(self.feeders, -(-self._depth // self._block))
                if self._next_block <= self._index // self._block + ahead:
                    self._next_block += 1
                    return self._next_block - 1
                self._change.wait()
        return None

    def _put(self, index: int, item: Batch | BaseException) -> None:
        with self._change:
            if not self._closed:
                self._ready[index] = item
                self._change.notify_all()

    # --- in the thread that trains
    # --------------------------------------------------------------------------------

    def next(self) -> Batch:
        """The next batch, on the device. Raises what the source raised where that batch was to be
        prepared."""
        started = self._started.popleft() if self._started else self._start_next()
        while len(self._started) < self._copies.ahead and isinstance(
            self._ready.get(self._index), tuple
        ):
            self._started.append(self._start_next())
        if self._lookout and self._lookout.wants_more(self.waited) and self.feeders < self.most:
            try:
                self.add()
            except RuntimeError:  # the machine has no thread left: those that there are do
                self.most = self.feeders
        return self._copies.finish(started)

    def _start_next(self) -> Any:
        """Wait for the next batch and start its copy to the device."""
        with self._change:
            if self._index not in self._ready:
                began = self._clock()
                while self._index not in self._ready:
                    if self._closed:
                        raise RuntimeError("the prefetcher is closed")
                    self._change.wait(1.0)  # with an end, or Ctrl-C is not heard on Windows
                self.waited += self._clock() - began
            item = self._ready[self._index]
            if isinstance(item, BaseException):
                raise item
            del self._ready[self._index]
            self._index += 1
            self._change.notify_all()
        return self._copies.start(item)

    def close(self) -> None:
        """End the threads and let go of what they have prepared."""
        with self._change:
            self._closed = True
            self._ready.clear()
            self._change.notify_all()
        for thread in self._threads:
            thread.join(5.0)
        self._started.clear()


class Again:
    """Hands out one batch again and again, as a Prefetcher hands out many."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def next(self) -> Batch:
        return self._batch
