"""Which version of the program wrote a file, and what it says of one that it cannot read.

Model files, game stores, run.json and checkpoints hold the program's version since 0.1.0; files of
before do not, and are read all the same.
"""

import json
import re
from collections.abc import Mapping

from gocnn import __version__
from gocnn.errors import UserError

BEST, LAST = "best.safetensors", "last.safetensors"
"""The model files of a run: the best by validation, and the latest."""

MODEL_FORMAT, MODEL_VERSION = "gocnn-model", 1
"""What the metadata of model files, safetensors as ONNX, say under `format` and `version`."""

RUN_VERSION = 1
"""What run.json and checkpoints say under `version`. Those of before it was written are alike."""

_VERSION = re.compile(r"(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?[0-9A-Za-z.+-]{0,20}", re.ASCII)


def unreadable(file: object, why: str, program: object, remedy: str) -> UserError:
    """The refusal of a file that this version cannot read: which version wrote it, and what to do.

    file: the file, or what it is with its path; why: what in it is not understood; program: the
    version that it says wrote it, as it stands there (None: it does not say); remedy: what helps
    in any case, such as `train it again`.
    """
    found = _VERSION.fullmatch(program) if isinstance(program, str) else None
    if found is None:
        wrote, update = "which version wrote it was not recorded", "update gocnn"
    else:
        wrote = f"gocnn {program} wrote it"
        own, its = _numbers(_VERSION.match(__version__)), _numbers(found)
        update = "update gocnn" if its > own else "read it with that version" if its < own else ""
    return UserError(
        f"{file} cannot be read by gocnn {__version__} ({why}); {wrote}:"
        f" {f'{update} or {remedy}' if update else remedy}"
    )


def model_program(metadata: Mapping[str, str]) -> object:
    """The version of gocnn that wrote a model file, by its metadata; None if it does not say."""
    if "program" in metadata:
        return metadata["program"]
    try:
        provenance = json.loads(metadata.get("provenance", ""))
    except (ValueError, RecursionError):
        return None
    return provenance.get("program") if isinstance(provenance, dict) else None


def need_model_version(file: object, metadata: Mapping[str, str], remedy: str) -> None:
    """Refuse a model file of another version of the format. Raises UserError, whose sentence names
    `file` and ends in `remedy` (see `unreadable`)."""
    stated = metadata.get("version", "")
    if stated != str(MODEL_VERSION):
        why = f"it is a model file of version {stated[:20]}, not {MODEL_VERSION}"
        raise unreadable(file, why, model_program(metadata), remedy)


def _numbers(found: re.Match[str] | None) -> tuple[int, ...]:
    return tuple(int(part or 0) for part in found.groups()) if found else ()
