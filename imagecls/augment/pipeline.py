"""From pixels of the store to what a network sees: the augmentation of a batch on its device, and
the plain view for judging."""

import copy
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from imagecls.augment import auto, colour, geometry, mixing
from imagecls.augment.auto import Auto
from imagecls.augment.geometry import Border

CHUNK = 16
"""Pictures that go through the colour operations together on a CPU: what stays in its cache."""


@dataclass(frozen=True)
class Recipe:
    """What augmentation does. Angles in degrees; every range is symmetric about "unchanged".

    flip: probability of mirroring; rotate, affine_rotate and shear: largest angles of a rotation
    and of an affine map after it; crop: smallest area of a random resized crop (1: no crop);
    jitter: largest change of brightness, contrast, saturation (factors about 1) and hue (share of
    the circle); auto: RandAugment or TrivialAugment; erase: probability of erasing a box; mixup,
    cutmix: alpha of the Beta distribution (0: off); border: what lies outside a picture. shift:
    largest movement to each side, as a share of the picture's width and height; scale: largest
    change of the size of what one sees (0.2: 0.8 to 1.2 times as large); both as torchvision's
    `RandomAffine` has them, about the centre.
    """

    flip: float = 0.5
    rotate: float = 15.0
    affine_rotate: float = 10.0
    shear: float = 10.0
    crop: float = 1.0
    jitter: tuple[float, float, float, float] = (0.2, 0.2, 0.2, 0.2)
    auto: Auto = "none"
    erase: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    border: Border = "zeros"
    shift: float = 0.0
    scale: float = 0.0


RECIPES = {
    "none": Recipe(0.0, 0.0, 0.0, 0.0, 1.0, (0.0, 0.0, 0.0, 0.0)),
    "lecture": Recipe(),
    "strong": Recipe(
        rotate=0.0,
        affine_rotate=0.0,
        shear=0.0,
        crop=0.3,
        jitter=(0.0, 0.0, 0.0, 0.0),
        auto="trivial",
        erase=0.15,
        mixup=0.2,
        cutmix=1.0,
        border="reflection",
    ),
}
"""none; the lecture's recipe; and what long trainings from scratch want."""


def changed(recipe: Recipe, **settings: Any) -> Recipe:
    """The recipe with those settings (by the names of its fields) that are not None; names that are
    no fields are ignored."""
    known = {f.name for f in fields(Recipe)}
    return replace(
        recipe,
        **{key: value for key, value in settings.items() if key in known and value is not None},
    )


@dataclass(frozen=True)
class Mixed:
    """Augmented pictures, float32 `(N, 3, size, size)`, normalised; the labels of each and of what
    is mixed in; the share of the former."""

    pictures: Tensor
    labels: Tensor
    others: Tensor
    share: Tensor


@dataclass(frozen=True)
class Draws:
    """What was drawn for N pictures; None is what the recipe does not use.

    maps: `(N, 2, 3)`, all that moves pixels (see `imagecls.augment.geometry`); factors: `(N, 4)` of
    `imagecls.augment.colour.jitter`; operations: of RandAugment or TrivialAugment; moves: uniform
    from -1 to 1, `(N, 8)`: mirrored if the first is below `2 * flip - 1`, then shares of the
    largest rotation, affine rotation and shear; crops: `(N, 2, 3)`, which of `maps` is the crop;
    others: uniform from -1 to 1, `(N, 3)`: shares of the largest shift to the right and down, and
    of the largest change of scale; erasing: `(N, 5)` of `imagecls.augment.mixing.erase`.
    """

    maps: Tensor | None = None
    factors: Tensor | None = None
    operations: auto.Drawn | None = None
    moves: Tensor | None = None
    crops: Tensor | None = None
    others: Tensor | None = None
    erasing: Tensor | None = None


