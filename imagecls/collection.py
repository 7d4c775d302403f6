"""Finding photographs: which files belong to which class and which part (training, validation, test).

Two layouts are read, from a folder or from inside a zip or tar archive:

    the homework's   training/ validation/ evaluation/   with files named <class>_<number>.jpg, those of the test without a class
    a folder a class  [training/ validation/ test/] <class name>/ any name.jpg

The parts may also be called train, valid, val, test; without them everything is one part. A single folder around it all is looked through.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gocnn import archives
from gocnn.errors import UserError
from imagecls.decode import EXTENSIONS
from imagecls.errors import BadImage

TRAIN, VALID, TEST, WHOLE = "train", "valid", "test", "whole"
PARTS = {"training": TRAIN, "train": TRAIN, "validation": VALID, "valid": VALID, "val": VALID,
         "evaluation": TEST, "eval": TEST, "testing": TEST, "test": TEST}  # fmt: skip

HW03_CLASSES = ("bread", "dairy product", "dessert", "egg", "fried food", "meat", "noodles/pasta", "rice", "seafood", "soup", "vegetable/fruit")
"""The homework's eleven kinds of food (Food-11, Singla et al. 2016), by number."""

UNLABELLED = -1
_NAMED = re.compile(r"(\d{1,3})_\d+$")  # three digits: phones name photographs 20260131_120000
_JUNK = re.compile(r"(^|/)(\.|__MACOSX/|Thumbs\.db)")
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
    """The photographs of a place, by part, and the names of their classes (a label is an index into them)."""

    classes: tuple[str, ...]
    parts: dict[str, tuple[Photo, ...]]
    other_files: int

    def part(self, *names: str) -> tuple[Photo, ...]:
        """The first of these parts that is there, else nothing."""
        return next((self.parts[name] for name in names if self.parts.get(name)), ())


def open_collection(place: str | Path) -> Collection:
    """Look through a folder or archive. Raises UserError if it cannot be read or holds no pictures."""
    path = Path(place)
    names = list(_names(path))
    pictures = sorted((n for n in names if Path(n).suffix.lower() in EXTENSIONS), key=natural)
    if not pictures:
        raise UserError(f"{place} holds no pictures (.jpg, .png, .webp, .bmp, .gif); give a folder, zip or tar of photographs")
    head = _common_folder(pictures)
    found: dict[str, list[tuple[str, str | None]]] = {}
    for name in pictures:
        steps = name[len(head) :].split("/")
        part = PARTS.get(steps[0].lower(), WHOLE) if len(steps) > 1 else WHOLE
        if part != WHOLE:
            steps = steps[1:]
        named = _NAMED.match(Path(steps[-1]).stem)
        found.setdefault(part, []).append((name, steps[0] if len(steps) > 1 else named.group(1) if named else None))
    classes = sorted({kind for members in found.values() for _, kind in members if kind is not None}, key=natural)
    index = {kind: i for i, kind in enumerate(classes)}
    parts = {part: tuple(Photo(str(path), name, UNLABELLED if kind is None else index[kind]) for name, kind in members)
             for part, members in found.items()}  # fmt: skip
    if classes and {int(c) if c.isdigit() else -1 for c in classes} == set(range(len(HW03_CLASSES))):
        classes = list(HW03_CLASSES)
    return Collection(tuple(classes), parts, len(names) - len(pictures))


def _common_folder(names: Sequence[str]) -> str:
    """The folders around everything, as `a/b/`, as long as they are neither a part nor the only thing that could be a class."""
    head = ""
    while True:
        firsts = {name[len(head) :].split("/")[0] for name in names}
        rest = [name[len(head) :].split("/", 1) for name in names]
        if len(firsts) != 1 or any(len(r) < 2 for r in rest) or firsts.pop().lower() in PARTS:
            return head
        if all("/" not in r[1] for r in rest) and not any(_NAMED.match(Path(r[1]).stem) for r in rest):
            return head  # a folder with pictures directly in it: a class
        head += rest[0][0] + "/"


def natural(name: str) -> list[tuple[int, int, str]]:
    """A sorting key by which 2 comes before 10."""
    return [(0, int(piece), "") if piece.isdigit() else (1, 0, piece.lower()) for piece in re.split(r"(\d+)", name) if piece]


