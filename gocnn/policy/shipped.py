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
    return os.environ.get(VARIABLE, "").strip() or NAMES[0]


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
    that ships (see `file_of`); None: the default, which no file of that name hides. Raises
    UserError if a network that ships is missing, or if what the environment variable names is."""
    name = default_name() if model is None else str(model)
    if not name.strip():
        raise UserError(
            "the name of a model is empty; give a model file, the folder of a training run,"
            f" {' or '.join(NAMES)}"
        )
    if (name in NAMES or name == ALIAS) and (model is None or not Path(name).exists()):
        return file_of(name, suffix)
    if model is None and not Path(name).exists():
        raise UserError(
            f"the environment variable {VARIABLE} names {name}, which does not exist; set it to a"
            f" model file, the folder of a training run, {' or '.join(NAMES)}"
        )
    return Path(name)


def is_shipped(path: Path) -> bool:
    """Whether the file came with the package."""
    return path.parent == WEIGHTS
