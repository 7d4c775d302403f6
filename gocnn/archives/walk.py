"""Going through an archive and those inside it."""

import contextlib
import io
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from gocnn.archives import tars, zips
from gocnn.archives.entry import DAMAGE, Entry, Limits, TooMuch, Unreadable, plain
from gocnn.archives.kinds import (
    PACKED,
    TAR,
    ZIP,
    ZSTD,
    is_archive_name,
    is_junk,
    kind,
    promises_tar,
    without_suffix,
)
from gocnn.archives.names import readable
from gocnn.archives.packers import Counted, can_zstd, unpacker
from gocnn.wording import counted

DEEPEST = 3
"""Archives inside each other that are looked into."""

_IN_MEMORY = 64 << 20


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


class _Walk:
    """One way through an archive and those inside it."""

    def __init__(self, wanted: Callable[[str], bool], limits: Limits) -> None:
        self._wanted, self._limits = wanted, limits
        self._spent = 0

    def spend(self, count: int) -> None:
        """Count bytes that were unpacked. Raises TooMuch."""
        self._spent += count
        if self._spent > self._limits.total:
            raise TooMuch

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
                raise TooMuch
        except TooMuch:
            much = (
                f"unpacks to more than {self._limits.total >> 20} MB, the rest was left"
                f" unread{self._limits.advice}"
            )
            yield Entry(label, 0, much, archive=True)
        except DAMAGE as error:
            before = f"; {counted(passed, 'file')} before that could be read" if passed else ""
            yield Entry(
                label,
                0,
                f"the archive is damaged or cut short ({plain(error)}){before}",
                archive=True,
            )

    def _content(self, stream: Any, name: str, folder: str, depth: int) -> Iterator[Entry]:
        source = stream if isinstance(stream, Counted) else Counted(stream, None)
        what = kind(source.head)
        if what in PACKED and not (what == ZSTD and not can_zstd()):
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
        self, source: Counted, stream: Any
    ) -> contextlib.AbstractContextManager[IO[bytes]]:
        if isinstance(stream, io.BufferedReader | io.BytesIO) and stream.seekable():
            stream.seek(0)
            return contextlib.nullcontext(cast(IO[bytes], stream))
        whole = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - the caller closes it
        shutil.copyfileobj(source, whole, 1 << 20)
        whole.seek(0)
        return cast(contextlib.AbstractContextManager[IO[bytes]], whole)

    def _packed(
        self, source: Counted, what: str, name: str, folder: str, depth: int
    ) -> Iterator[Entry]:
        inner = Counted(unpacker(what, source), self.spend)
        found, bare = kind(inner.head), without_suffix(name)
        if found == TAR:
            yield from self._tar(inner, folder, depth, packed=True)
        elif found:
            yield from self._nested(inner, bare, depth)
        elif promises_tar(name):
            raise tarfile.ReadError("there is no tar in it")
        elif depth == 0 or self._wanted(bare):
            yield Entry(bare, data=partial(self._single, inner))

    def _single(self, stream: Counted) -> bytes:
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
            raise Unreadable(f"damaged or cut short ({plain(error)})", b"".join(parts)) from error
        return b"".join(parts)

    def _large(self, size: int) -> str:
        return f"larger than {self._limits.one >> 20} MB unpacked ({size >> 20} MB)"

    def _nested(self, stream: Counted, path: str, depth: int) -> Iterator[Entry]:
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
                raise TooMuch

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
                    inner = Counted(member, self.spend)
                    if kind(inner.head):
                        yield from self._nested(inner, name, depth)
                        continue
            if not self._wanted(name):
                continue
            size = file.info.file_size
            if self._spent + size > self._limits.total:
                raise TooMuch
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
            f"{counted(count, 'whole file')} could be read, what follows could not"
            if count
            else "no file in it is whole"
        )
        yield Entry(
            path if depth else "",
            0,
            f"the archive is damaged or cut short (its list of files is not whole): {rest}",
            archive=True,
        )

    def _tar(self, stream: Counted, folder: str, depth: int, packed: bool) -> Iterator[Entry]:
        with tars.open_stream(cast(IO[bytes], stream)) as archive:
            for member in archive:
                archive.members = []  # type: ignore[attr-defined]  # tarfile remembers every member; a large archive would fill memory
                if not member.isreg():
                    continue
                name = _join(folder, readable(member.name.removeprefix("./")))
                if is_archive_name(name):
                    inner = Counted(archive.extractfile(member), None)
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
