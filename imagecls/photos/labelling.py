"""Classes that stand elsewhere than in folders and in the homework's names: in a table (`--labels
FILE.csv`), or in names of another form (`--label-pattern REGEX`).

Folders still say the parts (training, validation, test), unless a column of the table does; the
classes are those of the table or the pattern alone.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from gocnn.errors import UserError
from gocnn.wording import counted, few
from imagecls.photos.classes import canonical
from imagecls.photos.files import real_names
from imagecls.photos.formats import PICTURE, kind_of
from imagecls.photos.layout import PARTS, TRAIN, WHOLE, part_called
from imagecls.photos.tables import Row, read_table


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
class Found:
    """The classes of a folder's pictures, by name, the rows that name none of them, notes for the
    person, and the parts that a table says, by name."""

    kinds: dict[str, str]
    unfound: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)


NOTHING = Found({})


def find_labels(labelling: Labelling, source: str | Path, parts: Mapping[str, str]) -> Found:
    """The classes of the pictures of a folder or archive, whose names come with the part that each
    is in. Raises UserError if a table cannot be read, contradicts itself or is ambiguous here."""
    if labelling.tables:
        return _by_tables(labelling.tables, source, parts)
    return Found(_by_pattern(labelling.pattern, parts))


def need_found(labelling: Labelling, *sources: tuple[str | Path, Found, Sequence[str]]) -> None:
    """Raise UserError if nothing is labelled in these sources (each with what was found there, and
    its pictures), or if a table names a picture that is in none of them."""
    where = " and ".join(str(source) for source, _, _ in sources)
    pictures = [name for _, _, names in sources for name in names]
    some = ", ".join(pictures[:2])
    lacking = [
        row for row in sources[0][1].unfound if all(row in found.unfound for _, found, _ in sources)
    ]
    if not any(found.kinds for _, found, _ in sources):
        if labelling.pattern:
            raise UserError(
                f"--label-pattern {labelling.pattern!r} matches none of the {len(pictures)}"
                f" pictures in {where} (such as {some}); its group must find the class in each name"
            )
        bare = {PurePosixPath(name).stem.lstrip("0") for name in pictures}
        zeros = all(row.file.isdecimal() and row.file.lstrip("0") in bare for row in lacking)
        raise UserError(
            f"{lacking[0].table} names no picture of {where}: it has {lacking[0].file} and the"
            f" like, there are {some}; "
            + (
                "its numbers have lost the zeros before them, write them as the files are named"
                if zeros
                else "give the table of these pictures"
            )
        )
    if len(lacking) == 1:
        (row,) = lacking
        raise UserError(
            f"{row.table}, line {row.line}: {row.file} is not in {where}; correct the name, or take"
            " the line out"
        )
    if lacking:
        names = few(row.file for row in lacking)
        raise UserError(
            f"{lacking[0].table} names {len(lacking)} pictures that are not in {where} ({names},"
            f" from line {lacking[0].line} on); correct the names, or take the lines out"
        )


# --- by a pattern

NUMBERED = r"^(.+)[._ -]\d+\."
"""How people name pictures whose classes have no folders: `cat.0.jpg`, `great_pyrenees_12.jpg`."""


def pattern_for(pictures: Iterable[str]) -> str:
    """What to do, half a sentence, if the pictures' names plainly hold classes: a word and a number
    in each, and at least twice as many pictures as words; else nothing."""
    names = list(pictures)
    kinds = _by_pattern(NUMBERED, names)
    words = list(dict.fromkeys(kinds.values()))
    if len(kinds) < len(names) or not 1 < len(words) <= len(names) // 2:
        return ""
    return f"if the files' names say them ({few(words)}), add --label-pattern '{NUMBERED}'"


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
    pictures_by_name = PicturesByName(source, parts)
    kinds: dict[str, Row] = {}
    unfound: list[Row] = []
    notes: dict[str, None] = {}
    elsewhere: list[tuple[str, str]] = []
    for table in tables:
        said = _part_of_table(table)
        read = read_table(table, lambda name: bool(pictures_by_name.of(name)))
        notes |= dict.fromkeys(read.notes)
        for row in read.rows:
            here = pictures_by_name.of(row.file)
            if len(here) > 1:
                wanted = row.part or said or TRAIN
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
            if _elsewhere(row.file, here[0]):
                elsewhere.append((row.file, here[0]))
            before = kinds.setdefault(here[0], row)
            if before.kind != row.kind:
                one, other = (each.kind or "(none)" for each in (row, before))
                raise UserError(
                    f"{table}, line {row.line}: {row.file} is of class {one}, and of class {other}"
                    f" in line {before.line} of {before.table}; keep one of the two"
                )
            if before.part != row.part:
                raise UserError(
                    f"{table}, line {row.line}: {row.file} is to {row.part or 'nothing'}, and to"
                    f" {before.part or 'nothing'} in line {before.line} of {before.table}; keep one"
                    " of the two"
                )
    if elsewhere:
        notes[
            "taken for pictures of another folder, by the name of the file alone:"
            f" {counted(len(elsewhere), 'row')} ({elsewhere[0][0]} for {elsewhere[0][1]})"
        ] = None
    return Found(
        {name: row.kind for name, row in kinds.items() if row.kind},
        tuple(unfound),
        tuple(notes),
        {name: row.part for name, row in kinds.items() if row.part is not None},
    )


def _elsewhere(file: str, name: str) -> bool:
    """Whether a table says another folder for a picture than the one that it lies in. Folders of
    parts do not count: tables seldom know them."""
    said, lies = (
        [step for step in re.split(r"[\\/]", canonical(path))[:-1] if step not in ("", ".")]
        for path in (file, name)
    )
    return bool(said and lies) and (
        said[-1].casefold() != lies[-1].casefold() and part_called(lies[-1]) is None
    )


def _part_of_table(table: str) -> str | None:
    """The part that a table's name says: `train.csv`, `test_labels.csv`."""
    words = re.split(r"[\W_\d]+", Path(table).stem.casefold())
    said = {PARTS[word] for word in words if word in PARTS}
    return said.pop() if len(said) == 1 else None


