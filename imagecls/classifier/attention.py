"""Where a classifier looks, whatever computes."""

import numpy as np

from imagecls.classifier.ensemble import Asked
from imagecls.classifier.views import Floats, Pixels, resampled, shrinking


def grad_cam(asked: Asked, pixels: Pixels, label: int | None = None) -> tuple[Floats, Floats]:
    """The heat map, float32 `(size, size)` from 0 to 1, of what speaks for class `label` (by
    default the answer), and the probabilities; see `Asked.attention`. `pixels`: one picture, uint8
    `(3, S, S)`."""
    probabilities = asked.probabilities(pixels[None])[0]
    chosen = int(probabilities.argmax()) if label is None else label
    (heat,) = asked.attention(pixels, [chosen])
    return heat / max(float(heat.max()), 1e-12), probabilities


def weighted(maps: Floats, weights: Floats, size: int) -> Floats:
    """Feature maps, float32 `(C, h, w)`, summed with weights, float32 `(labels, C)`, what is below
    zero cut off, enlarged bilinearly: float32 `(labels, size, size)`."""
    heat = np.maximum(np.einsum("lc,chw->lhw", weights, maps), 0)
    return resampled(heat, *(shrinking(side, size) for side in maps.shape[1:]))
