"""What the layers of a classifier make of a picture, and where it looks."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gocnn.errors import UserError
from imagecls.classifier.model import Floats, Predictor, weighed
from imagecls.classifier.models.base import Classifier, depth, lies_last, maps_of

__all__ = ["attention_at", "feature_maps", "filters", "grad_cam", "layers", "shapes", "stages"]


def grad_cam(
    predictor: Predictor,
    pixels: npt.NDArray[np.uint8],
    label: int | None = None,
    *,
    layer: str | None = None,
) -> tuple[Floats, Floats]:
    """The heat map, float32 `(size, size)` from 0 to 1, of what speaks for class `label` (by
    default the answer), by the maps of a layer (a name of `layers`; by default the last maps), and
    the probabilities. `pixels`: one picture, uint8 `(3, S, S)`. Raises UserError if there is no
    such layer."""
    probabilities = predictor.probabilities(pixels[None])[0]
    chosen = int(probabilities.argmax()) if label is None else label
    if layer is None:
        (heat,) = predictor.attention(pixels, [chosen])
    else:
        (heat,) = attention_at(predictor, pixels, [chosen], layer)
    return heat / max(float(heat.max()), 1e-12), probabilities


def attention_at(
    predictor: Predictor, pixels: npt.NDArray[np.uint8], labels: Sequence[int], layer: str
) -> Floats:
    """Grad-CAM as `imagecls.classifier.ensemble.Asked.attention` has it, by the maps of a layer
    instead of the last ones: float32 `(labels, size, size)`. Raises UserError if there is no such
    layer."""
    _check(layer, layers(predictor))
    kept: list[Tensor] = []
    network = predictor.network

    def hook(module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        maps = maps_of(network, module, output).detach().requires_grad_()
        kept.append(maps)
        again = maps.permute(0, 2, 3, 1) if lies_last(network, module, output) else maps
        return again.clone()  # a ReLU behind it may work in place, which a leaf does not bear

    handle = network.get_submodule(layer).register_forward_hook(hook)
    with torch.enable_grad():
        try:
            logits = network(predictor.view(pixels[None]))
        finally:
            handle.remove()
        return weighed(kept[-1], logits, labels, predictor.config.size)


def filters(predictor: Predictor) -> tuple[str, Floats]:
    """The first layer's name, and its filters, float32 `(filters, 3, k, k)`, on red, green and blue
    of normalised pictures."""
    first = predictor.network.first_layer()
    name = next(name for name, module in predictor.network.named_modules() if module is first)
    result: Floats = first.weight.detach().float().cpu().numpy()
    return name, result


def layers(predictor: Predictor) -> list[str]:
    """Names of the layers whose output is feature maps, from the picture on."""
    return list(shapes(predictor))


def shapes(predictor: Predictor) -> dict[str, tuple[int, int, int]]:
    """The layers whose output is feature maps, from the picture on, and the shape of those:
    channels, height, width."""
    found: dict[str, tuple[int, int, int]] = {}
    handles = [
        module.register_forward_hook(_noting(found, name, predictor.network))
        for name, module in predictor.network.named_modules()
        if name
    ]
    side = predictor.config.store_size
    try:
        _run(predictor, np.zeros((3, side, side), np.uint8))
    finally:
        for handle in handles:
            handle.remove()
    return found


def stages(predictor: Predictor) -> list[str]:
    """Names of the layers that a network is made of in the large: its parts, and those of a part
    that is called `stages`, as far as their output is feature maps. Of a network that only holds
    another one these are the other's."""
    found = shapes(predictor)
    network: nn.Module = predictor.network
    before = ""
    while len(parts := dict(network.named_children())) == 1:
        ((name, network),) = parts.items()
        before += f"{name}."
    names = [f"{before}{name}" for name in parts if name != "stages"]
    inner = parts.get("stages")
    if inner is not None:
        names += [f"{before}stages.{name}" for name, _ in inner.named_children()]
    return [name for name in found if name in names]


def _noting(found: dict[str, tuple[int, int, int]], name: str, network: Classifier) -> object:
    def hook(module: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output.shape[2] > 1:
            found.pop(name, None)  # of a layer that is used twice the last time counts
            _, channels, height, width = maps_of(network, module, output).shape
            found[name] = (channels, height, width)

    return hook


def feature_maps(predictor: Predictor, pixels: npt.NDArray[np.uint8], layer: str) -> Floats:
    """What the layer of that name makes of a picture: float32 `(C, H, W)`. Raises UserError if
    there is no such layer."""
    _check(layer, layers(predictor))
    kept: list[Tensor] = []
    network = predictor.network
    # A copy: a ReLU behind it may work in place.
    handle = network.get_submodule(layer).register_forward_hook(
        lambda module, _inputs, output: kept.append(
            maps_of(network, module, output.detach()).float().clone()
        )
    )
    try:
        _run(predictor, pixels)
    finally:
        handle.remove()
    result: Floats = kept[-1][0].cpu().numpy()
    return result


def _check(layer: str, known: list[str]) -> None:
    """Raises UserError if there is no such layer."""
    if layer not in known:
        shown = [name for name in known if depth(name) < 2]
        raise UserError(
            f"there is no layer {layer[:60]}; layers of this model are {', '.join(shown[:40])}"
        )


@torch.inference_mode()
def _run(predictor: Predictor, pixels: npt.NDArray[np.uint8]) -> None:
    predictor.network(predictor.view(pixels[None]))
