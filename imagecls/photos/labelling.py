"""Classes that stand elsewhere than in folders and in the homework's names: in a table (`--labels
FILE.csv`), or in names of another form (`--label-pattern REGEX`).

Folders still say the parts (training, validation, test); the classes are those of the table or the
pattern alone.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gocnn.errors import UserError
from imagecls.photos.classes import canonical
from imagecls.photos.formats import PICTURE, kind_of
from imagecls.photos.layout import PARTS, TRAIN, WHOLE, part_called

SEPARATORS = ("\t", ";", ",")

FILE_WORDS = {
    *("file", "files", "filename", "filenames", "filepath", "path", "paths", "image", "images"),
    *("imagename", "imageid", "imagepath", "imagefile", "img", "imgname", "imgpath", "imgid"),
    *("picture", "photo", "photograph", "id", "name", "fname", "relpath"),
}
CLASS_WORDS = {
    *("label", "labels", "class", "classes", "classname", "classlabel", "classid", "category"),
    *("categories", "categoryid", "target", "labelname", "breed", "species", "labelid", "y"),
}
"""Names of columns, in small letters without spaces and punctuation."""

MOST_BYTES = 1 << 28
"""A table larger than this is not read: no list of photographs is."""


@dataclass(frozen=True)
class Labelling:
    """Where the classes of photographs are found: in the `tables`, or by the regular expression
    `pattern`, whose only group is the class. With neither it is false, and folders and names say
    them as ever.

    The pattern is searched for in the name of each file; in its path within the folder or archive,
    with `/` between folders, if there is a `/` in the pattern.
    """

    tables: tuple[str, ...] = ()
    pattern: str = ""

    def __bool__(self) -> bool:
        return bool(self.tables or self.pattern)

    @property
    def title(self) -> str:
        """What messages call it."""
        return ", ".join(self.tables) if self.tables else f"the pattern {self.pattern!r}"


FOLDERS = Labelling()
"""Folders and names say the classes."""


@dataclass(frozen=True)
class Row:
    """A row of a table: the file as it is written, its class, the table and the line."""

    file: str
    kind: str
    table: str
    line: int


@dataclass(frozen=True)
class Found:
    """The classes of a folder's pictures, by name, the rows that name none of them, and notes for
    the person."""

    kinds: dict[str, str]
    unfound: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()


NOTHING = Found({})


def find(labelling: Labelling, source: str | Path, parts: Mapping[str, str]) -> Found:
    """The classes of the pictures of a folder or archive, whose names come with the part that each
    is in. Raises UserError if a table cannot be read, contradicts itself or is ambiguous here."""
    if labelling.tables:
        return _by_tables(labelling.tables, source, parts)
    return Found(_by_pattern(labelling.pattern, parts))


def need_found(labelling: Labelling, *places: tuple[str | Path, Found, Sequence[str]]) -> None:
    """Raise UserError if nothing is labelled in these places (each with what was found there, and
    its pictures), or if a table names a picture that is in none of them."""
    where = " and ".join(str(source) for source, _, _ in places)
    pictures = [name for _, _, names in places for name in names]
    some = ", ".join(pictures[:2])
    lacking = [
        row for row in places[0][1].unfound if all(row in found.unfound for _, found, _ in places)
    ]
    if not any(found.kinds for _, found, _ in places):
        if labelling.pattern:
            raise UserError(
                f"--label-pattern {labelling.pattern!r} matches none of the {len(pictures)}"
                f" pictures in {where} (such as {some}); its group must find the class in each name"
            )
        raise UserError(
            f"{lacking[0].table} names no picture of {where}: it has {lacking[0].file} and the"
            f" like, there are {some}; give the table of these pictures"
        )
    if len(lacking) == 1:
        (row,) = lacking
        raise UserError(
            f"{row.table}, line {row.line}: {row.file} is not in {where}; correct the name, or take"
            " the line out"
        )
    if lacking:
        names = ", ".join(row.file for row in lacking[:3]) + (" ..." if len(lacking) > 3 else "")
        raise UserError(
            f"{lacking[0].table} names {len(lacking)} pictures that are not in {where} ({names},"
            f" from line {lacking[0].line} on); correct the names, or take the lines out"
        )


# --- by a pattern


def _by_pattern(pattern: str, pictures: Iterable[str]) -> dict[str, str]:
    expression = re.compile(pattern)
    kinds = {}
    for name in pictures:
        found = expression.search(name if "/" in pattern else PurePosixPath(name).name)
        kind = (found.group(1) or "").strip() if found else ""
        if kind:
            kinds[name] = canonical(kind)
    return kinds


# --- by tables


def _by_tables(tables: Sequence[str], source: str | Path, parts: Mapping[str, str]) -> Found:
    places = Places(source, parts)
    kinds: dict[str, Row] = {}
    unfound: list[Row] = []
    notes: dict[str, None] = {}
    for table in tables:
        said = _part_of_table(table)
        for row in read_table(table, places):
            here = places.of(row.file)
            if len(here) > 1:
                wanted = said or TRAIN
                chosen = [name for name in here if parts[name] == wanted]
                if len(chosen) == 1:
                    notes[
                        f"where {table} names pictures of several parts, those of the {wanted}"
                        " part are meant"
                    ] = None
                    here = chosen
            if not here:
                unfound.append(row)
                continue
            if len(here) > 1:
                raise UserError(
                    f"{table}, line {row.line}: {row.file} may be {here[0]} or {here[1]} in"
                    f" {source}; write its folder too"
                )
            before = kinds.setdefault(here[0], row)
            if before.kind != row.kind:
                raise UserError(
                    f"{table}, line {row.line}: {row.file} is of class {row.kind}, and of class"
                    f" {before.kind} in line {before.line} of {before.table}; keep one of the two"
                )
    return Found({name: row.kind for name, row in kinds.items()}, tuple(unfound), tuple(notes))


def _part_of_table(table: str) -> str | None:
    """The part that a table's name says: `train.csv`, `test_labels.csv`."""
    words = re.split(r"[\W_\d]+", Path(table).stem.casefold())
    said = {PARTS[word] for word in words if word in PARTS}
    return said.pop() if len(said) == 1 else None


