"""Model files: safetensors with the configuration and the provenance in the metadata. Loading one
can run no code.

Metadata (all strings, as the format wants): `format` (`gocnn-model`), `version`, `kind`
(`go-policy`, `image-classifier`), `program` (the version of gocnn that wrote the file), `config`
(JSON from which the network is built) and `provenance` (JSON: data, steps, samples, accuracy,
program version, time).
"""

import json
import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from gocnn import __version__, versions
from gocnn.devices import placed
from gocnn.errors import A_MODEL, Note, UserError, no_such_model
from gocnn.files import need_plain, write_bytes
from gocnn.versions import BEST as BEST
from gocnn.versions import LAST as LAST
from gocnn.versions import MODEL_FORMAT, MODEL_VERSION

AnyNetwork = TypeVar("AnyNetwork", bound=nn.Module)


@dataclass(frozen=True)
class ModelFile:
    """A model as it lies on disk: what it is, how to build it, where it comes from, and its tensors
    (on the CPU)."""

    kind: str
    config: dict[str, Any]
    provenance: dict[str, Any]
    tensors: dict[str, Tensor]
    path: Path
    program: object
    """The version of gocnn that wrote it, as it stands there; None if it does not."""


def describing(kind: str, config: dict[str, Any], provenance: dict[str, Any]) -> dict[str, str]:
    """The metadata of a model file (see the module's text)."""
    return {
        "format": MODEL_FORMAT,
        "version": str(MODEL_VERSION),
        "kind": kind,
        "program": __version__,
        "config": json.dumps(config),
        "provenance": json.dumps(provenance),
    }


def save(
    path: Path,
    kind: str,
    config: dict[str, Any],
    provenance: dict[str, Any],
    tensors: dict[str, Tensor],
) -> None:
    """Write a model file, whole or not at all. Raises UserError if it cannot be written."""
    import safetensors.torch

    metadata = describing(kind, config, provenance)
    plain = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    write_bytes(path, safetensors.torch.save(plain, metadata))


def locate(path: str | Path) -> Path:
    """The model file that `path` means: the file itself, or a run folder's best (else last) model,
    with a Note where it is not the best. Raises UserError."""
    target = Path(path)
    if target.is_dir():
        if (target / BEST).exists():
            return target / BEST
        if (target / LAST).exists():
            warnings.warn(
                f"{path} has no {BEST}, the best by validation, so {LAST} is taken",
                Note,
                stacklevel=1,
            )
            return target / LAST
        raise UserError(
            f"{path} holds no model ({BEST} or {LAST}); give a folder that go-train or img-train"
            " has filled, or a .safetensors file"
        )
    if not target.exists():
        raise no_such_model(path)
    need_plain(target, A_MODEL)
    return target


