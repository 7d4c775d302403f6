"""All commands of the engine put together, and what it calls itself to programs that look for a name."""

from collections.abc import Callable

from gocnn import __version__
from gocnn.play import analysis, gnugo, gogui, kata, leelaz, parameters, searches, setup
from gocnn.play.engine import Engine

VERSIONS = {"leela zero": "0.17", "leela": "0.17", "katago": "1.10.0"}
"""Versions of the engines whose commands these are: Lizzie asks for 0.15 of Leela Zero, and LizzieYzy takes KataGo from 1.11 on to know more than
this engine does."""


def install(engine: Engine, stopped: Callable[[], bool]) -> None:
    """Add every command but the engine's own. `stopped`: whether the client has sent something (then an analysis ends)."""
    analysis.install(engine, stopped)
    searches.install(engine, stopped)
    for module in (kata, parameters, leelaz, setup, gnugo, gogui):
        module.install(engine)


def version_of(name: str, model: str) -> str | None:
    """The version that goes with a name: None (the engine's own) for its own name, one that programs accept for any other."""
    if name.lower().startswith("gocnn"):
        return None
    known = next((version for start, version in VERSIONS.items() if name.lower().startswith(start)), "0.17")
    return f"{known} (gocnn {__version__} {model})"
