"""A pooling-free Go policy network from game records, and the library of blocks and the trainer
underneath.

What other programs import stands in `gocnn.api` and is found here by its name: `gocnn.load`,
`gocnn.position`, `gocnn.player`, `gocnn.train`. It is imported when it is asked for, so that
`import gocnn` costs nothing.
"""

from gocnn.lazy import face

__getattr__, __dir__ = face(__name__, "gocnn.api")

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
