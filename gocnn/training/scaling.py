"""Training in fp16: the loss is scaled up, so that small gradients do not vanish, and a step whose
gradients overflow changes nothing."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gocnn.training.checks import Diverged

SMALLEST = 1.0
"""Below this scale gradients overflow unscaled: the network's numbers do not fit fp16 at all."""


class Scaler:
    """torch's GradScaler, used so that nothing waits for the device: torch's own `step` asks each
    optimiser's gradients whether they are finite, and waits for the answer. Here the answer stays
    on the device, and what an overflow has touched is put back there.

    The order in a step: `keep`, forward, `scale(loss).backward()`, `unscale`, clipping, `step`.
    """

    def __init__(self, device: torch.device) -> None:
        self._scaler = torch.amp.GradScaler(device.type)
        self._buffers: list[Tensor] = []
        self._kept: list[Tensor] = []
        self._found: Tensor | None = None

    def state_dict(self) -> dict[str, Any]:
        """The scale, and for how many steps it was not too large. Waits for the device."""
        return self._scaler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._scaler.load_state_dict(state)

    def check(self, step: int) -> None:
        """Raise Diverged if the scale has gone down so far that fp16 cannot hold the gradients.
        Waits for the device."""
        if self._scaler.get_scale() < SMALLEST:
            raise Diverged(
                f"the gradients overflow fp16 whatever they are scaled by, at step {step}: go on"
                " with --resume --precision fp32, or start a new run with a lower --learning-rate"
            )

    def keep(self, model: nn.Module) -> None:
        """Remember the running statistics, which the forward pass changes, in case of an
        overflow."""
        self._buffers = [b for b in model.buffers() if b.is_floating_point()]
        self._kept = [b.clone() for b in self._buffers]

    def scale(self, loss: Tensor) -> Tensor:
        """The loss for `backward`."""
        scaled: Tensor = self._scaler.scale(loss)
        return scaled

    def unscale(self, optimisers: Iterable[torch.optim.Optimizer]) -> None:
        """Divide all gradients by the scale, and find out, on the device, whether one of them is
        not finite."""
        found: list[Tensor] = []
        for optimiser in optimisers:
            self._scaler.unscale_(optimiser)
            found += self._scaler._found_inf_per_device(optimiser).values()
        self._found = torch.stack(found).amax() if found else None

    @torch.no_grad()
    def step(self, optimisers: Sequence[torch.optim.Optimizer], result: Tensor) -> Tensor:
        """Let all optimisers make their step, or none of them; then the scale follows. Returns the
        step's sums (see `Stepper.step`): zeros if it was a loss that overflowed."""
        assert self._found is not None, "unscale comes first"
        overflow = self._found > 0
        for optimiser in optimisers:
            # as torch's GradScaler tells its fused optimisers
            if getattr(optimiser, "_step_supports_amp_scaling", False):
                optimiser.grad_scale, optimiser.found_inf = None, self._found  # type: ignore[attr-defined]
                optimiser.step()
                del optimiser.grad_scale, optimiser.found_inf  # type: ignore[attr-defined]
            else:
                before = _tensors(optimiser, overflow.device)
                kept = {key: tensor.clone() for key, tensor in before.items()}
                optimiser.step()
                for key, tensor in _tensors(optimiser, overflow.device).items():
                    _put_back(
                        tensor, kept[key] if key in kept else torch.zeros_like(tensor), overflow
                    )
        for buffer, before_it in zip(self._buffers, self._kept, strict=True):
            _put_back(buffer, before_it, overflow)
        self._kept, self._found = [], None
        self._scaler.update()
        return torch.where(result.isfinite().all(), result, torch.zeros_like(result))


def _tensors(
    optimiser: torch.optim.Optimizer, device: torch.device
) -> dict[tuple[int, str], Tensor]:
    """What a step of the optimiser changes, on the device: its parameters and their state."""
    found: dict[tuple[int, str], Tensor] = {}
    for parameter in (p for group in optimiser.param_groups for p in group["params"]):
        found[id(parameter), ""] = parameter
        for name, value in optimiser.state.get(parameter, {}).items():
            if isinstance(value, Tensor) and value.device.type == device.type:
                found[id(parameter), name] = value
    return found


def _put_back(tensor: Tensor, before: Tensor, condition: Tensor) -> None:
    """Set `tensor` to `before` where `condition`, one bool, holds."""
    torch.where(condition, before, tensor, out=tensor)
