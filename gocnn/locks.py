"""One process at a time: a lock file beside what is written. The system gives a lock back when its
holder ends, however it ends."""

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gocnn.errors import UserError
from gocnn.files import cache_folder

if TYPE_CHECKING:
    import filelock

SAY_AFTER = 2.0
"""Seconds of waiting after which a person is told what for."""


@contextlib.contextmanager
def locked(target: Path, busy: str, wait: str = "", *, quiet: bool = False) -> Iterator[None]:
    """Hold `target` (a file or a folder to be written, there or not) against other processes that
    ask for it here.

    The lock file is `target` with `.lock` added, or in the program's cache where that folder cannot
    be written; it goes when the lock does. If another process holds it, UserError(busy), or with
    `wait` (what to tell a person who waits) it is waited for. Raises UserError, too, if the file
    system knows no locks.
    """
    import filelock

    target = Path(os.path.realpath(target))
    try:
        lock = _take(_beside(target), wait, quiet)
    except filelock.Timeout:
        raise UserError(busy) from None
    except NotImplementedError:
        raise UserError(
            f"cannot lock {target}: its file system knows no locks; choose another place"
        ) from None
    except OSError as error:
        raise UserError(
            f"cannot lock {target}: {error.strerror or error}; choose another place"
        ) from error
    try:
        yield
    finally:
        # Gone before it is released: whoever takes the name now makes a new file, and whoever had
        # opened this one sees that it has no name.
        if os.name != "nt":
            with contextlib.suppress(OSError):
                os.unlink(lock.lock_file)
        lock.release()


def is_held(lock: Path) -> bool:
    """Whether a process holds this lock file. Nothing is written."""
    try:
        import fcntl
    except ImportError:  # Windows, where whoever holds it keeps it open
        try:
            lock.rename(lock)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False
    try:
        handle = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False


def _take(path: Path, wait: str, quiet: bool) -> "filelock.BaseFileLock":
    import filelock

    lock = filelock.FileLock(path)
    if not wait:
        lock.acquire(timeout=0)
        return lock
    try:
        lock.acquire(timeout=SAY_AFTER)
    except filelock.Timeout:
        if not quiet:
            print(wait, file=sys.stderr, flush=True)
        lock.acquire(timeout=-1)
    return lock


def _beside(target: Path) -> Path:
    if os.access(target.parent, os.W_OK) or not target.parent.exists():
        return target.with_name(target.name + ".lock")
    folder = cache_folder() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{hashlib.sha256(os.fsencode(target)).hexdigest()[:20]}.lock"
