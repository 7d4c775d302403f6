"""Networks are followed by torch.fx while other threads compute with torch, and follow others."""

import threading
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor, nn

from gocnn.nn import ConvNormAct
from gocnn.nn.tracing import traced


class Slow(nn.Module):
    """Takes its time to be followed."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.begun, self.free = threading.Event(), threading.Event()

    def forward(self, x: Tensor) -> Tensor:
        self.begun.set()
        assert self.free.wait(60)
        return self.conv(x).relu()


def test_other_threads_compute_and_follow_meanwhile() -> None:
    call, get = nn.Module.__call__, nn.Module.__getattr__
    x = torch.randn(1, 3, 7, 7)
    other, slow, second = ConvNormAct(3, 4, 3).eval(), Slow(), ConvNormAct(3, 4, 3)
    expected = other(x)
    with ThreadPoolExecutor(2) as threads:
        graph = threads.submit(traced, slow)
        assert slow.begun.wait(60)
        graph_of_second = threads.submit(traced, second)
        try:
            assert torch.equal(other(x), expected)
            assert isinstance(next(other.children()).weight, nn.Parameter)
        finally:
            slow.free.set()
        kinds = [node.op for node in graph.result(60).graph.nodes]
        assert kinds == ["placeholder", "call_module", "call_method", "output"]
        assert torch.equal(graph_of_second.result(60)(x), second(x))
    assert (nn.Module.__call__, nn.Module.__getattr__) == (call, get)
    assert torch.equal(graph.result()(x), slow(x))
