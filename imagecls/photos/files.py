"""The files of a folder or archive, by name."""

import os
import re
import stat
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

from gocnn import archives
from gocnn.errors import UserError
from gocnn.files import walk
from imagecls.photos.errors import BadImage
from imagecls.photos.formats import JUNK, PICTURE, kind_of

MOST_BYTES = 200 << 20
"""A file larger than this is not read: no photograph is."""

STDIN = "-"
"""The name of the picture that the standard input is."""


def is_archive(path: Path) -> bool:
    """Whether it is an archive by its content, be it one that cannot be read, or is named as
    one."""
    try:
        return path.is_file() and (
            archives.is_archive_name(path.name) or archives.kind_of(path) != ""
        )
    except OSError:
        return False


def names_in(path: Path) -> Iterator[str]:
    """The files of a folder or archive, in no order. Raises UserError if it is neither, or if not
    all of it can be read."""
    if not path.exists():
        raise UserError(f"{path} does not exist; give a folder, zip or tar of photographs")
    if not path.is_dir() and not is_archive(path):
        raise UserError(
            f"{path} is neither a folder nor a zip or tar archive; give the folder or archive of"
            " the photographs"
        )
    try:
        yield from folder_files(path) if path.is_dir() else _archive_names(path)
    except OSError as error:
        raise UserError(
            f"cannot read {error.filename or path}: {error.strerror or error}; check its"
            " permissions, or take it out"
        ) from error


def folder_files(path: Path) -> dict[str, str]:
    """The files under a folder by a name that can be printed, each with what it is called there. Of
    names that would look alike, all but one are written with escapes."""
    found: dict[str, str] = {}
    for real in sorted(folder_names(path)):
        name = archives.readable(real)
        found[name if name not in found else real.encode("unicode_escape").decode()] = real
    return found


def real_names(path: Path, names: Iterable[str]) -> dict[str, str]:
    """What files under a folder are called there, by the names that `folder_files` gives them;
    nothing if it is no folder, or if these names are all as they are there."""
    plain = all(name.isascii() and "\\" not in name for name in names)
    return {} if plain or not path.is_dir() else folder_files(path)


def folder_names(path: Path) -> Iterator[str]:
    """Files under a folder, with `/` between the steps. Raises OSError for a folder in it that
    cannot be listed."""
    for folder, files in walk(path, _refuse):
        head = Path(folder).relative_to(path).as_posix()
        for name in files:
            if not _is_special(os.path.join(folder, name)):
                yield name if head == "." else f"{head}/{name}"


def told_apart(names: Sequence[str]) -> list[str]:
    """The shortest end of each path, by whole steps, that no other of these names ends in:
    `044.jpg`, or `pizza/044.jpg` where there is a `sushi/044.jpg` too."""
    found = list(names)
    steps = [name.split("/") for name in names]
    left, depth = list(range(len(found))), 1
    while left:
        ends = {i: "/".join(steps[i][-depth:]) for i in left}
        counts = Counter(ends.values())
        for i in left:
            found[i] = ends[i]
        left = [i for i in left if counts[ends[i]] > 1 and depth < len(steps[i])]
        depth += 1
    return found


def empty_folders(path: Path, names: Iterable[str]) -> set[str]:
    """Folders in a folder or a zip file that hold none of these files, nor do those in them; with
    `/` between the steps. What systems leave behind does not count."""
    everything: set[str] = set()
    if path.is_dir():
        for folder, folders, _ in os.walk(path):
            head = Path(folder).relative_to(path)
            everything |= {archives.readable((head / name).as_posix()) for name in folders}
    else:
        try:
            with zipfile.ZipFile(path) as archive:
                everything = {inside(n) for n in archive.namelist() if n.endswith("/")} - {""}
        except (
            OSError,
            ValueError,
            NotImplementedError,
            zipfile.BadZipFile,
        ):  # a tar file has none
            return set()
    filled: set[str] = set()
    for name in names:
        folder = name.rpartition("/")[0]
        while folder and folder not in filled:
            filled.add(folder)
            folder = folder.rpartition("/")[0]
    return {name for name in everything - filled if not JUNK.search(f"{name}/x")}


def _refuse(error: OSError) -> None:
    """A folder that cannot be listed is not an empty one."""
    raise error


def _is_special(path: str) -> bool:
    """Whether it is there and neither a file nor a folder: a named pipe, say, would be waited for
    without end."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


def limits_of(path: Path) -> archives.Limits:
    """Photographs hardly shrink when they are packed: many gigabytes may well be photographs, but
    not if they were packed to a twentieth."""
    return archives.Limits(max(archives.UNPACKED, 20 * path.stat().st_size), MOST_BYTES)


def inside(name: str) -> str:
    """A name in an archive without what would lead out of it: a root, a drive, steps upwards."""
    return "/".join(
        step
        for step in name.split("/")
        if step not in ("", ".", "..") and not re.fullmatch("[A-Za-z]:", step)
    )


def _archive_names(path: Path) -> list[str]:
    """The files of an archive, each name once. Raises UserError if not all of it can be read:
    training on a part would go unnoticed."""
    names: dict[str, str] = {}
    for entry in archives.entries(path, lambda _: True, limits_of(path)):
        if entry.archive:
            where = f"{path}:{entry.name}" if entry.name else str(path)
            if "damaged" in entry.trouble:
                raise UserError(f"{where} is not a whole archive: {entry.trouble}; copy it again")
            raise UserError(f"{where} cannot be read: {entry.trouble}")
        names[inside(entry.name)] = entry.trouble
    troubles = [trouble for name, trouble in names.items() if kind_of(name) == PICTURE]
    if troubles and all(troubles):
        raise UserError(f"{path}: no picture in it can be read; the first is {troubles[0]}")
    return list(names)


def bytes_of(path: Path) -> bytes | BadImage:
    """A file's bytes, or a pipe's, or why there are none."""
    try:
        large = path.stat().st_size > MOST_BYTES
        with path.open("rb") as stream:
            return limited(stream, large)
    except OSError as error:
        return BadImage(f"cannot be read ({error.strerror})")


def bytes_of_stdin() -> bytes | BadImage:
    """What comes on the standard input, or why there are no bytes."""
    try:
        return limited(sys.stdin.buffer)
    except OSError as error:
        return BadImage(f"cannot be read ({error.strerror})")


def limited(stream: IO[bytes], large: bool = False) -> bytes | BadImage:
    """What a stream holds, unless that is too much: a device may have no end."""
    data = b"" if large else stream.read(MOST_BYTES + 1)
    if large or len(data) > MOST_BYTES:
        return BadImage(f"larger than {MOST_BYTES >> 20} MB")
    return data
