"""What the layers of a classifier make of a picture (`attention`: where it looks)."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gocnn.errors import UserError
from imagecls.classifier.attention import grad_cam
from imagecls.classifier.model import Floats, Predictor

__all__ = ["feature_maps", "filters", "grad_cam", "layers"]


def filters(predictor: Predictor) -> tuple[str, Floats]:
    """The first layer's name, and its filters, float32 `(filters, 3, k, k)`, on red, green and blue
    of normalised pictures."""
    first = predictor.network.first_layer()
    name = next(name for name, module in predictor.network.named_modules() if module is first)
    result: Floats = first.weight.detach().float().cpu().numpy()
    return name, result


def layers(predictor: Predictor) -> list[str]:
    """Names of the layers whose output is feature maps, from the picture on."""
    names: list[str] = []
    handles = [
        module.register_forward_hook(_noting(names, name))
        for name, module in predictor.network.named_modules()
        if name
    ]
    _run(
        predictor, np.zeros((3, predictor.config.store_size, predictor.config.store_size), np.uint8)
    )
    for handle in handles:
        handle.remove()
    return list(dict.fromkeys(names))


def _noting(names: list[str], name: str) -> object:
    def hook(_module: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output.shape[2] > 1:
            names.append(name)

    return hook


def feature_maps(predictor: Predictor, pixels: npt.NDArray[np.uint8], layer: str) -> Floats:
    """What the layer of that name makes of a picture: float32 `(C, H, W)`. Raises UserError if
    there is no such layer."""
    known = layers(predictor)
    if layer not in known:
        shown = [name for name in known if name.count(".") < 2]
        raise UserError(
            f"there is no layer {layer}; layers of this model are {', '.join(shown[:40])}"
        )
    kept: list[Tensor] = []
    # A copy: a ReLU behind it may work in place.
    handle = predictor.network.get_submodule(layer).register_forward_hook(
        lambda _module, _inputs, output: kept.append(output.detach().float().clone())
    )
    _run(predictor, pixels)
    handle.remove()
    result: Floats = kept[0][0].cpu().numpy()
    return result


@torch.inference_mode()
def _run(predictor: Predictor, pixels: npt.NDArray[np.uint8]) -> None:
    predictor.network(predictor.view(pixels[None]))
