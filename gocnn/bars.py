"""Bars of progress on standard error. They are a comfort: where tqdm is not installed, the work
goes on without them."""

import sys
from typing import Any


class NoBar:
    """Stands for a bar and shows nothing."""

    n = 0.0

    def __enter__(self) -> "NoBar":
        return self

    def __exit__(self, *raised: object) -> None:
        pass

    def update(self, n: float = 1) -> None:
        """Nothing to move."""

    def close(self) -> None:
        """Nothing to close."""


def bar(**options: Any) -> Any:
    """A bar of tqdm with these options, on standard error; a `NoBar`, which shows nothing, where
    tqdm is not installed."""
    try:
        from tqdm import tqdm
    except ImportError:
        return NoBar()
    return tqdm(file=sys.stderr, **options)
