"""Ctrl-C, and SIGTERM from schedulers and torchrun. During a run the step under way is finished and
the checkpoint written."""

import _thread
import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

AGAIN = 1.0
"""Seconds after which another Ctrl-C is a second one. (One key may come twice: from the terminal,
and from the program that started this one.)"""


SOON = 0.02
"""Seconds after which a Ctrl-C that was lost is raised again."""


@contextlib.contextmanager
def heard() -> Iterator[None]:
    """Within: a Ctrl-C that comes where Python only prints it and goes on (a callback of a C
    library, as llvmlite has one for every kernel that is loaded; a destructor) is raised again in
    the main thread, soon after."""
    before = sys.unraisablehook

    def hook(lost: "sys.UnraisableHookArgs") -> None:
        if issubclass(lost.exc_type, KeyboardInterrupt):
            # not at once: it would be lost in here
            again = threading.Timer(SOON, _thread.interrupt_main)
            again.daemon = True
            again.start()
        else:
            before(lost)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


class Interrupts:
    """Listens for signals that end a run, between `listen` and `restore`. `came`: whether there was
    one.

    A second Ctrl-C raises KeyboardInterrupt at once; more of SIGTERM change nothing. Only the main
    thread can listen, elsewhere nothing is heard.
    """

    def __init__(self) -> None:
        self.came = False
        self._since = 0.0
        self._before: dict[int, Any] = {}

    def listen(self) -> None:
        """Replace the present signal handlers."""
        if threading.current_thread() is threading.main_thread():
            self._before = {
                number: signal.signal(number, self._take)
                for number in (signal.SIGINT, signal.SIGTERM)
            }

    def restore(self) -> None:
        """Put the handlers back that `listen` has replaced."""
        for number, handler in self._before.items():
            if handler is not None:
                signal.signal(number, handler)
        self._before = {}

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if self.came and number == signal.SIGINT and time.monotonic() - self._since >= AGAIN:
            raise KeyboardInterrupt
        if not self.came:
            self.came, self._since = True, time.monotonic()
