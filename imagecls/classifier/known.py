"""Which pictures a network has learnt from, as its model file says. Nothing here needs torch, but
to read a file of torch's.

The provenance of a classifier (`.safetensors` and `.onnx`) holds under `learnt`, in base64, the
first eight bytes of the BLAKE2b digest of each picture file that it has learnt from, or that the
network it began with or a teacher has: sorted, little-endian. So pictures are known again wherever
they lie and whatever they are called, as long as their bytes are the same; and nothing can be seen
of them.
"""

import base64
import binascii
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn.errors import Note, UserError
from imagecls.classifier import KIND, shipped
from imagecls.photos.sets import PhotoSet
from imagecls.photos.store import KEY_BYTES

LEARNT = "learnt"
"""The key in the provenance."""

BYTES = 8

Digests = npt.NDArray[np.uint64]


def digests(photos: PhotoSet) -> Digests:
    """The beginnings of the digests of N pictures, uint64 `(N,)`."""
    keys = np.frombuffer(photos.store.keys(photos.rows), np.uint8).reshape(-1, KEY_BYTES)
    return keys[:, :BYTES].copy().view("<u8")[:, 0].astype(np.uint64)


def written(found: Digests) -> str:
    """What the provenance says of them."""
    return base64.b64encode(np.unique(found).astype("<u8").tobytes()).decode()


def read(provenance: Mapping[str, Any]) -> Digests | None:
    """What `written` has written, in order; None if the provenance does not say."""
    text = provenance.get(LEARNT)
    if not isinstance(text, str) or not text:
        return None
    try:
        return np.frombuffer(base64.b64decode(text, validate=True), "<u8").astype(np.uint64)
    except (binascii.Error, ValueError):
        return None


def learnt_from(provenance: Mapping[str, Any], photos: PhotoSet) -> npt.NDArray[np.bool_] | None:
    """Which of N pictures a network of that provenance has learnt from, `(N,)`; None if that is not
    known."""
    found = read(provenance)
    return None if found is None else np.isin(digests(photos), found)


def of_file(source: str | Path) -> Digests | None:
    """What the network of a model file, a run's folder or a shipped classifier's name has learnt
    from; None if that is not known, or if there is no such file any more."""
    from gocnn import modelfile

    with warnings.catch_warnings(action="ignore", category=Note):
        try:
            path = modelfile.locate(shipped.find(source, ".safetensors"))
            text = modelfile.read_metadata(path).get("provenance", "")
            return read(modelfile.json_object(text, path, "provenance"))
        except UserError:
            return None


def is_classifier(source: str | Path) -> bool:
    """Whether it is a model file of this program's, or the folder of a run: not weights of another
    program's."""
    from gocnn import modelfile

    with warnings.catch_warnings(action="ignore", category=Note):
        try:
            return modelfile.model_kind(str(source)) == KIND
        except UserError:
            return False


def taken_over(
    givers: Mapping[str, Digests | None], judged: PhotoSet
) -> tuple[Digests | None, list[str]]:
    """What the `givers` have learnt from, together: the networks that a training begins with, and
    its teachers, with what `of_file` says of them; None if one of them does not say. And what a
    person should be told, since the `judged` pictures are to show how well the training does."""
    notes, found = [], [np.zeros(0, np.uint64)]
    for name, theirs in givers.items():
        if theirs is None:
            notes.append(
                f"{name} does not say which pictures it has learnt from; where validation pictures"
                " are among them, the accuracy on these says little of new ones"
            )
            continue
        found.append(theirs)
        count = int(np.isin(digests(judged), theirs).sum())
        if count:
            notes.append(
                f"{name} has learnt from {count} of the {len(judged)} validation pictures, so that"
                " the accuracy on these says little of new ones; hold others back (--valid)"
            )
    known = all(theirs is not None for theirs in givers.values())
    return (np.concatenate(found) if known else None), notes