class Augmenter:
    """Applies a recipe to batches.

    Random numbers come from torch's default generator of the batch's device, which
    `gocnn.training.repeatable.seed` sets in every step, so that a resumed run repeats them; another
    kind of device draws other numbers. `hosted`: the host may look at what was drawn, as is
    cheapest on a CPU and the default there; elsewhere nothing waits for the device, and nothing is
    copied to it.
    """

    def __init__(
        self,
        recipe: Recipe,
        size: int,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        *,
        hosted: bool | None = None,
    ) -> None:
        self.recipe, self.size, self.hosted = recipe, size, hosted
        self._full = size
        self.mean, self.std = mean, std
        self._plain = recipe == RECIPES["none"]
        self._values = {
            "mean": mean,
            "std": std,
            "jitter": recipe.jitter,
            "middle": (1.0, 1.0, 1.0, 0.0),
            "most": auto.largest(recipe.auto),
        }
        self._constants: dict[torch.device, dict[str, Tensor]] = {}

    def at(self, size: int) -> "Augmenter":
        """The same with pictures of another size, for a training in which they grow. Smaller ones
        are of pixels that were shrunk in the same proportion, anti-aliased: to take one in so many
        would show patterns that are not there."""
        other = copy.copy(self)
        other.size = size
        return other

    @torch.no_grad()
    def plain(self, pixels: Tensor) -> Tensor:
        """The whole pictures, resized and normalised: uint8 `(N, 3, S, S)` to float32 `(N, 3, size,
        size)`."""
        return self.normalise(geometry.resize(pixels.float() / 255, self.size))

    def normalise(self, x: Tensor) -> Tensor:
        """Subtract the mean and divide by the deviation of each channel."""
        here = self._here(x.device)
        return (x - here["mean"][:, None, None]) / here["std"][:, None, None]

    def _here(self, device: torch.device) -> dict[str, Tensor]:
        """The normalisation's and the recipe's constants on that device, made there once (by
        filling: a list would be copied from the host, which waits)."""
        if device not in self._constants:
            filled = {
                key: [torch.full((1,), value, device=device) for value in values]
                for key, values in self._values.items()
            }
            self._constants[device] = {key: torch.cat(parts) for key, parts in filled.items()}
        return self._constants[device]

    @torch.no_grad()
    def __call__(self, pixels: Tensor, labels: Tensor) -> Mixed:
        """Augment a batch: uint8 `(N, 3, S, S)` and int64 `(N,)`, on any device."""
        x, _ = self.drawn(pixels)
        recipe, n, device = self.recipe, len(pixels), pixels.device
        if not (recipe.mixup or recipe.cutmix):
            return Mixed(x, labels, labels, torch.ones(n, device=device))
        partner = torch.randperm(n, device=device)
        share, cut = mixing.shares(
            n, recipe.mixup, recipe.cutmix, device=device, hosted=self._on_host(device)
        )
        x, seen = mixing.mix(x, partner, share, cut, torch.rand(n, 2, device=device))
        return Mixed(x, labels, labels[partner], seen)

    def _on_host(self, device: torch.device) -> bool:
        return device.type == "cpu" if self.hosted is None else self.hosted

    @torch.no_grad()
    def drawn(self, pixels: Tensor) -> tuple[Tensor, Draws]:
        """Augmented, normalised pictures before mixing, and what was drawn for them (in words:
        `imagecls.augment.described`)."""
        n, device = len(pixels), pixels.device
        draws = Draws() if self._plain else self._sample(n, device)
        x = self.plain(pixels) if self._plain else self._views(pixels, draws)
        if self.recipe.erase:
            erasing = torch.rand(n, 5, device=device)
            x = mixing.erase(x, erasing, self.recipe.erase)
            draws = replace(draws, erasing=erasing)
        return x, draws

    def views(self, pixels: Tensor) -> Tensor:
        """Augmented, normalised views of pictures, before erasing and mixing."""
        return self._views(pixels, self._sample(len(pixels), pixels.device))

    def _views(self, pixels: Tensor, draws: Draws) -> Tensor:
        n, maps, factors, operations = len(pixels), draws.maps, draws.factors, draws.operations
        assert maps is not None
        chunk = CHUNK if self._on_host(pixels.device) else n
        parts = []
        for i in range(0, n, chunk):
            some = slice(i, i + chunk)
            x = pixels[some].float().mul_(1 / 255)
            if self.size < self._full:
                x = geometry.resize(x, max(1, round(x.shape[-1] * self.size / self._full)))
            x = geometry.resample(x, maps[some], self.size, border=self.recipe.border)
            if factors is not None:
                x = colour.jitter(x, factors[some])
            if operations is not None:
                x = auto.apply(x, operations[some] if operations.seated is None else operations)
            parts.append(self.normalise(x))
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _sample(self, n: int, device: torch.device) -> Draws:
        """What is drawn for `n` pictures, but for erasing."""
        recipe, here = self.recipe, self._here(device)
        u = 2 * torch.rand(n, 8, device=device) - 1
        crops = (
            geometry.random_crops(n, recipe.crop, 1.0, device=device)
            if recipe.crop < 1
            else geometry.identity(n, device)
        )
        maps = geometry.compose(
            crops,
            geometry.flip(u[:, 0] * 0.5 + 0.5 < recipe.flip),
            geometry.rotation(u[:, 1] * recipe.rotate),
            geometry.shear(u[:, 3] * recipe.shear, torch.zeros(n, device=device)),
            geometry.rotation(u[:, 2] * recipe.affine_rotate),
        )
        more = None
        if recipe.shift or recipe.scale:
            # drawn apart, so that recipes without them go on as they did
            more = 2 * torch.rand(n, 3, device=device) - 1
            zero, size = torch.zeros(n, device=device), 1 / (1 + more[:, 2] * recipe.scale)
            maps = geometry.compose(
                maps,
                geometry.crop(zero, zero, size, size),
                geometry.shift(more[:, 0] * recipe.shift, more[:, 1] * recipe.shift),
            )
        factors = None
        if any(recipe.jitter):
            factors = u[:, 4:8] * here["jitter"] + here["middle"]
        operations = None
        if recipe.auto != "none":
            operations = auto.sample(recipe.auto, n, here["most"], hosted=self._on_host(device))
            maps = geometry.compose(maps, operations.maps)
        return Draws(maps, factors, operations, u, crops, more)
