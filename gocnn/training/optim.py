"""Optimisers: which parameter gets what."""

from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import nn

from gocnn.training.config import TrainConfig
from gocnn.training.muon import Muon, orthogonal

__all__ = ["Muon", "build_optimisers", "orthogonal"]

FUSED = {"cuda", "mps"}
"""Where AdamW is fused."""

WAYS = ("fused", "foreach", "capturable", "differentiable")
"""Settings that say how an optimiser computes, not what."""


def build_optimisers(model: nn.Module, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """The optimisers of a run, over the parameters that are to be trained.

    muon: `Muon` for the weights of convolutions and linear layers (but the last layer), AdamW for
    the rest; adamw and sgd (Nesterov): all. Weight decay goes to weights of two dimensions and
    more, never to norms and biases. Each group's rate is kept in `initial_lr`. On GPUs AdamW is
    fused, one kernel for all weights; on a CPU it is not, since it rounds otherwise then, and SGD
    is not, since in fp16 its momentum would not survive gradients that overflow. States of fused
    and other optimisers load into each other, from any device.
    """
    rate = config.highest_rate
    last = _last_layer(model) if config.optimiser == "muon" else None
    # Decay couples with the rate in SGD: the same number would be far too strong, so it is scaled
    # to the customary 5e-4.
    decay = config.weight_decay / 40 if config.optimiser == "sgd" else config.weight_decay
    hidden: dict[tuple[float, float], list[nn.Parameter]] = {}
    plain: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            matrix = parameter.ndim >= 2
            groups = (
                hidden if config.optimiser == "muon" and matrix and parameter is not last else plain
            )
            groups.setdefault(
                (rate * _factor(name, config.rate_factors), decay if matrix else 0.0), []
            ).append(parameter)
    devices = {parameter.device.type for parameter in model.parameters() if parameter.requires_grad}
    fused = True if devices and devices <= FUSED else None
    optimisers: list[torch.optim.Optimizer] = []
    if hidden:
        optimisers.append(Muon(_groups(hidden), lr=rate, momentum=config.momentum))
    if config.optimiser == "sgd":
        optimisers.append(
            torch.optim.SGD(
                _groups(plain), lr=rate, momentum=min(config.momentum, 0.9), nesterov=True
            )
        )
    elif plain:
        adamw = torch.optim.AdamW(_groups(plain), lr=rate, betas=(0.9, 0.98), fused=fused)
        # torch says that the kernel heeds `found_inf` there; in many releases it does not
        # (pytorch/pytorch#186360)
        if "mps" in devices:
            adamw._step_supports_amp_scaling = False
        optimisers.append(adamw)
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["initial_lr"] = group["lr"]
        optimiser.register_load_state_dict_pre_hook(_keep_ways)
        optimiser.register_load_state_dict_post_hook(_lay_states)
    return optimisers


def _keep_ways(optimiser: torch.optim.Optimizer, state: dict[str, Any]) -> dict[str, Any]:
    """The state to load, with this optimiser's own ways of computing (WAYS) instead of those of the
    run that saved it, which torch would take over."""
    saved = state["param_groups"]
    own = [{key: group[key] for key in WAYS if key in group} for group in optimiser.param_groups]
    return {
        **state,
        "param_groups": (
            [{**group, **ways} for group, ways in zip(saved, own, strict=False)]
            if len(saved) == len(own)
            else saved
        ),
    }


def _lay_states(optimiser: torch.optim.Optimizer) -> None:
    """Loaded states get their parameters' layout, without which fused kernels refuse and others are
    slow, and counters the device they belong on."""
    for group in optimiser.param_groups:
        for p in group["params"]:
            state = optimiser.state.get(p, {})
            for key, value in state.items():
                if not isinstance(value, torch.Tensor):
                    continue
                if key == "step" and not (group.get("fused") or group.get("capturable")):
                    state[key] = value.cpu()
                elif value.shape == p.shape and value.stride() != p.stride():
                    state[key] = torch.empty_like(p, requires_grad=False).copy_(value)


def _groups(chosen: dict[tuple[float, float], list[nn.Parameter]]) -> list[dict[str, Any]]:
    return [
        {"params": parameters, "lr": rate, "weight_decay": decay}
        for (rate, decay), parameters in sorted(
            chosen.items(), key=lambda item: item[0], reverse=True
        )
    ]


def begins(name: str, prefix: str) -> bool:
    """Whether a parameter's name begins with a prefix of `TrainConfig.rate_factors`: with a dot at
    its end it means a whole part, `layer1.` the parameters below layer1 and one of just this name,
    not layer10's."""
    return name.startswith(prefix) or name == prefix.removesuffix(".")


def _factor(name: str, factors: Iterable[tuple[str, float]]) -> float:
    """The factor of the longest prefix that fits, else 1."""
    fitting = [(len(prefix), factor) for prefix, factor in factors if begins(name, prefix)]
    return max(fitting)[1] if fitting else 1.0


def _last_layer(model: nn.Module) -> nn.Parameter | None:
    """The weight of the last convolution or linear layer: its rows are answers, not features, and
    Muon is not for them."""
    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    return cast(nn.Parameter, layers[-1].weight) if layers else None
