"""Finding photographs: which files belong to which class and which part (training, validation,
test), in a folder, a zip or a tar.

    the homework's   training/ validation/ evaluation/   with files named <class>_<number>.jpg,
                                                         those of the test without a class
    a folder a class  [training/ validation/ test/] <class name>/ any name.jpg

`imagecls.photos.layout` says what else is understood. Without parts everything is one part.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from gocnn import archives
from gocnn.errors import UserError
from gocnn.wording import few
from imagecls.photos import told
from imagecls.photos.classes import HW03_CLASSES, canonical, indexed, match, natural
from imagecls.photos.errors import BadImage
from imagecls.photos.files import MOST_BYTES as MOST_BYTES
from imagecls.photos.files import (
    STDIN,
    bytes_of,
    bytes_of_stdin,
    inside,
    limits_of,
    names_in,
    real_names,
)
from imagecls.photos.files import is_archive as is_archive
from imagecls.photos.formats import JUNK, PICTURE, UNREAD, dotted, kind_of
from imagecls.photos.labelling import FOLDERS, NOTHING, Found, Labelling, find_labels
from imagecls.photos.layout import (
    OUTSIDE,
    SPARE,
    TEST,
    TRAIN,
    VALID,
    WHOLE,
    Layout,
    blank,
    sets_in,
    without_unknown,
)

UNLABELLED = -1
_READ = ".jpg, .png, .webp, .bmp, .gif, .tif, .avif, .heic"
UNLISTED = "unlisted"
"""Pictures outside the test part of which a table or a pattern says no class."""
UNCLASSED = "without a class by"
INNERMOST = "([^/]+)/[^/]+$"
"""The pattern of paths whose group is the folder that holds the file."""
UNUSED = {SPARE: "in a folder without labels", OUTSIDE: "beside the parts"}


@dataclass(frozen=True)
class Photo:
    """One picture file: `name` inside the folder or archive `source`, and its class, an index (-1:
    unknown)."""

    source: str
    name: str
    label: int

    @property
    def title(self) -> str:
        """The name that messages and reports show."""
        return self.name if self.source == "" else f"{self.source}/{self.name}"


@dataclass(frozen=True)
class Collection:
    """The photographs of a folder or archive, by part, and the names of their classes (a label is
    an index into them).

    other_files: files that are no pictures. notes: what a person should know of how it was read, a
    sentence each. unused: by part, a sentence on pictures that are not learnt from. labelled: what
    a table or a pattern said, if there was one.
    """

    classes: tuple[str, ...]
    parts: dict[str, tuple[Photo, ...]]
    other_files: int
    notes: tuple[str, ...] = ()
    unused: dict[str, str] = field(default_factory=dict)
    labelled: Found = NOTHING

    @property
    def of_judging(self) -> tuple[str, ...]:
        """The sentences that concern whoever judges its photographs, not only who learns from them:
        that some have no labels does not."""
        return (*self.notes, *(text for part, text in self.unused.items() if part != SPARE))

    def part(self, *names: str) -> tuple[Photo, ...]:
        """The first of these parts that is there, else nothing."""
        return next((self.parts[name] for name in names if self.parts.get(name)), ())


def open_collection(source: str | Path, labelling: Labelling = FOLDERS) -> Collection:
    """Find the photographs in a folder or archive, with the classes that `labelling` says, if it
    says any. Raises UserError if it cannot be read or holds no pictures, or if a table of labels
    is none."""
    if source == "":  # else it would be the current folder
        raise UserError("the name of the photographs is empty; give a folder, zip or tar")
    path = Path(source)
    if not os.path.exists(path):  # which, unlike Path.exists, takes any name
        raise UserError(f"{path} does not exist; give a folder, zip or tar of photographs")
    everything = list(names_in(path))
    names = sorted((name for name in everything if not JUNK.search(name)), key=natural)
    pictures = [name for name in names if kind_of(name) == PICTURE]
    if labelling:
        return _labelled(path, names, pictures, labelling)
    others = [name for name in names if kind_of(name) != PICTURE]
    if not pictures:
        raise UserError(
            f"{source} holds no pictures ({_READ}){told.instead(others)}; give a folder, zip or tar"
            " of photographs"
        )
    layout = Layout(pictures)
    found: dict[str, list[tuple[str, str | None]]] = {}
    for name in pictures:
        part, kind = layout.locate(name)
        found.setdefault(part, []).append((name, None if kind is None else canonical(kind)))
    kinds = {
        kind
        for part in (TRAIN, VALID, WHOLE)
        for _, kind in found.get(part, ())
        if kind is not None
    }
    meant = without_unknown(kinds, HW03_CLASSES)
    for part in (TRAIN, VALID, WHOLE) if meant != kinds else ():
        spare = [(name, None) for name, kind in found.get(part, ()) if kind in kinds - meant]
        found[part] = [
            (name, kind) for name, kind in found.get(part, ()) if kind not in kinds - meant
        ]
        found.setdefault(SPARE, []).extend(spare)
    kinds = meant
    tested = sorted({kind for _, kind in found.get(TEST, ()) if kind is not None}, key=natural)
    if not kinds and not blank(tested):
        kinds = set(tested)
    learnt = {
        kind for part in (TRAIN, WHOLE) for _, kind in found.get(part, ()) if kind is not None
    }
    classes, index = indexed(learnt, kinds)
    of_test: dict[str, int | None] = (
        {} if blank(tested) else {kind: match([kind], classes)[0] for kind in tested}
    )
    used, left_over = _beside(others, layout, index, found.get(TEST, found.get(WHOLE, [])))
    for name, part, kind in used:
        found[part] = sorted(
            [*found.get(part, []), (name, kind)], key=lambda item: natural(item[0])
        )
    parts = {}
    for part, members in found.items():
        labels = of_test if part == TEST else index if part in (TRAIN, VALID, WHOLE) else {}
        known = {kind: label for kind, label in labels.items() if label is not None}
        parts[part] = tuple(
            Photo(str(path), name, UNLABELLED if kind is None else known.get(kind, UNLABELLED))
            for name, kind in members
        )
    notes = [*layout.notes, *told.alike_classes(classes), *told.empty_classes(path, layout, names)]
    sets = sets_in(pictures, layout)
    deeper = {
        kind: inner
        for name in pictures
        for kind, inner in [layout.inside(name)]
        if inner and canonical(kind) in index
    }
    if sets:
        notes.append(told.several_sets(path, sets))
    elif deeper:
        held = few(f"{kind}/{inner}" for kind, inner in sorted(deeper.items()))
        notes.append(
            f"class folders hold folders ({held}): the class is that of the outer one; for that of"
            f" the inner ones give --label-pattern '{INNERMOST}'"
        )
    if left_over:
        notes.append(told.ignored(left_over))
    notes += dotted(everything)
    unused = {
        part: _unused(parts[part], words) for part, words in UNUSED.items() if parts.get(part)
    }
    return Collection(
        classes,
        {part: members for part, members in parts.items() if members},
        len(left_over),
        tuple(notes),
        unused,
    )


def _labelled(
    path: Path, names: Sequence[str], pictures: Sequence[str], labelling: Labelling
) -> Collection:
    """The same with classes by a table or a pattern; folders say the parts. Whatever a table names
    counts as a picture, be its ending what it may."""
    layout = Layout(pictures or names)
    located = {name: layout.locate(name) for name in (names if labelling.tables else pictures)}
    if not located:
        raise UserError(
            f"{path} holds no pictures ({_READ}){told.instead(names)}; give a folder, zip or tar of"
            " photographs"
        )
    found = find_labels(labelling, path, {name: part for name, (part, _) in located.items()})
    located |= {name: (part, located[name][1]) for name, part in found.parts.items()}
    chosen = set(pictures) | found.kinds.keys()
    parts: dict[str, list[str]] = {}
    for name in names:
        if name in chosen:
            part = located[name][0]
            unlisted = name not in found.kinds and part not in (TEST, SPARE, OUTSIDE)
            parts.setdefault(UNLISTED if unlisted else part, []).append(name)
    kinds = {name: found.kinds[name] for name in names if name in found.kinds}
    if labelling.pattern:  # which may fit the numbers of a test part too, and they are no classes
        known = {kind for name, kind in kinds.items() if located[name][0] != TEST}
        kinds = {
            name: kind
            for name, kind in kinds.items()
            if located[name][0] != TEST or not known or kind in known
        }
    said = {part: [kinds[n] for n in members if n in kinds] for part, members in parts.items()}
    learnt = [*said.get(TRAIN, []), *said.get(WHOLE, [])]
    classes, index = indexed(learnt, kinds.values())
    photos = {
        part: tuple(
            Photo(str(path), name, index[kinds[name]] if name in kinds else UNLABELLED)
            for name in members
        )
        for part, members in parts.items()
    }
    notes = [*layout.notes, *found.notes, *told.alike_classes(classes)]
    if any(located[name][1] not in (None, kind) for name, kind in kinds.items()):
        notes.append(f"classes are those of {labelling.title}, not those of folders and names")
    here, tables = path.resolve(), [Path(table).resolve() for table in labelling.tables]
    read = {table.relative_to(here).as_posix() for table in tables if table.is_relative_to(here)}
    taken = chosen | read
    left_over = [name for name in names if name not in taken]
    if left_over:
        notes.append(told.ignored(left_over))
    words = UNUSED | {UNLISTED: f"{UNCLASSED} {labelling.title}"}
    unused = {part: _unused(photos[part], text) for part, text in words.items() if part in photos}
    return Collection(classes, photos, len(left_over), tuple(notes), unused, found)


def _beside(
    others: Sequence[str],
    layout: Layout,
    index: dict[str, int],
    test: Sequence[tuple[str, str | None]],
) -> tuple[list[tuple[str, str, str | None]], list[str]]:
    """Of the files that do not end as pictures do: those to count as pictures all the same (name,
    part, kind), and the rest.

    Formats that are pictures but not read (SVG, raw) belong to the pictures where they lie among
    them, to be named; and in the test part so does what has a number of its own (`0007.jpg_large`,
    `0007`), because a submission needs its row.
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
    return told.unused([photo.name for photo in photos], words)


