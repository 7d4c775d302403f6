"""The optimiser and the average as one writes them down, weight by weight: what
`benchmarks/optimisers.py` and the tests compare with."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import ParamsT
from torch.utils._python_dispatch import TorchDispatchMode

FREE = ("aten::empty", "aten::detach", "aten::_unsafe_view", "profiler::")


class Operators(TorchDispatchMode):
    """Counts the operators that compute something: views and empty memory cost no kernel. A list's
    operator counts as one, as many kernels as it may start where the list cannot go through one."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it without
        self.names: Counter[str] = Counter()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = function._schema.name
        if not function.is_view and not name.startswith(FREE):
            self.names[name] += 1
        return function(*args, **(kwargs or {}))

    @property
    def count(self) -> int:
        return sum(self.names.values())


class PlainMuon(torch.optim.Optimizer):
    """Muon, a matrix after another; those of one shape are made orthogonal together."""

    def __init__(
        self, params: ParamsT, lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, _closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # as Muon
        for group in self.param_groups:
            alike: dict[tuple[int, int], list[nn.Parameter]] = {}
            for p in group["params"]:
                if p.grad is not None:
                    alike.setdefault((len(p), p[0].numel()), []).append(p)
            for (rows, columns), parameters in alike.items():
                updates = plain_orthogonal(
                    torch.stack([self._follow(p, group["momentum"]) for p in parameters])
                )
                scale = 0.2 * max(rows, columns) ** 0.5
                for p, update in zip(parameters, updates, strict=True):
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.add_(update.view_as(p), alpha=-group["lr"] * scale)

    def _follow(self, p: nn.Parameter, momentum: float) -> Tensor:
        state = self.state[p]
        assert p.grad is not None
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(p)
        state["momentum"].lerp_(p.grad, 1 - momentum)
        return p.grad.lerp(state["momentum"], momentum).flatten(1)


def plain_orthogonal(matrix: Tensor, steps: int = 5) -> Tensor:
    """Newton-Schulz, an operator a sign; on a CPU with the small polynomials multiplied first where
    matrices are wide."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix.float() if matrix.device.type == "cpu" else matrix.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    if x.shape[-1] >= 2 * x.shape[-2] and matrix.device.type == "cpu":
        gram, total = x @ x.mT, None
        for _ in range(steps):
            polynomial = b * gram + c * gram @ gram
            polynomial.diagonal(dim1=-2, dim2=-1).add_(a)
            total = polynomial if total is None else polynomial @ total
            gram = polynomial @ gram @ polynomial
        x = total @ x
    else:
        for _ in range(steps):
            gram = x @ x.mT
            x = a * x + (b * gram + c * gram @ gram) @ x
    result: Tensor = (x.mT if tall else x).to(matrix.dtype)
    return result


@torch.no_grad()
def plain_average(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """One step of the average: two state_dicts, their floats together, the counters one by one."""
    weight = 1 - min(decay, (1 + step) / (10 + step))
    mine, theirs = average.state_dict(), model.state_dict()
    floats = [k for k in mine if mine[k].is_floating_point()]
    torch._foreach_lerp_(
        [mine[k] for k in floats], [theirs[k].to(mine[k].dtype) for k in floats], weight
    )
    for key in mine.keys() - set(floats):
        mine[key].copy_(theirs[key])
