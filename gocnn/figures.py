"""Matplotlib, as everything here uses it."""

from typing import Any

from gocnn.libraries import keep_private


def pyplot() -> Any:
    """Matplotlib for files, without a screen; imported when it is wanted."""
    keep_private()
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    return plt
