"""Networks are followed by torch.fx, and weights drawn, while other threads compute with torch."""

import threading
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor, nn

from gocnn.nn import ConvNormAct
from gocnn.nn.seeds import seeded
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


def test_threads_that_draw_with_a_seed_do_not_disturb_each_other() -> None:
    def drawn(seed: int) -> list[list[float]]:
        with seeded(seed):
            return [torch.rand(3).tolist() for _ in range(200)]

    torch.manual_seed(7)
    state = torch.get_rng_state()
    expected = []
    for seed in range(4):
        torch.manual_seed(seed)
        expected.append([torch.rand(3).tolist() for _ in range(200)])
    torch.set_rng_state(state)
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(drawn, range(4))) == expected
    assert torch.equal(torch.get_rng_state(), state)
