"""The photographs of a training run: parts, folds, leaks, and the batches drawn from them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gocnn.errors import UserError
from gocnn.wording import counted, few
from imagecls.photos.classes import match
from imagecls.photos.collection import Collection, Photo, open_collection
from imagecls.photos.labelling import FOLDERS, Labelling, need_found, pattern_for
from imagecls.photos.layout import SPARE, TEST, TRAIN, VALID, WHOLE
from imagecls.photos.notes import class_notes, contradictions, some
from imagecls.photos.sets import Labels, PhotoSet, photo_set
from imagecls.photos.store import Added, ImageStore
from imagecls.photos.tables import table_within

if TYPE_CHECKING:  # of an .onnx file's figures, there need be no torch
    from gocnn.training import Batch


@dataclass(frozen=True)
class Splits:
    """The photographs to train on and to validate with, the names of their classes, notes for the
    person (one sentence each), and how many test pictures lie beside them."""

    classes: tuple[str, ...]
    train: PhotoSet
    valid: PhotoSet
    notes: tuple[str, ...]
    tests: int = 0


@dataclass(frozen=True)
class Split:
    """How photographs become training and validation: other folders or archives for
    validation, a share held back, or one fold of several; and what says their classes."""

    valid: tuple[str, ...] = ()
    valid_share: float = 0.15
    folds: int = 0
    fold: int = 0
    seed: int = 0
    labelling: Labelling = FOLDERS


def load_splits(
    source: str, split: Split, store: ImageStore, *, jobs: int | None = None, quiet: bool = False
) -> Splits:
    """Find, decode and divide the photographs of a folder or archive. Raises UserError if they
    cannot be trained on.

    Photographs that cannot be decoded are left out; so are training photographs that are also in
    the validation part, byte for byte.
    """
    collection = open_collection(source, split.labelling)
    others = [open_collection(other, split.labelling) for other in split.valid]
    _need_found(split.labelling, (source, collection), *zip(split.valid, others, strict=True))
    notes = [*collection.notes, *collection.unused.values()]
    train_photos, valid_photos = collection.part(TRAIN, WHOLE), collection.part(VALID)
    if not train_photos:
        raise UserError(
            f"{source} has no training part ({_parts(collection)}); training pictures lie in"
            " training/, train/ or class folders"
        )
    _need_labels(source, train_photos)
    if split.valid:
        valid_photos = tuple(
            photo
            for other_source, other in zip(split.valid, others, strict=True)
            for photo in _validating(other_source, other, collection.classes, split.labelling)
        )
    photos = train_photos + tuple(p for p in valid_photos if p.label >= 0)
    added = store.add(photos, jobs, quiet)
    notes += bad_notes(added)
    everything = photo_set(store, photos, added)
    validating = np.array([i >= len(train_photos) for i in np.flatnonzero(added.rows >= 0)], bool)
    if split.folds:
        # Folds run over all labelled photographs, validation ones too: that is what folds are for.
        if len(everything) < split.folds:
            raise UserError(
                f"{source} has {counted(len(everything), 'labelled picture')}, too few for"
                f" {split.folds} folds; make fewer (--folds)"
            )
        validating = _fold(everything.labels, split.folds, split.fold, split.seed)
    elif not valid_photos:
        validating = _share(everything.labels, split.valid_share, split.seed)
        notes.append(
            f"no validation part: {split.valid_share:.0%} of each class is held back"
            " (--valid-share)"
        )
    notes += contradictions(collection.classes, everything)
    train, valid = everything.take(~validating), everything.take(validating)
    leaked = np.isin(train.rows, valid.rows)
    if leaked.any():
        notes.append(
            f"{counted(int(leaked.sum()), 'training picture')} left out, since also in validation,"
            f" byte for byte ({some(train, leaked)})"
        )
        train = train.take(~leaked)
    again = len(train) - len(set(train.rows.tolist()))
    if again:
        notes.append(f"training pictures that are copies of other training pictures: {again}")
    named = "" if split.labelling else table_within(source)
    hint = f"; if {named} names them, add --labels {named}" if named else ""
    gone = why(added)
    if leaked.all() and len(leaked):
        gone += f": all {len(leaked)} are in validation too, byte for byte"
    notes += class_notes(collection.classes, train, valid, source, gone + hint)
    tests = len(collection.part(TEST))
    return Splits(collection.classes, train, valid, tuple(notes), tests)


def bad_notes(added: Added) -> list[str]:
    """A sentence about each reason for which photographs are left out, with some names."""
    notes = []
    for reason, count in added.reasons.most_common():
        names = [photo.title for photo, why in added.bad if why == reason]
        notes.append(
            f"{count} left out, {reason}: {', '.join(names[:5])}{' ...' if count > 5 else ''}"
        )
    return notes


def why(added: Added) -> str:
    """The end of a sentence that says why no picture is left: `: 6 left out, empty: 0.jpg, 1.jpg`;
    nothing if none was left out."""
    return f": {'; '.join(bad_notes(added))}" if added.bad else ""


def labelled(
    source: str,
    classes: Sequence[str],
    *parts: str,
    labelling: Labelling = FOLDERS,
    said: Callable[[str], object] = lambda _: None,
) -> tuple[Photo, ...]:
    """The labelled photographs of a folder or archive (the first of these parts that it has; of all
    the first that has classes, the training part last), with their classes as indices among
    `classes` (see `imagecls.photos.classes.match`; not all of them need occur). `said` is told what
    a person should know of how they were found, a sentence each. Raises UserError if it has other
    classes, or none."""
    collection = _opened(source, labelling)
    for note in collection.of_judging:
        said(note)
    return _known(source, collection, classes, *parts, labelling=labelling, said=said)


def judged(
    source: str,
    classes: Sequence[str],
    part: str | None = None,
    *,
    labelling: Labelling = FOLDERS,
    said: Callable[[str], object] = lambda _: None,
) -> tuple[str, tuple[Photo, ...]]:
    """The part that is taken and its photographs, as `labelled` has them. Raises UserError as that
    does."""
    collection = _opened(source, labelling)
    for note in collection.of_judging:
        said(note)
    parts = [part] if part else _judged(collection)
    photos = _known(source, collection, classes, *parts, labelling=labelling, said=said)
    return next((name for name in parts if collection.parts.get(name)), parts[0]), photos


def decoded(
    source: str, store: ImageStore, part: str | None = None, *, labelling: Labelling = FOLDERS
) -> tuple[tuple[str, ...], PhotoSet, tuple[str, ...]]:
    """The classes of a folder or archive, its decoded photographs with labels among those (-1: no
    class), and notes: of one part, or of the first that has classes (the training part last), or
    of all where none has. Raises UserError if there is none."""
    collection = _opened(source, labelling)
    photos = collection.part(*([part] if part else [*_judged(collection), SPARE]))
    _need_part(source, collection, photos)
    added = store.add(photos)
    found = photo_set(store, photos, added)
    if not len(found):
        raise UserError(f"no picture of {source} can be read{why(added)}; give others")
    return collection.classes, found, (*collection.of_judging, *bad_notes(added))


def _opened(source: str, labelling: Labelling) -> Collection:
    """The photographs of one source. Raises UserError if `labelling` finds nothing there, or not
    all that it names."""
    collection = open_collection(source, labelling)
    _need_found(labelling, (source, collection))
    return collection


def _validating(
    source: str, collection: Collection, classes: Sequence[str], labelling: Labelling
) -> tuple[Photo, ...]:
    """What `--valid` names. Raises UserError if it holds nothing to validate with."""
    if not collection.part(*_judged(collection)):
        raise UserError(
            f"{source} has no pictures to validate with ({_parts(collection)}); give others with"
            " --valid"
        )
    return _known(source, collection, classes, labelling=labelling)


def _known(
    source: str,
    collection: Collection,
    classes: Sequence[str],
    *parts: str,
    labelling: Labelling = FOLDERS,
    said: Callable[[str], object] = lambda _: None,
) -> tuple[Photo, ...]:
    photos = collection.part(*(parts or _judged(collection)))
    _need_part(source, collection, photos)
    if collection.labelled.kinds:  # of a test part a table may name some
        without = [photo.name for photo in photos if photo.label < 0]
        photos = tuple(photo for photo in photos if photo.label >= 0)
        if photos and without:
            said(
                f"not judged: {counted(len(without), 'picture')} of which {labelling.title} says no"
                f" class that is known ({few(without)})"
            )
    _need_labels(source, photos)
    found = match(collection.classes, classes)
    here = {p.label for p in photos}
    strange = [
        name
        for i, (name, index) in enumerate(zip(collection.classes, found, strict=True))
        if index is None and i in here
    ]
    if strange:
        table = ", ".join(labelling.tables)
        more = f" and {len(strange) - 5} more" if len(strange) > 5 else ""
        raise UserError(
            f"{table or source} has classes that are not among the {len(classes)} known here"
            f" ({', '.join(strange[:5])}{more}); known are {few(classes, 12)};"
            f" {_mended(strange, classes, 'rows' if table else 'pictures')}"
        )
    return tuple(replace(p, label=index) for p in photos if (index := found[p.label]) is not None)


def _mended(strange: Sequence[str], classes: Sequence[str], what: str) -> str:
    """What to do about classes that are not known: where they are numbers, those of the known ones
    may be meant."""
    if all(name.isdecimal() and int(name) < len(classes) for name in strange):
        number = min(map(int, strange))
        return (
            f"if they are numbers of these, write {classes[number]} in place of {number} and so on"
        )
    return f"leave the other {what} out"


def _judged(collection: Collection) -> list[str]:
    """The parts to judge by, the best first: pictures that were not learnt from, if they have
    classes."""
    order = (VALID, WHOLE, TEST, TRAIN)
    with_classes = [p for p in order if any(photo.label >= 0 for photo in collection.part(p))]
    return [*with_classes, *order]


def _need_found(labelling: Labelling, *sources: tuple[str, Collection]) -> None:
    if labelling:
        need_found(
            labelling,
            *(
                (
                    source,
                    collection.labelled,
                    [p.name for part in collection.parts.values() for p in part],
                )
                for source, collection in sources
            ),
        )


def _need_part(source: str, collection: Collection, photos: Sequence[Photo]) -> None:
    if not photos:
        raise UserError(f"{source} has no such part ({_parts(collection)}); choose another --part")


def _parts(collection: Collection) -> str:
    """What there is, for a sentence: `found: train 48, valid 24`."""
    there = ", ".join(f"{name} {len(photos)}" for name, photos in collection.parts.items())
    return f"found: {there}"


def _need_labels(source: str, photos: Sequence[Photo]) -> None:
    if not any(p.label >= 0 for p in photos):
        table = table_within(source)
        pattern = pattern_for(photo.name for photo in photos)
        raise UserError(
            f"the pictures in {source} have no classes (neither folders of classes nor names such"
            " as 3_17.jpg, and --labels and --label-pattern say none); "
            + (
                f"if {table} names them, add --labels {table}"
                if table
                else pattern
                or "it looks like a test folder, which img-predict can classify, but by which"
                " nothing can learn or be measured; if it is the folder of one class, give the one"
                " above it"
            )
        )
    without = next((p for p in photos if p.label < 0), None)
    if without is not None:
        raise UserError(
            f"{without.title} has no class, but others in {source} have; put it into a class folder"
            " or name it <class>_<number>"
        )


def _share(labels: Labels, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """A mask that holds back that share of each class, at least one picture of a class that has
    two."""
    mask = np.zeros(len(labels), bool)
    generator = np.random.default_rng(seed)
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        count = round(len(members) * share)
        mask[members[: max(count, 1) if len(members) > 1 else 0]] = True
    return mask


def _fold(labels: Labels, folds: int, fold: int, seed: int) -> npt.NDArray[np.bool_]:
    """A mask of fold `fold` (0 to folds - 1); the folds are disjoint, cover everything, and have
    the same share of each class."""
    mask = np.zeros(len(labels), bool)
    generator = np.random.default_rng(seed)
    offset = 0
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        mask[members[(np.arange(len(members)) + offset) % folds == fold]] = True
        offset += len(members)
    return mask


class PhotoSource:
    """Endless training batches (see `gocnn.training.BatchSource`): pixels, uint8 `(N, 3, S, S)`,
    and labels, int64 `(N,)`.

    Each epoch is a permutation of the photographs that depends on seed and epoch alone; batches run
    on from one epoch into the next.
    """

    block = 1

    def __init__(
        self, photos: PhotoSet, batch: int, seed: int = 1, *, rank: int = 0, world: int = 1
    ) -> None:
        """`batch` is that of all processes together; this one (`rank` of `world`) gets its part of
        each."""
        self._photos, self._batch, self._seed, self._rank, self._world = (
            photos,
            batch,
            seed,
            rank,
            world,
        )
        self._order: tuple[int, npt.NDArray[np.int64]] = -1, np.empty(0, np.int64)

    @property
    def batches_per_epoch(self) -> float:
        return len(self._photos) / self._batch

    def indices(self, index: int) -> npt.NDArray[np.int64]:
        """Which photographs batch `index` holds (this process's part)."""
        n = len(self._photos)
        epochs, positions = np.divmod(
            np.arange(index * self._batch, (index + 1) * self._batch)[self._rank :: self._world], n
        )
        return np.concatenate(
            [
                self._order_of(epoch)[positions[epochs == epoch]]
                for epoch in np.unique(epochs).tolist()
            ]
        )

    def _order_of(self, epoch: int) -> npt.NDArray[np.int64]:
        """The photographs in the order of an epoch; the last one is remembered, by a value that is
        replaced as a whole: threads share it."""
        held = self._order
        if held[0] != epoch:
            held = epoch, np.random.default_rng((self._seed, epoch)).permutation(len(self._photos))
            self._order = held
        return held[1]

    def batch(self, index: int) -> Sequence[npt.NDArray[Any]]:
        chosen = self.indices(index)
        return self._photos.store.pixels(self._photos.rows[chosen]), self._photos.labels[chosen]


class PhotoBatches:
    """All photographs in order, batch by batch; each is read from the store when it is wanted, and
    no other."""

    def __init__(self, photos: PhotoSet, batch: int = 128) -> None:
        self._photos, self._batch = photos, batch

    def __len__(self) -> int:
        return -(-len(self._photos) // self._batch)

    def __getitem__(self, number: int) -> "Batch":
        import torch

        if not 0 <= number < len(self):
            raise IndexError(number)
        part = slice(number * self._batch, (number + 1) * self._batch)
        pixels = self._photos.store.pixels(self._photos.rows[part])
        return torch.from_numpy(pixels), torch.from_numpy(self._photos.labels[part])

    def __iter__(self) -> "Iterator[Batch]":
        return (self[number] for number in range(len(self)))
