"""A classifier in ONNX, run by onnxruntime, and the choice between that and torch. Nothing here
needs torch, unless it is chosen."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gocnn.errors import UserError
from gocnn.onnxfile import Kind, OnnxFile, is_onnx, need_shapes
from gocnn.structs import from_json
from imagecls.classifier import KIND, shipped
from imagecls.classifier.attention import weighted
from imagecls.classifier.ensemble import Asked
from imagecls.classifier.views import VIEWS, Floats, Pixels, seen, softmax
from imagecls.photos.decode import Fit

if TYPE_CHECKING:
    from imagecls.classifier.model import Predictor

EXPORTED = Kind(KIND, "a classifier", "img-export")
"""What the files are."""

SEES, LOGITS, MAPS, WEIGHTS = "pictures", "logits", "maps", "weights"
"""Names of the input and the outputs: see `imagecls.classifier.export`."""

LARGEST = 4096
"""Pixels a side that a file may ask for."""


@dataclass(frozen=True)
class OnnxConfig:
    """What an ONNX file says of its classifier: see `imagecls.classifier.models.ClassifierConfig`,
    which has more that is needed to build one."""

    model: str
    classes: tuple[str, ...]
    size: int
    store_size: int
    fit: Fit

    @classmethod
    def of(cls, values: dict[str, Any]) -> "OnnxConfig":
        """The configuration in an ONNX file's metadata, an object of JSON. Raises ValueError if it
        is none."""
        known = {field.name for field in fields(cls)}
        config = from_json({key: value for key, value in values.items() if key in known}, cls)
        if not config.classes:
            raise ValueError("classes are missing")
        for name in ("size", "store_size"):
            if not 1 <= getattr(config, name) <= LARGEST:
                raise ValueError(f"{name} is {getattr(config, name)}")
        return config


class OnnxClassifier:
    """A file that `imagecls.classifier.export` wrote; `imagecls.classifier.ensemble.Asked`."""

    def __init__(self, path: str | Path, device: str = "cpu", threads: int | None = None) -> None:
        """`device` is `cpu`, `cuda` or `cuda:N`, or `auto`: CUDA where this onnxruntime can use it,
        else the CPU. Raises UserError if the file cannot be read or is not one."""
        self._arguments = path, device, threads
        self._file = OnnxFile(path, EXPORTED, device, threads=threads)
        self.path, self.device = self._file.path, self._file.device
        self.provenance = self._file.provenance
        self.config = self._file.read(lambda: OnnxConfig.of(self._file.config))
        if not shipped.is_shipped(self.path) or self.device != "cpu":
            side = self.config.store_size
            blank = np.zeros((1, 3, side, side), np.uint8)
            self._file.try_once(lambda: self.logits(blank))

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, in another process too, opens the file again: a session cannot be copied."""
        return OnnxClassifier, self._arguments

    def logits(self, pixels: Pixels, tta: int = 1) -> list[Floats]:
        """Logits, float32 `(N, classes)`, of each of the first `tta` views of pictures, uint8 `(N,
        3, S, S)`."""
        size, found = self.config.size, []
        for view in VIEWS[:tta]:
            parts = self._file.run({SEES: seen(pixels, view, size)}, LOGITS)
            need_shapes(parts, [(len(pixels), len(self.config.classes))])
            found += parts
        return found

    def probabilities(self, pixels: Pixels, tta: int = 1) -> Floats:
        """Probabilities, float32 `(N, classes)`, averaged over the views."""
        each = [softmax(part) for part in self.logits(pixels, tta)]
        mean: Floats = np.mean(each, 0, dtype=np.float32)
        return mean

    def attention(self, pixels: Pixels, labels: Sequence[int]) -> Floats:
        """Grad-CAM: see `Asked`. Raises UserError if the file does not hold what that needs."""
        if WEIGHTS not in self._file.outputs:
            raise UserError(
                f"{self.path} does not say where it looks (its last layers are of a kind that has"
                " no such output); give the run or the .safetensors file that it was made from"
            )
        view = seen(pixels[None], VIEWS[0], self.config.size)
        maps, weights = self._file.run({SEES: view}, MAPS, WEIGHTS)
        return weighted(maps[0], weights[0, list(labels)], self.config.size)


def open_classifier(model: str | Path | None = None, device: str = "cpu") -> Asked:
    """The classifier that `model` names: an ONNX file (run without torch), a model file, a run's
    folder, or the one that ships by its name; None: see `imagecls.classifier.shipped`. What ships
    is run without torch on a CPU. `device`: one of torch's, but for an ONNX file what
    `OnnxClassifier` takes. Raises UserError."""
    path = shipped.find(model, ".onnx" if device == "cpu" else ".safetensors")
    if is_onnx(path):
        return OnnxClassifier(path, device)
    return open_in_torch(path, device)


def open_in_torch(model: str | Path | None = None, device: str = "cpu") -> "Predictor":
    """The same as a Predictor of torch's, whose layers can be looked at, and which
    can be shown other sizes. Raises
    UserError if it is an ONNX file."""
    path = shipped.find(model, ".safetensors")
    if is_onnx(path):
        OnnxClassifier(path)  # which says so if it is not there, or no classifier
        raise UserError(
            f"{path} is an ONNX file, whose size is fixed and whose layers cannot be looked at;"
            " give the run or the .safetensors file that it was made from"
        )
    # before torch, which may be missing and takes seconds to load
    if not path.exists():
        raise shipped.shelf().missing(path)
    from gocnn.devices import resolve
    from imagecls.classifier.model import load

    return load(path, str(resolve(device)))
