"""What the files of a run say, read by one who need not be the version that wrote them. Needs no
torch."""

import json
import math
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gocnn.training.names import PREDICTIONS

MOST_DESCRIPTION = 1 << 20
MOST_PREDICTIONS = 4 << 20
"""Bytes of run.json and of predictions.json that are read."""


def read_bytes(path: Path, begin: int, most: int) -> tuple[bytes, os.stat_result]:
    """Bytes of a plain file, and what it is. Raises OSError, for links too."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(path, flags | getattr(os, "O_BINARY", 0))
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is no plain file")
        os.lseek(handle, begin, os.SEEK_SET)
        parts = []
        while most > 0 and (part := os.read(handle, most)):
            parts.append(part)
            most -= len(part)
        return b"".join(parts), status
    finally:
        os.close(handle)


def number(value: object) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def text(value: object) -> str:
    """A text of a line, or an empty one."""
    return " ".join(value.split())[:200] if isinstance(value, str) else ""


def part(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object of that name, or an empty one."""
    found = values.get(name)
    return found if isinstance(found, dict) else {}


def flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """An object of objects as one: `{"train": {"batch": 8}}` is `{"train.batch": 8}`."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        key = f"{before}.{name}" if before else str(name)
        if isinstance(value, dict) and value and key.count(".") < 8:
            found |= flat(value, key)
        else:
            found[key] = value
    return found


def configuration(description: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The contents of run.json as two flat dictionaries: what was asked of the run, and what the
    program chose or found."""
    asked = flat(part(description, "wishes"))
    rest = {k: v for k, v in description.items() if k not in ("wishes", "options", "kind")}
    return asked, flat(rest)


def differences(runs: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What differs between configurations (flat, by the name of the run): by key the value of each
    run that has the key, for the keys that not all have with the same value."""
    keys = dict.fromkeys(key for values in runs.values() for key in values)
    found = {
        key: {name: values[key] for name, values in runs.items() if key in values} for key in keys
    }
    return {
        key: values
        for key, values in found.items()
        if len(values) < len(runs)
        or any(one != next(iter(values.values())) for one in values.values())
    }


def predictions(folder: Path) -> dict[str, Any] | None:
    """The contents of a run's predictions.json: `kind`, `step`, `samples` and `predictions`. None
    if there is no such file, or none that can be read."""
    try:
        data, _ = read_bytes(folder / PREDICTIONS, 0, MOST_PREDICTIONS + 1)
        found = json.loads(data)
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("predictions"), list):
        return None
    step, samples = number(found.get("step")), number(found.get("samples"))
    if step is None or not 0 <= step < 1 << 53:
        return None
    head = {"kind": text(found.get("kind")), "step": int(step), "samples": int(samples or 0)}
    return head | {"predictions": found["predictions"]}
