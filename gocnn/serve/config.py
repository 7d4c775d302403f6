"""How the server was started, and what it takes at most."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ServeConfig:
    """How the server was started. models: policy networks beside the one that ships; image_models:
    classifiers; runs: the folder of training runs to show; host and port: where it listens; token:
    what a browser must show, or None where only this machine can reach it; threads: of the CPU for
    a network, all if None."""

    models: tuple[Path, ...] = ()
    image_models: tuple[Path, ...] = ()
    runs: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8361
    token: str | None = None
    threads: int | None = None


MESSAGE_BYTES = 1 << 20
"""Bytes that a message may have, by socket or in a request."""

RECORD_BYTES = 20 << 20
"""Bytes that a file of game records may have."""

PICTURE_BYTES = 40 << 20
"""Bytes that a picture, or a sheet of them, may have."""

RECORD_NODES = 200_000
"""Nodes that the records of a file may have together."""
