"""An exponential moving average of a model's weights: smoother, and usually better, than the last ones."""

import copy

import torch
from torch import nn


class Ema:
    """A copy of a model that follows it: after each step `average += (1 - decay) * (model - average)`, buffers of batch norms included.

    The decay begins small, `(1 + step) / (10 + step)`, so that the first weights are soon forgotten.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Follow `model` after step number `step` (from 1)."""
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        mine, theirs = self.model.state_dict(), model.state_dict()
        floats = [k for k in mine if mine[k].is_floating_point()]
        torch._foreach_lerp_([mine[k] for k in floats], [theirs[k].to(mine[k].dtype) for k in floats], weight)
        for key in mine.keys() - set(floats):
            mine[key].copy_(theirs[key])