def read_photos(photos: Sequence[Photo]) -> Iterator[tuple[int, bytes | BadImage]]:
    """Yields each photograph's index and its bytes, or why it has none. Each archive is read once,
    so they do not come in order.

    A name that an archive holds several times is yielded each time; the last one counts, as when
    the archive is unpacked. Each is yielded for all photographs that are that file. Raises
    UserError for a damaged archive.
    """
    by_source: dict[str, list[int]] = {}
    for i, photo in enumerate(photos):
        by_source.setdefault(photo.source, []).append(i)
    for source, wanted in by_source.items():
        path = Path(source)
        if source == "" or path.is_dir():
            yield from _folder_bytes(path, [(i, photos[i].name) for i in wanted])
        else:
            by_name: dict[str, list[int]] = {}
            for i in wanted:
                by_name.setdefault(photos[i].name, []).append(i)
            yield from _archive_bytes(path, by_name)


def _folder_bytes(
    path: Path, wanted: Sequence[tuple[int, str]]
) -> Iterator[tuple[int, bytes | BadImage]]:
    real: dict[str, str] | None = None
    for i, name in wanted:
        if name == STDIN and path == Path():
            yield i, bytes_of_stdin()
            continue
        target = path / name
        if real is None and not target.exists():
            real = real_names(path, [name for _, name in wanted])
        yield i, bytes_of(path / real.get(name, name) if real is not None else target)


