"""A policy network in ONNX, run by onnxruntime: starts in a tenth of the time that importing torch
takes."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn.board.coords import MOVES, POINTS, SIZE
from gocnn.features.planes import plane_count
from gocnn.onnxfile import CPU, CUDA, Kind, OnnxFile, is_onnx, need_shapes
from gocnn.policy import KIND, shipped
from gocnn.policy.predictions import Floats, PolicyPredictions, predictions
from gocnn.policy.suggestion import Evaluator

__all__ = ["CPU", "CUDA", "EXPORTED", "OnnxPolicy", "is_onnx", "open_evaluator"]

EXPORTED = Kind(KIND, "a policy network", "go-export")
"""What the files are."""


class OnnxPolicy:
    """A file that `gocnn.policy.export` wrote. Raises UserError if it cannot be read or is not
    one."""

    def __init__(self, path: str | Path, threads: int | None = None, device: str = "cpu") -> None:
        """`device` is `cpu`, `cuda` or `cuda:N`, or `auto`: CUDA where this onnxruntime can use it,
        else the CPU."""
        self._arguments = path, threads, device
        self._file = OnnxFile(path, EXPORTED, device, threads=threads)
        self.path, self.device = self._file.path, self._file.device
        """The file, and what computes."""
        self.provenance: dict[str, Any] = self._file.provenance
        self.plane_groups, self._planes = self._file.read(self._plane_groups_seen)
        outputs = self._file.outputs
        self.has_value_head, self.scores = "value" in outputs, "score" in outputs
        """Whether it says who will win; whose each point will be, and by how many points."""
        if not shipped.is_shipped(self.path) or self.device != "cpu":
            self._file.try_once(self._asked_once)

    def _plane_groups_seen(self) -> tuple[tuple[str, ...], int]:
        """The groups of planes that it sees, and how many planes those are."""
        plane_groups = tuple(self._file.config["groups"])
        return plane_groups, plane_count(plane_groups)

    def _asked_once(self) -> list[npt.NDArray[Any]]:
        said = self.outputs(np.zeros((1, self._planes, SIZE, SIZE), np.uint8))
        return [
            said.logits,
            *([said.win] if self.has_value_head else []),
            *([said.owner, said.lead, said.spread] if self.scores else []),
        ]

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, in another process too, opens the file again: a session cannot be copied."""
        return OnnxPolicy, self._arguments

    @property
    def name(self) -> str:
        """What to call it in a line of text."""
        return self.path.name

    def logits(self, batch: npt.NDArray[np.uint8]) -> Floats:
        """Logits, float32 `(N, 362)`, of planes, uint8 `(N, C, 19, 19)`."""
        return self.outputs(batch).logits

    def outputs(self, batch: npt.NDArray[np.uint8]) -> PolicyPredictions:
        """What it says of N positions, given their planes, uint8 `(N, C, 19, 19)`."""
        assert batch.shape[1:] == (self._planes, SIZE, SIZE)
        n, parts = len(batch), self._file.run({"planes": batch.astype(np.float32)})
        need_shapes(parts, [(n, MOVES), (n,), (n, POINTS), (n, 2)][: len(parts)])
        return predictions(*parts)


def open_evaluator(
    model: str | Path | None = None, device: str = "cpu", threads: int | None = None
) -> Evaluator:
    """The network that `model` names: an ONNX file (run without torch), a model file, a run's
    folder, or one that ships by its name; None: see `gocnn.policy.shipped`. What ships is run
    without torch on a CPU. `device` is a device of torch's, but for an ONNX file what `OnnxPolicy`
    takes. Raises UserError."""
    path = shipped.find(model, ".onnx" if device == "cpu" else ".safetensors")
    if is_onnx(path):
        return OnnxPolicy(path, threads, device)
    # before torch, which may be missing and takes seconds to load
    if not path.exists():
        raise shipped.shelf().missing(path)
    from gocnn.policy.model import load

    return load(path, device)
