"""Libraries that would write to a person's home, or send something: what they keep goes into this
project's cache, and nothing is sent.

onnxruntime 1.29 and later counts its users: it leaves the identity of the device and a queue of
events under `~/.cache/Microsoft`, tells a server of them, and reads `ORT_DISABLE_TELEMETRY` when it
is loaded. Calling its function against that is too late there, and is all there is in the builds of
Windows before. So no other module imports onnxruntime.
"""

import contextlib
import os
import traceback
import warnings
from collections.abc import Iterator
from typing import Any

from gocnn.errors import UserError
from gocnn.files import scratch_folder

FOLDERS = {
    "MPLCONFIGDIR": "matplotlib",
    "TORCHINDUCTOR_CACHE_DIR": "inductor",
    "PYTORCH_KERNEL_CACHE_PATH": "torch",
    "CUDA_CACHE_PATH": "cuda",
}
"""Environment variables by which libraries are told where to keep what they compile or find, and
our folders for that."""


def keep_private() -> None:
    """Set, in this process's environment and so for those it starts, where libraries may write; to
    be called before they are imported. What a person has set stays."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    for variable, name in FOLDERS.items():
        if not os.environ.get(variable):
            os.environ[variable] = str(scratch_folder(name))


def hush() -> None:
    """Hide the warnings about sgfmill's source that Python 3.12 and later print when they compile
    it: nobody who uses this program can mend them."""
    warnings.filterwarnings("ignore", '"?.*invalid escape sequence', SyntaxWarning)


PACKAGES = {"PIL": "pillow", "sklearn": "scikit-learn"} | {
    name: name
    for name in (
        "filelock",
        "matplotlib",
        "msgspec",
        "numba",
        "numpy",
        "onnx",
        "onnxruntime",
        "platformdirs",
        "safetensors",
        "sgfmill",
        "starlette",
        "tensorboard",
        "timm",
        "torch",
        "torchvision",
        "tqdm",
        "uvicorn",
        "websockets",
    )
}
"""Names by which other people's modules are imported, and those of the packages that have them."""

EXTRAS = {
    "torch": "train",
    "safetensors": "train",
    "matplotlib": "pictures",
    "pillow": "photos",
    "scikit-learn": "features",
    "onnx": "onnx",
    "starlette": "serve",
    "tensorboard": "tensorboard",
    "timm": "timm",
    "torchvision": "timm",
    "uvicorn": "serve",
    "websockets": "serve",
}
"""The extra of this package by which a package is installed that playing does without."""


def package(error: ImportError | OSError, extra: str | None = None) -> str | None:
    """A sentence that names the package which could not be imported; None if it is none that this
    program asks for. extra: the extra that installs it, if not the one in `EXTRAS`.

    A package that is there and cannot be loaded may say so without its name, as an ImportError, or
    as an OSError without number where it opens its libraries itself, as torch does.
    """
    name = None
    if isinstance(error, ImportError):
        name = PACKAGES.get((error.name or "").partition(".")[0])
    elif error.errno is not None and getattr(error, "winerror", None) is None:
        return None  # of a disk, not of a library
    if name is not None and isinstance(error, ModuleNotFoundError):
        extra = EXTRAS.get(name) and (extra or EXTRAS[name])
        sentence = (
            f"this needs the package {name}, which is not installed here; install it with: pip"
            f" install {name}"
        )
        among = f"{sentence} (all that is needed: the extra {extra} of gocnn)"
        return among if extra else sentence
    if name is None:
        importing = _under_import(error)
        if not importing:
            return None
        # what is not there is lacking to the one that asks for it, whoever imports that
        name = importing[-1 if isinstance(error, ModuleNotFoundError) else 0]
    return (
        f"the package {name} is installed, but cannot be used"
        f" ({' '.join(str(error).split())[:200]}); install it again"
    )


@contextlib.contextmanager
def named(extra: str | None = None) -> Iterator[None]:
    """Within: a package that cannot be imported raises UserError, with the sentence of `package`;
    other errors are left as they are."""
    try:
        yield
    except (ImportError, OSError) as error:
        sentence = package(error, extra)
        if sentence is None:
            raise
        raise UserError(sentence) from error


def _under_import(error: BaseException) -> list[str]:
    """The packages of `PACKAGES` in whose import the error was raised, the outermost first."""
    named = (
        PACKAGES.get(str(frame.f_globals.get("__name__")).partition(".")[0])
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_name == "<module>"
    )
    return [name for name in named if name is not None]


def onnxruntime() -> Any:
    """The package onnxruntime, silenced."""
    keep_private()
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    return onnxruntime
