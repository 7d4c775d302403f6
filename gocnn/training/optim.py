"""Optimisers: which parameter gets what, and Muon."""

from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn

from gocnn.training.config import TrainConfig

DEFAULT_RATES = {"muon": 0.01, "adamw": 0.002, "sgd": 0.1}


def build(model: nn.Module, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """The optimisers of a run, over the parameters that are to be trained.

    muon: `Muon` for the weights of convolutions and linear layers (but the last layer), AdamW for the rest; adamw and sgd (Nesterov): all.
    Weight decay goes to weights of two dimensions and more, never to norms and biases. Each group's rate is kept in `initial_lr`.
    """
    rate = config.learning_rate or DEFAULT_RATES[config.optimiser]
    last = _last_layer(model) if config.optimiser == "muon" else None
    # Decay couples with the rate in SGD: the same number would be far too strong, so it is scaled to the customary 5e-4.
    decay = config.weight_decay / 40 if config.optimiser == "sgd" else config.weight_decay
    hidden: dict[tuple[float, float], list[nn.Parameter]] = {}
    plain: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            matrix = parameter.ndim >= 2
            groups = hidden if config.optimiser == "muon" and matrix and parameter is not last else plain
            groups.setdefault((rate * _factor(name, config.rate_factors), decay if matrix else 0.0), []).append(parameter)
    optimisers: list[torch.optim.Optimizer] = []
    if hidden:
        optimisers.append(Muon(_groups(hidden), lr=rate, momentum=config.momentum))
    if config.optimiser == "sgd":
        optimisers.append(torch.optim.SGD(_groups(plain), lr=rate, momentum=min(config.momentum, 0.9), nesterov=True))
    elif plain:
        optimisers.append(torch.optim.AdamW(_groups(plain), lr=rate, betas=(0.9, 0.98)))
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["initial_lr"] = group["lr"]
    return optimisers


def _groups(chosen: dict[tuple[float, float], list[nn.Parameter]]) -> list[dict[str, Any]]:
    return [
        {"params": parameters, "lr": rate, "weight_decay": decay}
        for (rate, decay), parameters in sorted(chosen.items(), key=lambda item: item[0], reverse=True)
    ]


def _factor(name: str, factors: Iterable[tuple[str, float]]) -> float:
    """The factor of the longest prefix that fits, else 1."""
    fitting = [(len(prefix), factor) for prefix, factor in factors if name.startswith(prefix)]
    return max(fitting)[1] if fitting else 1.0


def _last_layer(model: nn.Module) -> nn.Parameter | None:
    """The weight of the last convolution or linear layer: its rows are answers, not features, and Muon is not for them."""
    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    return cast(nn.Parameter, layers[-1].weight) if layers else None


class Muon(torch.optim.Optimizer):
    """Momentum whose update of each weight matrix is made orthogonal (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon).

    A convolution's weight `(out, in, k, k)` is taken as `(out, in * k * k)`. The update is scaled by `0.2 * sqrt(max(rows, columns))`, which gives
    it the size of an AdamW update, so that rates and decays mean the same (Liu et al. 2025, https://arxiv.org/abs/2502.16982).
    """

    def __init__(self, params: Iterable[Any], lr: float, momentum: float = 0.95, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            # Weights of one shape are taken together: a residual network has many, and each alone would leave a GPU waiting for its kernels.
            alike: dict[tuple[int, int], list[nn.Parameter]] = {}
            for p in group["params"]:
                if p.grad is not None:
                    alike.setdefault((len(p), p[0].numel()), []).append(p)
            for (rows, columns), parameters in alike.items():
                updates = orthogonal(torch.stack([self._follow(p, group["momentum"]) for p in parameters]))
                scale = 0.2 * max(rows, columns) ** 0.5
                for p, update in zip(parameters, updates, strict=True):
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.add_(update.view_as(p), alpha=-group["lr"] * scale)

    def _follow(self, p: nn.Parameter, momentum: float) -> Tensor:
        """Update the parameter's momentum; the gradient with momentum (Nesterov's), as a matrix."""
        assert p.grad is not None
        state = self.state[p]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(p)
        buffer: Tensor = state["momentum"]
        buffer.lerp_(p.grad, 1 - momentum)
        return p.grad.lerp(buffer, momentum).flatten(1)


def orthogonal(matrix: Tensor, steps: int = 5) -> Tensor:
    """The nearest matrix with orthonormal rows (or columns), roughly: singular values come out between about 0.7 and 1.2. `(..., rows, columns)`.

    Five steps of the quintic Newton-Schulz iteration with Jordan's coefficients; in bfloat16 on CUDA, in float32 elsewhere. Each step multiplies
    the matrix X from the left by a polynomial of X X^T, and these commute: where X is far from square, the polynomials of the small X X^T are
    multiplied together first and applied once (3.5 times faster at 512 x 4608).
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix.bfloat16() if matrix.is_cuda else matrix.float()
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    if x.shape[-1] >= 2 * x.shape[-2] and not matrix.is_cuda:
        gram = x @ x.mT
        total: Tensor | None = None
        for _ in range(steps):
            polynomial = b * gram + c * gram @ gram
            polynomial.diagonal(dim1=-2, dim2=-1).add_(a)
            total = polynomial if total is None else polynomial @ total
            gram = polynomial @ gram @ polynomial
        x = x if total is None else total @ x
    else:
        for _ in range(steps):
            gram = x @ x.mT
            x = a * x + (b * gram + c * gram @ gram) @ x
    result: Tensor = (x.mT if tall else x).to(matrix.dtype)
    return result
