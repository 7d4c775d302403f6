"""Writing game stores (`gocnn.games.store`): new ones, games and labels added to old ones; killed
at any moment, a write leaves the store as it was."""

import itertools
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from gocnn import __version__
from gocnn.errors import UserError
from gocnn.files import replacing
from gocnn.games import labels
from gocnn.games.labels import HEAD, LABEL_WORDS, padded
from gocnn.games.reader import Chunk
from gocnn.games.record import TEXTS
from gocnn.games.store import (
    GAMES_A_SEGMENT,
    HEADER,
    HEADER_BYTES,
    LABELLED_VERSION,
    MAGIC,
    SEGMENT_MAGIC,
    VERSION,
    Store,
)
from gocnn.locks import locked


class Writer:
    """Adds games and labels to a store: `add` chunks, `label` games, then `close`. Nothing of it is
    visible before `close` returns."""

    def __init__(self, stream: IO[bytes], existing: Store | None = None) -> None:
        """`stream` is open for reading and writing; `existing` is the store in it when
        appending."""
        self._stream = stream
        self._segments = len(existing.segments) + len(existing.label_segments) if existing else 0
        self._version = LABELLED_VERSION if existing and existing.label_segments else VERSION
        self._games = len(existing) if existing else 0
        self._words = sum(s.words for s in existing.segments) if existing else 0
        self._end = existing.size if existing else HEADER_BYTES
        stream.seek(0, os.SEEK_END)
        if stream.tell() > self._end:  # what a killed append left behind
            stream.truncate(self._end)
        self._records: list[npt.NDArray[np.void]] = []
        self._parts: list[npt.NDArray[np.uint16]] = []
        self._texts: dict[str, int] = {}
        self._pending_words = self._pending_games = 0
        self._labels: list[
            tuple[str, npt.NDArray[np.int64], npt.NDArray[np.uint8], npt.NDArray[np.uint16]]
        ] = []

    def __len__(self) -> int:
        """Games of the store as it is going to be: the next that is added has this number."""
        return self._games + self._pending_games

    def add(self, chunk: Chunk) -> None:
        """Take the games of a chunk, and their labels."""
        if not len(chunk.records):
            return
        first = len(self)
        records = chunk.records.copy()
        numbers = np.array(
            [self._texts.setdefault(t, len(self._texts)) for t in chunk.texts], np.uint32
        )
        for key in TEXTS:
            records[key] = numbers[records[key]]
        records["start"] += self._pending_words
        self._records.append(records)
        self._parts.append(chunk.words)
        self._pending_words += len(chunk.words)
        self._pending_games += len(records)
        self.label(
            first + chunk.labelled,
            labels.COUNTED if chunk.kinds is None else chunk.kinds,
            chunk.labels,
            chunk.made_by,
        )
        if self._pending_games >= GAMES_A_SEGMENT:
            self._flush()

    def label(
        self, games: npt.ArrayLike, kinds: npt.ArrayLike, packed: npt.NDArray[np.uint16], text: str
    ) -> None:
        """Label games of this store, old ones or such as were added before: their numbers `(n,)`,
        kinds `(n,)` or one for all, labels uint16 `(n, 46)`, and a short JSON text of what made
        them. Raises ValueError if there is no such game or kind."""
        numbers = np.asarray(games, np.int64)
        sorts = np.broadcast_to(np.asarray(kinds, np.uint8), numbers.shape)
        if (
            packed.shape != (len(numbers), LABEL_WORDS)
            or not np.isin(sorts, list(labels.KINDS)).all()
        ):
            raise ValueError("a label has a kind of gocnn.games.labels and 46 words")
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(self):
            raise ValueError(f"labels of games that are not among the {len(self)} of the store")
        if len(numbers):
            self._labels.append((text, numbers, sorts, packed))

    def _flush_labels(self) -> None:
        """Neighbours made by the same are one segment."""
        for text, group in itertools.groupby(self._labels, lambda part: part[0]):
            games, kinds, packed = (
                np.concatenate(parts) for parts in zip(*(part[1:] for part in group), strict=True)
            )
            written = labels.segment(games, kinds, packed, text)
            self._stream.seek(self._end)
            self._stream.write(written)
            self._end += len(written)
            self._segments += 1
            self._version = LABELLED_VERSION
        self._labels = []

    def _flush(self) -> None:
        if not self._pending_games:
            return
        texts = "\x00".join(text.replace("\x00", " ") for text in self._texts).encode(
            "utf-8", "replace"
        )
        words = np.concatenate(self._parts).astype("<u2").tobytes()
        body = (
            np.concatenate(self._records).tobytes()
            + words.ljust(padded(len(words)), b"\0")
            + texts.ljust(padded(len(texts)), b"\0")
        )
        head = HEAD.pack(
            SEGMENT_MAGIC, self._pending_games, self._pending_words, len(texts), zlib.crc32(body), 0
        )[:-4]
        self._stream.seek(self._end)
        self._stream.write(head + struct.pack("<I", zlib.crc32(head)))
        self._stream.write(body)
        self._end += HEADER_BYTES + len(body)
        self._segments += 1
        self._games += self._pending_games
        self._words += self._pending_words
        self._records, self._parts, self._texts = [], [], {}
        self._pending_words = self._pending_games = 0

    def close(self) -> None:
        """Write what is pending, sync, and make it visible by rewriting the header."""
        self._flush()
        self._flush_labels()
        self._stream.flush()
        os.fsync(self._stream.fileno())
        head = HEADER.pack(
            MAGIC,
            self._version,
            self._segments,
            self._games,
            self._words,
            self._end,
            __version__.encode(),
            0,
        )[:-4]
        self._stream.seek(0)
        self._stream.write(head + struct.pack("<I", zlib.crc32(head)))
        self._stream.flush()
        os.fsync(self._stream.fileno())


