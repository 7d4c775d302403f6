"""`python -m tests.lacking PACKAGE,... < COMMANDS`: runs commands (a JSON list of lists of words)
in one process that lacks some packages.

Prints a JSON list: of each command its exit code, what it printed, and what it printed on standard
error.
"""

import contextlib
import io
import json
import sys


def main() -> None:
    sys.modules.update(dict.fromkeys(sys.argv[1].split(",")))  # type: ignore[arg-type] # as if they were not installed
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
