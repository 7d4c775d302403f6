"""A policy network from within, for one position: the maps of all its convolutions, how their
values come about, and the field that each of them sees."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gocnn.board.coords import SIZE
from gocnn.features.planes import PLANES, plane_count
from gocnn.nn.convolutions import Convolution, Convolutions, Passed, Products
from gocnn.policy.model import Policy
from gocnn.policy.predictions import Floats

Planes = npt.NDArray[np.uint8]
Part = Literal["stem", "block", "head"]

KEPT = 6
"""Positions whose maps are kept: whoever looks at one map after the other asks of the same one."""


class Field(NamedTuple):
    """What a point of a layer sees through convolutions: rows and columns, the first and the last,
    both on the board."""

    top: int
    bottom: int
    left: int
    right: int


@dataclass(frozen=True)
class InsideLayer:
    """A convolution on the way from the board to the logits. part: of the network; block: its
    number, from 1, or 0; place: which convolution of its part, from 1."""

    number: int
    part: Part
    block: int
    place: int
    convolution: Convolution

    @property
    def side(self) -> int:
        """The side of its receptive field, in points."""
        side = self.convolution.layer.receptive_field
        assert side is not None
        return side

    def field(self, index: int) -> Field:
        """The points that its value at a point depends on through convolutions."""
        reach, row, column = self.side // 2, index // SIZE, index % SIZE
        return Field(
            max(0, row - reach),
            min(SIZE - 1, row + reach),
            max(0, column - reach),
            min(SIZE - 1, column + reach),
        )


class Inside:
    """What happens inside a network. Points are flat indices; planes uint8 `(1, C, 19, 19)`
    (`gocnn.policy.suggestion.planes_of`). It may be used from several threads."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._convolutions = Convolutions(
            policy.network, (plane_count(policy.plane_groups), SIZE, SIZE)
        )
        self._kept: OrderedDict[bytes, Passed] = OrderedDict()
        self._lock = threading.Lock()
        self.layers: list[InsideLayer] = []
        places: dict[str, int] = {}
        for one in self._convolutions.all:
            part, block = _part(one.layer.name)
            if part is not None:
                key = f"{part} {block}"
                places[key] = places.get(key, 0) + 1
                number = len(self.layers)
                self.layers.append(InsideLayer(number, part, block, places[key], one))

    @property
    def plane_names(self) -> list[str]:
        """What each input is: the name of its group, and its number there from 1 if there are
        several."""
        return [
            f"{name} {k + 1}" if PLANES[name] > 1 else name
            for name in self.policy.plane_groups
            for k in range(PLANES[name])
        ]

    def maps(self, planes: Planes, number: int) -> Floats:
        """The maps of a layer, float32 `(C, 19, 19)`. Raises IndexError for an unknown layer."""
        inner = self._inner(number)
        result: Floats = self._passed(planes, inner).maps[inner].numpy()
        return result

    def products(self, planes: Planes, number: int, index: int, point: int) -> Products:
        """How the value of map `index` of a layer at a point comes about. Raises IndexError."""
        inner = self._inner(number)
        passed = self._passed(planes, inner)
        return self._convolutions.products(passed, inner, index, *divmod(point, SIZE))

    def influence(self, planes: Planes, number: int, index: int, point: int) -> Floats:
        """How much each point of the board matters to the sum behind a value of map `index` of a
        layer, float32 `(19, 19)`, the largest 1. Raises IndexError."""
        found = self._convolutions.influence(
            self._tensor(planes), self._inner(number), index, *divmod(point, SIZE)
        )
        result: Floats = found / max(float(found.max()), 1e-30)
        return result

    def _inner(self, number: int) -> int:
        return self.layers[number].convolution.number

    def _tensor(self, planes: Planes) -> Tensor:
        return torch.from_numpy(planes).to(self.policy.device).float()

    def _passed(self, planes: Planes, last: int) -> Passed:
        """What the position leaves in the network up to a convolution, or further."""
        key = planes.tobytes()
        with self._lock:
            known = self._kept.get(key)
            if known is not None and len(known.maps) > last:
                self._kept.move_to_end(key)
                return known
        passed = self._convolutions.run(self._tensor(planes), last)
        with self._lock:
            self._kept[key] = passed
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return passed


def _part(name: str) -> tuple[Part | None, int]:
    """Which part of the network a convolution belongs to, by its name; None for one of another
    head."""
    first, *rest = name.split(".")
    if first == "blocks":
        return "block", int(rest[0]) + 1
    return (first, 0) if first in ("stem", "head") else (None, 0)  # type: ignore[return-value]
