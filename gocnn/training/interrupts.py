"""Ctrl-C during a run: the step under way is finished and the checkpoint written."""

import signal
import threading
from typing import Any


def on_interrupt(handler: Any) -> Any:
    """Install a handler for Ctrl-C in the main thread; returns the one before (None elsewhere)."""
    if threading.current_thread() is not threading.main_thread():
        return None
    return signal.signal(signal.SIGINT, handler)


def restore_interrupt(previous: Any) -> None:
    if previous is not None:
        signal.signal(signal.SIGINT, previous)
