"""Programs and processes that this one starts: their command lines, and how they are ended with all
that they have started, on POSIX systems and on Windows."""

import contextlib
import multiprocessing
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

from gocnn import files


def words_of(command: str) -> list[str]:
    r"""The program and the arguments of a command line, quoted as in a shell, with the home folder
    for `~`; on Windows `\` is a letter like others, as in `C:\Go\gnugo.exe`.

    Raises ValueError if a quote is not closed.
    """
    if sys.platform != "win32":
        return [files.at_home(word) for word in shlex.split(command)]
    reader = shlex.shlex(command, posix=True, punctuation_chars=False)
    reader.whitespace_split, reader.escape, reader.commenters, reader.quotes = True, "", "", '"'
    return [files.at_home(word) for word in reader]


def apart() -> dict[str, Any]:
    """Arguments of `subprocess.Popen` for a program that Ctrl-C in this one's terminal does not
    end, and that `end` can end."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a program that was started with `apart`, and what it has started, at once."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        return
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(
            ["taskkill", "/F", "/T", "/PID", str(process.pid)],
            capture_output=True,
            timeout=10,
            check=False,
        )
    process.kill()


_GUARD = """
import os, signal, subprocess, sys
sys.stdin.buffer.read()
if hasattr(os, "killpg"):
    os.killpg(int(sys.argv[1]), signal.SIGKILL)
else:
    subprocess.run(["taskkill", "/F", "/T", "/PID", sys.argv[1]])
"""


def guard(process: "subprocess.Popen[bytes]") -> "subprocess.Popen[bytes] | None":
    """A process that ends a program started with `apart`, and what it has started, as soon as this
    one has ended, killed too; a program that has its hands full may see late that its input is
    closed. `end` it after the program. None where none can be started."""
    words = [sys.executable, "-I", "-S", "-c", _GUARD, str(process.pid)]
    try:
        # Of the pipe's other end nobody has a copy, so the system closes it with this process.
        return subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **apart(),
        )
    except OSError:
        return None


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """Within: processes that are started do not hear Ctrl-C in this one's terminal, from their
    first moment on; it is this one's to end them. (On Windows see `ignore_interrupts`.)"""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore_interrupts() -> None:
    """Do not hear Ctrl-C in this process, which another one ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def end_with_parent() -> None:
    """Make this process, one of `multiprocessing`, end at once when the one that started it has
    ended, killed too; else it would wait for it for ever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
