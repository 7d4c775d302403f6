"""Colours for the values of feature maps: one scale for several maps, whose numbers are drawn."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gocnn.figures import pyplot

CUT = 99.9
"""Percentage of the values that the scale reaches over: a few that stand out must not make all
others pale."""


class ColourScale(NamedTuple):
    """A colour map and its ends for values; extend: which ends values
    lie beyond, in matplotlib's words; words: what the colours mean, in a few words."""

    mappable: Any
    extend: str
    words: str

    def colours(self, values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """The values' colours, float64 `(..., 3)` from 0 to 1."""
        result: npt.NDArray[np.float64] = self.mappable.to_rgba(values)[..., :3]
        return result


def scale_of(values: npt.NDArray[Any]) -> ColourScale:
    """The colour scale of maps, float: from 0 up if none is below it, as behind a ReLU, dark to
    bright; else as far below as above 0, which is white, blue to red. A constant is drawn, too."""
    pyplot()
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    sizes = np.abs(values[np.isfinite(values)])
    most = float(sizes.max(initial=0.0))
    end = float(np.percentile(sizes, CUT)) if sizes.size else 0.0
    end = end if end > 0.2 * most else most or 1.0
    cut = most > end * (1 + 1e-6)
    if (values >= 0).all():
        mappable = ScalarMappable(Normalize(0, end), "viridis")
        words = "dark: 0; bright: large"
        return ColourScale(mappable, "max" if cut else "neither", words)
    mappable = ScalarMappable(Normalize(-end, end), "RdBu_r")
    words = "red: above 0; white: 0; blue: below"
    return ColourScale(mappable, "both" if cut else "neither", words)


def strongest(maps: npt.NDArray[Any], most: int) -> npt.NDArray[np.int64]:
    """Indices of the maps, `(C, h, w)`, with the largest values (by amount), the largest first, at
    most so many."""
    order = np.argsort(-np.abs(maps).max((1, 2)), kind="stable")[:most]
    return order.astype(np.int64)


def number(value: float) -> str:
    """A value in three digits, as it stands above a map."""
    return "0" if value == 0 else f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
