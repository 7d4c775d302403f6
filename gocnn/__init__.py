"""A pooling-free Go policy network from game records, and the library of blocks and the trainer
underneath.

What other programs import stands in `gocnn.api` and is found here by its name: `gocnn.load`,
`gocnn.position`, `gocnn.player`, `gocnn.train`. It is imported when it is asked for, so that
`import gocnn` costs nothing.
"""

from importlib import import_module

__version__ = "0.1.0"

__all__ = [
    "Move",
    "Network",
    "Player",
    "Position",
    "PositionEvaluation",
    "UserError",
    "benchmark",
    "load",
    "player",
    "position",
    "train",
    "wrap",
]


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(import_module("gocnn.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
