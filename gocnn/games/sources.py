"""Where game records come from: files, folders, archives (see `gocnn.archives`), pipes, standard
input."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from gocnn import archives
from gocnn.errors import UserError
from gocnn.files import no_such, walk
from gocnn.games.foreign import SUFFIXES
from gocnn.games.store import is_store

MEMBER_LIMIT = 256 << 20
"""Bytes one SGF file may have, inside or outside an archive."""

ARCHIVE_LIMIT: int = archives.UNPACKED
"""Bytes one archive may unpack to, unless the person says otherwise."""

FILES_A_UNIT = 512

RECORDS = (".sgf", ".sgfs", *SUFFIXES)
"""How names of game records end (`.sgfs`: several games in one file; the others:
`gocnn.games.foreign`)."""


@dataclass(frozen=True)
class Blob:
    """One SGF file: where it is (for people), its bytes, why it could not be read (then there are
    no bytes), and what the store calls its source: the archive's file name, or the folder the file
    lies in."""

    name: str
    data: bytes
    trouble: str = ""
    source: str = ""


@dataclass(frozen=True)
class Unit:
    """A piece of work for one process: an archive, or some loose files. `size` is in bytes, on
    disk."""

    kind: Literal["files", "archive", "pipe", "stdin"]
    paths: tuple[Path, ...]
    size: int


def is_record(name: str) -> bool:
    """Whether a file is named as game records are."""
    return name.lower().endswith(RECORDS)


def find_units(arguments: list[str]) -> list[Unit]:
    """What the arguments name, in order: a file, a folder (searched recursively), an archive, a
    pipe, or `-` for standard input.

    Raises UserError for a path that does not exist or holds nothing to read.
    """
    units: list[Unit] = []
    for i, argument in enumerate(arguments):
        if argument == "-":
            units.append(Unit("stdin", (), 0))
            continue
        if not argument:  # else it would be the current folder
            raise UserError("a name is empty; give SGF files, folders or archives of them")
        path = Path(argument)
        if path.is_dir():
            found = _in_folder(path)
            if not found:
                raise UserError(
                    f"{argument} holds no .sgf file and no archive of them; name a folder of game"
                    " records"
                )
            units.extend(_group(found))
        elif path.is_file():
            if is_store(path):
                raise UserError(
                    f"{argument} is a store already, which go-train, go-eval, go-label and go-stats"
                    " take; give the records that it was made of"
                )
            units.extend(_group([path]))
        elif path.exists():  # a pipe, such as the shell makes of <(...)
            units.append(Unit("pipe", (path,), 0))
        else:
            give = "give SGF files, folders or archives of them, or - for standard input"
            raise no_such(arguments, i, give)
    return units


def _in_folder(folder: Path) -> list[Path]:
    """Records and archives in a folder, and folders in it that cannot be listed: whoever reads
    those finds out why."""
    closed: list[Path] = []
    found = [
        path
        for inside, names in walk(folder, lambda error: closed.append(Path(error.filename)))
        for path in (Path(inside, name) for name in names)
        if path.is_file() and _belongs(path)
    ]
    return sorted(found + closed)


def _belongs(path: Path) -> bool:
    """Whether a file found in a folder is a game record or an archive; of other packed files
    (lists, logs) only what looks like SGF."""
    name = path.name
    if archives.is_junk(name) or not (is_record(name) or archives.is_archive_name(name)):
        return False
    if is_record(archives.without_suffix(name)) or not name.lower().endswith(
        (".gz", ".xz", ".bz2", ".lzma", ".zst")
    ):
        return True
    head = archives.beginning(path)
    return not head or b"(;" in head or archives.kind(head) != ""


def _group(paths: list[Path]) -> Iterator[Unit]:
    loose: list[Path] = []
    for path in paths:
        if _is_archive(path):
            yield Unit("archive", (path,), path.stat().st_size)
        else:
            loose.append(path)
    for i in range(0, len(loose), FILES_A_UNIT):
        some = tuple(loose[i : i + FILES_A_UNIT])
        yield Unit("files", some, sum(p.stat().st_size for p in some))


def _is_archive(path: Path) -> bool:
    """By content, not by name (which may only promise one); what cannot be opened counts as a file
    and is reported when it is read."""
    try:
        return archives.kind_of(path) != "" or (
            archives.is_archive_name(path.name) and not _is_text(path)
        )
    except OSError:
        return False


def _is_text(path: Path) -> bool:
    with path.open("rb") as stream:
        return b"(" in stream.read(archives.HEAD)


def read(unit: Unit, limit: int = ARCHIVE_LIMIT) -> Iterator[Blob]:
    """Each SGF file of a unit; `limit` is the most bytes an archive may unpack to. A file that
    cannot be read comes with its trouble."""
    if unit.kind in ("pipe", "stdin"):
        yield from _stream(unit.paths[0] if unit.paths else None, limit)
    elif unit.kind == "files":
        for path in unit.paths:
            yield _loose(path)
    else:
        yield from _archive(unit.paths[0], str(unit.paths[0]), limit)


def folder_of(path: Path) -> str:
    """What the store calls the source of a loose file: the name of the folder that it lies in, also
    where it is named from there (`.`, `a.sgf`)."""
    return Path(os.path.abspath(path)).parent.name or path.name


def _loose(path: Path) -> Blob:
    name = archives.readable(str(path))
    try:
        size = path.stat().st_size
        if size > MEMBER_LIMIT:
            return Blob(name, b"", f"larger than {MEMBER_LIMIT >> 20} MB ({size >> 20} MB)")
        return Blob(name, path.read_bytes(), source=archives.readable(folder_of(path)))
    except OSError as error:
        return Blob(name, b"", f"cannot be read: {error.strerror}")


def _stream(path: Path | None, limit: int) -> Iterator[Blob]:
    """Standard input (None) or a pipe: read once, and it may be an archive, too."""
    name = archives.readable(str(path)) if path else "standard input"
    try:
        with (
            contextlib.nullcontext(sys.stdin.buffer) if path is None else path.open("rb")
        ) as stream:
            data = _up_to(stream, limit + 1)
    except OSError as error:
        yield Blob(name, b"", f"cannot be read: {error.strerror}")
        return
    if len(data) > limit:
        yield Blob(
            name, b"", f"larger than {limit >> 20} MB; if it is meant to be, raise --max-unpacked"
        )
    elif archives.kind(data[: archives.HEAD]):
        yield from _archive(io.BytesIO(data), name, limit)
    else:
        yield Blob(name, data, source=name)


def _up_to(stream: IO[bytes], size: int) -> bytes:
    """`stream.read(size)`, without the memory for all of it being taken first."""
    parts: list[bytes] = []
    while size > 0 and (piece := stream.read(min(size, 1 << 20))):
        parts.append(piece)
        size -= len(piece)
    return b"".join(parts)


def in_bytes(data: bytes, name: str, unpacked: int) -> Iterator[Blob]:
    """The game records in the bytes of a file: itself, or those of the archive that it is, which
    may unpack to so many bytes. What cannot be read comes with its trouble."""
    shown = archives.readable(name)
    if not archives.kind(data[: archives.HEAD]):
        yield Blob(shown, data, source=shown)
        return
    limits = archives.Limits(unpacked, min(unpacked, MEMBER_LIMIT))
    empty = True
    for blob in _entries(io.BytesIO(data), shown, shown, limits):
        empty = False
        yield blob
    if empty:
        yield Blob(shown, b"", "it is an archive without a game record in it")


def _archive(source: Path | IO[bytes], prefix: str, limit: int) -> Iterator[Blob]:
    prefix = archives.readable(prefix)
    shown = archives.readable(source.name) if isinstance(source, Path) else prefix
    limits = archives.Limits(limit, MEMBER_LIMIT, "; if it is meant to, raise --max-unpacked")
    yield from _entries(source, prefix, shown, limits)


def _entries(
    source: Path | IO[bytes], prefix: str, shown: str, limits: archives.Limits
) -> Iterator[Blob]:
    for entry in archives.entries(source, is_record, limits):
        name = f"{prefix}:{entry.name}" if entry.name else prefix
        try:
            yield Blob(name, entry.read(), source=shown)
        except archives.Unreadable as error:
            if error.partial:
                yield Blob(name, error.partial, source=shown)
            yield Blob(name, b"", str(error))
