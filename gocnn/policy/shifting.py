"""What becomes of a layer's maps when the picture is shifted or turned: with shared weights they go
along, with each point's own they do not."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from gocnn.board.coords import SIZE
from gocnn.features.planes import PLANES
from gocnn.nn import LocallyConnected
from gocnn.nn.seeds import seeded
from gocnn.policy.inside import Inside, Planes
from gocnn.policy.predictions import Floats

EVERYWHERE = ("board", "handicap", "style", "black")
"""Groups of planes that say the same of all points."""

OWN_MAPS = 8
"""Maps of the layer with own filters."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Movement:
    """How a picture is moved: `turns` quarter turns clockwise, as the board is seen, then `right`
    and `up` points."""

    right: int = 0
    up: int = 0
    turns: int = 0

    def moved(self, maps: npt.NDArray[np.generic], fill: float = 0) -> npt.NDArray[np.generic]:
        """Maps `(..., 19, 19)` moved along; points that nothing comes to are `fill`."""
        turned = np.rot90(maps, self.turns, axes=(-2, -1))
        out = np.full_like(turned, fill)
        to_rows, from_rows = _overlap(self.up)
        to_columns, from_columns = _overlap(self.right)
        out[..., to_rows, to_columns] = turned[..., from_rows, from_columns]
        return out

    def moved_planes(self, planes: Planes, plane_groups: tuple[str, ...]) -> Planes:
        """A position's planes moved along: what comes in from beyond the edge is empty, and one may
        play there."""
        out = self.moved(planes)
        start = 0
        for name in plane_groups:
            inside = slice(start, start + PLANES[name])
            if name in EVERYWHERE:
                out[:, inside] = planes[:, inside]
            elif name == "legal":
                out[:, inside] = self.moved(planes[:, inside], 1)
            start = inside.stop
        result: Planes = np.ascontiguousarray(out).astype(np.uint8)
        return result

    def arrived(self) -> Mask:
        """Points that a point of the board before has come to, bool `(19, 19)`."""
        mask: Mask = self.moved(np.ones((SIZE, SIZE), np.bool_)).astype(np.bool_)
        return mask

    def undisturbed(self, side: int) -> Mask:
        """Points whose field of `side` x `side` lies on the board, and lay there before: what they
        see is the same, moved. bool `(19, 19)`."""
        inner = np.zeros((SIZE, SIZE), np.bool_)
        reach = side // 2
        inner[reach : SIZE - reach, reach : SIZE - reach] = True
        mask: Mask = inner & self.moved(inner).astype(np.bool_)
        return mask


@dataclass(frozen=True)
class Followed:
    """A map before and after its picture was moved, float32 `(19, 19)`: `expected` is the one
    before, moved along, 0 where nothing came.

    compared: bool `(19, 19)`, the points whose field was moved whole; difference: the largest
    between `after` and `expected` among those of all maps (None where there are no such points),
    overall: among all points that something came to; largest: the largest value of all maps, for
    comparison.
    """

    before: Floats
    expected: Floats
    after: Floats
    compared: Mask
    difference: float | None
    overall: float
    largest: float


def followed(maps: tuple[Floats, Floats], index: int, movement: Movement, side: int) -> Followed:
    """Compare a layer's maps before and after, float32 `(C, 19, 19)` each, whose values see fields
    of `side` points; map `index` is shown."""
    before, after = maps
    expected: Floats = movement.moved(before).astype(np.float32)
    apart = np.abs(after - expected).max(0)
    compared, arrived = movement.undisturbed(side), movement.arrived()
    return Followed(
        before[index],
        expected[index],
        after[index],
        compared,
        float(apart[compared].max()) if compared.any() else None,
        float(apart[arrived].max()) if arrived.any() else 0.0,
        float(max(np.abs(before).max(), np.abs(after).max())),
    )


def followed_inside(
    inside: Inside, planes: Planes, movement: Movement, number: int, index: int
) -> Followed:
    """What becomes of a network's own maps. Raises IndexError for an unknown layer or map."""
    moved = movement.moved_planes(planes, inside.policy.plane_groups)
    maps = inside.maps(planes, number), inside.maps(moved, number)
    return followed(maps, index, movement, inside.layers[number].side)


class OwnFilters:
    """A first layer as wide as a network's, but with filters of each point's own, drawn with a
    seed: nobody has trained it, since what it shows is a matter of weights, not of training."""

    def __init__(self, inside: Inside, seed: int = 1) -> None:
        self._inside = inside
        stem = inside.layers[0].convolution.module
        self.kernel = stem.kernel_size[0]
        with seeded(seed):
            self._layer = LocallyConnected(
                stem.in_channels, OWN_MAPS, SIZE, kernel=self.kernel
            ).eval()
        self.weights = stem.weight.numel() * SIZE * SIZE
        """What such a layer with as many maps as the network's first one would have."""

    @torch.no_grad()
    def maps(self, planes: Planes) -> Floats:
        """The feature maps of this layer for a position, float32 `(8, 19, 19)`."""
        result: Floats = self._layer(torch.from_numpy(planes).float())[0].numpy()
        return result

    def followed(self, planes: Planes, movement: Movement, index: int) -> Followed:
        """What becomes of them."""
        moved = movement.moved_planes(planes, self._inside.policy.plane_groups)
        return followed((self.maps(planes), self.maps(moved)), index, movement, self.kernel)


def _overlap(steps: int) -> tuple[slice, slice]:
    """Where a line of points goes to that is shifted by so many, and where that comes from."""
    steps = max(-SIZE, min(SIZE, steps))
    to = slice(max(0, steps), SIZE + min(0, steps))
    return to, slice(to.start - steps, to.stop - steps)
