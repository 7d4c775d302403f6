"""What a client is told of what went wrong: a sentence, without the places of this machine; and
what the person at the terminal is told of what nobody expected."""

import os
import sys
import tempfile
import traceback
from pathlib import Path

import click
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from gocnn import libraries
from gocnn.errors import UserError
from gocnn.messages import BadMessage


class Refusal(UserError):
    """What cannot be done, with the HTTP status that says so: 404 (there is none), 409, 413 (too
    large), 429 (too many), 503 (busy, or a package is missing)."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def lacking(
    error: ImportError | OSError, extra: str | None = None, opening: str | None = None
) -> Exception:
    """What to raise instead for a package that is missing: a Refusal that names it (and the extra
    that brings it, and the model that it was needed for), or the error itself if the program's own
    module is at fault."""
    sentence = libraries.package(error, extra)
    if sentence is None:
        return error
    return Refusal(503, f"{opening} cannot be opened: {sentence}" if opening else sentence)


UNEXPECTED = (
    "something went wrong in the server that nobody expected; what it was stands in the terminal"
    " where it was started"
)

_places: set[str] = set()


def hide(*paths: Path) -> None:
    """Have the folders of these files never be told to a client, only the names in them."""
    for path in paths:
        for one in (path, path.absolute(), path.resolve()):
            if str(one.parent) not in (".", os.sep):
                _places.add(str(one.parent))


def told(sentence: str) -> str:
    """The sentence without folders of this machine."""
    folders = {*_places, str(Path.home()), tempfile.gettempdir(), os.getcwd()}
    folders.add(str(Path(__file__).parents[2]))
    for folder in sorted(folders, key=len, reverse=True):
        if len(folder) > 1:
            sentence = sentence.replace(folder + os.sep, "").replace(folder, "...")
    return sentence


def status_of(error: BaseException, doing: str) -> tuple[int, str]:
    """The HTTP status and the sentence for what was raised while doing something (`GET /api/x`).
    What nobody expected is told on standard error, in one line."""
    match error:
        case Refusal():
            return error.status, told(str(error))
        case BadMessage():
            return 400, error.sentence
        case UserError():
            return 400, told(str(error))
        case HTTPException():
            return error.status_code, error.detail
        case ClientDisconnect():
            return 400, "the request was broken off"
        case ImportError() | OSError():
            package = libraries.package(error)
            if package is not None:
                return 503, told(package)
        case MemoryError():
            return 503, "there is not enough memory for this just now; try again, or ask for less"
    where = traceback.extract_tb(error.__traceback__)[-1:]
    at = f" in {Path(where[0].filename).name}, line {where[0].lineno}" if where else ""
    why = " ".join(str(error).split())[:200]
    click.echo(
        f"Error: {doing} failed unexpectedly ({type(error).__name__}: {why}{at}); please report"
        " this line with what was asked for",
        file=sys.stderr,
    )
    return 500, UNEXPECTED


def sentence(error: BaseException, doing: str) -> str:
    """The sentence alone."""
    return status_of(error, doing)[1]
