"""Pictures that grow while a network learns: small ones first, which cost the square less, as
fastai's progressive resizing has them, and the progressive learning of EfficientNetV2 (Tan and Le
2021, https://arxiv.org/abs/2104.00298), whose other half, augmentation that grows too, is left out.
"""

from bisect import bisect_right
from dataclasses import dataclass

GROWN = 2 / 3
"""Share of the budget after which pictures have their last size: what follows is for the running
statistics of normalisations and for the averaged weights, which are judged at that size."""

STAGES = 4
"""Sizes at most, as in EfficientNetV2: each is compiled and tuned for by itself."""

EVEN = 16
"""Sizes between the first and the last are multiples of the largest number up to this of which both
are: strides meet no odd edges, and the patches of a vision transformer fit."""


@dataclass(frozen=True)
class Growth:
    """Sizes in pixels a side, ascending, and how far the run is, 0 to 1, where each begins."""

    sizes: tuple[int, ...]
    begins: tuple[float, ...]

    def size(self, done: float) -> int:
        """The size of pictures in a run that is so far, 0 to 1."""
        return self.sizes[bisect_right(self.begins, done) - 1]

    def sentence(self) -> str:
        """What happens when, for the person who waits for it."""
        (first, _), (second, begin), *others = zip(self.sizes, self.begins, strict=True)
        more = "".join(f", {size} from {share:.0%}" for size, share in others)
        soon = f"{second} from {begin:.0%} of the budget on"
        return f"pictures grow: {first} pixels a side, {soon}{more}"

    @classmethod
    def between(cls, first: int, last: int) -> "Growth":
        """From `first` to `last` pixels a side: in equal shares of the time until GROWN, by steps
        that are as equal as even sizes allow. Raises ValueError if `first` is not the smaller."""
        if not 0 < first < last:
            raise ValueError(
                f"pictures cannot grow from {first} to {last} pixels: choose a --grow-from below"
                " the size of training (--train-size, or --size)"
            )
        even = next(n for n in range(EVEN, 0, -1) if first % n == last % n == 0)
        between = (first + (last - first) * i / (STAGES - 1) for i in range(1, STAGES - 1))
        rounded = {even * round(size / even) for size in between}
        sizes = (first, *sorted(size for size in rounded if first < size < last), last)
        return cls(sizes, tuple(GROWN * i / (len(sizes) - 1) for i in range(len(sizes))))
