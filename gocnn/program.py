"""What this program is called where a message names a command to type."""

import os
import sys


def name() -> str:
    """`cli.py` in a checkout, else `gocnn`."""
    called = os.path.basename(sys.argv[0]) if sys.argv else ""
    return "cli.py" if called == "cli.py" else "gocnn"
