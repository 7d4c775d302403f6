"""Pictures that a classifier finds alike: neighbours by the direction of their features."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from imagecls.classifier.model import Floats, Predictor
from imagecls.photos.data import PhotoSet

CHUNK = 64
"""Pictures that go through the network together."""


@torch.inference_mode()
def features(predictor: Predictor, pixels: npt.NDArray[np.uint8]) -> Floats:
    """What a network knows of pictures, uint8 `(N, 3, S, S)`, before it decides: the means of its
    last feature maps, float32 `(N, C)`, of length 1 each."""
    maps = predictor.network.features(predictor.view(pixels)).float()
    found: Floats = maps.mean((2, 3)).cpu().numpy()
    result: Floats = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
    return result


def features_of(
    predictor: Predictor, photos: PhotoSet, tick: Callable[[int], Any] = lambda _: None
) -> Floats:
    """The same of photographs in a store; `tick` is called with the size of each chunk."""
    parts = []
    for i in range(0, len(photos), CHUNK):
        rows = photos.rows[i : i + CHUNK]
        parts.append(features(predictor, photos.store.pixels(rows)))
        tick(len(rows))
    return np.concatenate(parts)


def nearest(known: Floats, feature: Floats, count: int) -> list[tuple[int, float]]:
    """The `count` rows of `known`, `(N, C)`, that are most alike to `feature`, `(C,)`, the most
    alike first: index, and the cosine of the angle between the two (1: the same direction)."""
    alike = known @ feature
    order = np.argsort(-alike, kind="stable")[:count]
    return [(int(i), float(alike[i])) for i in order]
