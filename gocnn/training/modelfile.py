"""Model files: safetensors with the configuration and the provenance in the metadata. Loading one can run no code.

Metadata (all strings, as the format wants): `format` (`gocnn-model`), `version`, `kind` (`go-policy`, `image-classifier`), `config` (JSON from which
the network is built) and `provenance` (JSON: data, steps, samples, accuracy, program version, time).
"""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from gocnn.errors import UserError
from gocnn.files import write_bytes
from gocnn.training.devices import layout

Network = TypeVar("Network", bound=nn.Module)

FORMAT, VERSION = "gocnn-model", 1
BEST, LAST = "best.safetensors", "last.safetensors"


@dataclass(frozen=True)
class ModelFile:
    """A model as it lies on disk: what it is, how to build it, where it comes from, and its tensors (on the CPU)."""

    kind: str
    config: dict[str, Any]
    provenance: dict[str, Any]
    tensors: dict[str, Tensor]
    path: Path


def describing(kind: str, config: dict[str, Any], provenance: dict[str, Any]) -> dict[str, str]:
    """The metadata of a model file (see the module's text)."""
    return {"format": FORMAT, "version": str(VERSION), "kind": kind, "config": json.dumps(config), "provenance": json.dumps(provenance)}


def save(path: Path, kind: str, config: dict[str, Any], provenance: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Write a model file, whole or not at all. Raises UserError if it cannot be written."""
    import safetensors.torch

    metadata = describing(kind, config, provenance)
    plain = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    write_bytes(path, safetensors.torch.save(plain, metadata))


def find(path: str | Path) -> Path:
    """The model file that `path` means: the file itself, or a run folder's best (else last) model. Raises UserError."""
    target = Path(path)
    if target.is_dir():
        for name in (BEST, LAST):
            if (target / name).exists():
                return target / name
        raise UserError(f"{path} holds no model ({BEST} or {LAST}); give a folder that go-train or img-train has filled, or a .safetensors file")
    if not target.exists():
        raise UserError(f"{path} does not exist; give a model file or the folder of a training run")
    return target


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file, read without loading tensors. Raises UserError if it is not one, or is cut short."""
    try:
        with path.open("rb") as stream:
            head = stream.read(8)
            length = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
            if not 2 <= length <= 100 << 20:
                if head[:4] == b"PK\x03\x04" or head[:1] == b"\x80":
                    raise UserError(
                        f"{path} is a pickle (.pt, .pth), which could run code and is not loaded; give a .safetensors file of this program"
                    )
                raise UserError(f"{path} is not a model file of this program; give a .safetensors file that it has trained")
            text = stream.read(length)
            if len(text) < length:
                raise UserError(f"{path} is cut short; copy it again or train again")
            header = json.loads(text)
            stream.seek(0, 2)
            size = stream.tell() - 8 - length
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; check its permissions") from error
    except ValueError as error:
        raise UserError(f"{path} is not a model file of this program; give a .safetensors file that it has trained") from error
    ends = [item["data_offsets"][1] for key, item in header.items() if key != "__metadata__"]
    if ends and max(ends) > size:
        raise UserError(f"{path} is cut short ({size} of {max(ends)} bytes of weights); copy it again or train again")
    metadata: dict[str, str] = header.get("__metadata__") or {}
    return metadata


def load(path: str | Path, kind: str) -> ModelFile:
    """Read a model of that kind. Raises UserError if it is of another kind or version, damaged, or not a model."""
    import safetensors
    import safetensors.torch

    target = find(path)
    metadata = read_metadata(target)
    if metadata.get("format") != FORMAT:
        raise UserError(f"{target} is a safetensors file, but not a model of this program; give one that it has trained")
    if metadata.get("version") != str(VERSION):
        raise UserError(
            f"{target} is a model of format version {metadata.get('version')}, this program reads version {VERSION}; train it again or update"
        )
    if metadata.get("kind") != kind:
        raise UserError(f"{target} is a model of the kind {metadata.get('kind')}, but {kind} is needed here; give another model")
    try:
        tensors = safetensors.torch.load_file(target)
        return ModelFile(kind, json.loads(metadata["config"]), json.loads(metadata["provenance"]), tensors, target)
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise UserError(f"{target} is damaged ({error}); copy it again or train again") from error


def load_network(path: str | Path, kind: str, build: Callable[[dict[str, Any]], Network], device: str) -> tuple[Network, ModelFile, torch.device]:
    """The network of a model file, built from its configuration, with its weights, in evaluation mode on the device. Raises UserError."""
    file = load(path, kind)
    try:
        network = build(file.config)
        network.load_state_dict(file.tensors)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"{file.path} does not fit this version of the program ({str(error).splitlines()[0]}); train it again or update") from error
    place = torch.device(device)
    network.to(place, memory_format=layout(place)).eval()  # type: ignore[call-overload]
    return network, file, place
