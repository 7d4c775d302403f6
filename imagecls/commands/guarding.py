"""No command writes over what it reads: photographs, models, tables."""

from collections.abc import Sequence
from pathlib import Path

import click

from gocnn.console.outputs import keep_inputs
from imagecls.photos.formats import PICTURE, kind_of


def keep(
    data: Sequence[str | Path],
    models: Sequence[str | None] = (),
    *files: str | Path,
    **outputs: Path | None,
) -> None:
    """Raises click.BadParameter if an output, by the name of its option, is what is read: one of
    the `data` (photographs, or folders or archives of them), one of the `models` (None: the default
    one) with the files of their runs, or one of the other `files`; if it is a picture within a
    folder of `data`, where it would be taken for a photograph the next time; or if two outputs are
    one file."""
    keep_inputs([*map(Path, [*data, *files]), *_model_files(models)], **outputs)
    for option, target in outputs.items():
        if target is None:
            continue
        if option == "csv" and kind_of(target.name) == PICTURE:
            raise click.BadParameter(
                f"{target} is the name of a picture, and a table is written; choose a name that"
                " ends in .csv",
                param_hint="--csv",
            )
        if kind_of(target.name) == PICTURE:
            keep_out_of(data, target, option, "it would be taken for a photograph the next time")


def keep_out_of(data: Sequence[str | Path], target: Path, option: str, why: str) -> None:
    """Raises click.BadParameter if `target` lies in one of the folders `data`, or is one."""
    for source in data:
        folder = Path(source)
        if folder.is_dir() and target.resolve().is_relative_to(folder.resolve()):
            raise click.BadParameter(
                f"{target} lies in {folder}, whose photographs are read, and {why}; choose a place"
                " outside of it",
                param_hint=f"--{option}",
            )


def _model_files(models: Sequence[str | None]) -> list[Path]:
    from gocnn.errors import UserError
    from gocnn.training.names import OF_A_RUN
    from imagecls.classifier import shipped

    found: list[Path] = []
    for model in models or [None]:
        try:
            path = shipped.find(model)
        except UserError:  # said when it is opened
            continue
        found += [path / name for name in OF_A_RUN] if path.is_dir() else [path]
    return found