def is_archive(path: Path) -> bool:
    """Whether it is an archive by its content, be it one that cannot be read, or is named as one."""
    try:
        return path.is_file() and (archives.is_archive_name(path.name) or archives.kind_of(path) != "")
    except OSError:
        return False


def _names(path: Path) -> Iterator[str]:
    if path.is_dir():
        names: Iterable[str] = (archives.readable(name) for name in _folder_names(path))
    elif not path.exists():
        raise UserError(f"{path} does not exist; give a folder, zip or tar of photographs")
    elif not is_archive(path):
        raise UserError(f"{path} is neither a folder nor a zip or tar archive; give the folder or archive of the photographs")
    else:
        names = _archive_names(path)
    try:
        yield from (name for name in names if not _JUNK.search(name))
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


def _limits(path: Path) -> archives.Limits:
    """Photographs hardly shrink when they are packed: many gigabytes may well be photographs, but not if they were packed to a twentieth."""
    return archives.Limits(max(archives.UNPACKED, 20 * path.stat().st_size), MOST_BYTES)


def _inside(name: str) -> str:
    """A name in an archive without what would lead out of it: a root, a drive, steps upwards."""
    steps = [step for step in name.split("/") if step not in ("", ".", "..")]
    return "/".join(steps[1:] if len(steps) > 1 and re.fullmatch("[A-Za-z]:", steps[0]) else steps)


def _archive_names(path: Path) -> list[str]:
    """The files of an archive, each name once. Raises UserError if not all of it can be read: training on a part would go unnoticed."""
    names: dict[str, str] = {}
    for entry in archives.entries(path, lambda name: True, _limits(path)):
        if entry.archive:
            where = f"{path}:{entry.name}" if entry.name else str(path)
            if "damaged" in entry.trouble:
                raise UserError(f"{where} is not a whole archive: {entry.trouble}; copy it again")
            raise UserError(f"{where} cannot be read: {entry.trouble}")
        names[_inside(entry.name)] = entry.trouble
    troubles = [trouble for name, trouble in names.items() if Path(name).suffix.lower() in EXTENSIONS]
    if troubles and all(troubles):
        raise UserError(f"{path}: no picture in it can be read; the first is {troubles[0]}")
    return list(names)


def read_photos(photos: Sequence[Photo]) -> Iterator[tuple[int, bytes | BadImage]]:
    """The bytes of each photograph with its index, or why there are none; archives in one pass each (so not in order).

    A name that an archive holds several times comes as often: the last counts, as when it is unpacked. Raises UserError for a damaged archive.
    """
    places: dict[str, list[int]] = {}
    for i, photo in enumerate(photos):
        places.setdefault(photo.place, []).append(i)
    for place, wanted in places.items():
        path = Path(place)
        if place == "" or path.is_dir():
            yield from _folder_bytes(path, [(i, photos[i].name) for i in wanted])
        else:
            yield from _archive_bytes(path, {photos[i].name: i for i in wanted})


def _folder_bytes(path: Path, wanted: Sequence[tuple[int, str]]) -> Iterator[tuple[int, bytes | BadImage]]:
    real: dict[str, str] | None = None
    for i, name in wanted:
        target = path / name
        if real is None and not target.exists() and path.is_dir() and not name.isascii():
            real = {archives.readable(raw): raw for raw in _folder_names(path)}  # names that are not UTF-8
        yield i, _bytes_of(path / real.get(name, name) if real is not None else target)


def _bytes_of(path: Path) -> bytes | BadImage:
    try:
        size = path.stat().st_size
        return path.read_bytes() if size <= MOST_BYTES else BadImage(f"larger than {MOST_BYTES >> 20} MB")
    except OSError as error:
        return BadImage(f"cannot be read ({error.strerror})")


def _archive_bytes(path: Path, wanted: dict[str, int]) -> Iterator[tuple[int, bytes | BadImage]]:
    try:
        limits = _limits(path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}; has it been moved?") from error
    for entry in archives.entries(path, lambda name: _inside(name) in wanted, limits):
        if entry.archive:
            raise UserError(f"{path}{':' if entry.name else ''}{entry.name} is not a whole archive: {entry.trouble}; copy it again")
        name = _inside(entry.name)
        if name in wanted:
            try:
                yield wanted[name], entry.read()
            except archives.Unreadable as error:
                yield wanted[name], BadImage(str(error).partition(" (")[0])  # in few words, since reasons are counted
