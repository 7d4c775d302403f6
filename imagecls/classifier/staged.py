"""A classifier stage by stage: the maps that each leaves; with other poolings than it has learnt
with."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gocnn.nn import pooling
from imagecls.classifier.explain import feature_maps, shapes, stages
from imagecls.classifier.model import Floats, Predictor
from imagecls.classifier.models.cnn import PlainCNN
from imagecls.photos.shrinking import Way


@dataclass(frozen=True)
class Stage:
    """What a stage leaves. name: the layer's; pools: whether it is a pooling; maps: float32 `(C, H,
    W)`."""

    name: str
    pools: bool
    maps: Floats


def pools(predictor: Predictor) -> bool:
    """Whether the network is one of convolution and pooling in turn, whose poolings can be
    changed."""
    return isinstance(predictor.network, PlainCNN)


@torch.inference_mode()
def staged(
    predictor: Predictor, pixels: npt.NDArray[np.uint8], way: Way | None = None
) -> tuple[list[Stage], Floats | None]:
    """The stages of a network for a picture, uint8 `(3, S, S)`, and the probabilities at the end,
    float32 `(classes,)`.

    way: how a `cnn` pools (None: as it has learnt to). Without any pooling (`none`) its maps keep
    their size and do not fit its fully connected layers: there are no probabilities then. Other
    networks shrink their maps by strides, which cannot be taken out: for them way changes nothing.
    """
    network = predictor.network
    if not isinstance(network, PlainCNN):
        known = shapes(predictor)
        return [
            Stage(name, False, feature_maps(predictor, pixels, name))
            for name in stages(predictor)
            if name in known
        ], predictor.probabilities(pixels[None])[0]
    x, found = predictor.view(pixels[None]), []
    for name, part in network.stages.named_children():
        is_pool = isinstance(part, nn.MaxPool2d | nn.AvgPool2d)
        x = _pooled(x, part, way) if is_pool else part(x)
        found.append(Stage(f"stages.{name}", is_pool, x[0].float().cpu().numpy().copy()))
    if way == "none":
        return found, None
    row: Floats = torch.softmax(network.classify(x)[0].float(), 0).cpu().numpy()
    return found, row


def _pooled(x: Tensor, own: nn.Module, way: Way | None) -> Tensor:
    if way is None:
        found: Tensor = own(x)
    elif way == "none":
        return x
    elif way == "every-second":
        # of an odd side the last is left out, as pooling leaves it out
        return x[:, :, : x.shape[2] // 2 * 2 : 2, : x.shape[3] // 2 * 2 : 2]
    else:
        found = pooling(way)(x)
    return found
