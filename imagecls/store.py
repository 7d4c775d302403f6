"""Decode once: pixels of one size in a memory-mapped file, found by the content of the picture file they came from.

A store is a folder, one for each size, fit and decoder version:

    pixels.u8    rows of 3 * size * size bytes: RGB planes, uint8 `(3, size, size)`
    keys.bin     for each row the 16-byte BLAKE2b digest of the picture file

A row counts once its key is written, and keys are written after pixels: whatever a kill leaves half done is decoded again, and nothing else.
Any number of collections share a store; equal files share a row. It may be far larger than memory: rows are read through the page cache.
"""

import contextlib
import fcntl
import hashlib
import os
import sys
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from gocnn.errors import UserError
from gocnn.files import cache_folder
from imagecls.collection import Photo, read_photos
from imagecls.decode import DECODER_VERSION, Fit, decode
from imagecls.errors import BadImage

KEY_BYTES = 16
SAVE_EVERY = 512
"""Rows between two writes of keys: what a kill can cost."""

Pixels = npt.NDArray[np.uint8]


@dataclass
class Added:
    """What came of a list of photographs: each one's row in the store (-1: unusable), how many were decoded now, and the unusable ones."""

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
        """Open or make the store in the folder `cache` (by default the program's cache). Raises UserError if that cannot be written."""
        self.size, self.fit = size, fit
        self.folder = (cache or cache_folder() / "images") / f"{size}-{fit}-v{DECODER_VERSION}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot make the image store {self.folder}: {error.strerror}; choose another place with --cache") from error
        self._row_bytes = 3 * size * size
        self._map: Pixels | None = None

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_map": None}

    def __len__(self) -> int:
        """Complete rows."""
        sizes = [path.stat().st_size if path.exists() else 0 for path in (self._keys_path, self._pixels_path)]
        return min(sizes[0] // KEY_BYTES, sizes[1] // self._row_bytes)

    @property
    def _keys_path(self) -> Path:
        return self.folder / "keys.bin"

    @property
    def _pixels_path(self) -> Path:
        return self.folder / "pixels.u8"

    def pixels(self, rows: npt.NDArray[np.int64]) -> Pixels:
        """Copies of some rows: uint8 `(N, 3, size, size)`."""
        if self._map is None or (len(rows) and int(rows.max()) >= len(self._map)):
            shape = (len(self), 3, self.size, self.size)
            self._map = np.memmap(self._pixels_path, np.uint8, "r", shape=shape) if shape[0] else np.empty(shape, np.uint8)
        return np.asarray(self._map[rows])

    def keys(self, rows: npt.NDArray[np.int64]) -> bytes:
        """The keys of some rows, one after the other."""
        return np.fromfile(self._keys_path, f"V{KEY_BYTES}")[rows].tobytes() if len(rows) else b""

    def add(self, photos: Sequence[Photo], jobs: int | None = None, quiet: bool = False) -> Added:
        """Find or decode each photograph. Raises UserError if the disk is full or the folder of the photographs cannot be read."""
        with self._locked():
            try:
                return self._add(photos, jobs or os.cpu_count() or 1, quiet)
            except OSError as error:
                raise UserError(f"cannot write the image store {self.folder}: {error.strerror}; make room or choose another --cache") from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time adds rows; others wait."""
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _add(self, photos: Sequence[Photo], jobs: int, quiet: bool) -> Added:
        count = len(self)
        for path, whole in ((self._keys_path, count * KEY_BYTES), (self._pixels_path, count * self._row_bytes)):
            if path.exists() and path.stat().st_size != whole:
                os.truncate(path, whole)
        known = self._read_keys()
        added = Added(np.full(len(photos), -1, np.int64))
        waiting: deque[tuple[int, bytes, Future[Pixels]]] = deque()
        fresh: list[bytes] = []
        bar = tqdm(total=len(photos), desc="decoding", unit=" pictures", disable=quiet or not sys.stderr.isatty(), file=sys.stderr, delay=1.0)
        with self._pixels_path.open("ab") as pixels, self._keys_path.open("ab") as keys, ThreadPoolExecutor(jobs) as pool, bar:

            def save() -> None:
                pixels.flush()
                os.fsync(pixels.fileno())
                keys.write(b"".join(fresh))
                keys.flush()
                fresh.clear()

            def finish() -> None:
                i, key, future = waiting.popleft()
                bar.update()
                if key in known:  # an equal file has come before it
                    added.rows[i] = known[key]
                    return
                try:
                    pixels.write(future.result().tobytes())
                except BadImage as error:
                    added.bad.append((photos[i], str(error)))
                    return
                added.rows[i] = known[key] = len(known)
                added.decoded += 1
                fresh.append(key)
                if len(fresh) >= SAVE_EVERY:
                    save()

            try:
                for i, data in read_photos(photos):
                    if isinstance(data, BadImage):
                        added.bad.append((photos[i], str(data)))
                        bar.update()
                        continue
                    key = hashlib.blake2b(data, digest_size=KEY_BYTES).digest()
                    if key in known:
                        added.rows[i] = known[key]
                        bar.update()
                        continue
                    waiting.append((i, key, pool.submit(decode, data, self.size, self.fit)))
                    if len(waiting) >= 4 * jobs:
                        finish()
                while waiting:
                    finish()
            finally:
                save()
        missing = np.flatnonzero(added.rows < 0)
        named = {id(photo) for photo, _ in added.bad}
        added.bad += [(photos[i], "not in the archive any more") for i in missing.tolist() if id(photos[i]) not in named]
        added.bad.sort(key=lambda item: item[0].title)
        return added

    def _read_keys(self) -> dict[bytes, int]:
        if not self._keys_path.exists():
            return {}
        data = self._keys_path.read_bytes()
        return {data[i : i + KEY_BYTES]: i // KEY_BYTES for i in range(0, len(data) // KEY_BYTES * KEY_BYTES, KEY_BYTES)}
