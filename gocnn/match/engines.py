"""Naming an engine of a match: by its command line, or by a level or a network of this project."""

import re
import shutil
import sys
from pathlib import Path

from gocnn.policy import shipped

LEVEL = re.compile(r"\s*(\d+\s*(k|d|kyu|dan)|max)\s*", re.ASCII | re.IGNORECASE)
THIS = re.compile(r"\s*((?:\./)?cli\.py|gocnn)(\s.*)")
"""This program by a name that it goes by, and its arguments."""


def engine_command(engine: str) -> str:
    """The command line that starts this engine. For a level (`5k`), a network that ships (`small`),
    a model file or the folder of a run, unless that is a program: that of `go-gtp` with it and one
    thread. This program by its name (`cli.py go-gtp`, `gocnn go-gtp`) is this one, where no program
    of that name is found. Anything else is a command line already. Raises
    `gocnn.engine.levels.BadLevel` for what looks like a level and is none."""
    from gocnn.engine.levels import parse

    name = engine.strip()
    if LEVEL.fullmatch(engine):
        parse(engine)
        arguments = f'go-gtp --level "{name}" --threads 1'
    elif _is_model(name) and shutil.which(name) is None:
        arguments = f'go-gtp --model "{name}" --threads 1'
    elif (own := THIS.fullmatch(engine)) and shutil.which(own[1]) is None:
        arguments = own[2]
    else:
        return engine
    home = Path(__file__).parents[2].as_posix()
    start = f"import sys; sys.path.insert(0, {home!r}); from gocnn.commands import main; main()"
    return f'"{Path(sys.executable).as_posix()}" -c "{start}" {arguments}'


def _is_model(name: str) -> bool:
    path = Path(name)
    return (
        name in (*shipped.NAMES, shipped.ALIAS)
        or (path.suffix.lower() in (".onnx", ".safetensors") and path.is_file())
        or (path / "run.json").is_file()
    )
