"""Python as this project would find it on a system that is not POSIX: for tests, which put this
folder on the path of the processes they start.

Modules of this project see `os` and `signal` without the names that Windows lacks, and no module
that it lacks. Everyone else (the standard library, numpy) sees what there is. A file that this
process has open cannot be replaced, removed or cut, as on Windows.
"""

import builtins
import os
import signal
from types import ModuleType
from typing import Any

OURS = ("gocnn", "imagecls")
MISSING_MODULES = {
    "fcntl",
    "resource",
    "pwd",
    "grp",
    "termios",
    "tty",
    "pty",
    "posix",
    "syslog",
    "select",
    "readline",
    "curses",
    "crypt",
}
MISSING = {
    "os": {
        "fork",
        "forkpty",
        "killpg",
        "setsid",
        "getpgid",
        "setpgid",
        "getuid",
        "geteuid",
        "getgid",
        "sched_getaffinity",
        "sched_setaffinity",
        "O_DIRECTORY",
        "O_NOFOLLOW",
        "O_NONBLOCK",
        "O_CLOEXEC",
        "mkfifo",
        "uname",
        "statvfs",
        "sysconf",
        "fchown",
        "chown",
        "nice",
        "sync",
        "wait3",
        "wait4",
        "WNOHANG",
        "posix_fallocate",
        "posix_fadvise",
        "pread",
        "pwrite",
        "register_at_fork",
        "getloadavg",
        "openpty",
        "getpriority",
        "setpriority",
        "set_blocking",
        "fdatasync",
        "sendfile",
        "memfd_create",
    },
    "signal": {
        "SIGKILL",
        "SIGHUP",
        "SIGUSR1",
        "SIGUSR2",
        "SIGPIPE",
        "SIGALRM",
        "SIGCHLD",
        "SIGQUIT",
        "SIGTSTP",
        "SIGCONT",
        "SIGSTOP",
        "SIGXFSZ",
        "SIGWINCH",
        "alarm",
        "setitimer",
        "pause",
        "pthread_sigmask",
        "pthread_kill",
        "sigwait",
        "siginterrupt",
    },
}


def _in_use(path: Any) -> bool:
    """Whether this process has the file open or mapped (where the system says so)."""
    path = os.path.realpath(path)
    try:
        held = {os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")}
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as stream:
            held |= {
                line.split(None, 5)[5].rstrip("\n")
                for line in stream
                if line.count(" ") >= 5 and "/" in line
            }
    except OSError:
        return False
    return path in held


def _refusing(function: Any) -> Any:
    def wrapped(*arguments: Any, **options: Any) -> Any:
        for path in arguments[:2]:
            if isinstance(path, str | os.PathLike) and _in_use(path):
                raise PermissionError(
                    13,
                    "The process cannot access the file because it is being used by another"
                    " process",
                    str(path),
                )
        return function(*arguments, **options)

    return wrapped


class Without(ModuleType):
    """A module without some of its names."""

    def __init__(self, module: ModuleType, missing: set[str]) -> None:
        super().__init__(module.__name__)
        self.__dict__.update(_module=module, _missing=missing)
        if module is os:
            self.__dict__.update(
                {
                    name: _refusing(getattr(os, name))
                    for name in ("replace", "rename", "unlink", "remove", "truncate")
                }
            )

    def __getattr__(self, name: str) -> Any:
        if name in self._missing:
            raise AttributeError(f"this system's {self.__name__} has no {name}")
        return getattr(self._module, name)


SEEN = {"os": Without(os, MISSING["os"]), "signal": Without(signal, MISSING["signal"])}
_import = builtins.__import__


def _import_here(name: str, globals: Any = None, *rest: Any, **options: Any) -> Any:
    asker = str((globals or {}).get("__name__", ""))
    if asker.partition(".")[0] in OURS:
        if name.partition(".")[0] in MISSING_MODULES:
            raise ModuleNotFoundError(
                f"this system has no {name} (asked for by {asker})", name=name
            )
        if name in SEEN:
            _import(name, globals, *rest, **options)
            return SEEN[name]
    return _import(name, globals, *rest, **options)


if os.environ.get("GOCNN_TEST_ELSEWHERE") == "1":
    builtins.__import__ = _import_here
    import multiprocessing

    multiprocessing.set_start_method("spawn", force=True)
