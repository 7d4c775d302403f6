"""Files that are either whole or not there: written beside the target, synced, renamed over it."""

import atexit
import contextlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import platformdirs

from gocnn.errors import UserError


def cache_folder() -> Path:
    """Where this project keeps what it can make again: `GOCNN_CACHE`, else the folder `gocnn` where this system keeps caches.

    That is `~/.cache/gocnn` on Linux (or in `XDG_CACHE_HOME`), `~/Library/Caches/gocnn` on macOS, and `%LOCALAPPDATA%\\gocnn\\Cache` on Windows.
    Raises UserError if this user has no home folder.
    """
    try:
        own = os.environ.get("GOCNN_CACHE")
        folder = Path(own or platformdirs.user_cache_dir("gocnn", appauthor=False)).expanduser()
        if not own and not folder.is_absolute():  # what is left of "~" where there is no home folder
            raise RuntimeError
    except RuntimeError:
        raise UserError("there is no home folder to keep a cache in; set GOCNN_CACHE to a folder you can write") from None
    return folder


def scratch_folder(name: str) -> Path:
    """The folder `name` of the cache, for what another library keeps; where none can be written, a new one that goes when this process ends.

    The folder of the cache is not made, only what lay in it untouched for a month is removed.
    """
    try:
        folder = cache_folder() / name
        nearest = next((path for path in (folder, *folder.parents) if path.exists()), folder)
        if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
            if folder.is_dir():
                prune(folder, 30)
            return folder
    except (OSError, UserError):
        pass
    folder = Path(tempfile.mkdtemp(prefix="gocnn-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def prune(folder: Path, days: float) -> None:
    """Remove what lies in `folder` and has not been touched for so many days. Another process may be doing the same."""
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < time.time() - days * 86400:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[IO[bytes]]:
    """A binary file to write; it becomes `target` when the block ends well, and leaves no trace when it does not.

    Raises UserError if the folder cannot be written or the disk is full; `target`, if it was there, is then as it was.
    """
    # A name as long as the system allows leaves no room for more: the temporary one has a part of it only.
    beside = target.with_name(f".{target.name[:32]}.{secrets.token_hex(6)}.tmp")
    try:
        # With the permissions that the umask leaves, as if `target` had been written directly.
        handle = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror}; choose another place") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        _rename(beside, target)
        _sync_folder(target.parent)
    except OSError as error:
        # Whatever was at the target is untouched: say so, because that is what a person asks first.
        kept = f" ({target} is still the one written before)" if target.exists() else ""
        raise UserError(f"cannot write {target}: {error.strerror or error}{kept}; make room or choose another place") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)


def write_bytes(target: Path, data: bytes) -> None:
    """Write a whole file as `replacing` does."""
    with replacing(target) as stream:
        stream.write(data)


def write_text(target: Path, text: str) -> None:
    """Write a whole UTF-8 file as `replacing` does."""
    # A file's name that is not UTF-8 may stand in the text, as escapes.
    write_bytes(target, text.encode("utf-8", "backslashreplace"))


def _rename(source: Path, target: Path) -> None:
    """`os.replace`, tried for a second on Windows: there a file that another program (a virus scanner, say) has open cannot be replaced."""
    for seconds in (0.05, 0.1, 0.2, 0.3, 0.4) if os.name == "nt" else ():
        try:
            os.replace(source, target)
            return
        except PermissionError:
            time.sleep(seconds)
    os.replace(source, target)


def _sync_folder(folder: Path) -> None:
    """Make a rename last; Windows neither can nor needs to."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
