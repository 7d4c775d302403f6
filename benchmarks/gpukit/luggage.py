"""A run as what travels of it: everything as it is where there is room, halves where there is not.

In halves, the weights of models and checkpoint are float16. What an optimiser remembers spans more
orders of magnitude than float16 has, so each such tensor is divided by its largest value first;
second moments and whatever is small stay as they are. `best.safetensors` in halves is a model like
any other; a checkpoint is made float32 again on arrival. What goes on from one is not bit for bit
what it would have been.
"""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gocnn.errors import UserError
from gocnn.files import make_folder, write_bytes
from gocnn.modelfile import BEST, LAST
from gocnn.training.run import CHECKPOINT, DESCRIPTION, METRICS, read_reports
from gpukit import travel

KIND = "run"
CURVES = "curves.png"
NAMES = (DESCRIPTION, METRICS, CURVES, BEST, LAST, CHECKPOINT)
SMALL = 1024
"""Tensors of fewer numbers stay as they are."""
TOP = 2.0**14
"""The largest value of a tensor in halves, after division."""


def pack(
    run: Path, room: int, halves: bool = False, finished: bool = False
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """What travels of the run in at most `room` bytes, and the facts about it: `halves` and
    `left_out`, the names of the files that stay behind.

    First the latest model stays behind, then halves are taken, then (of a run that is `finished`)
    the checkpoint or (of another) the model stays too. Raises UserError if there is no run, or if
    it does not fit even so.
    """
    whole = {name: (run / name).read_bytes() for name in NAMES if (run / name).is_file()}
    if DESCRIPTION not in whole:
        raise UserError(f"{run} holds no run; give the folder that train or go-train wrote")
    last = {LAST} if BEST in whole else set()
    choices: list[tuple[bool, set[str]]] = [
        (True, last),
        (True, {LAST, CHECKPOINT} if finished and last else {LAST, BEST}),
    ]
    if not halves:
        choices = [(False, set()), (False, last), *choices]
    half: dict[str, bytes] = {}
    sizes: list[int] = []
    for halved, left_out in choices:
        if halved and not half:
            half = {name: _halved(name, data, run) for name, data in whole.items()}
        files = {
            name: data for name, data in (half if halved else whole).items() if name not in left_out
        }
        sizes.append(sum(map(len, files.values())))
        if sizes[-1] <= room:
            return files, {"halves": halved, "left_out": sorted(left_out & whole.keys())}
    raise UserError(
        f"{run} takes {min(sizes) / travel.MB:.1f} MB even in halves, and {room / travel.MB:g} MB"
        " may travel; give a larger --room"
    )


def _halved(name: str, data: bytes, run: Path) -> bytes:
    if name == CHECKPOINT:
        stream = io.BytesIO()
        torch.save(halve(_loaded(data, run / name)), stream)
        return stream.getvalue()
    return halved_model(run / name, data) if name in (BEST, LAST) else data


def halved_model(path: Path, data: bytes) -> bytes:
    """The model file `path`, whose bytes are `data`, with weights in float16. Raises UserError if
    it is damaged."""
    import safetensors
    import safetensors.torch

    try:
        length = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + length]).get("__metadata__", {})
        tensors = safetensors.torch.load(data)
    except (safetensors.SafetensorError, ValueError) as error:
        raise UserError(f"{path} is damaged; copy it again or train again") from error
    return safetensors.torch.save(
        {
            k: t.half() if t.ndim > 1 and t.is_floating_point() and t.abs().max() < 6e4 else t
            for k, t in tensors.items()
        },
        metadata,
    )


def _loaded(data: bytes, path: Path) -> Any:
    try:
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # whatever unpickling may raise
        raise UserError(f"{path} is damaged; start again in another folder") from error


def halve(value: Any, name: str = "") -> Any:
    """A checkpoint's state with its large float32 tensors in halves."""
    if isinstance(value, dict):
        return {key: halve(part, str(key)) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(halve(part, name) for part in value)
    if (
        isinstance(value, Tensor)
        and value.dtype == torch.float32
        and value.numel() >= SMALL
        and name != "exp_avg_sq"
    ):
        largest = float(value.abs().max())
        scale = largest / TOP if largest > 0 else 1.0
        return {"half": (value / scale).half(), "scale": scale}
    return value


def restore(value: Any) -> Any:
    """The inverse of `halve`, as nearly as float16 can tell."""
    if isinstance(value, dict):
        if value.keys() == {"half", "scale"}:
            return value["half"].float() * value["scale"]
        return {key: restore(part) for key, part in value.items()}
    return type(value)(map(restore, value)) if isinstance(value, list | tuple) else value


def unpack(folder: Path, run: Path) -> dict[str, Any]:
    """Make a run folder of the parts in `folder`; returns the facts about them.

    Raises UserError if a part is missing or damaged, if there is a run already, or if it cannot be
    written.
    """
    parcel = travel.receive(folder, KIND)
    if DESCRIPTION not in parcel.files or not parcel.files.keys() <= set(NAMES):
        raise UserError(
            f"{folder / travel.MANIFEST} is no manifest of a run's parts; give another folder"
        )
    present = [name for name in NAMES if (run / name).exists()]
    if present:
        raise UserError(
            f"{run} already holds a run ({present[0]}); choose another folder, or go on with it"
            " without the parts"
        )
    files = dict(parcel.files)
    if CHECKPOINT in files and parcel.facts.get("halves"):
        stream = io.BytesIO()
        torch.save(restore(_loaded(files[CHECKPOINT], folder)), stream)
        files[CHECKPOINT] = stream.getvalue()
    make_folder(run)
    written: list[Path] = []
    try:
        # a folder holds a run from the moment that it has its description
        for name in _in_order(files):
            write_bytes(run / name, files[name])
            written.append(run / name)
    except BaseException:  # Ctrl-C too
        for path in written:
            path.unlink(missing_ok=True)
        raise
    return parcel.facts


def _in_order(files: dict[str, bytes]) -> Iterator[str]:
    yield from (name for name in reversed(NAMES) if name in files)


def describe(run: Path, files: dict[str, bytes], facts: dict[str, Any], written: list[Path]) -> str:
    """A line for people."""
    reports = read_reports(run)
    step = reports[-1]["step"] if reports else 0
    size = sum(map(len, files.values())) / travel.MB
    halves = ", in halves" if facts["halves"] else ""
    without = f", without {', '.join(facts['left_out'])}" if facts["left_out"] else ""
    parts = len(written) - 1
    return (
        f"{written[-1].parent}: the run at step {step}, {size:.1f} MB in {parts}"
        f" part{'s' if parts != 1 else ''}{halves}{without}"
    )
