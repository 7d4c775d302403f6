"""Where a classifier looks, whatever computes."""

import numpy as np

from imagecls.classifier.views import Floats, resampled, shrinking


def weighted(maps: Floats, weights: Floats, size: int) -> Floats:
    """Feature maps, float32 `(C, h, w)`, summed with weights, float32 `(labels, C)`, what is below
    zero cut off, enlarged bilinearly: float32 `(labels, size, size)`."""
    heat = np.maximum(np.einsum("lc,chw->lhw", weights, maps), 0)
    return resampled(heat, *(shrinking(side, size) for side in maps.shape[1:]))
