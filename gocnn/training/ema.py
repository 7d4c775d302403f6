"""An exponential moving average of a model's weights: smoother, and usually better, than the last
ones."""

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


class Ema:
    """A copy of a model that follows it: after each step `average += (1 - decay) * (model -
    average)`, buffers of batch norms included.

    The decay begins small, `(1 + step) / (ramp + step)`, so that the first weights are soon
    forgotten: until it is `decay`, the average is over the last part of the steps so far, about
    1/10 of them (`ramp` 10). Parameters that were always frozen are left alone. Two kernels a step.
    """

    def __init__(self, model: nn.Module, decay: float, ramp: int = 10) -> None:
        self.decay, self.ramp = decay, ramp
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self._followed, self._theirs = model, list(_slots(model))
        self._mine = list(_slots(self.model))
        self._frozen = [
            isinstance(t, nn.Parameter) and not t.requires_grad
            for t in (store[name] for store, name in self._theirs)
        ]

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Follow `model`, the one this began with or what wraps it, after step number `step` (from
        1)."""
        weight = 1 - min(self.decay, (1 + step) / (self.ramp + step))
        if model is not self._followed:
            self._followed, self._theirs = model, list(_slots(model))
        floats: tuple[list[Tensor], list[Tensor]] = ([], [])
        counters: tuple[list[Tensor], list[Tensor]] = ([], [])
        for i, ((mine, name), (theirs, _)) in enumerate(zip(self._mine, self._theirs, strict=True)):
            ours, new = mine[name], theirs[name]
            self._frozen[i] = self._frozen[i] and not new.requires_grad
            if not self._frozen[i]:
                pair = floats if ours.is_floating_point() else counters
                pair[0].append(ours)
                pair[1].append(new)
        if floats[0]:
            torch._foreach_lerp_(*floats, weight)
        if counters[0]:
            torch._foreach_copy_(*counters)


def _slots(model: nn.Module) -> Iterable[tuple[dict[str, Any], str]]:
    """Where the tensors are that a state_dict of the model would hold, each tensor once: a module's
    own dictionary and a name in it.

    Slots, not tensors: a module may be given another tensor, as `to` gives it other buffers. A
    wrapper has none of its own, so that what it wraps has the same slots.
    """
    seen: set[int] = set()
    for module in model.modules():
        for store, unsaved in (
            (module._parameters, set()),
            (module._buffers, module._non_persistent_buffers_set),
        ):
            for name, tensor in store.items():
                if tensor is not None and name not in unsaved and id(tensor) not in seen:
                    seen.add(id(tensor))
                    yield store, name
