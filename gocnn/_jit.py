"""`jit`: numba's compiler with the settings every kernel of this project uses, and a type that mypy
understands.

Compiled code is kept on disk. Numba looks only at the file a kernel stands in, not at the kernels
it calls, so a change in one module would leave stale code in another: therefore the cache has a
folder for each state of the kernels' sources (see `gocnn.files.cache_folder`).

One position is quicker done in plain Python than numba is imported: `interpret()`, called before
any module with kernels is imported, leaves them as they are. They give the same numbers.

Compiling takes a while and happens once on a machine: whoever waits for it is told so, on standard
error. `gocnn warm-up` does all of it at once.
"""

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from gocnn import program
from gocnn.errors import UserError
from gocnn.files import cache_folder, prune

F = TypeVar("F", bound=Callable[..., object])

KERNELS = (
    "_jit.py",
    "board/*.py",
    "features/*.py",
    "games/*.py",
    "policy/*.py",
    "engine/*.py",
    "selfplay/*.py",
    "training/tiles.py",
)
"""The files with kernels, and those whose constants they use."""
KEEP_DAYS = 7


_interpreted = False
_numba: Any = None
compiled: list[str] = []
"""The kernels that this process has compiled, by name; not those that it found on disk."""


def interpret() -> None:
    """Do without numba in this process. Kernels that are already compiled stay so."""
    global _interpreted
    _let_hashes_wrap()
    _interpreted = True


def _let_hashes_wrap() -> None:
    """Products of 64 bits lose their upper half, as they do when compiled; numpy would warn."""
    import numpy as np

    np.seterr(over="ignore")


def _load_numba() -> tuple[Any, bool]:
    """Numba, and whether the compiled code can be kept in this project's own folder (numba by
    itself would look for other places)."""
    import numba

    folder = cache()
    if folder is None:
        _announce("compiling: the cache folder cannot be written, so at every start ...")
        return numba, False
    _announce(
        "compiling what this command needs, once on this machine (about half a minute;"
        f" {program.name()} warm-up does it for all commands) ..."
    )
    numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    _share_among_checkouts()
    return numba, True


def _share_among_checkouts() -> None:
    """Let every copy of these sources (a clone, a worktree, an installed wheel) find what another
    has compiled: the folder's name already says which sources it is of, while numba would go by
    the path of each file, and in older versions by the time it was written."""
    from numba.core import caching

    usual: Any = next(
        (kind for kind in caching.CacheImpl._locator_classes if "UserProvided" in kind.__name__),
        None,
    )
    if usual is None:
        return
    package = Path(__file__).resolve().parent

    class ByContent(usual):  # type: ignore[misc]
        @classmethod
        def from_function(cls, py_func: Any, py_file: str) -> Any:
            inside = package in Path(py_file).resolve().parents
            return super().from_function(py_func, py_file) if inside else None

        @classmethod
        def get_suitable_cache_subpath(cls, py_file: str) -> str:
            return Path(py_file).resolve().parent.relative_to(package.parent).as_posix()

        def get_source_stamp(self) -> str:
            return "the folder is of these sources only"

    caching.CacheImpl._locator_classes = [ByContent, *caching.CacheImpl._locator_classes]


def cache() -> Path | None:
    """The folder where what these kernels compile to is kept; None where it cannot be: a full disk,
    a folder of someone else's, no home. Then they are compiled at every start."""
    import numba

    package = Path(__file__).parent
    digest = hashlib.sha256(numba.__version__.encode())
    for files in KERNELS:
        for path in sorted(package.glob(files)):
            digest.update(path.read_bytes())
    try:
        folder = cache_folder() / "kernels" / digest.hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        with tempfile.TemporaryFile(dir=folder):
            pass
        prune(folder.parent, KEEP_DAYS)
    except (OSError, UserError):
        return None
    return folder


def _announce(sentence: str) -> None:
    """Say the sentence on standard error when the first kernel is compiled; not in the processes
    that this one starts to share its work."""
    from numba.core import event

    class Compiling(event.Listener):
        def on_start(self, event: Any) -> None:
            kernel = event.data["dispatcher"].py_func
            if not kernel.__module__.startswith("gocnn."):
                return
            if not compiled and _is_heard():
                print(sentence, file=sys.stderr, flush=True)
            compiled.append(f"{kernel.__module__}.{kernel.__qualname__}")

        def on_end(self, event: Any) -> None:
            pass

    event.register("numba:compile", Compiling())  # type: ignore[no-untyped-call]


def _is_heard() -> bool:
    """Whether a person may wait for this process (`GOCNN_COMPILING=quiet`: nobody does)."""
    import multiprocessing

    return (
        sys.stderr is not None
        and multiprocessing.parent_process() is None
        and os.environ.get("GOCNN_COMPILING") != "quiet"
    )


def jit(function: F) -> F:
    """Compile `function` to machine code at its first call (cached on disk, without the interpreter
    lock), unless `interpret()` was called."""
    return _compiled(function)


def _compiled(function: F, **options: bool) -> F:
    global _numba
    if _interpreted:
        return function
    _numba = _numba or _load_numba()
    numba, kept = _numba
    # Nobody calls a kernel from C.
    kernel: Any = numba.njit(
        cache=kept, nogil=True, boundscheck=False, no_cfunc_wrapper=True, **options
    )(function)
    if numba.config.DISABLE_JIT:
        _let_hashes_wrap()
    else:
        _take_wide_numbers(kernel)
    return cast(F, kernel)


def _take_wide_numbers(kernel: Any) -> None:
    """Let other kernels call this one with 64 bits for every whole number with a sign: numba would
    compile it once for each mixture of widths and of constants (`ladder._put` five times), and a
    kernel takes as long to compile as a person waits."""
    from numba.core import types

    def widened(kind: Any) -> Any:
        plain = types.unliteral(kind)  # type: ignore[no-untyped-call]
        return types.int64 if plain in types.signed_domain else plain

    narrow = kernel.get_call_template

    def wide(arguments: Any, named: Any) -> Any:
        return narrow(
            tuple(map(widened, arguments)), {name: widened(kind) for name, kind in named.items()}
        )

    kernel.get_call_template = wide


def parallel(function: F) -> F:
    """Compile `function` like `jit`, its `prange` loops shared among the threads that
    `numba.set_num_threads` allows."""
    return _compiled(function, parallel=True)


def inlined(function: F) -> F:
    """Leave a small function as it is, and let kernels that call it compile it into themselves."""
    global _numba
    if _interpreted:
        return function
    _numba = _numba or _load_numba()
    from numba.extending import register_jitable

    return register_jitable(function)
