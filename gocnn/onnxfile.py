"""ONNX files that this program exported, run by onnxruntime, which starts in a tenth of the time
that importing torch takes. What they hold beside the network stands in their metadata
(`gocnn.modelfile.describing`)."""

import contextlib
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from gocnn import libraries, program, versions
from gocnn.cores import cores
from gocnn.errors import A_MODEL, UserError
from gocnn.files import need_plain

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
"""onnxruntime's names."""

T = TypeVar("T")


@dataclass(frozen=True)
class Kind:
    """What a file is expected to hold. name: as its metadata say (`go-policy`); title: in a
    sentence (`a policy network`); command: that which exports such files."""

    name: str
    title: str
    command: str


class OnnxFile:
    """A network in an ONNX file, ready to run.

    path: the file; device: what computes (`cpu`, `cuda`, `cuda:N`); config, provenance: the objects
    in its metadata; outputs: the names of what it answers.
    """

    def __init__(
        self, path: str | Path, kind: Kind, device: str = "cpu", *, threads: int | None = None
    ) -> None:
        """`device` is `cpu`, `cuda` or `cuda:N`, or `auto`: CUDA where this onnxruntime can use it,
        else the CPU. Raises UserError if the file cannot be read, is no ONNX file, or holds
        something else; if the device cannot be used."""
        self.path, self.kind = Path(path), kind
        need_plain(path, A_MODEL)
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
        on_cuda = self._session is not None
        self.device = ("cuda" if device == "auto" else device) if on_cuda else "cpu"
        if not on_cuda:
            self._session = _on_cpu(data, self.path, threads, kind)
        try:
            self._metadata = self._session.get_modelmeta().custom_metadata_map
        except UnicodeDecodeError as error:
            raise UserError(
                f"{path} is damaged (its metadata is no text); copy it again or export it again"
            ) from error
        if self._metadata.get("kind") != kind.name:
            raise UserError(
                f"{path} is an ONNX file, but not one of {kind.title} that {kind.command} wrote;"
                " give another"
            )
        if "version" in self._metadata:
            versions.need_model_version(path, self._metadata, "export it again")
        self.provenance = self.read(lambda: _object(self._metadata["provenance"]))
        self.config = self.read(lambda: _object(self._metadata["config"]))
        self.outputs = tuple(output.name for output in self._session.get_outputs())

    def read(self, meaning: Callable[[], T]) -> T:
        """What `meaning` makes of the metadata. Where it raises what damaged metadata raise,
        UserError is raised instead, which says which version of the program wrote the file."""
        try:
            return meaning()
        except (KeyError, ValueError, TypeError, RecursionError) as error:
            why = " ".join(str(error).split())[:200]
            wrote = versions.model_program(self._metadata)
            raise versions.unreadable(self.path, why, wrote, "export it again") from error

    def run(self, inputs: Mapping[str, npt.NDArray[Any]], *names: str) -> list[npt.NDArray[Any]]:
        """The outputs of those names (all, if none is given), in order."""
        found: list[npt.NDArray[Any]] = self._session.run(list(names) or None, dict(inputs))
        return found

    def try_once(self, ask: Callable[[], Iterable[npt.NDArray[Any]]]) -> None:
        """Ask it: a damaged file may still be an ONNX file. Raises UserError if that fails, or if
        the answers are no numbers."""
        try:
            sound = all(bool(np.isfinite(part).all()) for part in ask())
        except Exception as error:  # as in `_on_cpu`
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


def need_shapes(parts: Sequence[npt.NDArray[Any]], expected: Sequence[tuple[int, ...]]) -> None:
    """Refuse answers of a network whose shapes are not those expected. Raises ValueError."""
    shapes = [part.shape for part in parts]
    if shapes != list(expected):
        raise ValueError(f"its answers have the shapes {shapes}")


def _on_cpu(data: bytes, path: Path, threads: int | None, kind: Kind) -> Any:
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
        again = f"export it again with: {program.name()} {kind.command} RUN --onnx FILE"
        raise UserError(f"{path} {_trouble(str(error), onnxruntime.__version__)}{again}") from error


_NEWER = (
    ("IR version", r"IR version: (\d+), max supported IR version: (\d+)"),
    ("opset", r"Opset (\d+) is under development.* till opset (\d+)"),
)
"""What versions a file may have that are newer than this onnxruntime, and how it says so."""


def _trouble(said: str, version: str) -> str:
    """Why onnxruntime cannot open a file, by what it `said`, up to what one can do besides
    exporting it again."""
    for what, pattern in _NEWER:
        newer = re.search(pattern, said, re.DOTALL)
        if newer:
            return (
                f"is an ONNX file of {what} {newer[1]}, and onnxruntime {version} reads none later"
                f" than {newer[2]}; update onnxruntime, or "
            )
    if "protobuf" in said.lower():
        return "is not an ONNX file, or is cut short; "
    why = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : (This is an invalid model\. )?", "", said)
    why = " ".join(re.sub(r"^/\S+\.(cc|h):\d+ .*?\) (?=[A-Z])", "", why).split())
    return f"is an ONNX file that onnxruntime {version} cannot run ({why[:150]}); "


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
