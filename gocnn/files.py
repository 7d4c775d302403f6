"""Files that are either whole or not there: written beside the target, synced, renamed over it."""

import atexit
import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from gocnn.errors import UserError


def at_home(word: str) -> str:
    """A path, or an option such as `--out=~/runs`, with this person's home folder where it has `~`
    before a slash or alone, as shells have it; everything else as it is. Shells leave such an
    option alone, and quoted words; and programs that start others ask no shell."""
    option, equals, path = word.partition("=") if word.startswith("-") else ("", "", word)
    if path != "~" and not path.startswith(("~/", f"~{os.sep}")):
        return word
    return f"{option}{equals}{os.path.expanduser(path)}"


_ADDRESS = re.compile(r"(?:--[\w-]+=)?((https?|ftp|file):/{1,3}(\S+))", re.IGNORECASE)


def need_local(word: str) -> None:
    """Raises UserError if a path, or an option such as `--out=ftp://host/x`, is an address of the
    web, from which nothing is fetched, or a file's as browsers write it."""
    found = _ADDRESS.fullmatch(word)
    if found is None or os.path.exists(found[1]):
        return
    if found[2].lower() == "file":
        from urllib.parse import unquote

        raise UserError(f"{found[1]} is how browsers write a file; write /{unquote(found[3])}")
    raise UserError(
        f"{found[1]} is an address of the web, and nothing is fetched from there; download it and"
        " give the file"
    )


def no_such(words: Sequence[str], i: int, give: str) -> UserError:
    """The sentence for a file that is not there, the one that `words[i]` of a command line names.
    give: what to give instead. A name that the shell has parted at its spaces is told whole."""
    whole = (" ".join(words[i:j]) for j in range(i + 2, min(len(words), i + 20) + 1))
    name = next((name for name in whole if os.path.exists(name)), None)
    if name is not None:
        give = f'write "{name}" in quotes, for there are spaces in it'
    return UserError(f"{words[i]} does not exist; {give}")


def cache_folder() -> Path:
    """Where this project keeps what it can make again: `GOCNN_CACHE`, else the folder `gocnn` where
    this system keeps caches.

    That is `~/.cache/gocnn` on Linux (or in `XDG_CACHE_HOME`), `~/Library/Caches/gocnn` on macOS,
    and `%LOCALAPPDATA%\\gocnn\\Cache` on Windows. Raises UserError if this user has no home folder.
    """
    try:
        own = os.environ.get("GOCNN_CACHE")
        folder = Path(own or _system_caches()).expanduser()
        # what is left of "~" where there is no home folder
        if not own and not folder.is_absolute():
            raise RuntimeError
    except RuntimeError:
        raise UserError(
            "there is no home folder to keep a cache in; set GOCNN_CACHE to a folder you can write"
        ) from None
    return folder


def _system_caches() -> str:
    """The folder `gocnn` where this system keeps caches, by platformdirs; where that is not
    installed, the same by the system's usual rule."""
    try:
        import platformdirs
    except ImportError:
        if sys.platform == "win32":
            return os.path.join(
                os.environ.get("LOCALAPPDATA") or r"~\AppData\Local", "gocnn", "Cache"
            )
        if sys.platform == "darwin":
            return "~/Library/Caches/gocnn"
        return os.path.join(os.environ.get("XDG_CACHE_HOME", "").strip() or "~/.cache", "gocnn")
    return platformdirs.user_cache_dir("gocnn", appauthor=False)


def scratch_folder(name: str) -> Path:
    """The folder `name` of the cache, for what another library keeps; where none can be written, a
    new one that goes when this process ends.

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


def walk(folder: Path, refused: Callable[[OSError], None]) -> Iterator[tuple[str, list[str]]]:
    """The folders under a folder, itself first, also behind links, each with the names of what lies
    in it and is no folder, in no order; each folder once, so that links in a circle end. `refused`
    is called with the error, which names it, for a folder that cannot be listed."""
    seen: set[str] = set()
    for name, folders, files in os.walk(folder, onerror=refused, followlinks=True):
        real = os.path.realpath(name)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        yield name, files


def prune(folder: Path, days: float) -> None:
    """Remove what lies in `folder` and has not been touched for so many days. Another process may
    be doing the same."""
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < time.time() - days * 86400:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


def need_plain(path: str | Path, advice: str) -> None:
    """Raise UserError if `path` is there and is neither a file nor a folder. A pipe can be read
    once only, and one that nobody writes into is waited for without end.

    advice: what to do, which ends the sentence.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):  # said by whoever opens it
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise UserError(f"{path} is a pipe or a device and cannot be read as a file; {advice}")