def names_on_disk(photos: Sequence[Photo]) -> list[str]:
    """The names of photographs within their folders as they are there, line breaks and all; those
    that are no text, and those in archives, as they are printed."""
    names: dict[str, list[str]] = {}
    for photo in photos:
        names.setdefault(photo.source, []).append(photo.name)
    real = {source: real_names(Path(source), here) for source, here in names.items() if source}
    found = [real.get(photo.source, {}).get(photo.name, photo.name) for photo in photos]
    return [
        photo.name if re.search("[\ud800-\udfff]", name) else name
        for photo, name in zip(photos, found, strict=True)
    ]


def _archive_bytes(
    path: Path, wanted: dict[str, list[int]]
) -> Iterator[tuple[int, bytes | BadImage]]:
    try:
        limits = limits_of(path)
    except OSError as error:
        raise UserError(
            f"cannot read {path}: {error.strerror or error}; has it been moved?"
        ) from error
    for entry in archives.entries(path, lambda name: inside(name) in wanted, limits):
        if entry.archive:
            raise UserError(
                f"{path}{':' if entry.name else ''}{entry.name} is not a whole archive:"
                f" {entry.trouble}; copy it again"
            )
        name = inside(entry.name)
        if name in wanted:
            content: bytes | BadImage
            try:
                content = entry.read()
            except archives.Unreadable as error:
                # in few words, since reasons are counted
                content = BadImage(str(error).partition(" (")[0])
            for i in wanted[name]:
                yield i, content