def model_kind(name: str) -> str | None:
    """The kind of model in a file or a run's folder; None if there is none of that name, or it is
    of another program. Raises UserError if the file cannot be read."""
    return read_metadata(locate(name)).get("kind") if Path(name).exists() else None


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file, read without loading tensors. Raises UserError if it is
    not one, or is cut short."""
    need_plain(path, A_MODEL)
    try:
        with path.open("rb") as stream:
            head = stream.read(8)
            length = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
            if not 2 <= length <= 100 << 20:
                if head[:4] == b"PK\x03\x04" or head[:1] == b"\x80":
                    raise UserError(
                        f"{path} is a pickle (.pt, .pth), which could run code and is not loaded;"
                        " give a .safetensors file of this program"
                    )
                raise _no_model(path)
            text = stream.read(length)
            if len(text) < length:
                raise UserError(f"{path} is cut short; copy it again or train again")
            stream.seek(0, 2)
            size = stream.tell() - 8 - length
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; check its permissions") from error
    try:
        header = json.loads(text.decode())
        metadata = header.pop("__metadata__", None) or {}
        if not all(isinstance(value, str) for value in metadata.values()):
            raise ValueError("its metadata are no texts")
        ends = [_end(entry) for entry in header.values()]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _no_model(path) from error
    if ends and max(ends) > size:
        raise UserError(
            f"{path} is cut short ({size} of {max(ends)} bytes of weights); copy it again or train"
            " again"
        )
    return metadata


def _end(entry: dict[str, Any]) -> int:
    """Where the bytes of a tensor end, by its entry in a safetensors header. Raises ValueError,
    KeyError or TypeError if it is no such entry."""
    begin, end = entry["data_offsets"]
    for number in (begin, end, *entry["shape"]):
        if type(number) is not int or number < 0:
            raise ValueError("not a size or an offset")
    if not isinstance(entry["dtype"], str):
        raise TypeError("not a type's name")
    return int(end)


def _no_model(path: Path) -> UserError:
    if path.suffix.lower() == ".onnx":
        return UserError(
            f"{path} is an ONNX file, which can be run but not taken apart; give the .safetensors"
            " file or the run that it was made of"
        )
    return UserError(
        f"{path} is not a model file of this program; give a .safetensors file that it has trained"
    )


def load(path: str | Path, kind: str) -> ModelFile:
    """Read a model of that kind. Raises UserError if it is of another kind or version, damaged, or
    not a model."""
    import safetensors
    import safetensors.torch

    target = locate(path)
    metadata = read_metadata(target)
    if metadata.get("format") != MODEL_FORMAT:
        raise UserError(
            f"{target} is a safetensors file, but not a model of this program; give one that it has"
            " trained"
        )
    versions.need_model_version(target, metadata, "train it again")
    if metadata.get("kind") != kind:
        found = metadata.get("kind", "")[:40] or "unknown"
        raise UserError(
            f"{target} is a model of the kind {found}, but {kind} is needed here; give another"
            " model"
        )
    config, provenance = (
        json_object(metadata.get(key, ""), target, key) for key in ("config", "provenance")
    )
    try:
        tensors = safetensors.torch.load_file(target)
    except (
        safetensors.SafetensorError,
        OSError,
        KeyError,
        ValueError,
        TypeError,
        RuntimeError,
        OverflowError,
    ) as error:
        raise UserError(
            f"{target} is damaged ({_first_line(error)}); copy it again or train again"
        ) from error
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise UserError(
                f"{target} is damaged ({name} holds values that are no numbers); copy it again or"
                " train again"
            )
    return ModelFile(kind, config, provenance, tensors, target, versions.model_program(metadata))


def json_object(text: str, path: Path, what: str) -> dict[str, Any]:
    """An object in the metadata of a model. Raises UserError if it is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{path} is damaged (its {what} cannot be read); copy it again or train again"
        ) from error
    if not isinstance(value, dict):
        raise UserError(
            f"{path} is damaged (its {what} is no object); copy it again or train again"
        )
    return value


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "")[:200] or type(error).__name__


def load_network(
    path: str | Path, kind: str, build: Callable[[dict[str, Any]], AnyNetwork], device: str
) -> tuple[AnyNetwork, ModelFile, torch.device]:
    """The network of a model file, built from its configuration, with its weights, in evaluation
    mode on the device. Raises UserError."""
    file = load(path, kind)
    try:
        _fits(file, build)
        network = build(file.config)
        network.load_state_dict(file.tensors)
    except (
        TypeError,
        ValueError,
        RuntimeError,
        ArithmeticError,
        AttributeError,
        LookupError,
        MemoryError,
    ) as error:
        # What a configuration says may be anything.
        raise versions.unreadable(
            file.path, _first_line(error), file.program, "train it again"
        ) from error
    chosen = torch.device(device)
    placed(network, chosen).eval()
    return network, file, chosen


class _NothingDrawn(TorchFunctionMode):
    """Within: what would draw a tensor's numbers from a normal distribution leaves it as it is. On
    the meta device there are no numbers, and torch would load its compiler, two seconds of a
    processor, to draw none."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        if func in (Tensor.normal_, nn.init.normal_):
            return args[0] if args else given["tensor"]
        return func(*args, **given)


def _fits(file: ModelFile, build: Callable[[dict[str, Any]], nn.Module]) -> None:
    """Raises ValueError if the configuration is not that of these weights, before memory is taken
    for what it says."""
    largest = max(
        [
            4096,
            len(file.tensors),
            *(size for tensor in file.tensors.values() for size in tensor.shape),
        ]
    )
    for key, value in file.config.items():
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, int) and abs(number) > largest:
                raise ValueError(f"{key} is {number}")
    with torch.device("meta"), _NothingDrawn():
        shapes = {name: tensor.shape for name, tensor in build(file.config).state_dict().items()}
    for name in sorted(shapes.keys() ^ file.tensors.keys()):
        raise ValueError(f"{name} is {'missing' if name in shapes else 'too much'}")
    for name, shape in shapes.items():
        if file.tensors[name].shape != shape:
            raise ValueError(
                f"{name} has the shape {tuple(file.tensors[name].shape)} instead of {tuple(shape)}"
            )
