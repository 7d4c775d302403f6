"""Tables of photographs and their classes: files, separated by comma, semicolon or tab, as people
and spreadsheets write them."""

import csv
import io
import re
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gocnn.errors import UserError
from gocnn.files import need_plain
from gocnn.wording import counted, either, few
from imagecls.photos.classes import canonical
from imagecls.photos.formats import PICTURE, kind_of
from imagecls.photos.layout import TEST, TRAIN, VALID, part_called

SEPARATORS = ("\t", ";", ",")

FILE_WORDS = {
    *("file", "files", "filename", "filenames", "filepath", "filepaths", "path", "paths", "image"),
    *(
        "images",
        "imagepaths",
        "imagename",
        "imageid",
        "imagepath",
        "imagefile",
        "img",
        "imgname",
        "imgpath",
        "imgid",
    ),
    *("picture", "photo", "photograph", "id", "name", "fname", "relpath"),
}
CLASS_WORDS = {
    *("label", "labels", "class", "classes", "classname", "classlabel", "classid", "category"),
    *("categories", "categoryid", "target", "labelname", "breed", "species", "labelid", "y"),
}
"""Names of columns, in small letters without spaces and punctuation."""

NAME_WORDS = {"class", "label", "labels", "classname", "labelname"}
"""Of several columns of classes, those that have their names rather than their numbers."""

SPLIT_WORDS = {
    *("split", "splits", "set", "subset", "dataset", "partition", "part", "phase", "usage"),
    *("fold", "kfold", "traintest", "trainval", "trainvaltest"),
}
YES_WORDS = {
    **dict.fromkeys(("isvalid", "isvalidation", "isval", "valid"), (VALID, TRAIN)),
    **dict.fromkeys(("istrain", "istraining", "istrainingimage", "train"), (TRAIN, TEST)),
    **dict.fromkeys(("istest", "test"), (TEST, TRAIN)),
}
"""Names of columns that may say the part of each picture: in words, or as yes and no (fastai's
`is_valid`, `is_training_image` of CUB-200) with the part that each means."""

YES, NO = {"true", "1", "1.0", "yes", "y", "t"}, {"false", "0", "0.0", "no", "n", "f"}

MISSING = {"nan", "none", "null", "na", "n/a", "<na>", "nat"}
"""What tables have where a class is missing, as programs write it; a class may be called so too."""

MOST_BYTES = 1 << 28
"""A table larger than this is not read: no list of photographs is."""


@dataclass(frozen=True)
class Row:
    """A row of a table: the file as it is written, its class (empty: a test picture without one),
    the table and the line, and the part (None: the table says none)."""

    file: str
    kind: str
    table: str
    line: int
    part: str | None = None


