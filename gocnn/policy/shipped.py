"""The networks that ship with the package, and which is taken where nobody names one. Nothing here
needs torch."""

from pathlib import Path

from gocnn.shipping import Shelf

WEIGHTS = Path(__file__).parent / "weights"

NAMES = ("base", "base8", "small")
"""What ships, the strongest first (docs/models.md): each as `.onnx`, which runs without torch, and
as `.safetensors`, to go on training with."""

WEIGHTS_OF = {"base8": "base"}
"""`base8.onnx` is `base` in eight bits: its `.safetensors` are that one's."""

ALIAS = "shipped"
"""The first of them, in short."""

VARIABLE = "GOCNN_MODEL"
"""The environment variable that names the network to take where none is given."""


def shelf() -> Shelf:
    """All of them."""
    return Shelf(WEIGHTS, NAMES, VARIABLE, "go-train GAMES", ALIAS, WEIGHTS_OF)


def file_of(name: str, suffix: str = ".onnx") -> Path:
    """The file of a network that ships, `.onnx` or `.safetensors`. Raises UserError if it is not
    there."""
    return shelf().file_of(name, suffix)


def find(model: str | Path | None = None, suffix: str = ".onnx") -> Path:
    """The file or folder that `model` names: itself where it exists, else the network of that name
    that ships (see `file_of`); None: the default, which no file of that name hides. Raises
    UserError if a network that ships is missing, or if what the environment variable names is."""
    return shelf().find(model, suffix)


def is_shipped(path: Path) -> bool:
    """Whether the file came with the package."""
    return shelf().has(path)
