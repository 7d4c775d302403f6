"""A trained classifier as an ONNX file, for onnxruntime here and for programs in other languages.

Input `pictures`, float32 `(N, 3, size, size)`: red, green and blue from 0 to 1; the mean is
subtracted and the deviation divided by in the file. Outputs:

    logits    float32 (N, classes)
    maps      float32 (N, C, h, w), the last feature maps
    weights   float32 (N, classes, C), the mean gradient of each class's logit on each of the maps

so that Grad-CAM, the maps summed with a class's weights, needs no gradients any more. It is exact
for every head of linear layers, ReLU and batch normalisation: its Jacobian is computed beside it.
With a single linear layer after mean pooling the weights are that layer's, divided by h * w, the
same for every picture. A head of another kind has no output `weights`.

The metadata hold `kind`, `config` and `provenance`, as in the model file; and, for other programs,
`classes` (a JSON list), `preprocessing` and `head`, in words.
"""

import json
import math
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from gocnn.errors import UserError
from gocnn.files import write_bytes
from gocnn.modelfile import describing
from gocnn.onnxwriting import onnx_of
from imagecls.classifier import KIND
from imagecls.classifier.model import Predictor
from imagecls.classifier.models.base import Classifier
from imagecls.classifier.runtime import LOGITS, MAPS, SEES, WEIGHTS, OnnxClassifier
from imagecls.classifier.views import VIEWS, Pixels

CLOSE = 1e-4
"""How far answers in float32 may be from torch's: a probability, or a heat map as a share of its
largest value."""


def export(predictor: Predictor, target: Path, precision: str = "fp32") -> float:
    """Write the network as ONNX, whole or not at all, once it is known to answer as torch does;
    returns the largest `difference`.

    precision: as for `gocnn.onnxwriting.onnx_of`. Raises UserError if the file cannot be written,
    if a package is missing, or if it answers otherwise than torch.
    """
    config, head, known = predictor.config, predictor.network.head_layers(), has_weights(predictor)
    metadata = describing(KIND, asdict(config), predictor.provenance) | {
        "classes": json.dumps(config.classes),
        "preprocessing": (
            f"RGB; {'the middle square, ' if config.fit == 'crop' else ''}resized to"
            f" {config.store_size}x{config.store_size} (bilinear, anti-aliased,"
            f" {'sides kept' if config.fit == 'crop' else 'whatever its shape'}), then to"
            f" {config.size}x{config.size}; divided by 255. The file itself subtracts the mean"
            f" {config.mean} and divides by the deviation {config.std}."
        ),
        "head": _words(head) if head is not None and known else "of another kind: no weights",
    }
    network = _Exported(predictor, known)
    example = torch.zeros(2, 3, config.size, config.size)
    outputs = [LOGITS, MAPS, *([WEIGHTS] if known else [])]
    data = onnx_of(network.eval(), example, SEES, outputs, metadata, precision=precision)
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder, "trial.onnx")
        trial.write_bytes(data)
        apart = difference(predictor, OnnxClassifier(trial))
    if precision == "fp32" and not apart <= CLOSE:
        raise UserError(
            f"{predictor.path} as ONNX answers otherwise than torch (by {apart:.1e}), and was not"
            f" written to {target}; update onnx and onnxruntime"
        )
    write_bytes(target, data)
    return apart


def has_weights(predictor: Predictor) -> bool:
    """Whether a file of the network gives heat maps: its head is linear layers on feature maps."""
    head = predictor.network.head_layers()
    return head is not None and _known(head)


class _Exported(nn.Module):
    """What the file computes."""

    mean: Tensor
    std: Tensor

    def __init__(self, predictor: Predictor, weights: bool) -> None:
        super().__init__()
        self.network, self.weights = predictor.network, weights
        for name in ("mean", "std"):
            values = torch.tensor(getattr(predictor.config, name))[:, None, None]
            self.register_buffer(name, values)

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        maps = self.network.features((pictures - self.mean) / self.std)
        answers = self.network.classify(maps), maps
        return (*answers, head_gradient(self.network, maps)) if self.weights else answers


_PASSING = (nn.Dropout, nn.Flatten, nn.Identity)


