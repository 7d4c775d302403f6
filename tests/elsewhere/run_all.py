"""Run commands one after the other in this process, and say of each how it ended: `run_all.py JOB`,
a JSON file.

The job: `commands`, a list of [words, standard input]; `roots`, folders to watch; `encoding`, of
the standard streams; `out`, where the answers go: for the n-th command `n.out` and `n.err` (bytes
as printed), and `results.json`: exit code, traceback, and the files that are new in the roots.
"""

import io
import json
import os
import sys
import time
import traceback
from pathlib import Path


def files(roots: list[str]) -> list[str]:
    return sorted(
        os.path.join(folder, name)
        for root in roots
        for folder, names, inside in os.walk(root)
        for name in (*names, *inside)
    )


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    out, results = Path(job["out"]), []
    from gocnn.commands import main as command
    from gocnn.games import importing

    importing.SMALL = 0  # processes start even for a few games
    for number, (words, said) in enumerate(job["commands"]):
        (out / f"{number}.in").write_bytes(said.encode())
        before, trouble, code, began = files(job["roots"]), "", 0, time.process_time()
        for descriptor, ending, flags in (
            (0, "in", os.O_RDONLY),
            (1, "out", os.O_WRONLY | os.O_CREAT),
            (2, "err", os.O_WRONLY | os.O_CREAT),
        ):
            os.dup2(
                os.open(out / f"{number}.{ending}", flags | getattr(os, "O_BINARY", 0)), descriptor
            )
        # as on Windows
        assert isinstance(sys.stdout, io.TextIOWrapper)
        assert isinstance(sys.stderr, io.TextIOWrapper)
        sys.stdout.reconfigure(encoding=job["encoding"], errors="strict", newline="\r\n")
        sys.stderr.reconfigure(encoding=job["encoding"], errors="backslashreplace", newline="\r\n")
        try:
            command.main(words, prog_name="cli.py")
        except SystemExit as ending:
            code = int(ending.code or 0)
        except Exception:  # noqa: BLE001 - told in the results
            trouble = traceback.format_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        results.append(
            {
                "code": code,
                "traceback": trouble,
                "seconds": time.process_time() - began,
                "left": [name for name in files(job["roots"]) if name not in before],
            }
        )
        (out / "results.json").write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main()
