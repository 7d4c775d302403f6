"""Photographs that several threads draw from one source, against the same draw written plainly."""

import copy
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagecls.photos.data import PhotoSource
from imagecls.photos.sets import PhotoSet
from imagecls.photos.store import ImageStore


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns far more often than usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def photo_set(folder: Path, count: int) -> PhotoSet:
    """A store of that many pictures, each of one value, written down without decoding any."""
    store = ImageStore(4, cache=folder)
    store._pixels_path.write_bytes(np.repeat(np.arange(count, dtype=np.uint8), 48).tobytes())
    store._keys_path.write_bytes(bytes(16 * count))
    return PhotoSet(store, np.arange(count), np.arange(count) % 3, ())


def photos_of(n: int, batch: int, seed: int, index: int, rank: int, world: int) -> list[int]:
    """Which photographs a batch holds, place by place."""
    places = range(index * batch, (index + 1) * batch)[rank::world]
    return [
        int(np.random.default_rng((seed, place // n)).permutation(n)[place % n]) for place in places
    ]


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("copied", [True, False])
def test_photographs_drawn_by_eight_threads(tmp_path: Path, copied: bool) -> None:
    photos = photo_set(tmp_path, 5)
    source = PhotoSource(photos, 120, seed=3, rank=1, world=2)  # a batch is 24 epochs
    wanted = [photos_of(5, 120, 3, index, 1, 2) for index in range(160)]

    def work(lane: int) -> None:
        mine = copy.copy(source) if copied else source
        for index in range(lane, 160, 8):
            pixels, labels = mine.batch(index)
            assert pixels[:, 0, 0, 0].tolist() == wanted[index]
            assert labels.tolist() == [photo % 3 for photo in wanted[index]]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


def test_pixels_are_read_from_the_map_that_was_made_for_them(tmp_path: Path) -> None:
    """Another thread that saw fewer rows, before a process added more, may put its map into the
    store at any moment."""

    class Shared(ImageStore):
        @property
        def _map(self) -> Any:
            return self.held

        @_map.setter
        def _map(self, value: Any) -> None:
            self.held = None if value is None else value[:1]

    store = photo_set(tmp_path, 9).store
    store.__class__ = Shared
    store._map = None
    for rows in ([3, 8], [0], [5, 2]):
        assert store.pixels(np.array(rows))[:, 2, 3, 3].tolist() == rows