def _known(head: list[nn.Module]) -> bool:
    """Whether the gradient of a head of those layers is known here."""
    kinds = (*_PASSING, nn.Linear, nn.ReLU, nn.BatchNorm1d, nn.AdaptiveAvgPool2d)
    pools = [i for i, layer in enumerate(head) if isinstance(layer, nn.AdaptiveAvgPool2d)]
    return (
        all(isinstance(layer, kinds) for layer in head)
        and pools in ([], [0])
        and all(layer.output_size in (1, (1, 1)) for layer in (head[i] for i in pools))
        and any(isinstance(layer, nn.Linear) for layer in head)
    )


def _words(head: list[nn.Module]) -> str:
    pooled = isinstance(head[0], nn.AdaptiveAvgPool2d)
    layers = sum(isinstance(layer, nn.Linear) for layer in head)
    return (
        f"{'mean over the map' if pooled else 'all points of the maps'}, then"
        f" {'one linear layer' if layers == 1 else f'{layers} linear layers with ReLU between'}"
    )


def head_gradient(network: Classifier, maps: Tensor) -> Tensor:
    """The mean, over the points of a map, of the gradient of each class's logit: float `(N,
    classes, C)` of feature maps `(N, C, h, w)`, by the chain rule through the layers of the head,
    which are all of a known kind and in evaluation mode."""
    head = network.head_layers()
    assert head is not None
    channels, points = maps.shape[1], maps.shape[2] * maps.shape[3]
    pooled = isinstance(head[0], nn.AdaptiveAvgPool2d)
    signs: dict[int, Tensor] = {}
    x = maps
    for i, layer in enumerate(head):
        x = layer(x.contiguous())
        if isinstance(layer, nn.ReLU):
            signs[i] = (x > 0).to(maps.dtype)
    first = next(layer for layer in head if isinstance(layer, nn.Linear))
    gradient: Tensor | None = None  # (N or nothing, classes, width)
    for i, layer in reversed(list(enumerate(head))):
        if isinstance(layer, nn.Linear):
            weight = layer.weight
            if layer is first:
                # what is wanted is the mean over the points, so it is taken where that is cheapest
                weight = (
                    weight / points
                    if pooled
                    else weight.view(len(weight), channels, points).mean(2)
                )
            gradient = weight if gradient is None else gradient @ weight
        elif isinstance(layer, nn.BatchNorm1d) and gradient is not None:
            assert layer.running_var is not None
            scale = (layer.running_var + layer.eps).rsqrt()
            gradient = gradient * (scale * layer.weight if layer.affine else scale)
        elif isinstance(layer, nn.ReLU) and gradient is not None:
            gradient = gradient * signs[i][:, None, :]
    assert gradient is not None
    return gradient.expand(maps.shape[0], gradient.shape[-2], channels)


def difference(one: Predictor, other: OnnxClassifier, pictures: int = 5) -> float:
    """The largest difference of the two on made-up pictures, in all views and in batches of several
    sizes: of a probability, or of a heat map as a share of its largest value."""
    made = samples(pictures, one.config.store_size)
    parts = [
        np.abs(one.probabilities(made[:n], tta) - other.probabilities(made[:n], tta)).max()
        for n, tta in ((pictures, 1), (1, 1), (2, len(VIEWS)))
    ]
    if has_weights(one):
        labels = range(len(one.config.classes))
        for each in made[:2]:
            mine, theirs = one.attention(each, labels), other.attention(each, labels)
            parts.append(np.abs(mine - theirs).max() / max(float(mine.max()), 1e-12))
    return float(max(parts))


def samples(count: int, side: int) -> Pixels:
    """Made-up pictures with large and small patches of colour: uint8 `(count, 3, side, side)`."""
    rng = np.random.default_rng(0)
    found = np.zeros((count, 3, side, side))
    for cells in (2, 5, 17):
        repeated = rng.random((count, 3, cells, cells)).repeat(math.ceil(side / cells), 2)
        found += repeated.repeat(math.ceil(side / cells), 3)[..., :side, :side]
    return (found * (255 / 3)).astype(np.uint8)
