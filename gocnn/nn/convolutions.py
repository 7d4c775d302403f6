"""A network convolution by convolution: what each one reads, how a value of its maps comes about,
and which part of the input that value depends on."""

import contextlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from gocnn.nn.blocks import CONTEXTS
from gocnn.nn.describe import Layer, describe
from gocnn.nn.tracing import traced

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Convolution:
    """A convolution, its number among those of its network, and what is done with its sum right
    after it. layer: how `gocnn.nn.describe` describes it (name, kernel, receptive field, weights);
    norm: the batch normalisation that follows, or None; act: whether a ReLU follows that."""

    number: int
    layer: Layer
    module: nn.Conv2d
    norm: nn.BatchNorm2d | None
    act: bool

    @property
    def scale_and_shift(self) -> tuple[Floats, Floats]:
        """Normalisation in evaluation mode, as a factor and a summand of each map, float32 `(C,)`;
        ones and zeros where there is none."""
        outputs = self.module.out_channels
        if self.norm is None:
            return np.ones(outputs, np.float32), np.zeros(outputs, np.float32)
        mean, variance = self.norm.running_mean, self.norm.running_var
        assert mean is not None
        assert variance is not None
        scale = (variance.double() + self.norm.eps).rsqrt()
        if self.norm.affine:
            scale = scale * self.norm.weight.double()
        shift = -mean.double() * scale
        if self.norm.affine:
            shift = shift + self.norm.bias.double()
        return _numbers(scale), _numbers(shift)


@dataclass(frozen=True)
class Products:
    """How one value of a map comes about: a window of each input, times the filter, summed, and
    what follows.

    windows, filters: float32 `(inputs, k, k)`, 0 beyond the edge; sums: float32 `(inputs,)`, each
    window's products added up; bias: of the convolution; scale and shift: of the normalisation;
    value: `(sum of sums + bias) * scale + shift`, and 0 in place of a negative one where a ReLU
    follows.
    """

    windows: Floats
    filters: Floats
    sums: Floats
    bias: float
    scale: float
    shift: float
    act: bool
    value: float


@dataclass(frozen=True)
class Passed:
    """What one input has left in a network: of each convolution what it read, float32 `(inputs, H,
    W)`, and its maps after normalisation and ReLU, float32 `(C, H', W')`."""

    inputs: list[Tensor]
    maps: list[Tensor]


