"""Decoded photographs with their labels."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from imagecls.photos.collection import Photo
from imagecls.photos.store import Added, ImageStore

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PhotoSet:
    """Decoded photographs: the store, their rows in it and their labels (both int64 `(N,)`), and
    the file of each."""

    store: ImageStore
    rows: npt.NDArray[np.int64]
    labels: Labels
    photos: tuple[Photo, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, indices: npt.NDArray[Any]) -> "PhotoSet":
        """The photographs of those indices, or where a mask is true."""
        chosen = np.arange(len(self))[indices]
        return replace(
            self,
            rows=self.rows[chosen],
            labels=self.labels[chosen],
            photos=tuple(self.photos[i] for i in chosen),
        )

    def fingerprint(self) -> str:
        """A short text, the same for the same pictures with the same labels in the same order."""
        digest = hashlib.sha256(self.labels.tobytes())
        digest.update(self.store.keys(self.rows))
        return digest.hexdigest()[:16]


def photo_set(store: ImageStore, photos: Sequence[Photo], added: Added) -> PhotoSet:
    """Those of the photographs that could be decoded."""
    good = np.flatnonzero(added.rows >= 0)
    labels = np.array([photos[i].label for i in good.tolist()], np.int64)
    return PhotoSet(store, added.rows[good], labels, tuple(photos[i] for i in good.tolist()))