@dataclass(frozen=True)
class Table:
    """The rows of a table, and notes for the person."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...]


def read_table(table: str, known: Callable[[str], bool] = lambda _: False) -> Table:
    """A table of files and classes, with a line of names above or without; `known` tells files of
    that collection, and helps to tell that line from a row. Raises UserError, which names the line,
    if it is no such table."""
    rows = cells_of(table)
    width = Counter(len(cells) for _, cells in rows).most_common(1)[0][0]
    if width < 2:
        raise UserError(
            f"{table} has no two columns (line {rows[0][0]}: {_shown(rows[0][1])}); write a file"
            " and its class in each line, with a comma between"
        )
    (first, names), *rest = rows
    file, kind, headed = _columns(table, names, rest, known)
    if headed and not rest:
        raise UserError(f"{table} has names of columns in line {first}, and nothing below them")
    parts, notes = _parts(table, names, rest, {file, kind}) if headed else ([], [])
    passed = [
        name
        for i, name in enumerate(names)
        if headed and i not in (file, kind) and _letters(name) in CLASS_WORDS
    ]
    if passed:
        notes.append(
            f"the classes of {table} are those of its column {names[kind]}, not of {either(passed)}"
        )
    found = []
    for number, (line, cells) in enumerate(rest if headed else rows):
        if len(cells) <= max(file, kind):
            raise UserError(
                f"{table}, line {line} has no class ({_shown(cells)}); write a file and its class"
            )
        part = parts[number] if parts else None
        if not cells[file] or (not cells[kind] and part != TEST):
            raise UserError(
                f"{table}, line {line} has no {'class' if cells[file] else 'file'}"
                f" ({_shown(cells)}); write both, or take the line out"
            )
        if not headed and width == 2 and len(cells) > 2 and any(cells[2:]):
            raise UserError(
                f"{table}, line {line} has {len(cells)} columns, not {width} ({_shown(cells)}); put"
                " a name with a separator in it between quotes"
            )
        found.append(Row(cells[file], canonical(cells[kind]), table, line, part))
    numbers = _whole_numbers({row.kind for row in found} - {""})
    if numbers:
        found = [replace(row, kind=numbers.get(row.kind, row.kind)) for row in found]
        written, meant = max(numbers.items())
        notes.append(f"the classes of {table} are whole numbers: {written} is read as {meant}")
    counts = Counter(row.kind for row in found if row.kind.casefold() in MISSING)
    notes += [
        f"{kind} is taken for a class ({counted(count, 'row')} of {table}), not for a missing one"
        for kind, count in counts.items()
    ]
    return Table(tuple(found), tuple(notes))


def _whole_numbers(kinds: set[str]) -> dict[str, str]:
    """The classes that are written as floating-point numbers, and the whole numbers meant, if all
    are whole numbers: pandas writes 3.0 where a column had gaps."""
    found = {kind: re.fullmatch(r"(\d+)\.0+", kind) for kind in kinds}
    if not all(match or kind.isdecimal() for kind, match in found.items()):
        return {}
    return {kind: match[1] for kind, match in found.items() if match}


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _columns(
    table: str,
    names: Sequence[str],
    rest: Sequence[tuple[int, Sequence[str]]],
    known: Callable[[str], bool],
) -> tuple[int, int, bool]:
    """The columns of files and of classes, and whether `names`, the first line, names them."""
    words = [_letters(name) for name in names]
    files = [i for i, word in enumerate(words) if word in FILE_WORDS]
    kinds = [i for i, word in enumerate(words) if word in CLASS_WORDS]
    a_row = any(known(name) for name in names)
    if len(names) == 2:
        others = {cells[1] for _, cells in rest if len(cells) > 1}
        plain = kind_of(names[0]) != PICTURE and names[1] not in others and bool(rest)
        headed = not a_row and bool(files or kinds or plain)
        swapped = headed and (kinds[:1] == [0] or files[:1] == [1]) and files[:1] != [0]
        return (1, 0, True) if swapped else (0, 1, headed)
    if a_row or not files or not kinds:
        raise UserError(
            f"{table} has {counted(len(names), 'column')} ({_shown(names)}), and it is not known"
            " which are the file and the class; name them file and class in the first line, or keep"
            " these two"
        )
    likely = [i for i in kinds if words[i] != "y"] or kinds  # which may be a coordinate
    kind = next((i for i in likely if words[i] in NAME_WORDS), likely[0])
    return next((i for i in files if words[i] != "id"), files[0]), kind, True


def _parts(
    table: str, names: Sequence[str], rows: Sequence[tuple[int, Sequence[str]]], taken: set[int]
) -> tuple[list[str], list[str]]:
    """The part of each row (nothing where no column plainly says it), and notes about columns that
    seem to be meant so; `taken`: the columns of files and classes."""
    notes: list[str] = []
    for i, name in enumerate(names):
        word = _letters(name)
        if i in taken or word not in SPLIT_WORDS | YES_WORDS.keys():
            continue
        values = [cells[i] if i < len(cells) else "" for _, cells in rows]
        said = [_part(value, YES_WORDS.get(word)) for value in values]
        parts = [part for part in said if part is not None]
        if len(parts) == len(said):
            return parts, [*notes, f"the column {name} of {table} says the part of each picture"]
        others = dict.fromkeys(v for v, part in zip(values, said, strict=True) if part is None)
        some = few(each or "nothing" for each in others)
        notes.append(
            f"the column {name} of {table} is passed over: it has {some} where train, valid or test"
            " would be a part"
        )
    return [], notes


def _part(value: str, meant: tuple[str, str] | None) -> str | None:
    """The part that a cell plainly says; `meant`: by yes and by no."""
    if meant is not None and value.casefold() in YES | NO:
        return meant[value.casefold() in NO]
    part = part_called(value)
    return part if part in (TRAIN, VALID, TEST) else None


def cells_of(table: str) -> list[tuple[int, list[str]]]:
    """The lines that are not empty, with their numbers, each in its cells. A first line such as
    `sep=;`, which Excel wants, says the separator. Raises UserError."""
    text = _text(table)
    found: list[tuple[int, list[str]]] = []
    best = -1
    told = _TOLD.match(text)
    if told:
        text = text[told.end(1) :]
    for separator in told[2] if told else SEPARATORS:
        rows = _rows(table, text, separator)
        widths = Counter(len(cells) for _, cells in rows if len(cells) > 1)
        alike = max(widths.values(), default=0)
        if alike > best:
            best, found = alike, rows
    if not found:
        raise UserError(f"{table} is empty; write a file and its class in each line")
    return found


_TOLD = re.compile(r"(\s*sep=(.))\s*$", re.IGNORECASE | re.MULTILINE)


def _rows(table: str, text: str, separator: str) -> list[tuple[int, list[str]]]:
    """The same of a text, by one separator."""
    rows, begins = [], 1
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        for cells in reader:
            plain = [cell.strip() for cell in cells]
            if any(plain):
                rows.append((begins, plain))
            last, begins = begins, reader.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"{table}, line {reader.line_num}, is no line of a table ({error}); save it as CSV"
            " again"
        ) from error
    if rows and reader.line_num > last and _open_ended(text, separator):
        raise UserError(
            f"{table}, line {last}: a quotation mark begins a cell that nothing ends; put one at"
            " its end, or save it as CSV again"
        )
    return rows


def _open_ended(text: str, separator: str) -> bool:
    """Whether the last cell begins with a quotation mark and has none at its end."""
    try:
        deque(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True), 0)
    except csv.Error as error:
        return "end of data" in str(error)
    return False


def _text(table: str) -> str:
    path = Path(table)
    need_plain(table, "write the table into a file first")
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
    if path.suffix.lower() == ".json" or re.match(r"\s*[\[{]\s*[\[{\"]", text):
        raise UserError(
            f"{table} is JSON, not a table; write a file and its class in each line, with a comma"
            " between"
        )
    if "\0" in text:
        raise UserError(f"{table} is not a text; give a CSV file")
    return text


def _shown(cells: Sequence[str]) -> str:
    line = ", ".join(cells)
    return line if len(line) <= 60 else f"{line[:57]}..."


def table_within(source: str | Path) -> Path | None:
    """The table in a folder of photographs that is likeliest to say their classes: one whose name
    speaks of training or labels before others; None if there is none, or `source` is an archive."""
    folder = Path(source)
    if not folder.is_dir():
        return None
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".csv", ".tsv"))
    told = [path for path in found if re.search("train|label|class", path.stem, re.IGNORECASE)]
    return next(iter([*told, *found]), None)