class Places:
    """Pictures by what a table may call them: their path, or the end of it, with the ending or
    without."""

    def __init__(self, source: str | Path, parts: Mapping[str, str]) -> None:
        around = _part_in(re.split(r"[\\/]", str(source)))
        self._parts = {name: around if part == WHOLE else part for name, part in parts.items()}
        self._by_end: dict[str, list[str]] = {}
        self._by_letters: dict[str, list[str]] = {}
        for name in parts:
            steps = canonical(name).split("/")
            for i in range(len(steps)):
                end = "/".join(steps[i:])
                for key in dict.fromkeys((end, _without_ending(end))):
                    self._by_end.setdefault(key, []).append(name)
                    self._by_letters.setdefault(key.casefold(), []).append(name)

    def of(self, file: str) -> list[str]:
        """The pictures that may be meant: those that agree with the longest end of the path, in
        every letter if there are such, and that are not in another part than it says."""
        path = canonical(file).replace("\\", "/")
        steps = [step for step in path.split("/") if step not in ("", ".")]
        part = _part_in(steps[:-1])
        for i in range(len(steps)):
            end = "/".join(steps[i:])
            here = self._by_end.get(end) or self._by_letters.get(end.casefold()) or []
            here = [
                name for name in here if part is None or self._parts[name] in (None, part) or i == 0
            ]
            if here:
                # a picture of just this path is meant before others that end so
                return [
                    name for name in here if end in (canonical(name), _without_ending(name))
                ] or here
        return []


def _part_in(folders: Sequence[str]) -> str | None:
    """The part that the innermost folder says which says one."""
    said = (part_called(PurePosixPath(folder).stem) for folder in reversed(folders))
    return next((part for part in said if part), None)


def _without_ending(name: str) -> str:
    return name.rsplit(".", 1)[0] if kind_of(name) == PICTURE else name


