"""Trained classifiers for prediction: one, or several whose probabilities are averaged."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gocnn import modelfile
from gocnn.devices import layout
from gocnn.errors import UserError
from imagecls.augment import RECIPES, Augmenter, geometry
from imagecls.classifier.models import ClassifierConfig, build
from imagecls.classifier.models.base import Classifier
from imagecls.classifier.training import KIND
from imagecls.photos.collection import Photo, read_photos
from imagecls.photos.decode import Fit, decode
from imagecls.photos.errors import BadImage

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

# Views of test-time augmentation, in the order in which they are used: mirrored or not, side of the
# crop, its centre (x, y).
VIEWS = (
    (False, 1.0, 0.0, 0.0),
    (True, 1.0, 0.0, 0.0),
    (False, 0.85, 0.0, 0.0),
    (True, 0.85, 0.0, 0.0),
    *(
        (flip, 0.85, x * 0.15, y * 0.15)
        for x, y, flip in (
            (-1, -1, False),
            (1, 1, True),
            (1, -1, False),
            (-1, 1, True),
            (-1, -1, True),
            (1, 1, False),
            (1, -1, True),
            (-1, 1, False),
        )
    ),
)
CHUNK = 64
"""Pictures that are decoded and judged together."""


@dataclass
class Predictor:
    """A network in evaluation mode on its device, with where it comes from."""

    network: Classifier
    config: ClassifierConfig
    provenance: dict[str, Any]
    path: Path
    device: torch.device

    def __post_init__(self) -> None:
        self._view = Augmenter(RECIPES["none"], self.config.size, self.config.mean, self.config.std)

    def view(self, pixels: Pixels | Tensor) -> Tensor:
        """What the network sees of pictures, uint8 `(N, 3, S, S)`: float32 `(N, 3, size, size)` on
        the device."""
        here = torch.as_tensor(pixels).to(self.device)
        return self._view.plain(here).to(memory_format=layout(self.device))

    @torch.inference_mode()
    def logits(self, pixels: Pixels, tta: int = 1) -> list[Floats]:
        """Logits, float32 `(N, classes)`, of each of the first `tta` views of pictures, uint8 `(N,
        3, S, S)`."""
        return list(self.answers(torch.as_tensor(pixels).to(self.device), tta).cpu().numpy())

    def answers(self, pixels: Tensor, tta: int) -> Tensor:
        """The same as `logits` for pictures that are on the device: float32 `(tta, N, classes)`,
        there; the host does not wait."""
        n, out = len(pixels), []
        for mirrored, side, x, y in VIEWS[:tta]:
            if side == 1.0:
                seen = self.view(pixels)
                seen = seen.flip(3) if mirrored else seen
            else:
                part = geometry.crop(
                    *(torch.full((n,), v, device=self.device) for v in (x, y, side, side))
                )
                maps = geometry.compose(
                    part, geometry.flip(torch.full((n,), mirrored, device=self.device))
                )
                seen = self._view.normalise(
                    geometry.resample(pixels.float() / 255, maps, self.config.size)
                )
            out.append(self.network(seen.to(memory_format=layout(self.device))).float())
        return torch.stack(out)

    def probabilities(self, pixels: Pixels, tta: int = 1) -> Floats:
        """Probabilities, float32 `(N, classes)`, averaged over the views."""
        mean: Floats = np.mean(
            [softmax(part) for part in self.logits(pixels, tta)], 0, dtype=np.float32
        )
        return mean


def softmax(logits: Floats) -> Floats:
    """Probabilities over the last axis."""
    shifted = np.exp(logits - logits.max(-1, keepdims=True))
    result: Floats = shifted / shifted.sum(-1, keepdims=True)
    return result


def load(path: str | Path, device: str = "cpu") -> Predictor:
    """Load a classifier: a model file, or a run's folder. Raises UserError."""

    def built(config: dict[str, Any]) -> Classifier:
        return build(ClassifierConfig.from_json(config))

    network, file, chosen = modelfile.load_network(path, KIND, built, device)
    return Predictor(
        network, ClassifierConfig.from_json(file.config), file.provenance, file.path, chosen
    )


class Ensemble:
    """Classifiers of the same classes; their probabilities are averaged."""

    def __init__(self, members: Sequence[Predictor]) -> None:
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

    def predict(
        self,
        photos: Sequence[Photo],
        tta: int = 1,
        jobs: int = 2,
        tick: Callable[[int], Any] = lambda _: None,
    ) -> list[Floats | str]:
        """For each photograph its probabilities, float32 `(classes,)`, or why it cannot be read.
        Memory does not grow with their number."""
        answers: list[Floats | str] = ["not in the archive any more"] * len(photos)
        with ThreadPoolExecutor(jobs) as pool:
            for numbers, decoded in self._chunks(photos, pool):
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
        self, photos: Sequence[Photo], pool: ThreadPoolExecutor
    ) -> Iterator[tuple[list[int], list[list[Pixels] | str]]]:
        numbers: list[int] = []
        data: list[bytes | BadImage] = []
        for i, content in read_photos(photos):
            numbers.append(i)
            data.append(content)
            if len(numbers) == CHUNK:
                yield numbers, list(pool.map(self._decode, data))
                numbers, data = [], []
        if numbers:
            yield numbers, list(pool.map(self._decode, data))

    def _decode(self, data: bytes | BadImage) -> list[Pixels] | str:
        if isinstance(data, BadImage):
            return str(data)
        try:
            return [decode(data, size, fit) for size, fit in self.formats]
        except BadImage as error:
            return str(error)
