"""Answers as tables: the homework's submission file (`Id,Category`, a row for each picture of the
test folder), and files with names of classes and probabilities."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gocnn import wording
from gocnn.errors import UserError
from gocnn.files import write_text
from imagecls.classifier.views import Floats
from imagecls.photos.classes import numbers
from imagecls.photos.collection import Photo, names_on_disk
from imagecls.photos.csvtext import csv_text
from imagecls.photos.formats import PICTURE, kind_of


def ids(photos: Sequence[Photo]) -> list[str]:
    """The course's ids: the names of the test files without their endings, numbers padded with
    zeros to four digits (`0001.jpg` and `1.jpg`: `0001`).

    Raises UserError if two pictures had the same id, or if some are named by numbers and others are
    not: such a file would be refused, and it is better to say so before the work than after it.
    """
    keys = [_id(photo.name) for photo in photos]
    named = [photo for photo, key in zip(photos, keys, strict=True) if not key.isdecimal()]
    if named and len(named) < len(photos):
        some = wording.few(photo.title for photo in named)
        few = len(named) * 2 <= len(photos)
        raise UserError(
            f"ids of a submission are the names of its pictures, and {len(photos) - len(named)} of"
            f" them are numbers, {len(named)} not ({some}); "
            + (
                f"take {'it' if len(named) == 1 else 'them'} out of the folder if that is no test"
                " picture"
                if few
                else "rename the others"
            )
        )
    first: dict[str, Photo] = {}
    for photo, key in zip(photos, keys, strict=True):
        if key in first:
            raise UserError(
                f"{first[key].title} and {photo.title} would both have the id {key} in the"
                " submission; rename one, or take it out"
            )
        first[key] = photo
    return keys


def _id(name: str) -> str:
    stem = Path(name).stem
    first = stem.split(".")[0]
    number = stem if kind_of(name) == PICTURE else first  # 0007.jpg_large, 0007.jpg.1
    return str(int(number)).zfill(max(4, len(number))) if number.isdecimal() else stem


def write(
    target: Path, keys: Sequence[str], answers: Sequence[Floats | str], classes: Sequence[str]
) -> None:
    """Write a row for each key, with the class's own number (see
    `imagecls.photos.classes.numbers`); unreadable pictures get the commonest answer.

    Raises UserError if none can be read.
    """
    own = numbers(classes)
    given = [None if isinstance(answer, str) else own[int(answer.argmax())] for answer in answers]
    counts = Counter(c for c in given if c is not None)
    if not counts:
        raise UserError(f"no picture can be read, of {len(answers)}; {target} was not written")
    common = counts.most_common(1)[0][0]
    rows = [[key, common if c is None else c] for key, c in zip(keys, given, strict=True)]
    write_text(target, csv_text([["Id", "Category"], *rows]))


def write_names(
    target: Path, photos: Sequence[Photo], answers: Sequence[Floats | str], classes: Sequence[str]
) -> None:
    """Write `file,class,probability` and a column for each class, a row for each picture: its
    answer by name, the probability of that, and those of all. What cannot be read has empty cells.

    A file is named within its folder or archive if all are of one, else with that, as it is called
    there, line breaks and all; `--labels` takes such a table.
    """
    one = len({photo.source for photo in photos}) == 1
    rows: list[list[str]] = [["file", "class", "probability", *classes]]
    for photo, name, answer in zip(photos, names_on_disk(photos), answers, strict=True):
        cells: list[str] = [""] * (2 + len(classes))
        if not isinstance(answer, str):
            best = int(answer.argmax())
            shares = [f"{p:.6f}" for p in answer.tolist()]
            cells = [classes[best], shares[best], *shares]
        rows.append([name if one else replace(photo, name=name).title, *cells])
    write_text(target, csv_text(rows))
