"""A policy network in ONNX, run by onnxruntime: starts in a tenth of the time that importing torch takes."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn import libraries
from gocnn.board.coords import MOVES, SIZE
from gocnn.board.planes import UnknownPlanes, plane_count
from gocnn.cores import cores
from gocnn.errors import UserError
from gocnn.policy import KIND
from gocnn.policy.suggestion import Evaluator, Floats

WEIGHTS = Path(__file__).parent / "weights"
SHIPPED = WEIGHTS / "small.onnx"


class OnnxPolicy:
    """A file that `gocnn.policy.export` wrote. Raises UserError if it cannot be read or is not one."""

    def __init__(self, path: str | Path, threads: int | None = None) -> None:
        onnxruntime = libraries.onnxruntime()
        from onnxruntime.capi import onnxruntime_pybind11_state as states

        self.path = Path(path)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        # Left to itself, onnxruntime heeds no limit that a container has.
        if threads or cores() < (os.cpu_count() or 1):
            options.intra_op_num_threads = threads or cores()
        failures = (states.Fail, states.InvalidProtobuf, states.InvalidArgument, states.InvalidGraph, states.NotImplemented, states.RuntimeException)
        try:
            self._session = onnxruntime.InferenceSession(self.path.read_bytes(), options, providers=["CPUExecutionProvider"])
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}; give a model file") from error
        except failures as error:
            raise UserError(f"{path} is not an ONNX file, or is cut short; export it again with: cli.py go-export RUN --onnx FILE") from error
        metadata = self._session.get_modelmeta().custom_metadata_map
        if metadata.get("kind") != KIND:
            raise UserError(f"{path} is an ONNX file, but not one of a policy network that go-export wrote; give another")
        try:
            self.provenance: dict[str, Any] = json.loads(metadata["provenance"])
            self.groups: tuple[str, ...] = tuple(json.loads(metadata["config"])["groups"])
            planes = plane_count(self.groups)
        except (KeyError, ValueError, UnknownPlanes) as error:
            raise UserError(f"{path} does not fit this version of the program ({error}); export it again or update") from error
        self._planes = planes
        self.foresees = len(self._session.get_outputs()) > 1
        """Whether it says who will win."""

    @property
    def name(self) -> str:
        """What to call it in a line of text."""
        return self.path.name

    def logits(self, batch: npt.NDArray[np.uint8]) -> Floats:
        """Logits, float32 `(N, 362)`, of planes, uint8 `(N, C, 19, 19)`."""
        return self.outputs(batch)[0]

    def outputs(self, batch: npt.NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """Logits, float32 `(N, 362)`, and the probability that the side to play wins, float32 `(N,)`, of planes, uint8 `(N, C, 19, 19)`.

        The probability is nan from a network that does not foresee it.
        """
        assert batch.shape[1:] == (self._planes, SIZE, SIZE)
        logits, *value = self._session.run(None, {"planes": batch.astype(np.float32)})
        assert logits.shape == (len(batch), MOVES)
        return logits, 1 / (1 + np.exp(-value[0])) if value else np.full(len(batch), np.nan, np.float32)


def open_evaluator(model: str | Path | None = None, device: str = "cpu", threads: int | None = None) -> Evaluator:
    """The network that `model` names: an ONNX file (run without torch), a model file or a run's folder; None is the model that ships, without
    torch. Raises UserError."""  # fmt: skip
    if model is None and device == "cpu":
        return OnnxPolicy(SHIPPED, threads)
    if model is not None and Path(model).suffix.lower() == ".onnx":
        return OnnxPolicy(model, threads)
    from gocnn.policy.model import default_model, load

    return load(model or default_model(), device)