def writing(path: Path) -> AbstractContextManager[None]:
    """Hold the store at `path`, there or not, against every other import. Raises UserError at once
    if another has it."""
    return locked(
        path, f"{path} is being written by another import; wait for it to end, then run this again"
    )


def write(path: Path, chunks: Iterator[Chunk]) -> None:
    """Make a new store of the chunks' games, within `writing`; `path` appears whole or not at all.
    Raises UserError if it cannot be written."""
    with replacing(path) as stream:
        writer = Writer(stream)
        for chunk in chunks:
            writer.add(chunk)
        writer.close()


def append(path: Path, chunks: Iterator[Chunk]) -> None:
    """Add the chunks' games to the store at `path`, within `writing`; killed at any moment, it
    leaves the store as it was. Raises UserError."""
    with appending(path) as writer:
        for chunk in chunks:
            writer.add(chunk)


@contextmanager
def appending(path: Path) -> Iterator[Writer]:
    """A writer to the store at `path`, within `writing`, closed at the end; killed at any moment,
    it leaves the store as it was. Raises UserError."""
    store = Store(path)
    try:
        with path.open("r+b") as stream:
            writer = Writer(stream, store)
            yield writer
            writer.close()
    except OSError as error:
        raise UserError(
            f"cannot add to {path}: {error.strerror} (the games in it are unharmed); make room or"
            " choose another place"
        ) from error


def add_labels(
    path: Path,
    games: npt.ArrayLike,
    kinds: npt.ArrayLike,
    packed: npt.NDArray[np.uint16],
    text: str,
    *,
    keys: npt.NDArray[np.int64] | None = None,
) -> None:
    """Label games of the store at `path`, as `Writer.label` takes them; holds the store against
    other imports meanwhile, and leaves it as it was if killed. keys: the games' keys, int64 `(n,)`,
    to make sure that the store has not been made anew since the numbers were taken. Raises
    UserError."""
    with writing(path):
        if keys is not None:
            there, numbers = Store(path).records()["key"], np.asarray(games, np.int64)
            if len(numbers) and (
                numbers.max() >= len(there) or not np.array_equal(there[numbers], keys)
            ):
                raise UserError(
                    f"{path} has been made anew meanwhile, with other games; label it again"
                )
        with appending(path) as writer:
            writer.label(games, kinds, packed, text)
