"""What a network is, layer by layer: kernels, shapes, receptive fields, parameters,
multiply-accumulates, and what a fully connected layer would have cost instead."""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from gocnn.nn.tracing import traced

FULLY_CONNECTED_NEURONS = 1000
"""The lecture's example: a 100x100x3 picture into 1000 neurons takes 3 * 10^7 weights."""


@dataclass(frozen=True)
class Layer:
    """One layer. Shapes are without the batch. receptive_field is the side, in input pixels, of the
    square that one output depends on through convolutions and pooling (None for layers after a
    flattening); sees_all says that a mean over the whole picture reaches it too. macs are
    multiply-accumulates for one sample. fully_connected is the number of weights of a dense layer
    between the same two shapes.
    """

    name: str
    kind: str
    kernel: int | None
    stride: int | None
    output: tuple[int, ...]
    receptive_field: int | None
    sees_all: bool
    parameters: int
    macs: int
    fully_connected: int | None


@dataclass(frozen=True)
class _Field:
    """Receptive field of a tensor: side and distance between neighbours, both in input pixels;
    whether it knows of the whole picture; whether it still has two dimensions of space."""

    side: int = 1
    jump: int = 1
    sees_all: bool = False
    spatial: bool = True


class _Walker(fx.Interpreter):
    """Runs a traced network and follows shapes and receptive fields along all its paths."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__(graph)
        self.fields: dict[str, _Field] = {}
        self.layers: list[Layer] = []

    def run_node(self, node: fx.Node) -> Any:
        result = super().run_node(node)
        before = [self.fields[n.name] for n in node.all_input_nodes if n.name in self.fields]
        field = _join(before)
        if node.op == "call_module":
            module = self.fetch_attr(str(node.target))
            source = self.env[node.all_input_nodes[0]]
            field = _after(module, field)
            self._note(str(node.target), module, source, result, field)
        elif node.op in ("call_function", "call_method"):
            name = (
                node.target
                if isinstance(node.target, str)
                else getattr(node.target, "__name__", "")
            )
            pooled = (
                name in ("mean", "amax", "flatten")
                and isinstance(result, Tensor)
                and result.ndim == 2
            )
            if pooled:
                field = _Field(field.side, field.jump, True, False)
        self.fields[node.name] = field
        return result

    def _note(
        self, name: str, module: nn.Module, source: Tensor, result: Tensor, field: _Field
    ) -> None:
        parameters = sum(p.numel() for p in module.parameters())
        kernel, stride = getattr(module, "kernel_size", None), getattr(module, "stride", None)
        if not parameters and kernel is None and not isinstance(module, nn.AdaptiveAvgPool2d):
            return
        weighs = isinstance(module, nn.Conv2d | nn.Linear)
        self.layers.append(
            Layer(
                name,
                "Conv2d" if isinstance(module, nn.Conv2d) else type(module).__name__,
                _one(kernel),
                _one(stride),
                tuple(result.shape[1:]),
                field.side if field.spatial else None,
                field.sees_all,
                parameters,
                macs(module, result),
                source[0].numel() * result[0].numel() if weighs else None,
            )
        )


def _one(value: Any) -> int | None:
    return None if value is None else int(value[0] if isinstance(value, tuple) else value)


def _join(fields: list[_Field]) -> _Field:
    """The field where paths meet: the widest of theirs. A map that is scaled or shifted by a vector
    of means sees the whole picture from then on."""
    if not fields:
        return _Field()
    maps = [f for f in fields if f.spatial] or fields
    return _Field(
        max(f.side for f in maps),
        max(f.jump for f in maps),
        any(f.sees_all for f in fields),
        maps[0].spatial,
    )


def _after(module: nn.Module, field: _Field) -> _Field:
    if isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
        kernel, stride = _one(module.kernel_size) or 1, _one(module.stride) or 1
        dilation = _one(getattr(module, "dilation", 1)) or 1
        side = field.side + (kernel - 1) * dilation * field.jump
        return _Field(side, field.jump * stride, field.sees_all, True)
    if isinstance(module, nn.AdaptiveAvgPool2d | nn.Flatten | nn.Linear):
        return _Field(field.side, field.jump, True, False)
    return field


def macs(module: nn.Module, result: Tensor) -> int:
    """Multiply-accumulates for one sample in a convolution or linear layer with that output; 0 for
    other layers."""
    if isinstance(module, nn.Conv2d):
        per_output = (
            module.in_channels // module.groups * module.kernel_size[0] * module.kernel_size[1]
        )
        return per_output * result[0].numel()
    return module.in_features * result[0].numel() if isinstance(module, nn.Linear) else 0


@dataclass(frozen=True)
class Description:
    """A described network. `dense_first_layer` is the number of weights of 1000 fully connected
    neurons on its input."""

    name: str
    input: tuple[int, ...]
    layers: list[Layer]
    parameters: int
    macs: int
    dense_first_layer: int

    def receptive_field(self) -> tuple[int, bool]:
        """The receptive field of the last layer that still has a map: its side in input pixels, and
        whether means over the whole picture reach that layer, so that it depends on all of it."""
        maps = [layer for layer in self.layers if layer.receptive_field is not None]
        return max((layer.receptive_field or 1 for layer in maps), default=1), any(
            layer.sees_all for layer in maps
        )

    def to_json(self) -> dict[str, Any]:
        """Everything, for JSON."""
        side, sees_all = self.receptive_field()
        height, width = self.input[1:]
        return asdict(self) | {
            "receptive_field": side,
            "context_sees_all": sees_all,
            "covers_input_from_centre": side >= max(height, width),
            "covers_input_from_corner": side >= 2 * max(height, width) - 1,
        }

    def table(self) -> str:
        """Everything, for people."""
        head = (
            f"{'layer':26}{'kind':16}{'kernel':>7}{'stride':>7}{'output':>14}{'field':>7}"
            f"{'parameters':>12}{'MACs':>15}{'if fully connected':>20}"
        )
        rows = [f"{self.name}: input {_shape(self.input)}", head]
        for x in self.layers:
            dense = f"{x.fully_connected:,}" if x.fully_connected is not None else ""
            seen = ("" if x.receptive_field is None else str(x.receptive_field)) + (
                "*" if x.sees_all else ""
            )
            shape = f"{x.kernel or '':>7}{x.stride or '':>7}{_shape(x.output):>14}{seen:>7}"
            rows.append(f"{x.name:26}{x.kind:16}{shape}{x.parameters:>12,}{x.macs:>15,}{dense:>20}")
        side, sees_all = self.receptive_field()
        height, width = self.input[1:]
        longest = max(height, width)
        cover = (
            "covers the whole input from the centre"
            if side >= longest
            else "does not cover the input even from the centre"
        )
        corner = (
            ", and from a corner"
            if side >= 2 * longest - 1
            else f" (from a corner it would take {2 * longest - 1})"
        )
        rows.append(
            f"total: {self.parameters:,} parameters, {self.macs:,} multiply-accumulates a sample"
        )
        rows.append(f"receptive field {side}x{side}: {cover}{corner if side >= longest else ''}")
        if sees_all:
            rows.append(
                "* a mean over the whole picture reaches this layer as context, so it sees"
                " everything, though coarsely"
            )
        rows.append(
            f"{FULLY_CONNECTED_NEURONS} fully connected neurons on this input would take"
            f" {self.dense_first_layer:,} weights; the first convolution takes"
            f" {self.layers[0].parameters:,}"
        )
        return "\n".join(rows)


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def describe(name: str, model: nn.Module, shape: tuple[int, int, int]) -> Description:
    """Describe `model` for inputs of `shape` (channels, height, width). The model must be traceable
    by torch.fx; it is set to evaluation mode."""
    walker = _Walker(traced(model))
    with torch.no_grad():
        walker.run(torch.zeros(1, *shape))
    inputs = shape[0] * shape[1] * shape[2]
    parameters = sum(p.numel() for p in model.parameters())
    return Description(
        name,
        shape,
        walker.layers,
        parameters,
        sum(x.macs for x in walker.layers),
        inputs * FULLY_CONNECTED_NEURONS,
    )
