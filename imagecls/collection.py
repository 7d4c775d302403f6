"""Finding photographs: which files belong to which class and which part (training, validation, test), in a folder, a zip or a tar.

    the homework's   training/ validation/ evaluation/   with files named <class>_<number>.jpg, those of the test without a class
    a folder a class  [training/ validation/ test/] <class name>/ any name.jpg

`imagecls.layout` says what else is understood. Without parts everything is one part.
"""

import os
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gocnn.errors import UserError
from imagecls.classes import HW03_CLASSES, canonical, match, names_of, natural, same_numbers
from imagecls.formats import JUNK, PICTURE, UNREAD, kind_of
from imagecls.layout import OUTSIDE, SPARE, TEST, TRAIN, VALID, WHOLE, Layout, blank, without_unknown

UNLABELLED = -1
_READ = ".jpg, .png, .webp, .bmp, .gif, .tif, .avif, .heic"
_UNUSED = {SPARE: "are in a folder without labels", OUTSIDE: "lie beside the parts"}
_TAR = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
MOST_BYTES = 200 << 20
"""A member of an archive larger than this is not read: no photograph is."""


@dataclass(frozen=True)
class Photo:
    """One picture file: where it lies (`name` inside the folder or archive `place`), and its class (-1: not known)."""

    place: str
    name: str
    label: int

    @property
    def title(self) -> str:
        """The name that messages and reports show."""
        return self.name if self.place == "" else f"{self.place}/{self.name}"


@dataclass(frozen=True)
class Collection:
    """The photographs of a place, by part, and the names of their classes (a label is an index into them).

    other_files: files that are no pictures. notes: what a person should know of how the place was read, unused: which pictures belong to no part,
    a sentence each.
    """

    classes: tuple[str, ...]
    parts: dict[str, tuple[Photo, ...]]
    other_files: int
    notes: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    def part(self, *names: str) -> tuple[Photo, ...]:
        """The first of these parts that is there, else nothing."""
        return next((self.parts[name] for name in names if self.parts.get(name)), ())


def open_collection(place: str | Path) -> Collection:
    """Look through a folder or archive. Raises UserError if it cannot be read or holds no pictures."""
    path = Path(place)
    if not os.path.exists(path):  # which, unlike Path.exists, takes any name
        raise UserError(f"{path} does not exist; give a folder, zip or tar of photographs")
    names = sorted((name for name in _names(path) if not JUNK.search(name)), key=natural)
    pictures = [name for name in names if kind_of(name) == PICTURE]
    others = [name for name in names if kind_of(name) != PICTURE]
    if not pictures:
        raise UserError(f"{place} holds no pictures ({_READ}){_instead(others)}; give a folder, zip or tar of photographs")
    layout = Layout(pictures)
    found: dict[str, list[tuple[str, str | None]]] = {}
    for name in pictures:
        part, kind = layout.locate(name)
        found.setdefault(part, []).append((name, None if kind is None else canonical(kind)))
    kinds = {kind for part in (TRAIN, VALID, WHOLE) for _, kind in found.get(part, ()) if kind is not None}
    meant = without_unknown(kinds, HW03_CLASSES)
    for part in (TRAIN, VALID, WHOLE) if meant != kinds else ():
        spare = [(name, None) for name, kind in found.get(part, ()) if kind in kinds - meant]
        found[part] = [(name, kind) for name, kind in found.get(part, ()) if kind not in kinds - meant]
        found.setdefault(SPARE, []).extend(spare)
    kinds = meant
    tested = sorted({kind for _, kind in found.get(TEST, ()) if kind is not None}, key=natural)
    if not kinds and not blank(tested):
        kinds = set(tested)
    spelling = same_numbers(kinds)
    classes = names_of(spelling.values())
    order = {kind: i for i, kind in enumerate(sorted(set(spelling.values()), key=natural))}
    index = {kind: order[name] for kind, name in spelling.items()}
    of_test: dict[str, int | None] = {} if blank(tested) else {kind: match([kind], classes)[0] for kind in tested}
    used, left_over = _beside(others, layout, index, found.get(TEST, found.get(WHOLE, [])))
    for name, part, kind in used:
        found[part] = sorted([*found.get(part, []), (name, kind)], key=lambda item: natural(item[0]))
    parts = {}
    for part, members in found.items():
        labels = of_test if part == TEST else index if part in (TRAIN, VALID, WHOLE) else {}
        known = {kind: label for kind, label in labels.items() if label is not None}
        parts[part] = tuple(Photo(str(path), name, UNLABELLED if kind is None else known.get(kind, UNLABELLED)) for name, kind in members)
    notes = list(layout.notes)
    if left_over:
        notes.append(f"{len(left_over)} files that are not pictures are ignored ({endings(left_over)})")
    unused = tuple(_unused(parts[part], words) for part, words in _UNUSED.items() if parts.get(part))
    return Collection(classes, {part: members for part, members in parts.items() if members}, len(left_over), tuple(notes), unused)