class PicturesByName:
    """Pictures by what a table may call them: their path, or the end of it, with the ending or
    without."""

    def __init__(self, source: str | Path, parts: Mapping[str, str]) -> None:
        around = _part_in(re.split(r"[\\/]", str(source)))
        self._parts = {name: around if part == WHOLE else part for name, part in parts.items()}
        self._by_end: dict[str, list[str]] = {}
        self._by_letters: dict[str, list[str]] = {}
        real = real_names(Path(source), parts)
        for name in parts:
            ends = {
                end.strip()  # as cells of a table are read
                for written in (name, real.get(name, name))
                for end in _ends(canonical(written))
            }
            for key in ends | {_without_ending(end) for end in ends}:
                self._by_end.setdefault(key, []).append(name)
            for key in {key.casefold() for key in ends | {_without_ending(end) for end in ends}}:
                self._by_letters.setdefault(key, []).append(name)

    def of(self, file: str) -> list[str]:
        """The pictures that may be meant: those that agree with the longest end of the path, in
        every letter if there are such, and that are not in another part than it says."""
        path = canonical(file)
        if path not in self._by_end:  # where a backslash is no step of Windows' but an escape
            path = path.replace("\\", "/")
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


def _ends(path: str) -> Iterator[str]:
    """The path, and what is left of it without its first folders."""
    steps = path.split("/")
    return ("/".join(steps[i:]) for i in range(len(steps)))


def _part_in(folders: Sequence[str]) -> str | None:
    """The part that the innermost folder says which says one."""
    said = (part_called(PurePosixPath(folder).stem) for folder in reversed(folders))
    return next((part for part in said if part), None)


def _without_ending(name: str) -> str:
    return name.rsplit(".", 1)[0] if kind_of(name) == PICTURE else name
