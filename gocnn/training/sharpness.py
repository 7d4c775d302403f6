"""Sharpness-aware minimisation (SAM; Foret et al. 2021, https://arxiv.org/abs/2010.01412): the
gradient of a step is taken where the loss is about the highest in the neighbourhood, so that a
network ends in a wide valley, not in a narrow one. The neighbourhood is the adaptive one (ASAM;
Kwon et al. 2021, https://arxiv.org/abs/2102.11600): large weights move far, small ones little, so a
radius means the same however large a network's weights are."""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn

LEAST_REACH = 0.01
"""What is added to the size of each weight, so that one of 0 moves too (eta of Kwon et al.)."""

TINY = 1e-12
"""What keeps a gradient of 0 from being divided by its norm."""


@contextlib.contextmanager
def gradients_apart(model: nn.Module) -> Iterator[None]:
    """Within: the parameters of `model` have no gradients; afterwards those from before again."""
    kept = [(p, p.grad) for p in model.parameters()]
    for parameter, _ in kept:
        parameter.grad = None
    try:
        yield
    finally:
        for parameter, gradient in kept:
            parameter.grad = gradient


def climb(model: nn.Module, radius: float) -> list[tuple[Tensor, Tensor]]:
    """Move the weights w of `model` up their gradients g, by `radius` times r * r * g / |r * g|
    with r = |w| + LEAST_REACH, the norm being over all weights. Returns weights and buffers with
    copies of what they were, for `descend`. Nothing waits for the device.

    The gradients are used up: they hold nothing of meaning afterwards.
    """
    weights = [p.detach() for p in model.parameters() if p.grad is not None]
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    before = [(tensor, tensor.clone()) for tensor in (*weights, *model.buffers())]
    if weights:
        with torch.no_grad():
            reach = torch._foreach_abs(weights)
            torch._foreach_add_(reach, LEAST_REACH)
            torch._foreach_mul_(gradients, reach)
            norm = torch.stack(torch._foreach_norm(gradients)).norm()
            torch._foreach_mul_(gradients, reach)
            torch._foreach_mul_(gradients, radius / (norm + TINY))
            torch._foreach_add_(weights, gradients)
    return before


@torch.no_grad()
def descend(before: list[tuple[Tensor, Tensor]]) -> None:
    """Make weights and buffers, bit by bit, what they were before `climb`."""
    for tensor, value in before:
        tensor.copy_(value)
