"""Folders of runs, as they look to whoever watches them."""

import json
from pathlib import Path
from typing import Any

from gocnn.training.names import DESCRIPTION, METRICS


def line(kind: str, step: int, **figures: float) -> str:
    """A line of metrics.jsonl."""
    head = {"kind": kind, "step": step, "samples": step * 8, "seconds": step / 2}
    return json.dumps(head | figures) + "\n"


def make(folder: Path, text: str = "", **description: Any) -> Path:
    """A run's folder."""
    folder.mkdir(parents=True)
    (folder / DESCRIPTION).write_text(json.dumps({"kind": "toy", "wishes": {}} | description))
    if text:
        (folder / METRICS).write_text(text)
    return folder
