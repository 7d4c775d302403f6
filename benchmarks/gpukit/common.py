"""What the kit's commands share: which device is meant, faults said in one sentence, and JSON files
in a folder."""

import argparse
import contextlib
import errno
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gocnn import devices
from gocnn.errors import UserError
from gocnn.files import write_text

ROOT = Path(__file__).resolve().parent.parent.parent
GAMES = ROOT / "data" / "games"
IMAGES = ROOT / "data" / "images"
OUT = Path("runs/gpu")
"""Where the commands leave their figures for one another, unless --out says otherwise."""


RUNS = "runs.json"
"""The places of the runs of `train`, in that folder."""

FULL = "the disk is full; free some space or give another --out"


@dataclass
class Said:
    """Which exit code a sentence on stderr asks for."""

    code: int = 0


class Ended(Exception):
    """A command has ended with an exit code, and has said why itself."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@contextlib.contextmanager
def sentences() -> Iterator[Said]:
    """Says what went wrong in one sentence, and keeps its exit code: bad input, no memory left, a
    full disk, Ctrl-C."""
    said = Said()
    text = ""
    try:
        yield said
    except Ended as end:
        said.code = end.code
    except UserError as error:
        said.code = 1
        text = str(error)
    except torch.OutOfMemoryError:
        said.code = 1
        text = (
            "the device's memory is full; give a smaller --batch, or end what else uses the device"
            " (nvidia-smi lists it)"
        )
    except OSError as error:
        said.code = 1
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        text = f"{error.filename or 'the disk'}: {FULL if full else error.strerror or error}"
    except KeyboardInterrupt:
        said.code = 130
        text = "interrupted; what was written so far is kept"
    if text:
        print(f"Error: {text}", file=sys.stderr, flush=True)


def add_device(parser: argparse.ArgumentParser) -> None:
    """The options --device and --out, which every command has."""
    parser.add_argument(
        "--device",
        default="cuda",
        metavar="NAME",
        help="cuda, cuda:N, mps or cpu (default: cuda); cpu rehearses",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=OUT,
        metavar="FOLDER",
        help=f"where the figures go (default: {OUT})",
    )


def device(options: argparse.Namespace) -> torch.device:
    """The device that the options name. Raises UserError where this machine does not have it."""
    return devices.resolve(options.device, "--device cpu rehearses without one")


def note_run(out: Path, run: Path) -> None:
    """Tell `report`, which looks into `out`, where a run is."""
    with contextlib.suppress(OSError, UserError):  # it can be told by --run
        known = read_json(out / RUNS) or []
        out.mkdir(parents=True, exist_ok=True)
        write_json(
            out / RUNS,
            [*(name for name in known if name != str(run.resolve())), str(run.resolve())],
        )


def folder(options: argparse.Namespace) -> Path:
    """The folder for figures, made if it is not there. Raises UserError if it cannot be made."""
    path = Path(options.out)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"--out {path} cannot be made ({error.strerror}); give another folder"
        ) from error
    return path


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file that is there whole or not at all."""
    write_text(path, json.dumps(value, indent=1) + "\n")


def read_json(path: Path) -> Any:
    """What is in a JSON file; None if there is none. Raises UserError if it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UserError(
            f"{path} is damaged ({error}); delete it and run the command that writes it again"
        ) from error


def need(games: Path) -> None:
    """Raises UserError if there are no such games: better at once than after the measurements."""
    if not games.exists():
        raise UserError(f"--games {games} is not there; give a store or a folder of SGF records")


def prove_writable(path: Path) -> None:
    """Raises UserError if nothing can be written into the folder: better now than after the
    measurements."""
    probe = path / ".probe"
    try:
        probe.write_bytes(b"0" * 4096)
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"--out {path} cannot be written to ({error.strerror}); free some space or give another"
            " folder"
        ) from error


def above_zero(text: str) -> float:
    """A number above zero, for argparse."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number above zero")
    return value
