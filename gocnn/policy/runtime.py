"""A policy network in ONNX, run by onnxruntime: starts in a tenth of the time that importing torch
takes."""

import contextlib
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn import libraries, versions
from gocnn.board.coords import MOVES, POINTS, SIZE
from gocnn.console import program
from gocnn.cores import cores
from gocnn.errors import UserError, no_such_model
from gocnn.features.planes import UnknownPlanes, plane_count
from gocnn.policy import KIND, shipped
from gocnn.policy.predictions import Floats, PolicyPredictions, predictions
from gocnn.policy.suggestion import Evaluator

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
"""onnxruntime's names."""


class OnnxPolicy:
    """A file that `gocnn.policy.export` wrote. Raises UserError if it cannot be read or is not
    one."""

    def __init__(self, path: str | Path, threads: int | None = None, device: str = "cpu") -> None:
        """`device` is `cpu`, `cuda` or `cuda:N`, or `auto`: CUDA where this onnxruntime can use it,
        else the CPU."""
        self.path, self._arguments = Path(path), (path, threads, device)
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}; give a model file") from error
        try:
            self._session: Any = _on_cuda(data, device) if device != "cpu" else None
        except UserError:
            if device != "auto":
                raise
            self._session = None
        self.device = (
            device
            if self._session is not None and device != "auto"
            else "cuda"
            if self._session is not None
            else "cpu"
        )
        """What computes."""
        if self._session is None:
            self._session = _on_cpu(data, self.path, threads)
        try:
            metadata = self._session.get_modelmeta().custom_metadata_map
        except UnicodeDecodeError as error:
            raise UserError(
                f"{path} is damaged (its metadata is no text); copy it again or export it again"
            ) from error
        if metadata.get("kind") != KIND:
            raise UserError(
                f"{path} is an ONNX file, but not one of a policy network that go-export wrote;"
                " give another"
            )
        if "version" in metadata:
            versions.need_model_version(path, metadata, "export it again")
        try:
            self.provenance: dict[str, Any] = _object(metadata["provenance"])
            self.plane_groups: tuple[str, ...] = tuple(_object(metadata["config"])["groups"])
            planes = plane_count(self.plane_groups)
        except (KeyError, ValueError, TypeError, RecursionError, UnknownPlanes) as error:
            why = " ".join(str(error).split())[:200]
            wrote = versions.model_program(metadata)
            raise versions.unreadable(path, why, wrote, "export it again") from error
        self._planes = planes
        outputs = [output.name for output in self._session.get_outputs()]
        self.has_value_head, self.scores = "value" in outputs, "score" in outputs
        """Whether it says who will win; whose each point will be, and by how many points."""
        if not shipped.is_shipped(self.path) or self.device != "cpu":
            self._try()

    def _try(self) -> None:
        """Ask it once: a damaged file may still be an ONNX file. Raises UserError."""
        try:
            said = self.outputs(np.zeros((1, self._planes, SIZE, SIZE), np.uint8))
            numbers = [
                said.logits,
                *([said.win] if self.has_value_head else []),
                *([said.owner, said.lead, said.spread] if self.scores else []),
            ]
            sound = all(bool(np.isfinite(part).all()) for part in numbers)
        except Exception as error:  # as below
            if self.device != "cpu":
                raise UserError(
                    f"{self.path} cannot be run on {self.device} ({_line(error)}); leave --device"
                    " out to compute on the CPU"
                ) from error
            raise UserError(
                f"{self.path} cannot be run ({_line(error)}); copy it again or export it again"
            ) from error
        if not sound:
            raise UserError(
                f"{self.path} is damaged (it answers with what is no number); copy it again or"
                " export it again"
            )

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
        n, parts = len(batch), self._session.run(None, {"planes": batch.astype(np.float32)})
        shapes = [part.shape for part in parts]
        if shapes != [(n, MOVES), (n,), (n, POINTS), (n, 2)][: len(parts)]:
            raise ValueError(f"its answers have the shapes {shapes}")
        return predictions(*parts)


def _on_cpu(data: bytes, path: Path, threads: int | None) -> Any:
    """A session of that file on the CPU. Raises UserError if it is no ONNX file."""
    onnxruntime = libraries.onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # Left to itself, onnxruntime heeds no limit that a container has.
    if threads or cores() < (os.cpu_count() or 1):
        options.intra_op_num_threads = threads or cores()
    try:
        # Without its fallback, which prints on standard output: the protocol's.
        return onnxruntime.InferenceSession(data, options, providers=[CPU], enable_fallback=0)
    except (
        Exception
    ) as error:  # onnxruntime has a class for each of its failures, and more with every version
        raise UserError(
            f"{path} is not an ONNX file, or is cut short; export it again with:"
            f" {program.name()} go-export RUN --onnx FILE"
        ) from error


def _on_cuda(data: bytes, device: str) -> Any:
    """A session of that file on `cuda`, `cuda:N` or `auto`; None if it cannot be made for the
    file's sake. Raises UserError if this onnxruntime cannot use CUDA."""
    kind, _, number = device.partition(":")
    if kind not in ("auto", "cuda"):
        raise UserError(
            f"--device {device}: onnxruntime does not compute there; leave it out, or give the"
            " model as a .safetensors file"
        )
    onnxruntime = libraries.onnxruntime()
    if CUDA not in onnxruntime.get_available_providers():
        raise UserError(
            f"--device {device}: the onnxruntime installed here has no CUDA provider; install"
            " onnxruntime-gpu in its place, or leave --device out to compute on the CPU"
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # what it says of a provider that does not load is said below
    onnxruntime.set_default_logger_severity(4)
    why = ""
    # it prints, and standard output may be a protocol's or JSON
    with contextlib.redirect_stdout(io.StringIO()):
        # of version 1.21 and later: CUDA and cuDNN as Python packages
        with contextlib.suppress(Exception):
            onnxruntime.preload_dlls()
        try:
            session = onnxruntime.InferenceSession(
                data,
                options,
                providers=[(CUDA, {"device_id": int(number or 0)}), CPU],
                enable_fallback=0,
            )
            if CUDA in session.get_providers():  # else it has gone on without a word
                return session
        except Exception as error:  # noqa: BLE001 - whatever it is, said below
            try:
                onnxruntime.InferenceSession(data, options, providers=[CPU], enable_fallback=0)
            except Exception:  # noqa: BLE001 - the file is at fault, and `_on_cpu` says so
                return None
            why = f" ({_line(error)})"
    raise UserError(
        f"--device {device}: onnxruntime cannot use CUDA here{why}; install the CUDA and cuDNN that"
        f" onnxruntime {onnxruntime.__version__} wants, or leave --device out to compute on the CPU"
    )


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:120]


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("its metadata is no object")
    return value


def is_onnx(model: str | Path | None) -> bool:
    """Whether `model` names an ONNX file."""
    return model is not None and Path(model).suffix.lower() == ".onnx"


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
        raise no_such_model(path)
    from gocnn.policy.model import load

    return load(path, device)
