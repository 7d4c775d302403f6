"""The networks that ship with the package, and which is taken where nobody names one. Nothing here
needs torch."""

import os
from pathlib import Path

from gocnn.console import program
from gocnn.errors import UserError

WEIGHTS = Path(__file__).parent / "weights"

NAMES = ("base", "small")
"""What ships, the strongest first (docs/models.md): each as `.onnx`, which runs without torch, and
as `.safetensors`, to go on training with."""

ALIAS = "shipped"
"""The first of them, in short."""

VARIABLE = "GOCNN_MODEL"
"""The environment variable that names the network to take where none is given."""


def default_name() -> str:
    """What `--model` is where nobody gives it: what the environment variable says, or the first of
    those that ship."""
    return os.environ.get(VARIABLE) or NAMES[0]


def file_of(name: str, suffix: str = ".onnx") -> Path:
    """The file of a network that ships, `.onnx` or `.safetensors`. Raises UserError if it is not
    there."""
    file = WEIGHTS / f"{NAMES[0] if name == ALIAS else name}{suffix}"
    if not file.exists():
        raise UserError(
            f"{file.name} does not come with this installation; train a network with:"
            f" {program.name()} go-train GAMES --out RUN, and give it with --model RUN"
        )
    return file


def find(model: str | Path | None = None, suffix: str = ".onnx") -> Path:
    """The file or folder that `model` names: itself where it exists, else the network of that name
    that ships (see `file_of`); None: the default. Raises UserError if that one is missing."""
    name = default_name() if model is None else model
    known = str(name) in NAMES or str(name) == ALIAS
    return file_of(str(name), suffix) if known and not Path(name).exists() else Path(name)


def is_shipped(path: Path) -> bool:
    """Whether the file came with the package."""
    return path.parent == WEIGHTS
