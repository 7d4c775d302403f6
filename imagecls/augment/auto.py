"""RandAugment and TrivialAugment: random operations from a list, each with a random strength, for
each picture on its own.

Strengths are torchvision's spaces (31 steps). Geometric operations join the one affine map; colour
operations are applied in the order drawn.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from imagecls.augment import colour, dealing, geometry

Auto = Literal["none", "trivial", "rand"]

COLOUR_OPERATIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "brightness": colour.brightness,
    "saturation": colour.saturation,
    "contrast": colour.contrast,
    "sharpness": colour.sharpness,
    "posterize": colour.posterize,
    "solarize": colour.solarize,
    "autocontrast": lambda x, _: colour.autocontrast(x),
    "equalize": lambda x, _: colour.equalize(x),
}
GEOMETRIC = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate")
NAMES = ("identity", *GEOMETRIC, *COLOUR_OPERATIONS)
STEPS = 31

# The largest strength of each operation: shear as a slope, shifts in widths, degrees, factors off
# 1, bits lost, threshold lowered.
TRIVIAL = {
    "shear_x": 0.99,
    "shear_y": 0.99,
    "translate_x": 32 / 224,
    "translate_y": 32 / 224,
    "rotate": 135.0,
    "brightness": 0.99,
    "saturation": 0.99,
    "contrast": 0.99,
    "sharpness": 0.99,
    "posterize": 6.0,
    "solarize": 1.0,
}
RAND = {
    "shear_x": 0.3,
    "shear_y": 0.3,
    "translate_x": 150 / 331,
    "translate_y": 150 / 331,
    "rotate": 30.0,
    "brightness": 0.9,
    "saturation": 0.9,
    "contrast": 0.9,
    "sharpness": 0.9,
    "posterize": 4.0,
    "solarize": 1.0,
}
RAND_OPERATIONS, RAND_MAGNITUDE = 2, 9


@dataclass(frozen=True)
class Drawn:
    """Random operations for N pictures in K rounds. maps: the geometric ones as one map, `(N, 2,
    3)`; chosen: each picture's operations, indices into NAMES, int64 `(N, K)`; strength: of the
    colour operations, see `strengths`, `(N, K)`; amount: what all were drawn with, signed, in the
    units of TRIVIAL, `(N, K)`; seated: the pictures of each operation, as `dealing.deal` returns
    them, where operations were dealt (else None)."""

    maps: Tensor
    chosen: Tensor
    strength: Tensor
    amount: Tensor
    seated: Tensor | None = None

    def __getitem__(self, some: slice) -> "Drawn":
        """The part of some pictures, of operations that were not dealt."""
        return Drawn(self.maps[some], self.chosen[some], self.strength[some], self.amount[some])


def largest(kind: Auto) -> tuple[float, ...]:
    """The largest strength of each of NAMES."""
    return tuple((TRIVIAL if kind == "trivial" else RAND).get(name, 0.0) for name in NAMES)


def sample(kind: Auto, count: int, most: Tensor, *, hosted: bool = True) -> Drawn:
    """Random operations for `count` pictures.

    TrivialAugment (Müller and Hutter 2021, https://arxiv.org/abs/2103.10158): one operation of any
    strength. RandAugment (Cubuk et al. 2019, https://arxiv.org/abs/1909.13719): two, of strength 9
    of 30. `most` is `largest(kind)` on the device whose default generator gives the numbers.
    `hosted`: each picture's operations are independent, and `apply` looks on the host which picture
    has which; else they are dealt (see `dealing`), so that the host never waits.
    """
    rounds, device = 1 if kind == "trivial" else RAND_OPERATIONS, most.device
    if hosted:
        chosen, seated = torch.randint(len(NAMES), (count, rounds), device=device), None
    else:
        chosen, seated = dealing.deal(len(NAMES), count, rounds, device=device)
    if kind == "trivial":
        share = torch.randint(STEPS, (count, rounds), device=device) / (STEPS - 1)
    else:
        share = torch.full((count, rounds), RAND_MAGNITUDE / (STEPS - 1), device=device)
    sign = torch.where(torch.rand(count, rounds, device=device) < 0.5, -1.0, 1.0)
    amount = share * most[chosen]
    signed = amount * sign
    return Drawn(geometric(chosen, signed), chosen, strengths(chosen, amount, sign), signed, seated)


def geometric(chosen: Tensor, amount: Tensor) -> Tensor:
    """The geometric ones among the chosen operations as one map; `amount`: their signed
    strengths."""
    maps = geometry.identity(len(chosen), chosen.device)
    for k in range(chosen.shape[1]):
        part = {
            name: torch.where(chosen[:, k] == NAMES.index(name), amount[:, k], 0.0)
            for name in GEOMETRIC
        }
        slopes = [torch.rad2deg(torch.atan(part[name])) for name in ("shear_x", "shear_y")]
        moved = geometry.shift(part["translate_x"], part["translate_y"])
        maps = geometry.compose(
            maps, geometry.rotation(part["rotate"]), geometry.shear(*slopes), moved
        )
    return maps


def strengths(chosen: Tensor, amount: Tensor, sign: Tensor) -> Tensor:
    """The parameters of the colour operations: factors about 1, bits kept, or the threshold;
    `amount` is not signed."""
    bits = torch.where(chosen == NAMES.index("posterize"), 8 - amount.round(), 1 + sign * amount)
    return torch.where(chosen == NAMES.index("solarize"), 1 - amount, bits)


def apply(x: Tensor, drawn: Drawn) -> Tensor:
    """Apply the colour operations that were drawn for pictures `(N, 3, H, W)`, which may be changed
    in place."""
    if drawn.seated is not None:
        return dealing.apply(
            x,
            drawn.seated,
            drawn.strength,
            {NAMES.index(name): operation for name, operation in COLOUR_OPERATIONS.items()},
        )
    for k in range(drawn.chosen.shape[1]):
        for name, operation in COLOUR_OPERATIONS.items():
            members = (drawn.chosen[:, k] == NAMES.index(name)).nonzero()[:, 0]
            if len(members):
                x[members] = operation(x[members], drawn.strength[members, k])
    return x
