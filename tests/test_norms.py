"""Batch norm over the batch of all processes, which threads stand for here."""

import copy
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn

from gocnn.training.norms import share_norms

SHARES = (5, 3)
"""Samples of each process."""


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], Any]], list[Any]]:
    """Calls a function with each rank at once, and returns what it returns, by rank."""
    here, meet, shown = threading.local(), threading.Barrier(len(SHARES)), dict[int, Tensor]()

    def all_reduce(x: Tensor, group: Any = None) -> None:
        shown[here.rank] = x.clone()
        meet.wait(10)
        x.copy_(torch.stack([shown[rank] for rank in range(len(SHARES))]).sum(0))
        meet.wait(10)

    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    monkeypatch.setattr(dist, "get_rank", lambda _group: here.rank)
    monkeypatch.setattr(dist, "get_world_size", lambda _group: len(SHARES))
    monkeypatch.setattr(dist, "all_reduce", all_reduce)

    def run(work: Callable[[int], Any]) -> list[Any]:
        def ranked(rank: int) -> Any:
            here.rank = rank
            return work(rank)

        with ThreadPoolExecutor(len(SHARES)) as pool:
            return list(pool.map(ranked, range(len(SHARES))))

    return run


@pytest.mark.parametrize("maps", [True, False])
@pytest.mark.parametrize(("mean", "spread"), [(0, 1), (30, 0.02), (1000, 0.1), (3, 0)])
def test_shares_are_normalised_as_the_whole_batch_is(
    processes: Callable[[Callable[[int], Any]], list[Any]], maps: bool, mean: float, spread: float
) -> None:
    """Answers, running statistics and gradients against torch's own norm of the whole batch in
    float64; channels may be far from zero, or constant."""
    torch.manual_seed(0)
    shape = (sum(SHARES), 4, *((6, 6) if maps else ()))
    whole, wanted = mean + spread * torch.randn(shape), torch.randn(shape)
    norm = nn.BatchNorm2d(4) if maps else nn.BatchNorm1d(4)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)

    def learnt(norm: nn.Module, x: Tensor, wanted: Tensor) -> list[Tensor]:
        x = x.detach().requires_grad_()
        y = norm(x)
        y.backward(wanted)
        assert norm.weight.grad is not None
        assert norm.bias.grad is not None
        return [y.detach(), x.grad, norm.weight.grad, norm.bias.grad]

    def one(rank: int) -> list[Tensor]:
        mine = copy.deepcopy(norm)
        share_norms(mine)
        found = learnt(mine, whole.split(SHARES)[rank], wanted.split(SHARES)[rank])
        return [*found, *(b.double() for b in mine.buffers())]

    first, second = processes(one)
    ours = [torch.cat([first[i], second[i]]) for i in (0, 1)]
    ours += [first[i] + second[i] for i in (2, 3)] + second[4:]
    exact = copy.deepcopy(norm).double()
    truth = [*learnt(exact, whole.double(), wanted.double()), *exact.buffers()]
    for mine, right in zip(ours, truth, strict=True):
        # to rounding: what is far from zero is known to fewer digits behind the point
        most = (1e-5 + 2e-6 * mean / max(spread, 1e-3)) * (1 + float(right.abs().max()))
        assert float((mine - right).abs().max()) <= most
