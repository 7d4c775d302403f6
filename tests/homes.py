"""Environments whose home is a new empty folder."""

import os
from pathlib import Path

HOMES = {
    "HOME": "home",
    "USERPROFILE": "home",
    "XDG_CACHE_HOME": "cache",
    "XDG_CONFIG_HOME": "config",
    "XDG_DATA_HOME": "data",
    "XDG_STATE_HOME": "state",
    "LOCALAPPDATA": "local",
    "APPDATA": "roaming",
    "TMPDIR": "tmp",
    "TEMP": "tmp",
    "TMP": "tmp",
}
"""What tells libraries where a person's files are, and our folder for each."""


def a_home(folder: Path) -> dict[str, str]:
    """An environment whose home is a new empty folder, as are its caches and so on."""
    places = {variable: folder / name for variable, name in HOMES.items()}
    for place in places.values():
        place.mkdir(parents=True, exist_ok=True)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "LC_", "MPL", "ORT_", "TORCH", "CUDA_CACHE"))
    }
    return (
        kept
        | {variable: str(place) for variable, place in places.items()}
        | {"PYTHONUTF8": "0", "LANG": "C.UTF-8"}
    )
