"""Decode once: pixels of one size in a memory-mapped file, found by the content of the picture file
they came from.

A store is a folder, one for each size, fit and decoder version:

    pixels.u8    rows of 3 * size * size bytes: RGB planes, uint8 `(3, size, size)`
    keys.bin     for each row the 16-byte BLAKE2b digest of the picture file

A row counts once its key is written, and keys are written after pixels: whatever a kill leaves half
done is decoded again, and nothing else. Any number of collections share a store; equal files share
a row. It may be far larger than memory: rows are read through the page cache.
"""

import hashlib
import os
import sys
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gocnn import bars
from gocnn.cores import cores
from gocnn.errors import UserError
from gocnn.files import cache_folder
from gocnn.locks import locked
from imagecls.photos.collection import Photo, read_photos
from imagecls.photos.decode import DECODER_VERSION, Fit, decode
from imagecls.photos.errors import BadImage

KEY_BYTES = 16
SAVE_EVERY = 512
"""Rows between two writes of keys: what a kill can cost."""

Pixels = npt.NDArray[np.uint8]


@dataclass
class Added:
    """What came of a list of photographs: each one's row in the store (-1: unusable), how many were
    decoded now, and the unusable ones."""

    rows: npt.NDArray[np.int64]
    decoded: int = 0
    bad: list[tuple[Photo, str]] = field(default_factory=list)

    @property
    def reasons(self) -> Counter[str]:
        """How many photographs are unusable for each reason."""
        return Counter(reason for _, reason in self.bad)


class ImageStore:
    """The decoded pictures of one size."""

    def __init__(self, size: int, fit: Fit = "squash", cache: Path | None = None) -> None:
        """Open or make the store in the folder `cache` (by default the program's cache). Raises
        UserError if that cannot be written."""
        self.size, self.fit = size, fit
        self.folder = (cache or cache_folder() / "images") / f"{size}-{fit}-v{DECODER_VERSION}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"cannot make the image store {self.folder}: {error.strerror}; choose another place"
                " with --cache"
            ) from error
        self._row_bytes = 3 * size * size
        self._map: Pixels | None = None

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_map": None}

    def __len__(self) -> int:
        """Complete rows."""
        sizes = [
            path.stat().st_size if path.exists() else 0
            for path in (self._keys_path, self._pixels_path)
        ]
        return min(sizes[0] // KEY_BYTES, sizes[1] // self._row_bytes)

    @property
    def _keys_path(self) -> Path:
        return self.folder / "keys.bin"

    @property
    def _pixels_path(self) -> Path:
        return self.folder / "pixels.u8"

    def pixels(self, rows: npt.NDArray[np.int64]) -> Pixels:
        """Copies of some rows: uint8 `(N, 3, size, size)`."""
        # of this thread alone: another one may replace it meanwhile, by a shorter one too
        held = self._map
        if held is None or (len(rows) and int(rows.max()) >= len(held)):
            shape = (len(self), 3, self.size, self.size)
            held = (
                np.memmap(self._pixels_path, np.uint8, "r", shape=shape)
                if shape[0]
                else np.empty(shape, np.uint8)
            )
            self._map = held
        return np.asarray(held[rows])

    def keys(self, rows: npt.NDArray[np.int64]) -> bytes:
        """The keys of some rows, one after the other."""
        return np.fromfile(self._keys_path, f"V{KEY_BYTES}")[rows].tobytes() if len(rows) else b""

    def add(self, photos: Sequence[Photo], jobs: int | None = None, quiet: bool = False) -> Added:
        """Find or decode each photograph; one process at a time does this, others wait. A store
        that cannot be written to serves what it holds.

        Raises UserError if the disk is full, if the photographs cannot be read, or if some have to
        be added and cannot.
        """
        try:
            if not os.access(self.folder, os.W_OK):
                return self._add(photos, jobs or cores(), quiet, fixed=True)
            with locked(
                self.folder,
                "",
                f"another process is decoding pictures into {self.folder}; waiting for it",
                quiet=quiet,
            ):
                return self._add(photos, jobs or cores(), quiet)
        except OSError as error:
            raise UserError(
                f"cannot write the image store {self.folder}: {error.strerror}; make room or choose"
                " another --cache"
            ) from error

    def _add(
        self, photos: Sequence[Photo], jobs: int, quiet: bool, *, fixed: bool = False
    ) -> Added:
        count = len(self)
        for path, whole in (
            (self._keys_path, count * KEY_BYTES),
            (self._pixels_path, count * self._row_bytes),
        ):
            if not fixed and path.exists() and path.stat().st_size != whole:
                os.truncate(path, whole)
        known = self._read_keys(count)
        added = Added(np.full(len(photos), -1, np.int64))
        bad: dict[int, str] = {}
        waiting: deque[tuple[int, bytes, Future[Pixels]]] = deque()
        fresh: list[bytes] = []
        bar = bars.bar(
            total=len(photos),
            desc="decoding",
            unit=" pictures",
            disable=quiet or not sys.stderr.isatty(),
            delay=1.0,
        )
        files = (os.devnull, os.devnull) if fixed else (self._pixels_path, self._keys_path)
        with (
            open(files[0], "ab") as pixels,
            open(files[1], "ab") as keys,
            ThreadPoolExecutor(jobs) as pool,
            bar,
        ):

            def save() -> None:
                if fresh:
                    pixels.flush()
                    os.fsync(pixels.fileno())
                    keys.write(b"".join(fresh))
                    keys.flush()
                    fresh.clear()

            def settle(i: int, row: int, reason: str = "") -> None:
                """What came of a photograph; of a name that an archive holds twice, the last
                counts."""
                added.rows[i] = row
                bad.pop(i, None)
                if reason:
                    bad[i] = reason
                bar.update()

            def finish() -> None:
                i, key, future = waiting.popleft()
                if key in known:  # an equal file has come before it
                    settle(i, known[key])
                    return
                try:
                    data = future.result().tobytes()
                except BadImage as error:
                    settle(i, -1, str(error))
                    return
                if fixed:
                    raise UserError(
                        f"{photos[i].title} is not in the image store {self.folder}, which cannot"
                        " be written to; choose another --cache"
                    )
                pixels.write(data)
                known[key] = len(known)
                settle(i, known[key])
                added.decoded += 1
                fresh.append(key)
                if len(fresh) >= SAVE_EVERY:
                    save()

            try:
                for i, content in read_photos(photos):
                    if isinstance(content, BadImage):
                        settle(i, -1, str(content))
                        continue
                    key = hashlib.blake2b(content, digest_size=KEY_BYTES).digest()
                    if key in known:
                        settle(i, known[key])
                        continue
                    waiting.append((i, key, pool.submit(decode, content, self.size, self.fit)))
                    if len(waiting) >= 4 * jobs:
                        finish()
                while waiting:
                    finish()
            finally:
                save()
        for i in np.flatnonzero(added.rows < 0).tolist():
            added.bad.append((photos[i], bad.get(i, "not in the archive any more")))
        added.bad.sort(key=lambda item: item[0].title)
        return added

    def _read_keys(self, count: int) -> dict[bytes, int]:
        data = self._keys_path.read_bytes()[: count * KEY_BYTES] if count else b""
        return {data[i : i + KEY_BYTES]: i // KEY_BYTES for i in range(0, len(data), KEY_BYTES)}
