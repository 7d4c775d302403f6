"""Pictures without labels for a training, and the batches that hold them beside the labelled
ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn.errors import UserError
from gocnn.wording import counted
from imagecls.photos.collection import UNLABELLED, UNLISTED, open_collection
from imagecls.photos.data import PhotoSource, Splits, bad_notes, why
from imagecls.photos.labelling import FOLDERS, Labelling
from imagecls.photos.layout import SPARE, TEST, TRAIN, VALID, WHOLE
from imagecls.photos.sets import PhotoSet, photo_set

KEY = 0x5BA2E
"""By which the order of the unlabelled pictures differs from that of the labelled ones."""


@dataclass(frozen=True)
class Spare:
    """The unlabelled pictures, and notes for the person (one sentence each)."""

    photos: PhotoSet
    notes: tuple[str, ...]


def load_spare(
    source: str,
    splits: Splits,
    labelling: Labelling = FOLDERS,
    *,
    own: bool = False,
    jobs: int | None = None,
    quiet: bool = False,
) -> Spare:
    """Find and decode the unlabelled pictures of a folder or archive: those in a folder called
    `unlabeled` or the like, if it has one, else all of it.

    own: it is that of the labelled pictures too, and must have such a folder, or pictures of which
    `labelling` says no class.

    Labels that they have are not looked at. Pictures that are also in the validation part, byte for
    byte, are left out. Raises UserError if there are none.
    """
    collection = open_collection(source, labelling)
    found = collection.parts.get(SPARE, ()) + collection.parts.get(UNLISTED, ())
    if not found and own:
        raise UserError(
            f"{source} has no folder of unlabelled pictures (unlabeled/ or the like); name one:"
            " --unlabelled FOLDER"
        )
    found = found or tuple(
        photo for part in (TRAIN, WHOLE, VALID, TEST) for photo in collection.parts.get(part, ())
    )
    notes = []
    labelled = sum(photo.label >= 0 for photo in found)
    if labelled:
        notes.append(
            f"{labelled} of the {len(found)} unlabelled pictures lie in {source} as if they"
            " had classes, which are not looked at"
        )
    found = tuple(replace(photo, label=UNLABELLED) for photo in found)
    added = splits.train.store.add(found, jobs, quiet)
    notes += [f"of the unlabelled pictures {note}" for note in bad_notes(added)]
    photos = photo_set(splits.train.store, found, added)
    judged = np.isin(photos.rows, splits.valid.rows)
    if judged.any():
        notes.append(
            "unlabelled pictures that are also in validation, byte for byte, left out:"
            f" {judged.sum()}"
        )
        photos = photos.take(~judged)
    known = int(np.isin(photos.rows, splits.train.rows).sum())
    if known:
        notes.append(f"unlabelled pictures that are also labelled training pictures: {known}")
    if not len(photos):
        raise UserError(
            f"no unlabelled picture of {source} is left to learn from{why(added)}; give"
            " other pictures"
        )
    notes.append(f"learnt from as well: {counted(len(photos), 'picture')} without labels")
    return Spare(photos, tuple(notes))


class GuidedSource(PhotoSource):
    """A PhotoSource whose batches hold more, for a `GuidedTask`: unlabelled pixels, uint8 `(M, 3,
    S, S)`, if there are any (`ratio` for each labelled picture); pixels, uint8 `(N, 3, S, S)`; the
    pictures' numbers, int64 `(N,)`; labels, int64 `(N,)`."""

    def __init__(
        self,
        photos: PhotoSet,
        batch: int,
        seed: int = 1,
        *,
        rank: int = 0,
        world: int = 1,
        spare: PhotoSet | None = None,
        ratio: int = 1,
    ) -> None:
        super().__init__(photos, batch, seed, rank=rank, world=world)
        self._others = (
            None
            if spare is None
            else PhotoSource(spare, batch * ratio, seed + KEY, rank=rank, world=world)
        )

    def batch(self, index: int) -> Sequence[npt.NDArray[Any]]:
        pixels, labels = super().batch(index)
        numbers = self.indices(index)
        if self._others is None:
            return pixels, numbers, labels
        return self._others.batch(index)[0], pixels, numbers, labels
