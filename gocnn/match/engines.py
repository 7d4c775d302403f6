"""Naming an engine of a match: by its command line, or by a level of this project's own engine."""

import re
import sys
from pathlib import Path

LEVEL = re.compile(r"\s*(\d+\s*(k|d|kyu|dan)|max)\s*", re.ASCII | re.IGNORECASE)


def engine_command(engine: str) -> str:
    """The command line that starts this engine: for a level (`5k`), that of `go-gtp` at the level
    with one thread; anything else is a command line already. Raises
    `gocnn.engine.levels.BadLevel` for what looks like a level and is none."""
    from gocnn.engine.levels import parse

    if not LEVEL.fullmatch(engine):
        return engine
    parse(engine)
    home = Path(__file__).parents[2].as_posix()
    start = f"import sys; sys.path.insert(0, {home!r}); from gocnn.commands import main; main()"
    return (
        f'"{Path(sys.executable).as_posix()}" -c "{start}" go-gtp --level "{engine.strip()}"'
        " --threads 1"
    )