class Convolutions:
    """The convolutions of a network, in the order in which they run; those by which a block looks
    at the whole picture (`gocnn.nn.Context`) are no layers of their own and left out.

    The model must be traceable by torch.fx; it is set to evaluation mode.
    """

    def __init__(self, model: nn.Module, shape: tuple[int, int, int]) -> None:
        self._graph = traced(model)
        modules = dict(model.named_modules())
        asides = tuple(
            f"{name}."
            for name, part in modules.items()
            if isinstance(part, tuple(_classes())) and name
        )
        described = {layer.name: layer for layer in describe("", model, shape).layers}
        self.all: list[Convolution] = []
        self._ends: list[tuple[str, str]] = []
        for node in self._graph.graph.nodes:
            module = modules.get(str(node.target)) if node.op == "call_module" else None
            if not isinstance(module, nn.Conv2d) or str(node.target).startswith(asides):
                continue
            norm, act, end = _what_follows(node, modules)
            layer = described[str(node.target)]
            self.all.append(Convolution(len(self.all), layer, module, norm, act))
            self._ends.append((node.name, end.name))

    @torch.no_grad()
    def run(self, x: Tensor, last: int | None = None) -> Passed:
        """What a batch of one, float `(1, C, H, W)`, leaves in the network: of all convolutions, or
        of those up to the `last`."""
        reads, _, maps = self._caught(x, None if last is None else self._ends[last][1])
        return Passed([each[0].float().cpu() for each in reads], [each[0].float() for each in maps])

    def products(self, passed: Passed, number: int, index: int, row: int, column: int) -> Products:
        """How the value of map `index` of a convolution at a point came about. Raises IndexError
        for an unknown layer, map or point."""
        one = self.all[number]
        module, maps = one.module, passed.maps[number]
        maps[index, row, column]  # the point is one
        kernel, groups = module.kernel_size[0], module.groups
        per_group = module.in_channels // groups
        first = index // (module.out_channels // groups) * per_group
        read = passed.inputs[number][first : first + per_group]
        fields = functional.unfold(
            read[None], kernel, _both(module.dilation), _padding(module), _both(module.stride)
        )
        at = row * maps.shape[-1] + column
        windows = fields[0, :, at].reshape(per_group, kernel, kernel).numpy()
        filters = _numbers(module.weight[index])
        sums = (windows.astype(np.float64) * filters).sum((1, 2))
        bias = 0.0 if module.bias is None else float(module.bias[index])
        scale, shift = (float(each[index]) for each in one.scale_and_shift)
        value = (float(sums.sum()) + bias) * scale + shift
        value = max(value, 0.0) if one.act else value
        return Products(
            windows, filters, sums.astype(np.float32), bias, scale, shift, one.act, value
        )

    def influence(self, x: Tensor, number: int, index: int, row: int, column: int) -> Floats:
        """How much each point of the input, a batch of one, matters to the sum behind one value of
        a convolution's map `index`: float32 `(H, W)`, not negative. It is the absolute gradient,
        summed over the input's channels. Raises IndexError for an unknown layer, map or point.

        (Simonyan et al. 2013, https://arxiv.org/abs/1312.6034; that it fills the middle of the
        receptive field: Luo et al. 2016, https://arxiv.org/abs/1701.04128.)
        """
        x = x.detach().clone().requires_grad_()
        with torch.enable_grad():
            _, sums, _ = self._caught(x, self._ends[number][0])
            value = sums[number][0, index, row, column]
            (gradient,) = torch.autograd.grad(value, x)
        return _numbers(gradient[0].abs().sum(0))

    def _caught(
        self, x: Tensor, stop: str | None
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Of each convolution, up to the node `stop`: what it read, its sums, its maps."""
        names = {name for pair in self._ends for name in pair}
        catcher = _Catcher(self._graph, names, stop)
        with contextlib.suppress(_Enough):
            catcher.run(x)
        found = [pair for pair in self._ends if pair[0] in catcher.results]
        return (
            [catcher.sources[conv] for conv, _ in found],
            [catcher.results[conv] for conv, _ in found],
            [catcher.results[end] for _, end in found if end in catcher.results],
        )


class _Enough(Exception):
    """What follows need not be computed."""


class _Catcher(fx.Interpreter):
    """Runs a traced network and keeps what some nodes give, and what they read."""

    def __init__(self, graph: fx.GraphModule, names: set[str], stop: str | None) -> None:
        super().__init__(graph)
        # what ends a run is no error to be told of, for which torch would load its compiler
        self.extra_traceback = False
        self._names, self._stop = names, stop
        self.sources: dict[str, Tensor] = {}
        self.results: dict[str, Tensor] = {}

    def run_node(self, node: fx.Node) -> object:
        if node.name in self._names:
            # copies, since a ReLU may work in place
            self.sources[node.name] = self.env[node.all_input_nodes[0]].clone()
        result = super().run_node(node)
        if node.name in self._names:
            self.results[node.name] = result.clone()
            if node.name == self._stop:
                raise _Enough
        return result


def _classes() -> list[type]:
    return [each for each in CONTEXTS.values() if isinstance(each, type)]


def _what_follows(
    node: fx.Node, modules: dict[str, nn.Module]
) -> tuple[nn.BatchNorm2d | None, bool, fx.Node]:
    """The normalisation and ReLU that alone read a convolution's sum, and the last of these
    nodes."""
    norm, act = None, False
    while len(node.users) == 1:
        following = next(iter(node.users))
        part = modules.get(str(following.target)) if following.op == "call_module" else None
        if isinstance(part, nn.BatchNorm2d) and norm is None:
            norm = part
        elif isinstance(part, nn.ReLU):
            return norm, True, following
        else:
            break
        node = following
    return norm, act, node


def _both(pair: tuple[int, ...]) -> tuple[int, int]:
    return pair[0], pair[-1]


def _padding(module: nn.Conv2d) -> tuple[int, int]:
    if isinstance(module.padding, str):
        raise ValueError(f"padding {module.padding!r} is not followed here; give it as a number")
    return _both(module.padding)


def _numbers(values: Tensor) -> Floats:
    result: Floats = values.detach().float().cpu().numpy()
    return result
