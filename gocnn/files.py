"""Files that are either whole or not there: written beside the target, synced, renamed over it."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from gocnn.errors import UserError


def cache_folder() -> Path:
    """Where this project keeps what it can make again: `GOCNN_CACHE`, else `~/.cache/gocnn`."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("GOCNN_CACHE") or f"{base}/gocnn").expanduser()


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[IO[bytes]]:
    """A binary file to write; it becomes `target` when the block ends well, and leaves no trace when it does not.

    Raises UserError if the folder cannot be written or the disk is full; `target`, if it was there, is then as it was.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror}; choose another place") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
        _sync_folder(target.parent)
    except OSError as error:
        # Whatever was at the target is untouched: say so, because that is what a person asks first.
        kept = f" ({target} is still the one written before)" if target.exists() else ""
        raise UserError(f"cannot write {target}: {error.strerror or error}{kept}; make room or choose another place") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def write_bytes(target: Path, data: bytes) -> None:
    """Write a whole file as `replacing` does."""
    with replacing(target) as stream:
        stream.write(data)


def write_text(target: Path, text: str) -> None:
    """Write a whole UTF-8 file as `replacing` does."""
    write_bytes(target, text.encode())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
