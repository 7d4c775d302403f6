"""Classifiers as those who ask them see them, whatever computes; several of the same classes are
averaged."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL.Image import Image

from gocnn.errors import UserError
from imagecls.classifier.views import Floats, Pixels, resampled, shrinking
from imagecls.photos.collection import Photo, read_photos
from imagecls.photos.decode import Fit, decode
from imagecls.photos.errors import BadImage

CHUNK = 64
"""Pictures that are decoded and judged together."""


class Sight(Protocol):
    """What a classifier tells apart and which pixels it is given: see
    `imagecls.classifier.models.ClassifierConfig`."""

    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def size(self) -> int: ...
    @property
    def store_size(self) -> int: ...
    @property
    def fit(self) -> Fit: ...


class Asked(Protocol):
    """A classifier that can be asked: `imagecls.classifier.model.Predictor` (torch) or
    `imagecls.classifier.runtime.OnnxClassifier`.

    path: its file; provenance: where it comes from. `S` is `config.store_size`.
    """

    @property
    def config(self) -> Sight: ...
    @property
    def path(self) -> Path: ...
    @property
    def provenance(self) -> dict[str, Any]: ...

    def probabilities(self, pixels: Pixels, tta: int = 1) -> Floats:
        """Probabilities, float32 `(N, classes)`, of pictures, uint8 `(N, 3, S, S)`, averaged over
        the first `tta` views."""

    def attention(self, pixels: Pixels, labels: Sequence[int]) -> Floats:
        """Grad-CAM of one picture, uint8 `(3, S, S)`, for each of the classes: float32 `(labels,
        size, size)`, 0 or more, in units of the class's logit.

        The last feature maps, weighted by the mean gradient of the class's logit, summed, and what
        speaks against cut off (Selvaraju et al. 2016, https://arxiv.org/abs/1610.02391).
        """


class Ensemble:
    """Classifiers of the same classes; their probabilities are averaged."""

    def __init__(self, members: Sequence[Asked]) -> None:
        """Raises UserError if they do not have the same classes in the same order."""
        first = members[0]
        for other in members[1:]:
            if other.config.classes != first.config.classes:
                raise UserError(
                    f"{other.path} and {first.path} have different classes; only models of the same"
                    " classes can be averaged"
                )
        self.members, self.classes = tuple(members), first.config.classes

    @property
    def formats(self) -> tuple[tuple[int, Fit], ...]:
        """The (size, fit) of the pixels that the members need, each once."""
        return tuple(dict.fromkeys((m.config.store_size, m.config.fit) for m in self.members))

    def probabilities(self, pixels: dict[tuple[int, Fit], Pixels], tta: int = 1) -> Floats:
        """Probabilities, float32 `(N, classes)`, of pictures given in all formats."""
        each = [
            m.probabilities(pixels[m.config.store_size, m.config.fit], tta) for m in self.members
        ]
        mean: Floats = np.mean(each, 0, dtype=np.float32)
        return mean

    def attention(self, pixels: dict[tuple[int, Fit], Pixels], labels: Sequence[int]) -> Floats:
        """Grad-CAM (see `Asked.attention`) of one picture given in all formats, averaged over the
        members: float32 `(labels, size, size)`, the size of the first.

        Raises UserError if they do not see the same square of it, or if one has none to give.
        """
        size, fit = self.members[0].config.size, self.members[0].config.fit
        each = []
        for m in self.members:
            if m.config.fit != fit:
                raise UserError(
                    f"{m.path} and {self.members[0].path} see different parts of a picture (--fit"
                    " squash and crop); ask them one by one where they look"
                )
            heat = m.attention(pixels[m.config.store_size, m.config.fit], labels)
            scale = shrinking(m.config.size, size)
            each.append(heat if m.config.size == size else resampled(heat, scale, scale))
        mean: Floats = np.mean(each, 0, dtype=np.float32)
        return mean

    def predict(
        self,
        photos: Sequence[Photo],
        tta: int = 1,
        jobs: int = 2,
        *,
        tick: Callable[[int], Any] = lambda _: None,
    ) -> list[Floats | str]:
        """For each photograph, in order, its probabilities, float32 `(classes,)`, or why it cannot
        be read. Memory does not grow with their number."""
        return self.judge(read_photos(photos), len(photos), tta, jobs=jobs, tick=tick)

    def judge(
        self,
        contents: Iterable[tuple[int, bytes | Image | BadImage]],
        count: int,
        tta: int = 1,
        *,
        jobs: int = 2,
        tick: Callable[[int], Any] = lambda _: None,
    ) -> list[Floats | str]:
        """`predict` of `count` pictures given as their numbers and what is in them, as they come:
        a file's bytes, Pillow's picture, or why there is none."""
        answers: list[Floats | str] = ["not in the archive any more"] * count
        with ThreadPoolExecutor(jobs) as pool:
            for numbers, decoded in self._chunks(contents, pool):
                good = [
                    i for i, item in zip(numbers, decoded, strict=True) if not isinstance(item, str)
                ]
                pictures = [item for item in decoded if not isinstance(item, str)]
                for i, item in zip(numbers, decoded, strict=True):
                    if isinstance(item, str):
                        answers[i] = item
                if good:
                    stacked = {
                        key: np.stack([p[k] for p in pictures])
                        for k, key in enumerate(self.formats)
                    }
                    for i, row in zip(good, self.probabilities(stacked, tta), strict=True):
                        answers[i] = row
                tick(len(numbers))
        return answers

    def _chunks(
        self, contents: Iterable[tuple[int, bytes | Image | BadImage]], pool: ThreadPoolExecutor
    ) -> Iterator[tuple[list[int], list[list[Pixels] | str]]]:
        numbers: list[int] = []
        data: list[bytes | Image | BadImage] = []
        for i, content in contents:
            numbers.append(i)
            data.append(content)
            if len(numbers) == CHUNK:
                yield numbers, list(pool.map(self._decode, data))
                numbers, data = [], []
        if numbers:
            yield numbers, list(pool.map(self._decode, data))

    def _decode(self, data: bytes | Image | BadImage) -> list[Pixels] | str:
        if isinstance(data, BadImage):
            return str(data)
        try:
            return [decode(data, size, fit) for size, fit in self.formats]
        except BadImage as error:
            return str(error)