def _beside(others: Sequence[str], layout: Layout, index: dict[str, int],
            test: Sequence[tuple[str, str | None]]) -> tuple[list[tuple[str, str, str | None]], list[str]]:  # fmt: skip
    """Of the files that do not end as pictures do: those to count as pictures all the same (name, part, kind), and the rest.

    Formats that are pictures but not read (SVG, raw) belong to the pictures where they lie among them, to be named; and in the test part so does
    what has a number of its own (`0007.jpg_large`, `0007`), because a submission needs its row.
    """
    taken = {PurePosixPath(name).stem for name, _ in test}
    course = bool(taken) and all(stem.isdecimal() for stem in taken)
    used, rest = [], []
    for name in others:
        part, kind = layout.locate(name)
        kind = None if kind is None else canonical(kind)
        first = PurePosixPath(name).name.split(".")[0]
        tested = part == TEST or (part == WHOLE and not index)
        unread = kind_of(name) == UNREAD and (tested or kind in index)
        numbered = tested and course and first.isdecimal() and first not in taken
        if unread or numbered:
            used.append((name, part, kind))
        else:
            rest.append(name)
    return used, rest


def _unused(photos: Sequence[Photo], words: str) -> str:
    names = [photo.name for photo in photos]
    return f"{len(names)} pictures {words} and are not used ({', '.join(names[:3])}{' ...' if len(names) > 3 else ''})"


def _instead(others: Sequence[str]) -> str:
    return f", only {endings(others)}" if others else ""


def endings(names: Sequence[str]) -> str:
    """How many files there are of each ending, the commonest first."""
    counts = Counter(Path(name).suffix.lower() or "without an ending" for name in names)
    shown = [f"{count} {ending}" for ending, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    return ", ".join(shown[:6]) + (" ..." if len(shown) > 6 else "")


def is_archive(path: Path) -> bool:
    """Whether the name is one of an archive that can be read."""
    return path.name.lower().endswith((".zip", *_TAR))


def _names(path: Path) -> Iterator[str]:
    if path.is_dir():
        names: Iterable[str] = _folder_names(path)
    elif not path.exists():
        raise UserError(f"{path} does not exist; give a folder, zip or tar of photographs")
    elif not is_archive(path):
        raise UserError(f"{path} is neither a folder nor a zip or tar archive; give the folder or archive of the photographs")
    else:
        names = _archive_names(path)
    try:
        yield from names
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}; check its permissions") from error


def _folder_names(path: Path) -> Iterator[str]:
    """Files under a folder, also behind links to folders (each folder once, so that links in a circle end)."""
    seen: set[str] = set()
    for folder, folders, files in os.walk(path, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        head = Path(folder).relative_to(path).as_posix()
        yield from (name if head == "." else f"{head}/{name}" for name in files)


def _archive_names(path: Path) -> list[str]:
    try:
        if path.name.lower().endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                return [info.filename for info in archive.infolist() if not info.is_dir()]
        with tarfile.open(path) as bundle:
            return [member.name.removeprefix("./") for member in bundle if member.isfile()]
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
        raise UserError(f"{path} is not a whole archive ({error}); copy it again") from error


def read_photos(photos: Sequence[Photo]) -> Iterator[tuple[int, bytes]]:
    """The bytes of each photograph with its index, archives in one pass each (so not in order). What cannot be read comes as no bytes."""
    places: dict[str, list[int]] = {}
    for i, photo in enumerate(photos):
        places.setdefault(photo.place, []).append(i)
    for place, wanted in places.items():
        path = Path(place)
        if place == "" or path.is_dir():
            yield from ((i, _bytes_of(path / photos[i].name)) for i in wanted)
        else:
            yield from _archive_bytes(path, {photos[i].name: i for i in wanted})


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.stat().st_size <= MOST_BYTES else b""
    except OSError:
        return b""


def _archive_bytes(path: Path, wanted: dict[str, int]) -> Iterator[tuple[int, bytes]]:
    try:
        if path.name.lower().endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                for name, i in wanted.items():
                    try:
                        # file_size is what the archive claims; a member that unpacks to more ends with a bad checksum.
                        yield i, archive.read(name) if archive.getinfo(name).file_size <= MOST_BYTES else b""
                    except (zipfile.BadZipFile, OSError, RuntimeError, ValueError, NotImplementedError):
                        yield i, b""
            return
        with tarfile.open(path) as bundle:
            for member in bundle:
                name = member.name.removeprefix("./")
                if member.isfile() and name in wanted:
                    stream = bundle.extractfile(member)
                    yield wanted[name], stream.read() if stream is not None and member.size <= MOST_BYTES else b""
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
        raise UserError(f"{path} is not a whole archive ({error}); copy it again") from error
