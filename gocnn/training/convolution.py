"""Which way the 3x3 convolutions of a network are computed as it trains on a CPU: torch's own, or
Winograd's; the weights are the same."""

import copy
import functools
import time
from collections.abc import Callable, Collection

import torch
from torch import Tensor, nn
from torch.nn import functional

LEAST_MINUTES = 10
"""Of a budget that is worth compiling the transforms, some twenty seconds once on a machine."""

SAMPLES = 16
"""Of which a layer is timed."""


class WinogradConv2d(nn.Conv2d):
    """`nn.Conv2d` of 3x3, stride 1, padding 1 and one group, by `gocnn.training.winograd` where
    that can be; the same result but for rounding."""

    def forward(self, x: Tensor) -> Tensor:
        plain = (
            x.device.type == "cpu"
            and x.dtype == self.weight.dtype == torch.float32
            and x.dim() == 4
        )
        if not plain or torch.is_autocast_enabled("cpu"):
            return super().forward(x)
        from gocnn.training.winograd import convolution  # numba is not imported before it is needed

        y = convolution(x, self.weight)
        return y if self.bias is None else y + self.bias[:, None, None]


def can_use_winograd(layer: nn.Module) -> bool:
    """Whether the layer can be computed that way; at least 32 channels on both sides, for fewer
    make no matrices worth multiplying."""
    return (
        type(layer) in (nn.Conv2d, WinogradConv2d)
        and isinstance(layer, nn.Conv2d)
        and (layer.kernel_size, layer.stride, layer.padding, layer.dilation)
        == ((3, 3), (1, 1), (1, 1), (1, 1))
        and layer.groups == 1
        and layer.padding_mode == "zeros"
        and min(layer.in_channels, layer.out_channels) >= 32
        and layer.weight.dtype == torch.float32
    )


def choose_layers(
    model: nn.Module, wanted: str, by_stopwatch: bool, run: Callable[[nn.Module], object]
) -> list[str]:
    """The names of the layers of `model` that are to be computed Winograd's way, for a run on a CPU
    in float32: all that fit if `wanted` is `winograd`; if it is `auto`, those for whose shape that
    is faster `by_stopwatch` (without one, none). `run` runs the network it is given on a batch, by
    which the shapes are known."""
    names = [name for name, layer in model.named_modules() if can_use_winograd(layer)]
    if wanted == "direct" or (wanted == "auto" and not by_stopwatch) or not names:
        return []
    if wanted == "winograd":
        return names
    shapes = _shapes(model, names, run)
    verdicts = {shape: _faster(shape) for shape in set(shapes.values())}
    return [name for name in names if name in shapes and verdicts[shapes[name]]]


def use(model: nn.Module, names: Collection[str]) -> None:
    """Let the layers of those names be computed Winograd's way, where they fit, and all others
    torch's."""
    for name, layer in model.named_modules():
        if can_use_winograd(layer):
            layer.__class__ = WinogradConv2d if name in names else nn.Conv2d


Shape = tuple[int, int, int, int]
"""Channels in and out, height and width."""


def _shapes(
    model: nn.Module, names: Collection[str], run: Callable[[nn.Module], object]
) -> dict[str, Shape]:
    """What each layer of those names sees as `run` trains the network: tried on a copy, which takes
    its normalisation's averages and its random numbers with it."""
    found: dict[str, Shape] = {}

    def note(name: str, layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, nn.Conv2d)
        found[name] = (layer.in_channels, layer.out_channels, *inputs[0].shape[2:])

    twin = copy.deepcopy(model)
    for name, layer in twin.named_modules():
        if name in names:
            layer.register_forward_pre_hook(functools.partial(note, name))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        run(twin)
    return found


def _faster(shape: Shape) -> bool:
    """Whether Winograd's way is the faster for a layer, forward and backward: the best of several
    turns of each."""
    from gocnn.training.winograd import convolution

    inputs, outputs, height, width = shape
    random = torch.Generator().manual_seed(0)

    def tensor(*size: int) -> Tensor:
        return torch.randn(size, generator=random).to(memory_format=torch.channels_last)

    x, weight = (
        tensor(SAMPLES, inputs, height, width).requires_grad_(),
        tensor(outputs, inputs, 3, 3).requires_grad_(),
    )
    grad = tensor(SAMPLES, outputs, height, width)
    ways: list[Callable[[], Tensor]] = [
        lambda: functional.conv2d(x, weight, padding=1),
        lambda: convolution(x, weight),
    ]
    best = [float("inf")] * 2
    for _ in range(6):
        for number, way in enumerate(ways):
            began = time.perf_counter()
            torch.autograd.grad(way(), [x, weight], grad)
            best[number] = min(best[number], time.perf_counter() - began)
    return best[1] < best[0]
