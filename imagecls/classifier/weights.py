"""Pretrained weights for ResNet-101 and for networks of timm: published files, from a local file or
downloaded once; or a run of this program."""

import argparse
import hashlib
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from gocnn import modelfile
from gocnn.bars import bar
from gocnn.errors import UserError
from gocnn.files import cache_folder, need_plain
from gocnn.versions import MODEL_FORMAT
from imagecls.classifier.models.backbone import PREFIX as TIMM
from imagecls.classifier.models.backbone import Backbone
from imagecls.classifier.models.base import FineTunable
from imagecls.classifier.models.resnet101 import FineTuner

PUBLISHED = {"v1": "resnet101-63fe2227.pth", "v2": "resnet101-cd907fc2.pth"}
"""torchvision's `ResNet101_Weights.IMAGENET1K_V1` and `IMAGENET1K_V2`. The end of the name is the
beginning of the file's SHA-256."""

RESNET = "torchvision's resnet101"

INSIDE = ("state_dict", "model", "model_state_dict")
"""Where training scripts put the weights in their checkpoints (torchvision's, timm's, Lightning's
and many a tutorial's)."""

PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.", "net.")

BASE_URL = "https://download.pytorch.org/models/"
TIMEOUT_SECONDS = 20
CHUNK = 1 << 20


OF_TIMM = "timm"
"""As a source: what timm's authors have published for the network."""


def load_backbone(model: FineTunable, source: str) -> None:
    """Put pretrained weights into all of `model` but its head.

    `source` for a network of timm: OF_TIMM, or a file or run with its names and shapes (the head
    may be another one). For resnet101: `v1` or `v2` (downloaded unless cached), a file (.pth, .pt,
    .safetensors) with exactly the names and shapes of torchvision's resnet101 (a checkpoint that
    holds them inside, or under the names of a wrapper, is such a file too), or a run or model file
    of this program with a resnet101 of the same shape. Raises UserError if it is anything else.
    """
    if isinstance(model, Backbone):
        _load_timm(model, source)
    elif isinstance(model, FineTuner):
        _load_resnet101(model, source)
    else:
        raise TypeError(f"{type(model).__name__} has no weights to load")


def _load_timm(model: Backbone, source: str) -> None:
    title = f"{TIMM}{model.name}"
    if source == OF_TIMM:
        tensors = model.published()
    else:
        path = Path(source)
        if not path.exists():
            raise UserError(
                f"there is no weights file {source}; give a file of {title}, or none to train from"
                " scratch"
            )
        if _is_own(path):
            file = modelfile.load(path, "image-classifier")
            loaded, path = dict(file.tensors), file.path
        else:
            loaded = _read(path, title)
        tensors = model.body_of(loaded)
        _check(model, tensors, path, title=title)
    state = model.backbone()
    with torch.no_grad():
        for name, tensor in tensors.items():
            if name in state:
                state[name].copy_(tensor)


def _is_own(path: Path) -> bool:
    """Whether it is a run or a model file of this program."""
    return path.is_dir() or (
        path.suffix == ".safetensors"
        and modelfile.read_metadata(path).get("format") == MODEL_FORMAT
    )


def _load_resnet101(model: FineTuner, source: str) -> None:
    path = download(source) if source in PUBLISHED else Path(source)
    if not path.exists():
        raise UserError(
            f"there is no weights file {source}; give a file of torchvision's resnet101, v1, v2, or"
            " none to train from scratch"
        )
    if _is_own(path):
        file = modelfile.load(path, "image-classifier")
        tensors: Mapping[str, Tensor] = {
            name: t for name, t in file.tensors.items() if not name.startswith("fc.")
        }
        _check(model, tensors, file.path)
    else:
        tensors = _read(path)
        _check(model, {name: t for name, t in tensors.items() if not name.startswith("fc.")}, path)
        head = sorted(name for name in tensors if name.startswith("fc."))
        if head != ["fc.bias", "fc.weight"] or tensors["fc.weight"].shape[1:] != (model.channels,):
            raise UserError(
                f"{path} has another last layer than torchvision's resnet101"
                f" ({', '.join(head) or 'none'}); give a file of that network"
            )
    state = model.state_dict()
    with torch.no_grad():
        for name, tensor in tensors.items():
            if not name.startswith("fc."):
                state[name].copy_(tensor)


def _read(path: Path, title: str = RESNET) -> dict[str, Tensor]:
    """The tensors of a weights file. A pickle is read without running anything in it."""
    import pickle

    import safetensors
    import safetensors.torch

    need_plain(path, f"give a file of {title}")

    try:
        if path.suffix == ".safetensors":
            return _plain(safetensors.torch.load_file(path), path, title)
        # Training scripts put their arguments beside the weights: a plain record of values.
        with torch.serialization.safe_globals([argparse.Namespace]):
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path} is a pickle that holds more than weights and could run code; it was not"
            " loaded: give the plain file of weights"
        ) from error
    except OSError as error:
        raise UserError(
            f"cannot read {path}: {error.strerror or error}; check its permissions"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, safetensors.SafetensorError) as error:
        raise UserError(
            f"{path} is cut short or not a weights file; download or copy it again"
        ) from error
    return _plain(loaded, path, title)


