"""The classifier that ships with the package, and which is taken where nobody names one. Nothing
here needs torch."""

from pathlib import Path

from gocnn.errors import UserError
from gocnn.onnxfile import is_onnx
from gocnn.shipping import Shelf

WEIGHTS = Path(__file__).parent / "weights"

NAMES = ("food",)
"""What ships (docs/models.md): as `.onnx`, which runs without torch, and as `.safetensors`."""

VARIABLE = "GOCNN_IMAGE_MODEL"
"""The environment variable that names the classifier to take where none is given."""


def shelf() -> Shelf:
    """All of them."""
    return Shelf(WEIGHTS, NAMES, VARIABLE, "img-train PHOTOS")


def find(model: str | Path | None = None, suffix: str = ".onnx") -> Path:
    """The file or folder that `model` names: itself where it exists, else the classifier of that
    name that ships; None: the default. Raises UserError if a classifier that ships is missing, or
    if what the environment variable names is."""
    return shelf().find(model, suffix)


def find_for_torch(model: str, cannot: str) -> Path:
    """The same for a training, which reads no ONNX files. Raises UserError for one of them, with
    what it `cannot`: "cannot teach"."""
    found = find(model, ".safetensors")
    if is_onnx(found):
        raise UserError(
            f"{found} is an ONNX file, which {cannot}; give the run or the .safetensors file that"
            " it was made from"
        )
    return found


def named(path: Path) -> str:
    """What `find` takes for the file: its name if it came with the package, else its path."""
    return path.stem if is_shipped(path) else str(path)


def is_shipped(path: Path) -> bool:
    """Whether the file came with the package."""
    return shelf().has(path)
