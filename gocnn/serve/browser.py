"""The person's browser."""

import os
import sys
import threading
import webbrowser

WINDOWS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME")
"""Variables one of which is set where a browser can open a window."""


def show(link: str) -> bool:
    """Open the link in a browser, in the background; False if there is none with a window."""
    if sys.platform.startswith("linux") and not any(map(os.environ.get, WINDOWS)):
        return False  # what is left are browsers that would take the terminal
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        return False
    threading.Thread(target=found.open, args=(link,), daemon=True, name="browser").start()
    return True