def _plain(loaded: object, path: Path, title: str) -> dict[str, Tensor]:
    """The tensors of a checkpoint by their plain names: weights that lie beside an optimiser and
    the like, and the prefixes that wrappers (DataParallel, torch.compile, Lightning) put before
    every name."""
    for _ in range(len(INSIDE)):
        inner = (
            next((loaded[key] for key in INSIDE if isinstance(loaded.get(key), dict)), None)
            if isinstance(loaded, dict)
            else None
        )
        loaded = loaded if inner is None else inner
    if (
        not isinstance(loaded, dict)
        or not loaded
        or not all(isinstance(value, Tensor) for value in loaded.values())
    ):
        raise UserError(
            f"{path} is not a plain file of weights, nor has it any inside ({', '.join(INSIDE)});"
            f" give a file of {title}"
        )
    tensors = {str(name): value for name, value in loaded.items()}
    while prefix := next((p for p in PREFIXES if all(name.startswith(p) for name in tensors)), ""):
        tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return tensors


def _check(
    model: FineTunable, tensors: Mapping[str, Tensor], path: Path, *, title: str = "this resnet101"
) -> None:
    """Every name and every shape must be there, and no other. (Counters of batches are missing in
    files older than 2018.)"""
    wanted = model.backbone()
    missing = [
        name for name in wanted if name not in tensors and not name.endswith("num_batches_tracked")
    ]
    strange = [name for name in tensors if name not in wanted]
    wrong = [
        name for name in tensors if name in wanted and tensors[name].shape != wanted[name].shape
    ]
    if missing or strange or wrong:
        example = (
            f"lacks {missing[0]}"
            if missing
            else f"has {strange[0]}"
            if strange
            else f"has {wrong[0]} of another shape"
        )
        count = len(missing) + len(strange) + len(wrong)
        raise UserError(
            f"{path} is of another architecture ({example}; {count} differences); give a file of"
            f" {title}"
        )


def download(version: str, cache: Path | None = None, base: str | None = None) -> Path:
    """A published file, from the cache or downloaded into it: resumed where an earlier attempt
    ended, its hash checked before it is used.

    `base` (else the environment's GOCNN_WEIGHTS_URL, else torchvision's address) is the folder of
    the files. Raises UserError.
    """
    name = PUBLISHED[version]
    folder = cache or cache_folder() / "weights"
    target, part = folder / name, folder / f"{name}.part"
    if target.exists():
        return target
    url = (base or os.environ.get("GOCNN_WEIGHTS_URL") or BASE_URL).rstrip("/") + "/" + name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _fetch(url, part)
        digest = hashlib.sha256()
        with part.open("rb") as stream:
            while piece := stream.read(CHUNK):
                digest.update(piece)
    except urllib.error.HTTPError as error:
        raise UserError(
            f"{url} answers {error.code} {error.reason}; give the file with --weights FILE, or"
            " --weights none"
        ) from error
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise UserError(
            f"cannot download the pretrained weights from {url} ({reason}); connect and try again,"
            " give the file with --weights FILE, or train from scratch knowingly with --weights"
            " none"
        ) from error
    except OSError as error:
        raise UserError(
            f"cannot write {part}: {error.strerror}; make room, or set GOCNN_CACHE to another"
            " folder"
        ) from error
    if not digest.hexdigest().startswith(name.rsplit("-", 1)[1].removesuffix(".pth")):
        part.unlink()
        raise UserError(
            f"what came from {url} has another hash than its name says, and was deleted; try again,"
            " or give the file with --weights FILE"
        )
    os.replace(part, target)
    return target


def _fetch(url: str, part: Path) -> None:
    """Append to `part` what is missing of the file at `url`."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing is missing
            return
        raise
    with answer:
        resumed = answer.status == 206
        total = int(answer.headers.get("Content-Length") or 0) + (have if resumed else 0)
        with (
            part.open("ab" if resumed else "wb") as stream,
            bar(
                total=total or None,
                initial=have if resumed else 0,
                unit="B",
                unit_scale=True,
                desc=part.stem,
                disable=not sys.stderr.isatty(),
            ) as shown,
        ):
            while piece := answer.read(CHUNK):
                stream.write(piece)
                shown.update(len(piece))
        if total and part.stat().st_size < total:
            raise ConnectionError("the connection ended early; what has come is kept")
