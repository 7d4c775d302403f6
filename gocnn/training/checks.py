"""Checks before and during a run, so that it ends with a sentence instead of a traceback or a
ruined model."""

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from gocnn.errors import UserError


class Diverged(UserError):
    """The loss or a weight is no longer a number."""


def finite(loss: float, step: int, best: dict[str, float]) -> None:
    """Raise Diverged if `loss` is not a number; `best` says which model is kept."""
    if not math.isfinite(loss):
        raise _diverged("loss", step, best)


def finite_weights(model: nn.Module, step: int, best: dict[str, float]) -> None:
    """Raise Diverged if a weight of the model or one of its running statistics is not a number."""
    tensors = [t.detach() for t in model.state_dict().values() if t.is_floating_point()]
    if tensors and not bool(torch.stack([t.isfinite().all() for t in tensors]).all()):
        raise _diverged("network", step, best)


def _diverged(what: str, step: int, best: dict[str, float]) -> Diverged:
    kept = f"; best.safetensors, of step {best['step']}, is kept" if "step" in best else ""
    return Diverged(
        f"the {what} is not a number any more, at step {step}: start a new run with a lower"
        f" --learning-rate, a longer --warmup, or --precision fp32{kept}"
    )


def single_values(model: nn.Module, loss: Callable[[nn.Module], Any]) -> list[str]:
    """The names of the batch normalisations that would see a single value a channel in training,
    and so could not normalise. `loss` computes the loss of one batch with the network that it is
    given, which is a copy of `model`."""
    found: list[str] = []
    trial = copy.deepcopy(model).train()

    def watch(name: str) -> Callable[[nn.Module, tuple[torch.Tensor, ...]], None]:
        def before(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            x = inputs[0]
            if module.training and x.numel() == x.shape[1]:
                found.append(name)
                module.eval()  # so that the rest can be seen too

        return before

    for name, module in trial.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.register_forward_pre_hook(watch(name))
    with torch.no_grad():
        loss(trial)
    return found


def need_more_than_one(names: Sequence[str], batch: int, parts: int, processes: int) -> None:
    """Raise UserError if there are normalisations that would see one value."""
    if names:
        parted = f" in {parts} parts" if parts > 1 else ""
        shared = f" shared by {processes} processes" if processes > 1 else ""
        raise UserError(
            f"a batch of {batch}{parted}{shared} gives the network one sample at a time, over which"
            f" {names[0]} has nothing to normalise; choose --batch {2 * parts * processes} or"
            f" more{', or fewer --accumulate' if parts > 1 else ''}"
        )
