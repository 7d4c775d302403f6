"""Colours for the values of feature maps: one scale for several maps, whose numbers are drawn."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gocnn.figures import pyplot

USUAL, FAR = 75, 1.5
"""Percentage of the maps whose largest values the scale reaches to, where others lie farther than
so many times as far: a map or two that stand out must not make all others pale."""


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


def scale_of(maps: npt.NDArray[Any]) -> ColourScale:
    """The colour scale of maps, float `(C, h, w)`: from 0 up if none is below it, as behind a ReLU,
    dark to bright; else as far below as above 0, which is white, blue to red."""
    pyplot()
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    peaks = np.abs(maps).max((1, 2))
    most, usual = float(peaks.max()), float(np.percentile(peaks, USUAL))
    cut = most > FAR * usual > 0
    end = usual if cut else most or 1.0
    beyond = "; what lies beyond its end has the end's colour" if cut else ""
    if (maps >= 0).all():
        mappable = ScalarMappable(Normalize(0, end), "viridis")
        words = f"dark: 0; bright: large{beyond}"
        return ColourScale(mappable, "max" if cut else "neither", words)
    mappable = ScalarMappable(Normalize(-end, end), "RdBu_r")
    words = f"red: above 0; white: 0; blue: below{beyond}"
    return ColourScale(mappable, "both" if cut else "neither", words)


def strongest(maps: npt.NDArray[Any], most: int) -> npt.NDArray[np.int64]:
    """Indices of the maps, `(C, h, w)`, with the largest values (by amount), the largest first, at
    most so many."""
    order = np.argsort(-np.abs(maps).max((1, 2)), kind="stable")[:most]
    return order.astype(np.int64)


def number(value: float) -> str:
    """A value in three digits, as it stands above a map."""
    return "0" if value == 0 else f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