def read_table(table: str, places: Places | None = None) -> Iterator[Row]:
    """The rows of a table of files and classes: separated by comma, semicolon or tab, with a line
    of names above or without. `places` helps to tell that line from a row. Raises UserError, which
    names the line, if it is no such table."""
    rows = cells_of(table)
    width = Counter(len(cells) for _, cells in rows).most_common(1)[0][0]
    if width < 2:
        raise UserError(
            f"{table} has no two columns (line {rows[0][0]}: {_shown(rows[0][1])}); write a file"
            " and its class in each line, with a comma between"
        )
    (first, names), *rest = rows
    file, kind, headed = _columns(table, names, rest, places)
    for line, cells in rest if headed else rows:
        if len(cells) <= max(file, kind):
            raise UserError(
                f"{table}, line {line} has no class ({_shown(cells)}); write a file and its class"
            )
        if not cells[file] or not cells[kind]:
            raise UserError(
                f"{table}, line {line} has no {'class' if cells[file] else 'file'}"
                f" ({_shown(cells)}); write both, or take the line out"
            )
        if not headed and width == 2 and len(cells) > 2 and any(cells[2:]):
            raise UserError(
                f"{table}, line {line} has {len(cells)} columns, not {width} ({_shown(cells)}); put"
                " a name with a separator in it between quotes"
            )
        yield Row(cells[file], canonical(cells[kind]), table, line)
    if not (rest if headed else rows):
        raise UserError(f"{table} has names of columns in line {first}, and nothing below them")


def _columns(
    table: str,
    names: Sequence[str],
    rest: Sequence[tuple[int, Sequence[str]]],
    places: Places | None,
) -> tuple[int, int, bool]:
    """The columns of files and of classes, and whether `names`, the first line, names them."""
    words = [re.sub(r"[\W_]+", "", name.casefold()) for name in names]
    files = [i for i, word in enumerate(words) if word in FILE_WORDS]
    kinds = [i for i, word in enumerate(words) if word in CLASS_WORDS]
    a_row = places is not None and any(places.of(name) for name in names)
    if len(names) == 2:
        others = {cells[1] for _, cells in rest if len(cells) > 1}
        plain = kind_of(names[0]) != PICTURE and names[1] not in others and bool(rest)
        headed = not a_row and bool(files or kinds or plain)
        swapped = headed and (kinds[:1] == [0] or files[:1] == [1]) and files[:1] != [0]
        return (1, 0, True) if swapped else (0, 1, headed)
    if a_row or not files or not kinds:
        raise UserError(
            f"{table} has {len(names)} columns ({_shown(names)}), and it is not known which are the"
            " file and the class; name them file and class in the first line, or keep these two"
        )
    kind = next((i for i in kinds if words[i] in ("class", "label", "classname")), kinds[0])
    return next((i for i in files if words[i] != "id"), files[0]), kind, True


def cells_of(table: str) -> list[tuple[int, list[str]]]:
    """The lines that are not empty, with their numbers, each in its cells. Raises UserError."""
    text = _text(table)
    found: list[tuple[int, list[str]]] = []
    best = -1
    for separator in SEPARATORS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        try:
            rows = [
                (reader.line_num, [cell.strip() for cell in cells])
                for cells in reader
                if any(cell.strip() for cell in cells)
            ]
        except csv.Error as error:
            raise UserError(
                f"{table}, line {reader.line_num}, is no line of a table ({error}); save it as CSV"
                " again"
            ) from error
        widths = Counter(len(cells) for _, cells in rows if len(cells) > 1)
        alike = max(widths.values(), default=0)
        if alike > best:
            best, found = alike, rows
    if not found:
        raise UserError(f"{table} is empty; write a file and its class in each line")
    return found


def _text(table: str) -> str:
    path = Path(table)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{table} is larger than {MOST_BYTES >> 20} MB; give a table of labels")
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise UserError(
            f"{table} does not exist; give a CSV file with a file and its class in each line"
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"cannot read {table} ({reason}); give a CSV file") from error
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise UserError(f"{table} is a spreadsheet or an archive; save the table as CSV")
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return data.decode("utf-16")
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{table} is not in UTF-8; save it again as CSV in UTF-8, so that its names are read"
            " as they were written"
        ) from error
    if "\0" in text:
        raise UserError(f"{table} is not a text; give a CSV file")
    return text


def _shown(cells: Sequence[str]) -> str:
    line = ", ".join(cells)
    return line if len(line) <= 60 else f"{line[:57]}..."
