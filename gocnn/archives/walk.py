"""Going through an archive and those inside it."""

import bz2
import contextlib
import gzip
import importlib
import importlib.util
import io
import lzma
import shutil
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from gocnn.archives import tars, zips
from gocnn.archives.kinds import (
    GZIP,
    HEAD,
    PACKED,
    TAR,
    XZ,
    ZIP,
    ZSTD,
    is_archive_name,
    is_junk,
    kind,
    promises_tar,
    without_suffix,
)
from gocnn.archives.names import readable

UNPACKED = 4 << 30
"""Bytes one archive may unpack to, unless the caller says otherwise."""

DEEPEST = 3
"""Archives inside each other that are looked into."""

DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    lzma.LZMAError,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    ArithmeticError,
    IndexError,
    KeyError,
    TypeError,
)
"""What the standard library raises on damaged archives."""

_IN_MEMORY = 64 << 20


class Unreadable(Exception):
    """Why a file of an archive cannot be read; `partial` is what could be read before the
    damage."""

    def __init__(self, reason: str, partial: bytes = b"") -> None:
        super().__init__(reason)
        self.partial = partial


class _TooMuch(Exception):
    """The archive unpacks to more than it may."""


@dataclass(frozen=True)
class Limits:
    """Bytes that all files together may unpack to, bytes that one may have, and what to do about
    the first (the end of a sentence)."""

    total: int = UNPACKED
    one: int = 256 << 20
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an archive: its path with forward slashes (as if archives inside were unpacked
    into folders of their names), and its bytes on disk.

    With `trouble` it cannot be read. `archive` marks the trouble of an archive rather than of one
    file: of the outermost if `name` is empty.
    """

    name: str
    size: int = 0
    trouble: str = ""
    archive: bool = False
    data: Callable[[], bytes] | None = None

    def read(self) -> bytes:
        """The bytes, once, before the next entry is asked for. Raises Unreadable."""
        if self.data is None:
            raise Unreadable(self.trouble)
        try:
            return self.data()
        except _TooMuch:
            raise Unreadable("the archive unpacks to more than it may") from None
        except DAMAGE as error:
            raise Unreadable(f"damaged or cut short ({_plain(error)})") from error


def _plain(error: BaseException) -> str:
    return readable(" ".join(str(error).split())[:200]) or type(error).__name__


def entries(
    source: Path | IO[bytes], wanted: Callable[[str], bool], limits: Limits
) -> Iterator[Entry]:
    """The files of an archive whose names are `wanted`, in their order, and its troubles. A damaged
    archive gives what lies before the damage.

    Never raises for what is wrong with the archive, nor for one that cannot be opened: that comes
    as an entry with `trouble`.
    """
    walk = _Walk(wanted, limits)
    if not isinstance(source, Path):
        yield from walk.inside(source, "", "", 0)
        return
    try:
        stream = source.open("rb")
    except OSError as error:
        yield Entry("", trouble=f"cannot be read: {error.strerror}", archive=True)
        return
    with stream:
        yield from walk.inside(stream, readable(source.name), "", 0)


def beginning(path: Path) -> bytes:
    """The first bytes (HEAD of them) of what a packed file holds, or of the file itself; none if
    they cannot be read."""
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD)
            what = kind(head)
            if what not in PACKED or (what == ZSTD and not _can_zstd()):
                return head
            stream.seek(0)
            data: bytes = _unpacker(what, stream).read(HEAD)
            return data
    except DAMAGE:
        return b""


class _Counted:
    """A stream whose first bytes have been looked at; what is read from it counts against the limit
    if it comes out of a packer."""

    def __init__(self, stream: Any, walk: "_Walk", counts: bool) -> None:
        self._stream, self._walk, self._counts = stream, walk, counts
        self.head = self._draw(HEAD)
        self._back = self.head

    def _draw(self, size: int) -> bytes:
        data: bytes = self._stream.read(size)
        if self._counts:
            self._walk.spend(len(data))
        return data

    def read(self, size: int = -1) -> bytes:
        if self._back:
            back, self._back = self._back, b""
            if 0 <= size < len(back):
                self._back = back[size:]
                return back[:size]
            return back + self._draw(size - len(back) if size >= 0 else size)
        return self._draw(size)

    def read1(self) -> bytes:
        """Some bytes: what came before damage is not lost, as it is when more is asked for."""
        if self._back or not hasattr(self._stream, "read1"):
            return self.read(len(self._back) or 1 << 16)
        data: bytes = self._stream.read1(1 << 16)
        if self._counts:
            self._walk.spend(len(data))
        return data


class _Walk:
    """One way through an archive and those inside it."""

    def __init__(self, wanted: Callable[[str], bool], limits: Limits) -> None:
        self._wanted, self._limits = wanted, limits
        self._spent = 0

    def spend(self, count: int) -> None:
        """Count bytes that were unpacked. Raises _TooMuch."""
        self._spent += count
        if self._spent > self._limits.total:
            raise _TooMuch

    def inside(self, stream: Any, name: str, folder: str, depth: int) -> Iterator[Entry]:
        """The files of the archive in `stream`, called `name`; `folder` is what their names begin
        with."""
        label = name if depth else ""
        passed = 0
        try:
            for entry in self._content(stream, name, folder, depth):
                yield entry
                passed += not entry.trouble
            if self._spent > self._limits.total:  # by the last file, when it was read
                raise _TooMuch
        except _TooMuch:
            much = (
                f"unpacks to more than {self._limits.total >> 20} MB, the rest was left"
                f" unread{self._limits.advice}"
            )
            yield Entry(label, 0, much, archive=True)
        except DAMAGE as error:
            before = f"; {passed} files before that were read" if passed else ""
            yield Entry(
                label,
                0,
                f"the archive is damaged or cut short ({_plain(error)}){before}",
                archive=True,
            )

    def _content(self, stream: Any, name: str, folder: str, depth: int) -> Iterator[Entry]:
        source = stream if isinstance(stream, _Counted) else _Counted(stream, self, False)
        what = kind(source.head)
        if what in PACKED and not (what == ZSTD and not _can_zstd()):
            yield from self._packed(source, what, name, folder, depth)
        elif what == TAR:
            yield from self._tar(source, folder, depth, packed=False)
        elif what == ZIP or not what:  # what is nothing else is here because it ends as a zip does
            with self._seekable(source, stream) as whole:
                if not what and not zipfile.is_zipfile(whole):
                    raise tarfile.ReadError("it does not begin as an archive does")
                yield from self._zip(whole, name, folder, depth)
        else:
            trouble = (
                f"it is packed by {what}, which cannot be read here: unpack it, and give what"
                " comes out"
            )
            yield Entry(name if depth else "", 0, trouble, archive=True)

    def _seekable(
        self, source: _Counted, stream: Any
    ) -> contextlib.AbstractContextManager[IO[bytes]]:
        if isinstance(stream, io.BufferedReader | io.BytesIO) and stream.seekable():
            stream.seek(0)
            return contextlib.nullcontext(cast(IO[bytes], stream))
        whole = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - the caller closes it
        shutil.copyfileobj(source, whole, 1 << 20)
        whole.seek(0)
        return cast(contextlib.AbstractContextManager[IO[bytes]], whole)

    def _packed(
        self, source: _Counted, what: str, name: str, folder: str, depth: int
    ) -> Iterator[Entry]:
        inner = _Counted(_unpacker(what, source), self, True)
        found, bare = kind(inner.head), without_suffix(name)
        if found == TAR:
            yield from self._tar(inner, folder, depth, packed=True)
        elif found:
            yield from self._nested(inner, bare, depth)
        elif promises_tar(name):
            raise tarfile.ReadError("there is no tar in it")
        elif depth == 0 or self._wanted(bare):
            yield Entry(bare, data=partial(self._single, inner))

    def _single(self, stream: _Counted) -> bytes:
        """All of one packed file; what comes before damage is worth having, since a collection
        holds many games."""
        parts: list[bytes] = []
        size = 0
        try:
            while piece := stream.read1():
                parts.append(piece)
                size += len(piece)
                if size > self._limits.one:
                    raise Unreadable(self._large(size))
        except DAMAGE as error:
            raise Unreadable(f"damaged or cut short ({_plain(error)})", b"".join(parts)) from error
        return b"".join(parts)

    def _large(self, size: int) -> str:
        return f"larger than {self._limits.one >> 20} MB unpacked ({size >> 20} MB)"

    def _nested(self, stream: _Counted, path: str, depth: int) -> Iterator[Entry]:
        """An archive inside this one: its files get names as if it had been unpacked into a folder
        of its name."""
        if depth + 1 > DEEPEST:
            yield Entry(
                path,
                0,
                f"an archive inside {DEEPEST} others: unpack it, and give what comes out",
                archive=True,
            )
        else:
            yield from self.inside(stream, path, without_suffix(path) + "/", depth + 1)
            if self._spent > self._limits.total:
                raise _TooMuch

    def _zip(self, stream: IO[bytes], path: str, folder: str, depth: int) -> Iterator[Entry]:
        try:
            archive = zipfile.ZipFile(stream)
            files = zips.listing(archive)
        except DAMAGE as error:
            yield from self._salvaged(stream, path, folder, depth, error)
            return
        chosen = [(_join(folder, f.name), f) for f in files if not is_junk(f.name)]
        chosen = [
            (name, file) for name, file in chosen if is_archive_name(name) or self._wanted(name)
        ]
        if chosen and all(file.trouble == zips.ENCRYPTED for _, file in chosen):
            yield Entry(path if depth else "", 0, f"it is {zips.ENCRYPTED}", archive=True)
            return
        for name, file in chosen:
            if is_archive_name(name) and not file.trouble:
                with zips.open_member(archive, file.info) as member:
                    inner = _Counted(member, self, True)
                    if kind(inner.head):
                        yield from self._nested(inner, name, depth)
                        continue
            if not self._wanted(name):
                continue
            size = file.info.file_size
            if self._spent + size > self._limits.total:
                raise _TooMuch
            trouble = file.trouble or (self._large(size) if size > self._limits.one else "")
            yield Entry(
                name,
                size,
                trouble,
                data=None if trouble else partial(self._member, archive, file.info),
            )

    def _member(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
        self.spend(info.file_size)
        with zips.open_member(archive, info) as stream:
            return stream.read(self._limits.one + 1)

    def _salvaged(
        self, stream: IO[bytes], path: str, folder: str, depth: int, error: BaseException
    ) -> Iterator[Entry]:
        stream.seek(0)
        if stream.read(4) != zips.SIGNATURE:
            raise error
        count = 0
        for file in zips.salvage(stream, self._limits.one):
            self.spend(len(file.data))
            count += not file.trouble
            name = _join(folder, file.name)
            if not is_junk(name) and self._wanted(name):
                yield Entry(
                    name,
                    len(file.data),
                    file.trouble,
                    data=None if file.trouble else partial(bytes, file.data),
                )
        rest = (
            f"{count} files that are whole were read, what follows was not"
            if count
            else "no file in it is whole"
        )
        yield Entry(
            path if depth else "",
            0,
            f"the archive is damaged or cut short (its list of files is not whole): {rest}",
            archive=True,
        )

    def _tar(self, stream: _Counted, folder: str, depth: int, packed: bool) -> Iterator[Entry]:
        with tars.open_stream(cast(IO[bytes], stream)) as archive:
            for member in archive:
                archive.members = []  # type: ignore[attr-defined]  # tarfile remembers every member; a large archive would fill memory
                if not member.isreg():
                    continue
                name = _join(folder, readable(member.name.removeprefix("./")))
                if is_archive_name(name):
                    inner = _Counted(archive.extractfile(member), self, False)
                    if kind(inner.head):
                        if not is_junk(name):
                            yield from self._nested(inner, name, depth)
                        continue
                    data = partial(self._single, inner)
                else:
                    data = partial(_extract, archive, member)
                if self._wanted(name) and not is_junk(name):
                    trouble = self._large(member.size) if member.size > self._limits.one else ""
                    yield Entry(name, member.size, trouble, data=None if trouble else data)
            tars.check_end(archive, packed)


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    return stream.read() if stream else b""


def _join(folder: str, name: str) -> str:
    """The path of a file in an archive inside another: x.zip mostly holds a folder x, and that is
    one level, not two."""
    return (
        folder + name.removeprefix(folder.rstrip("/").rpartition("/")[2] + "/") if folder else name
    )


def _can_zstd() -> bool:
    return importlib.util.find_spec("compression") is not None


def _unpacker(what: str, source: Any) -> Any:
    if what == ZSTD:
        return importlib.import_module("compression.zstd").ZstdFile(source)
    return (
        gzip.GzipFile(fileobj=source)
        if what == GZIP
        else lzma.LZMAFile(source)
        if what == XZ
        else bz2.BZ2File(source)
    )
