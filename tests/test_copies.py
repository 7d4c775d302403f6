"""Batches on their way to CUDA: what is asked of it, in order, written down by stand-ins; and on a
card the source's own values."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from gocnn.training import copies
from tests import toy
from tests.feeding import CPU, Numbers, feeding_from


def test_copies_to_cuda_are_pinned_on_their_own_stream_and_waited_for_by_the_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is asked of CUDA, in order, written down by stand-ins."""
    log: list[str] = []

    class Stream:
        def __init__(self, name: Any) -> None:
            self.name = name if isinstance(name, str) else "copies"

        def record_event(self) -> str:
            log.append(f"event on {self.name}")
            return "copied"

        def wait_event(self, event: str) -> None:
            log.append(f"{self.name} waits for {event}")

    @contextmanager
    def within(what: Any) -> Iterator[None]:
        log.append(f"in {getattr(what, 'name', what)}")
        yield
        log.append("out")

    def pinned(tensor: torch.Tensor) -> torch.Tensor:
        log.append("pin")
        return tensor

    plain = torch.Tensor.to

    def to(tensor: torch.Tensor, device: torch.device, non_blocking: bool = False) -> torch.Tensor:
        log.append("copy" if non_blocking else "copy, waiting")
        return plain(tensor, device)

    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", within)
    monkeypatch.setattr(torch.cuda, "device", within)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: Stream("compute"))
    monkeypatch.setattr(torch.Tensor, "pin_memory", pinned)
    monkeypatch.setattr(torch.Tensor, "to", to)
    monkeypatch.setattr(
        torch.Tensor, "record_stream", lambda tensor, stream: log.append(f"used by {stream.name}")
    )
    way = copies.CudaCopies(CPU)
    way.finish(way.start(way.hold(Numbers(1).batch(3))))
    assert log == [
        "in cpu",
        "pin",
        "pin",
        "out",
        "in copies",
        "copy",
        "copy",
        "event on copies",
        "out",
        "compute waits for copied",
        "used by compute",
        "used by compute",
    ]
    assert isinstance(copies.copies_for(torch.device("cuda", 1)), copies.CudaCopies)
    assert (
        type(copies.copies_for(torch.device("mps")))
        is type(copies.copies_for(CPU))
        is copies.Copies
    )


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_cuda_gets_what_the_source_gives() -> None:
    device, source = torch.device("cuda", torch.cuda.device_count() - 1), toy.ToySource(64)
    before = torch.cuda.memory_allocated(device)
    with feeding_from(source, 3, device, None) as prefetcher:
        for index in range(3, 60):
            if index % 20 == 0:
                prefetcher.add()
            got = prefetcher.next()
            for mine, true in zip(got, source.batch(index), strict=True):
                assert mine.device == device
                assert torch.equal(mine.cpu(), torch.from_numpy(true))
    del got, mine
    assert torch.cuda.memory_allocated(device) == before
