"""Where SGF bytes come from: files, folders, zip and tar archives, standard input.

Archives are read in place and nothing is ever unpacked to disk, so names with `../` are only names, and links are passed over. What an
archive may unpack to is limited, because a few kilobytes can hold gigabytes.
"""

import bz2
import gzip
import lzma
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, cast

from gocnn.errors import UserError

MEMBER_LIMIT = 256 << 20
"""Bytes one SGF file may have, inside or outside an archive."""

ARCHIVE_LIMIT = 4 << 30
"""Bytes one archive may unpack to, unless the person says otherwise."""

FILES_A_UNIT = 512


@dataclass(frozen=True)
class Blob:
    """One SGF file: where it is (for people), its bytes, and why it could not be read (then there are no bytes)."""

    name: str
    data: bytes
    trouble: str = ""


@dataclass(frozen=True)
class Unit:
    """A piece of work for one process: an archive, or some loose files. `size` is in bytes, on disk."""

    kind: Literal["files", "zip", "tar", "stdin"]
    paths: tuple[Path, ...]
    size: int


def find(arguments: list[str]) -> list[Unit]:
    """What the arguments name, in order: a file, a folder (searched recursively), an archive, or `-` for standard input.

    Raises UserError for a path that does not exist or holds nothing to read.
    """
    units: list[Unit] = []
    for argument in arguments:
        if argument == "-":
            units.append(Unit("stdin", (), 0))
            continue
        path = Path(argument)
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.is_file() and (p.suffix.lower() == ".sgf" or _archive_name(p)))
            if not found:
                raise UserError(f"{argument} holds no .sgf file and no archive of them; name a folder of game records")
            units.extend(_group(found))
        elif path.exists():
            units.extend(_group([path]))
        else:
            raise UserError(f"{argument} does not exist; give SGF files, folders or archives of them, or - for standard input")
    return units


def _archive_name(path: Path) -> bool:
    return path.name.lower().endswith((".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2"))


def _group(paths: list[Path]) -> Iterator[Unit]:
    loose: list[Path] = []
    for path in paths:
        kind = _kind(path)
        if kind == "files":
            loose.append(path)
        else:
            yield Unit(kind, (path,), path.stat().st_size)
    for i in range(0, len(loose), FILES_A_UNIT):
        some = tuple(loose[i : i + FILES_A_UNIT])
        yield Unit("files", some, sum(p.stat().st_size for p in some))


def _kind(path: Path) -> Literal["files", "zip", "tar"]:
    """By content, not by name; what cannot be opened counts as a file and is reported when it is read."""
    try:
        with path.open("rb") as stream:
            head = stream.read(512)
    except OSError:
        return "files"
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "zip"
    if head[:2] == b"\x1f\x8b" or head[:3] == b"BZh" or head[:6] == b"\xfd7zXZ\x00" or head[257:262] == b"ustar":
        return "tar"
    return "files"


def read(unit: Unit, limit: int = ARCHIVE_LIMIT) -> Iterator[Blob]:
    """Each SGF file of a unit; `limit` is the most bytes an archive may unpack to. A file that cannot be read comes with its trouble."""
    if unit.kind == "stdin":
        yield Blob("standard input", sys.stdin.buffer.read())
    elif unit.kind == "files":
        for path in unit.paths:
            yield _loose(path)
    else:
        path = unit.paths[0]
        try:
            yield from _zip(path, limit) if unit.kind == "zip" else _tar(path, limit)
        except (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, EOFError, zlib.error, OSError, NotImplementedError, RuntimeError) as error:
            yield Blob(str(path), b"", f"the archive is damaged or cut short ({error})")


def _loose(path: Path) -> Blob:
    try:
        if path.stat().st_size > MEMBER_LIMIT:
            return Blob(str(path), b"", _too_large(path.stat().st_size))
        return Blob(str(path), path.read_bytes())
    except OSError as error:
        return Blob(str(path), b"", f"cannot be read: {error.strerror}")


def _too_large(size: int) -> str:
    return f"larger than {MEMBER_LIMIT >> 20} MB unpacked ({size >> 20} MB)"


def _over(limit: int) -> str:
    return f"unpacks to more than {limit >> 20} MB, the rest was left unread; if it is meant to, raise --max-unpacked"


def _take(path: Path, name: str, size: int, stream: IO[bytes] | None) -> Blob:
    """One member, never reading past the limit whatever its header claims."""
    label = f"{path}:{name}"
    if size > MEMBER_LIMIT:
        return Blob(label, b"", _too_large(size))
    data = stream.read(MEMBER_LIMIT + 1) if stream else b""
    return Blob(label, data) if len(data) <= MEMBER_LIMIT else Blob(label, b"", _too_large(len(data)))


def _zip(path: Path, limit: int) -> Iterator[Blob]:
    with zipfile.ZipFile(path) as archive:
        total = 0
        for entry in archive.infolist():
            is_link = (entry.external_attr >> 28) == 0xA
            if entry.is_dir() or is_link or not entry.filename.lower().endswith(".sgf"):
                continue
            total += entry.file_size
            if total > limit:
                yield Blob(str(path), b"", _over(limit))
                return
            with archive.open(entry) as stream:
                yield _take(path, entry.filename, entry.file_size, stream)


def _decompressed(path: Path) -> IO[bytes]:
    """The plain tar inside; tarfile's own decompression of streams is many times slower."""
    with path.open("rb") as stream:
        head = stream.read(6)
    opener: Any = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}.get(head[:2], open)
    return cast(IO[bytes], opener(path, "rb"))


def _tar(path: Path, limit: int) -> Iterator[Blob]:
    with _decompressed(path) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            if member.offset > limit or member.offset_data + member.size > limit:
                yield Blob(str(path), b"", _over(limit))
                return
            archive.members = []  # type: ignore[attr-defined]  # tarfile remembers every member; a large archive would fill memory
            if member.isreg() and member.name.lower().endswith(".sgf"):
                yield _take(path, member.name, member.size, archive.extractfile(member))
