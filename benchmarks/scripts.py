"""How the scripts in this folder begin and end."""

from collections.abc import Callable, Iterable
from pathlib import Path

from gocnn.errors import UserError
from gocnn.training.names import DESCRIPTION


def run_script(main: Callable[[], None]) -> None:
    """Run a script. Bad input ends it with one sentence on standard error and exit code 1, as it
    ends the commands."""
    try:
        main()
    except UserError as error:
        raise SystemExit(f"Error: {error}") from None


def need_new(runs: Iterable[Path]) -> None:
    """Raises UserError, before any of the runs begins, if one of the folders holds a run."""
    for folder in runs:
        if (folder / DESCRIPTION).exists():
            raise UserError(f"{folder} already holds a run; choose another --out, or remove it")
