"""Lists of pictures whose labels are likely wrong: `img-clean` writes them, a person edits them,
and a training leaves those pictures out or takes the likely label. The data are never touched.

A list is a CSV file with the columns `file` (by its name within the data), `given` (its class),
`likely` (what it seems to be) and `margin` (by how much the latter is more probable). Of an edited
one the file is enough; to relabel also `likely`, which may be any class.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gocnn.errors import UserError
from gocnn.files import write_text
from gocnn.wording import counted, few
from imagecls.photos.classes import canonical, match
from imagecls.photos.csvtext import csv_text
from imagecls.photos.data import Splits
from imagecls.photos.files import names_in
from imagecls.photos.formats import JUNK
from imagecls.photos.labelling import PicturesByName
from imagecls.photos.layout import TRAIN, VALID, WHOLE
from imagecls.photos.tables import CLASS_WORDS, FILE_WORDS, cells_of

COLUMNS = ("file", "given", "likely", "margin")


@dataclass(frozen=True)
class Listed:
    """Lists, by their files, of training pictures to leave out and to relabel."""

    drop: tuple[str, ...] = ()
    relabel: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.drop or self.relabel)


def write(target: Path, rows: Iterable[tuple[str, str, str, float]]) -> None:
    """Write a list: file, given class, likely class, margin (-1 to 1) of each picture."""
    lines = [(file, given, likely, f"{margin:.4f}") for file, given, likely, margin in rows]
    write_text(target, csv_text([COLUMNS, *lines]))


@dataclass(frozen=True)
class _Row:
    file: str
    given: str
    likely: str
    line: str
    """The list and the line, for messages."""


def _read(table: str, pictures_by_name: PicturesByName, relabel: bool) -> list[_Row]:
    """The rows of a list, with a line of names above or without. Raises UserError."""
    rows = cells_of(table)
    words = [re.sub(r"[\W_]+", "", cell.casefold()) for cell in rows[0][1]]
    headed = not any(pictures_by_name.of(cell) for cell in rows[0][1]) and any(
        word in FILE_WORDS for word in words
    )
    columns = {"file": 0, "likely": 1}
    if headed:
        columns = {word: i for i, word in reversed(list(enumerate(words)))}
        columns["file"] = next(i for i, word in enumerate(words) if word in FILE_WORDS)
        said = [i for i, word in enumerate(words) if word in CLASS_WORDS]
        columns.setdefault("likely", said[0] if len(said) == 1 else len(words))
        rows = rows[1:]
    elif len(words) > 2:
        columns = {name: i for i, name in enumerate(COLUMNS)}
    width = max((len(cells) for _, cells in rows), default=0)
    if relabel and rows and columns["likely"] >= width:
        raise UserError(
            f"{table} has no column of the likely class; name it {COLUMNS[2]} in the first line, or"
            " leave the pictures out with --drop-listed"
        )

    def cell(cells: Sequence[str], name: str) -> str:
        column = columns.get(name, len(cells))
        return cells[column] if column < len(cells) else ""

    return [
        _Row(
            cell(cells, "file"),
            canonical(cell(cells, "given")),
            canonical(cell(cells, "likely")),
            f"{table}, line {line}",
        )
        for line, cells in rows
    ]


def apply(listed: Listed, splits: Splits, source: str) -> Splits:
    """The photographs of `source` without the training pictures that are listed, or with their
    likely labels. Validation pictures stay as they are: to judge without those that a network got
    wrong would flatter it.

    Raises UserError if a list cannot be read, names a picture that is not there or a class that is
    not known, if two lines say different things of one picture, or if it takes out all of a class.
    """
    source = str(Path(source))
    # those that are left out too, or others that are called alike would be meant in their place
    parts = {name: WHOLE for name in names_in(Path(source)) if not JUNK.search(name)}
    parts |= {photo.name: TRAIN for photo in splits.train.photos if photo.source == source}
    parts |= {photo.name: VALID for photo in splits.valid.photos if photo.source == source}
    pictures_by_name = PicturesByName(source, parts)
    here = {photo.name: i for i, photo in enumerate(splits.train.photos) if photo.source == source}
    labels, kept = splits.train.labels.copy(), np.ones(len(splits.train), bool)
    notes: list[str] = []
    counts: Counter[str] = Counter()
    taken: dict[str, tuple[int | None, str]] = {}
    for table, relabel in [
        *((table, True) for table in listed.relabel),
        *((table, False) for table in listed.drop),
    ]:
        rows = _read(table, pictures_by_name, relabel)
        if not rows:
            notes.append(f"{table} lists no picture")
        for row in rows:
            name = _picture(row, pictures_by_name, source)
            if parts[name] == WHOLE:
                counts["gone"] += 1
                continue
            if parts[name] == VALID:
                counts["valid"] += 1
                continue
            number = here[name]
            before = splits.classes[splits.train.labels[number]]
            if row.given and match([row.given], splits.classes)[0] not in (
                None,
                splits.train.labels[number],
            ):
                counts["other"] += 1
                continue
            wanted = _class(row, splits.classes, before) if relabel else None
            first, there = taken.setdefault(name, (wanted, row.line))
            if first != wanted:
                raise UserError(
                    f"{row.line}: {row.file} is to {_words(wanted, splits.classes)}, and to"
                    f" {_words(first, splits.classes)} by {there}; keep one of the two lines"
                )
            if wanted is None:
                kept[number] = False
            else:
                labels[number] = wanted
    changed = int((labels != splits.train.labels)[kept].sum())
    if changed:
        notes.append(f"{counted(changed, 'training picture')} with the label of the list")
    if not kept.all():
        notes.append(f"{counted(int((~kept).sum()), 'training picture')} left out by the list")
    if counts["valid"]:
        notes.append(
            f"{counted(counts['valid'], 'listed picture')} in validation, left as before: what a"
            " network gets wrong is not taken out of its examination"
        )
    if counts["other"]:
        notes.append(
            f"{counted(counts['other'], 'listed picture')} of another class than the list says was"
            " given, left as before"
        )
    if counts["gone"]:
        notes.append(
            f"{counted(counts['gone'], 'listed picture')} left out for other reasons already"
        )
    train = replace(splits.train, labels=labels).take(kept)
    for i, name in enumerate(splits.classes):
        had = splits.train.labels == i
        if not had.any() or (train.labels == i).any():
            continue
        if not kept[had].all():
            raise UserError(
                f"{', '.join((*listed.drop, *listed.relabel))} leaves no training picture of the"
                f" class {name}; take lines out of the list"
            )
        notes.append(f"class {name} has no training picture left")
    if len(np.unique(train.labels)) < 2:
        raise UserError(
            f"{', '.join(listed.relabel)} leaves pictures of fewer than two classes to train on;"
            " take lines out of the list"
        )
    return replace(splits, train=train, notes=(*splits.notes, *notes))


def _words(wanted: int | None, classes: Sequence[str]) -> str:
    return "be left out" if wanted is None else f"become {classes[wanted]}"


def _picture(row: _Row, pictures_by_name: PicturesByName, source: str) -> str:
    """The name of the listed picture. Raises UserError if there is none, or more than one."""
    found = pictures_by_name.of(row.file)
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(
            f"{row.line}: {row.file} may be {found[0]} or {found[1]} in {source}; write its folder"
            " too"
        )
    raise UserError(
        f"{row.line}: {row.file or 'the file (empty)'} is not in {source}; give the list of these"
        " pictures, or take the line out"
    )


def _class(row: _Row, classes: Sequence[str], before: str) -> int:
    found = match([row.likely], classes)[0] if row.likely else None
    if found is None:
        raise UserError(
            f"{row.line}: {row.likely or 'the likely class (empty)'} is none of the classes"
            f" ({few(classes, 12)}); {row.file} is {before} now: correct the class, or take the"
            " line out"
        )
    return found
