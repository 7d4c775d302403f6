"""What a policy network sees: its feature maps, its first filters, and what one answer depends
on."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gocnn.board.coords import SIZE
from gocnn.features.planes import PLANES
from gocnn.nn.describe import describe
from gocnn.nn.variants import NormAct
from gocnn.policy.model import Policy
from gocnn.policy.predictions import Floats


@dataclass(frozen=True)
class LayerView:
    """A layer whose output is feature maps: its number (0 is the stem), name, and receptive field:
    the side, in points, of the square that one of its values depends on; sees_all: a mean over the
    board reaches it besides."""

    number: int
    name: str
    receptive_field: int
    sees_all: bool


def _modules(policy: Policy) -> list[tuple[str, nn.Module]]:
    trunk = enumerate(policy.network.blocks, 1)  # pre-activation trunks end with a normalisation
    blocks = [
        ("norm" if isinstance(part, NormAct) else f"block {number}", part) for number, part in trunk
    ]
    return [("stem", policy.network.stem), *blocks, ("head", policy.network.head.hidden)]


def layers(policy: Policy) -> list[LayerView]:
    """The stem, each residual block, the trunk's last normalisation if it has one, and the head's
    hidden layer."""
    channels = policy.network.stem[0].in_channels
    assert isinstance(channels, int)
    described = describe("policy", policy.network, (channels, SIZE, SIZE)).layers
    found = []
    for number, (name, _) in enumerate(_modules(policy)):
        prefix = {"stem": "stem", "head": "head.hidden"}.get(name, f"blocks.{number - 1}")
        inside = [
            layer
            for layer in described
            if layer.name == prefix or layer.name.startswith(prefix + ".")
        ]
        sides = [layer.receptive_field for layer in inside if layer.receptive_field is not None]
        found.append(LayerView(number, name, max(sides), any(layer.sees_all for layer in inside)))
    return found


def feature_maps(policy: Policy, planes: npt.NDArray[np.uint8], number: int) -> Floats:
    """What layer `number` makes of a position: float32 `(C, 19, 19)`. `planes`: uint8 `(1, C, 19,
    19)`. Raises IndexError for an unknown layer."""
    caught: list[Tensor] = []
    handle = _modules(policy)[number][1].register_forward_hook(
        lambda _module, _inputs, output: caught.append(output.detach())
    )
    try:
        policy.logits(planes)
    finally:
        handle.remove()
    result: Floats = caught[0][0].float().cpu().numpy()
    return result


def first_filters(policy: Policy) -> tuple[Floats, list[str]]:
    """The stem's filters, summed over the planes of each group: float32 `(filters, groups, k, k)`,
    and the names of the groups."""
    stem = policy.network.stem[0]
    assert isinstance(stem, nn.Conv2d)
    weight = stem.weight.detach().float().cpu().numpy()
    parts, start = [], 0
    for name in policy.plane_groups:
        parts.append(weight[:, start : start + PLANES[name]].sum(1))
        start += PLANES[name]
    return np.stack(parts, 1), list(policy.plane_groups)


def influence(policy: Policy, planes: npt.NDArray[np.uint8], index: int) -> Floats:
    """How much each point matters to the logit of move `index`: float32 `(19, 19)`, the absolute
    gradient summed over the planes, largest 1.

    (Simonyan et al. 2013, "Deep inside convolutional networks", https://arxiv.org/abs/1312.6034.)
    """
    x = torch.from_numpy(planes).to(policy.device).float().requires_grad_()
    network = policy.network
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(
            network.head(network.blocks(network.stem(x)))[0, index], x
        )
    total = gradient[0].abs().sum(0)
    result: Floats = (total / total.max().clamp(min=1e-12)).float().cpu().numpy()
    return result
