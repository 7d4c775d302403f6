"""Options that name a file to write: what cannot be written is refused before any work, not after
it."""

import itertools
import os
from pathlib import Path
from typing import Any

import click

from gocnn.figures import PICTURES
from gocnn.files import check_folder, check_writable
from gocnn.wording import either


class OutFile(click.Path):
    """A file to be written. Raises UserError where that is impossible: no such folder, no
    permission, a folder of that name.

    `endings`: those that the name may have (lower case, with the dot); another one is a wrong call.
    """

    def __init__(self, *endings: str) -> None:
        super().__init__(path_type=Path)
        self._endings = endings

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path, once it is known that it can be written."""
        target = Path(os.fsdecode(super().convert(value, param, ctx)))
        if self._endings and target.suffix.lower() not in self._endings:
            self.fail(f"{target} must end in {either(self._endings)}", param, ctx)
        check_writable(target)
        return target


class OutFolder(click.Path):
    """A folder that files are written into; it need not be there yet. Raises UserError where that
    is impossible."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path, once it is known that it can be written into."""
        folder = Path(os.fsdecode(super().convert(value, param, ctx)))
        check_folder(folder)
        return folder


class Picture(OutFile):
    """A picture to be written in the format that its name says."""

    def __init__(self) -> None:
        super().__init__(*PICTURES)


def unnamed(name: str) -> Path:
    """The picture of that name in the folder at hand, which a command draws where none is named; or
    `NAME-2` and so on, since nobody has asked to write over what is there. Raises UserError if it
    cannot be written."""
    target = Path(name)
    for number in itertools.count(2):
        if not os.path.lexists(target):
            break
        target = Path(f"{Path(name).stem}-{number}{Path(name).suffix}")
    check_writable(target)
    return target


def keep_inputs(inputs: list[Path] | tuple[Path, ...], **outputs: Path | None) -> None:
    """Refuse to write over what is read, or one output over another. Raises click.BadParameter if
    an output (by the name of its option) is one of those files, or two are one file."""
    written: dict[str, str] = {}
    for option, target in outputs.items():
        if target is None:
            continue
        other = written.setdefault(os.path.realpath(target), option)
        if other != option:
            raise click.BadParameter(
                f"{target} is what --{other} writes too; choose another name",
                param_hint=f"--{option}",
            )
    for option, target in outputs.items():
        for source in inputs:
            if (
                target is not None
                and os.path.isfile(target)
                and os.path.isfile(source)
                and os.path.samefile(target, source)
            ):
                raise click.BadParameter(
                    f"{target} is the file that is read; choose another name",
                    param_hint=f"--{option}",
                )