def check_writable(target: Path) -> None:
    """Make sure, before work is done for it, that `replacing` could write `target`. Raises
    UserError if it could not."""
    try:
        if target.is_dir():
            raise UserError(f"cannot write {target}: it is a folder; give the name of a file in it")
        if _is_stream(target):
            return
        destination = _destination(target)
        if destination.exists() and not os.access(destination, os.W_OK):
            raise UserError(f"cannot write {target}: it is write-protected; choose another name")
        handle, name = _beside(destination)
        os.close(handle)
        os.unlink(name)
    except (OSError, ValueError) as error:
        raise _refusal(target, error) from error


def check_folder(folder: Path) -> None:
    """Make sure that files could be written into a folder, which is there or can be made. Raises
    UserError if they could not."""
    there = next((path for path in (folder, *folder.absolute().parents) if path.exists()), folder)
    if not there.is_dir():
        raise UserError(f"{there} is a file, and a folder is needed there; choose another place")
    try:
        handle, name = _beside(there / "run")
        os.close(handle)
        os.unlink(name)
    except (OSError, ValueError) as error:
        raise _refusal(folder, error) from error


def make_folder(folder: Path) -> None:
    """Make a folder, and those around it, if they are not there. Raises UserError if that is
    impossible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise UserError(
            f"{folder} is a file, and a folder is needed there; choose another place"
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(
            f"cannot make the folder {folder}: {getattr(error, 'strerror', error)}; choose another"
            " place"
        ) from error


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[IO[bytes]]:
    """A binary file to write; it becomes `target` when the block ends well, and leaves no trace
    when it does not.

    A link stays one, and what it points to is replaced; devices and pipes (/dev/stdout) are written
    to as they are. Raises UserError if `target` cannot be written or the disk is full; `target`,
    if it was there, is then as it was.
    """
    if _is_stream(target):
        with _plainly(target) as stream:
            yield stream
        return
    try:
        destination = _destination(target)
        if os.path.isdir(destination):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        handle, name = _beside(destination)
    except (OSError, ValueError) as error:
        raise _refusal(target, error) from error
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        _rename(name, destination)
        _sync_folder(destination.parent)
    except OSError as error:
        # Whatever was at the target is untouched: say so, because that is what a person asks first.
        kept = f" ({target} is still the one written before)" if target.is_file() else ""
        raise UserError(
            f"cannot write {target}: {error.strerror or error}{kept}; make room or choose another"
            " place"
        ) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def _is_stream(target: Path) -> bool:
    """Whether it is there and is neither a file nor a folder, or stands for an open file of this
    process."""
    if target.as_posix().startswith(("/dev/", "/proc/self/")) and not target.as_posix().startswith(
        "/dev/shm/"
    ):
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
        with os.fdopen(
            os.open(target, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0)), "wb"
        ) as stream:
            yield stream
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(
            f"cannot write {target}: {error.strerror or error}; make room or choose another place"
        ) from error


def _destination(target: Path) -> Path:
    """Where the bytes go: behind links, so that they stay links."""
    return Path(os.path.realpath(target)) if target.is_symlink() else target


def _beside(target: Path) -> tuple[int, Path]:
    """An open new file in the folder of `target`, hidden, and its path.

    It has the permissions that the umask leaves, as if `target` had been written directly, and of
    the name a part only: one as long as the system allows leaves no room for more.
    """
    if len(os.fsencode(target.name)) > 255:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    name = target.with_name(f".{target.name[:32]}.{secrets.token_hex(6)}.tmp")
    return (
        os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666),
        name,
    )


def _refusal(target: Path, error: OSError | ValueError) -> UserError:
    if isinstance(error, FileNotFoundError) and not target.parent.exists():
        return UserError(
            f"cannot write {target}: there is no folder {target.parent}; make it, or choose another"
            " place"
        )
    if isinstance(error, NotADirectoryError):
        return UserError(
            f"cannot write {target}: {target.parent} is not a folder; choose another place"
        )
    reason = (
        "nothing can be made in that folder"
        if isinstance(error, FileNotFoundError)
        else getattr(error, "strerror", error)
    )
    return UserError(f"cannot write {target}: {reason}; choose another place")


def write_bytes(target: Path, data: bytes) -> None:
    """Write a whole file as `replacing` does."""
    with replacing(target) as stream:
        stream.write(data)


def write_text(target: Path, text: str) -> None:
    """Write a whole UTF-8 file as `replacing` does."""
    # A file's name that is not UTF-8 may stand in the text, as escapes.
    write_bytes(target, text.encode("utf-8", "backslashreplace"))


def _rename(source: Path, target: Path) -> None:
    """`os.replace`, tried for a second on Windows: there a file that another program (a virus
    scanner, say) has open cannot be replaced."""
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
