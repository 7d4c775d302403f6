"""`python -m tests.lacking PACKAGE,... < COMMANDS`: runs commands (a JSON list of lists of words) in one process that lacks some packages.

Prints a JSON list: of each command its exit code, what it printed, and what it printed on standard error.
"""

import contextlib
import io
import json
import sys
from importlib.machinery import ModuleSpec
from typing import Any


class Lacking:
    """Finds no module of those packages, whatever is installed."""

    def __init__(self, packages: list[str]) -> None:
        self.packages = packages

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name.partition(".")[0] in self.packages:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


def main() -> None:
    sys.meta_path.insert(0, Lacking(sys.argv[1].split(",")))
    from gocnn.commands import main as cli

    answers = []
    for words in json.load(sys.stdin):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = cli(words, standalone_mode=False) or 0
            except SystemExit as stopped:
                code = stopped.code
        answers.append([code, out.getvalue(), err.getvalue()])
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
