"""Matplotlib, as everything here uses it."""

from typing import Any


def pyplot() -> Any:
    """Matplotlib for files, without a screen; imported when it is wanted."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    return plt
