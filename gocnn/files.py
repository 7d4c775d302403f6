"""Files that are either whole or not there: written beside the target, synced, renamed over it."""

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from gocnn.errors import UserError


def cache_folder() -> Path:
    """Where this project keeps what it can make again: `GOCNN_CACHE`, else `~/.cache/gocnn`."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("GOCNN_CACHE") or f"{base}/gocnn").expanduser()


def check_place(target: Path) -> None:
    """See whether `replacing` could write `target`, before work is done for it. Raises UserError if not."""
    try:
        if target.is_dir():
            raise UserError(f"cannot write {target}: it is a folder; give the name of a file in it")
        if _is_stream(target):
            return
        place = _destination(target)
        if place.exists() and not os.access(place, os.W_OK):
            raise UserError(f"cannot write {target}: it is write-protected; choose another name")
        handle, name = _beside(place)
        os.close(handle)
        os.unlink(name)
    except (OSError, ValueError) as error:
        raise _refusal(target, error) from error


def check_folder(folder: Path) -> None:
    """See whether files could be written in a folder that is there or can be made. Raises UserError if not."""
    there = next((place for place in (folder, *folder.absolute().parents) if place.exists()), folder)
    if not there.is_dir():
        raise UserError(f"{there} is a file, and a folder is needed there; choose another place")
    check_place(there / "x")


def make_folder(folder: Path) -> None:
    """Make a folder, and those around it, if they are not there. Raises UserError if that is impossible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise UserError(f"{folder} is a file, and a folder is needed there; choose another place") from error
    except (OSError, ValueError) as error:
        raise UserError(f"cannot make the folder {folder}: {getattr(error, 'strerror', error)}; choose another place") from error


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[IO[bytes]]:
    """A binary file to write; it becomes `target` when the block ends well, and leaves no trace when it does not.

    A link stays one, and what it points to is replaced; devices and pipes (/dev/stdout) are written to as they are. Raises UserError if the place
    cannot be written or the disk is full; `target`, if it was there, is then as it was.
    """
    if _is_stream(target):
        with _plainly(target) as stream:
            yield stream
        return
    try:
        place = _destination(target)
        handle, name = _beside(place)
    except (OSError, ValueError) as error:
        raise _refusal(target, error) from error
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, place)
        _sync_folder(place.parent)
    except OSError as error:
        # Whatever was at the target is untouched: say so, because that is what a person asks first.
        kept = f" ({target} is still the one written before)" if target.is_file() else ""
        raise UserError(f"cannot write {target}: {error.strerror or error}{kept}; make room or choose another place") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def _is_stream(target: Path) -> bool:
    """Whether it is there and is neither a file nor a folder, or stands for an open file of this process."""
    if target.as_posix().startswith(("/dev/", "/proc/self/")) and not target.as_posix().startswith("/dev/shm/"):
        return True
    try:
        mode = os.stat(target).st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


@contextlib.contextmanager
def _plainly(target: Path) -> Iterator[IO[bytes]]:
    try:
        # Appending: standard output that goes into a file keeps what is in it.
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_APPEND), "wb") as stream:
            yield stream
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror or error}; make room or choose another place") from error


def _destination(target: Path) -> Path:
    """Where the bytes go: behind links, so that they stay links."""
    return Path(os.path.realpath(target)) if target.is_symlink() else target


def _beside(place: Path) -> tuple[int, str]:
    """An open new file in the folder of `place`, hidden, and its name (short: the longest names that a disk takes must be possible)."""
    if place.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if len(os.fsencode(place.name)) > 255:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    return tempfile.mkstemp(prefix=f".{place.name[:40]}.", suffix=".tmp", dir=place.parent)


def _refusal(target: Path, error: OSError | ValueError) -> UserError:
    if isinstance(error, FileNotFoundError) and not target.parent.exists():
        return UserError(f"cannot write {target}: there is no folder {target.parent}; make it, or choose another place")
    if isinstance(error, NotADirectoryError):
        return UserError(f"cannot write {target}: {target.parent} is not a folder; choose another place")
    reason = "nothing can be made in that folder" if isinstance(error, FileNotFoundError) else getattr(error, "strerror", error)
    return UserError(f"cannot write {target}: {reason}; choose another place")


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
