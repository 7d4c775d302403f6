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
from typing import Any


def words_of(command: str) -> list[str]:
    r"""The program and the arguments of a command line, quoted as in a shell; on Windows `\` is a
    letter like others, as in `C:\Go\gnugo.exe`.

    Raises ValueError if a quote is not closed.
    """
    if sys.platform != "win32":
        return shlex.split(command)
    reader = shlex.shlex(command, posix=True, punctuation_chars=False)
    reader.whitespace_split, reader.escape, reader.commenters, reader.quotes = True, "", "", '"'
    return list(reader)


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


def end_with_parent() -> None:
    """For a process of `multiprocessing`: end at once when the one that started it has ended,
    killed too, instead of waiting for it for ever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
