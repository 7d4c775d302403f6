"""img-predict: the classes of pictures."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gocnn.console.device_option import device_option
from gocnn.console.outputs import OutFile
from gocnn.console.shared_options import choice_option, count_option, json_option, of_another
from gocnn.wording import counted, few
from imagecls.commands.guarding import keep
from imagecls.commands.options import (
    ensemble_of,
    models_option,
    size_option,
    tell_default,
    views_of,
)

if TYPE_CHECKING:
    from imagecls.photos.collection import Collection, Photo


MOST_BESIDE = 20
"""Answers that are printed beside a table, which has all of them."""


@click.command("img-predict")
@click.argument("images", nargs=-1, required=True)
@models_option
@views_of(1)
@size_option
@count_option("--top", 1, None, "Classes shown of each picture.", default=3)
@click.option(
    "--csv",
    "table",
    type=OutFile(),
    help="Write the answers as a table, a row for each picture (see --csv-format).",
)
@choice_option(
    "--csv-format",
    ["course", "names"],
    "Of --csv. course: the homework's submission, Id,Category; names: the file, the class by its"
    " name, its probability, and those of all classes.",
    default="course",
)
@json_option
@device_option()
@click.option("--quiet", is_flag=True, help="No bar; with --csv, print nothing.")
def command(
    *,
    images: tuple[str, ...],
    models: tuple[str, ...],
    tta: int,
    eval_size: int | None,
    top: int,
    table: Path | None,
    csv_format: str,
    as_json: bool,
    device: str,
    quiet: bool,
) -> None:
    """Classify IMAGES: picture files, folders or archives of them (of one with parts, the test
    part), or - for a picture on the standard input.

    A picture that cannot be read is named and the others are answered; the exit code is then 1. In
    a submission such a picture gets the class answered most often, because that needs every row.
    Ids are the names of the files, categories the classes' own numbers. What ships and every .onnx
    file of img-export answer without torch.
    """
    of_another("--csv", table is not None, "csv_format")
    keep(images, models, csv=table)
    from gocnn import bars
    from gocnn.cores import cores
    from imagecls.classifier import submission
    from imagecls.classifier.shipped import is_shipped
    from imagecls.photos.classes import numbered, numbers
    from imagecls.photos.csvtext import cautions

    def say(text: str) -> None:
        if not quiet:
            click.echo(f"note: {text}", err=True)

    ensemble = ensemble_of(models, device, eval_size)
    submitted = table is not None and csv_format == "course"
    if submitted and not models and is_shipped(ensemble.members[0].path):
        raise click.UsageError(
            "--csv writes the homework's submission, and no --model is given: what ships knows"
            " other classes; name the run with --model, or write names with --csv-format names"
        )
    photos = _photos(images, submitted, say)
    keys = submission.ids(photos) if submitted else []
    if submitted and not numbered(ensemble.classes):
        pairs = zip(numbers(ensemble.classes), ensemble.classes, strict=True)
        say(
            "the classes have no numbers of their own, so Category counts them in order:"
            f" {few((f'{number} {name}' for number, name in pairs), 12)}"
        )
    with bars.bar(
        total=len(photos),
        unit=" pictures",
        disable=quiet or len(photos) < 32 or not sys.stderr.isatty(),
    ) as bar:
        answers = ensemble.predict(photos, tta, cores(), tick=bar.update)
    if not models and not all(isinstance(answer, str) for answer in answers):
        tell_default(ensemble.members[0], say)
    for photo, answer in zip(photos, answers, strict=True):
        if isinstance(answer, str):
            click.echo(f"Error: {photo.title}: {answer}", err=True)
    if table is not None and submitted:
        submission.write(table, keys, answers, ensemble.classes)
    elif table is not None:
        submission.write_names(table, photos, answers, ensemble.classes)
        for text in cautions(table, [*(p.name for p in photos), *ensemble.classes]):
            say(text)
    if as_json:
        click.echo(
            json.dumps(
                [
                    _record(p.title, a, ensemble.classes, top)
                    for p, a in zip(photos, answers, strict=True)
                ],
                indent=1,
            )
        )
    elif not (quiet and table):
        judged = [(p, a) for p, a in zip(photos, answers, strict=True) if not isinstance(a, str)]
        printed = judged if table is None else judged[:MOST_BESIDE]
        for photo, answer in printed:
            shown = ", ".join(
                f"{ensemble.classes[i]} {answer[i]:.1%}" for i in (-answer).argsort()[:top]
            )
            click.echo(f"{photo.title}: {shown}")
        if len(judged) > len(printed):
            click.echo(f"... and {len(judged) - len(printed)} more in {table}")
    if table is not None and not quiet:
        click.echo(f"{counted(len(photos), 'row')}: {table}", err=True)
    if any(isinstance(answer, str) for answer in answers):
        raise SystemExit(1)


def _left(found: "Collection", taken: Sequence["Photo"]) -> str:
    """How many pictures of a collection are none of those that were taken, by where they lie."""
    from imagecls.photos.layout import OUTSIDE, SPARE, WHOLE

    place = {WHOLE: "beside the parts", OUTSIDE: "beside the parts", SPARE: "without labels"}
    names = {photo.name for photo in taken}
    others = {
        part: sum(photo.name not in names for photo in photos)
        for part, photos in found.parts.items()
    }
    return ", ".join(
        f"{count} {place.get(part, f'of the part {part}')}"
        for part, count in others.items()
        if count
    )


def _photos(arguments: tuple[str, ...], submitted: bool, say: Callable[[str], None]) -> list[Any]:
    """The pictures to classify. Raises UserError if they are `submitted` and a source has training
    or validation pictures, but none to test."""
    from gocnn.errors import UserError
    from gocnn.files import no_such
    from imagecls.photos.collection import UNLABELLED, Photo, is_archive, open_collection
    from imagecls.photos.files import STDIN
    from imagecls.photos.layout import SPARE, TEST, TRAIN, VALID, WHOLE

    photos: list[Photo] = []
    for i, argument in enumerate(arguments):
        if not argument:  # else it would be the current folder
            raise UserError("a name is empty; give picture files, or folders or archives of them")
        path = Path(argument)
        if os.path.isdir(path) or (os.path.exists(path) and is_archive(path)):
            found = open_collection(path)
            here = found.part(TEST) or found.part(WHOLE) + found.part(SPARE)
            if not here and submitted:
                raise UserError(
                    f"{path} has no test pictures, only some to train and validate on; give the"
                    " folder or archive of the test pictures"
                )
            if not here:
                here = found.part(VALID, TRAIN)
                say(
                    f"{path} has no test pictures: these are from its"
                    f" {'validation' if found.part(VALID) else 'training'} part"
                )
            elif found.part(SPARE) and not found.part(TEST, WHOLE):
                say(f"{path} has no test pictures: these are the ones without labels")
            photos += here
            left = _left(found, here)
            if left:
                say(f"pictures of {path} that are not asked about: {left}")
            for note in found.notes:
                say(note)
        elif os.path.exists(path) or argument == STDIN:
            photos.append(Photo("", argument, UNLABELLED))
        else:
            give = f"give picture files, folders or archives of them, or {STDIN} for standard input"
            raise no_such(arguments, i, give)
    known = sum(photo.label >= 0 for photo in photos)
    if submitted and known:
        say(
            f"{known} of these {counted(len(photos), 'picture')} have classes already; a submission"
            " is of the test part, which has none"
        )
    return photos


def _record(title: str, answer: Any, classes: tuple[str, ...], top: int) -> dict[str, Any]:
    if isinstance(answer, str):
        return {"image": title, "error": answer}
    from imagecls.photos.classes import numbers

    order = (-answer).argsort()[:top]
    own = numbers(classes)
    return {
        "image": title,
        "classes": [
            {
                "class": classes[i],
                "number": own[i],
                "index": int(i),
                "probability": float(answer[i]),
            }
            for i in order
        ],
    }
