"""The runs in a folder of runs. Needs no torch."""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from gocnn.training.names import CHECKPOINT, DESCRIPTION, METRICS

DEPTH = 6
"""Folders deep that runs are looked for."""

MOST_FOLDERS = 20_000
"""Folders that are looked into."""

MOST_RUNS = 1000
"""Runs that are found."""


@dataclass
class Found:
    """The training runs below a folder. runs: their folders by name, which is the way there from
    that folder (`food`, `food/head`); skipped: folders that look like runs and are none, by name,
    and why; full: whether there are more folders than are looked at; folders: how many were."""

    runs: dict[str, Path] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    full: bool = False
    folders: int = 0


def find_runs(root: Path) -> Found:
    """The runs below `root`, at most `DEPTH` folders deep. Links are not followed (`root` itself
    may be one)."""
    found = Found()
    try:
        there = root.is_dir()
    except OSError as error:
        found.skipped["."] = f"it cannot be looked at ({error.strerror})"
        return found
    if there:
        _walk(root, "", 0, found)
    return found


def _walk(folder: Path, name: str, depth: int, found: Found) -> bool:
    """Look into a folder; whether there is a run in it, or something that was skipped by name."""
    found.folders += 1
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        found.skipped[name or "."] = f"it cannot be opened ({error.strerror})"
        return True
    names = {entry.name for entry in entries}
    is_run = depth > 0 and DESCRIPTION in names
    if is_run:
        if len(found.runs) >= MOST_RUNS:
            found.full = True
            return True
        found.runs[name] = folder
    elif depth > 0 and names & {METRICS, CHECKPOINT}:
        found.skipped[name] = (
            f"it has no {DESCRIPTION}, without which nobody knows what was trained"
        )
        return True
    empty: list[str] = []
    any_here = is_run
    for entry in entries:
        if entry.name.startswith("."):
            continue
        below = f"{name}/{entry.name}" if name else entry.name
        try:
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode) and entry.is_dir():
                found.skipped[below] = "it is a link, and links are not followed"
                any_here = True
                continue
        except OSError:
            continue
        if not stat.S_ISDIR(mode):
            continue
        if depth >= DEPTH or found.folders >= MOST_FOLDERS:
            found.full = True
            continue
        if _walk(folder / entry.name, below, depth + 1, found):
            any_here = True
        else:
            empty.append(below)
    if not is_run and (any_here or depth == 0):
        found.skipped |= dict.fromkeys(empty, "there is no training run in it")
    return any_here
