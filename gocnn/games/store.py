"""The game store: one memory-mapped file of moves.

    header    64 bytes: magic, version, segments, games, words, total bytes, CRC-32 of the header
    segment   one for each 65,536 games or so of an import, in turn:
        head      64 bytes: magic, games, words, bytes of text, CRC-32 of the body, CRC-32 of the head
        records   games x 56 bytes (gocnn.games.record)
        words     uint16 each, padded to 8 bytes: for each game its setup stones, then its moves
        texts     UTF-8, separated by NUL, padded to 8 bytes

All numbers are little-endian. A word holds the flat index in bits 0 to 8 (361 for a pass) and the colour in bit 9 (set for white). The
header says how long the file is, so a file cut short is noticed when it is opened, and what an append that was killed left behind the end is
ignored: an append writes its segments, syncs, and only then rewrites the header. Opening reads the heads only, whatever the size.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from gocnn.errors import UserError
from gocnn.files import replacing
from gocnn.games.reader import Chunk
from gocnn.games.record import RECORD, TEXTS
from gocnn.locks import locked

MAGIC, SEGMENT_MAGIC = b"GoCNNst\x00", b"GoCNNsg\x00"
VERSION = 1
_HEADER = struct.Struct("<8sIIQQQ20xI")
_SEGMENT = struct.Struct("<8sQQQI24xI")
HEADER_BYTES = 64
assert _HEADER.size == _SEGMENT.size == HEADER_BYTES

GAMES_A_SEGMENT = 65536


@dataclass(frozen=True)
class Segment:
    """Where one segment lies: offsets in bytes from the start of the file, and its CRC-32."""

    games: int
    words: int
    text_bytes: int
    body: int
    crc: int

    @property
    def words_at(self) -> int:
        return self.body + self.games * RECORD.itemsize

    @property
    def texts_at(self) -> int:
        return self.words_at + _padded(2 * self.words)

    @property
    def end(self) -> int:
        return self.texts_at + _padded(self.text_bytes)


def _padded(size: int) -> int:
    return (size + 7) // 8 * 8


class Store:
    """An open store, read only. Games are numbered 0 to `len(store) - 1` in the order they were added."""

    def __init__(self, path: str | Path) -> None:
        """Map the file. Raises UserError if it is not a store, of another version, or cut short. The bodies are not checked (see verify)."""
        self.path = Path(path)
        try:
            with self.path.open("rb") as stream:
                self._read_heads(stream)
        except OSError as error:
            raise UserError(f"cannot open {path}: {error.strerror}; make a store with: cli.py go-import GAMES... --out {path}") from error
        self._bytes = np.memmap(self.path, np.uint8, "r", shape=(self._size,))
        self.words: npt.NDArray[np.uint16] = self._bytes.view("<u2")
        """uint16: the whole file as words; `Games.start` counts in it."""
        self._texts: dict[int, list[str]] = {}

    def _read_heads(self, stream: IO[bytes]) -> None:
        head = stream.read(HEADER_BYTES)
        if len(head) < HEADER_BYTES or head[:8] != MAGIC:
            raise UserError(f"{self.path} is not a game store; make one with: cli.py go-import GAMES... --out STORE")
        _, version, n_segments, self._games, _, self._size, crc = _HEADER.unpack(head)
        if version != VERSION:
            raise UserError(f"{self.path} is a game store of version {version}, this program reads version {VERSION}: import the games again")
        if zlib.crc32(head[:-4]) != crc:
            raise UserError(f"{self.path} has a damaged header; import the games again")
        actual = os.fstat(stream.fileno()).st_size
        if actual < self._size:
            raise UserError(f"{self.path} is cut short ({actual} of {self._size} bytes); copy it again or import the games again")
        self.segments: list[Segment] = []
        at = HEADER_BYTES
        for _ in range(n_segments):
            stream.seek(at)
            head = stream.read(HEADER_BYTES)
            magic, games, words, text_bytes, body_crc, head_crc = _SEGMENT.unpack(head)
            if magic != SEGMENT_MAGIC or zlib.crc32(head[:-4]) != head_crc:
                raise UserError(f"{self.path} is damaged at byte {at}; import the games again")
            segment = Segment(games, words, text_bytes, at + HEADER_BYTES, body_crc)
            self.segments.append(segment)
            at = segment.end
        if at != self._size or sum(s.games for s in self.segments) != self._games:
            raise UserError(f"{self.path} is damaged (its segments do not add up); import the games again")

    def __len__(self) -> int:
        return int(self._games)

    @property
    def size(self) -> int:
        """Bytes of the store."""
        return int(self._size)

    def records(self) -> npt.NDArray[np.void]:
        """All records, `(G,)` of `RECORD`, copied; `start` counts words of the whole file, text numbers stay those of their segment."""
        parts = []
        for segment in self.segments:
            part = self._bytes[segment.body : segment.words_at].view(RECORD).copy()
            if len(part) and int((part["start"] + part["setup"] + part["moves"]).max()) > segment.words:
                raise UserError(f"{self.path} is damaged (a game lies outside its segment); import the games again")
            part["start"] += segment.words_at // 2
            parts.append(part)
        return np.concatenate(parts) if parts else np.zeros(0, RECORD)

    def text_table(self, segment: int) -> list[str]:
        """The texts of one segment, by number."""
        if segment not in self._texts:
            s = self.segments[segment]
            raw = self._bytes[s.texts_at : s.texts_at + s.text_bytes].tobytes()
            self._texts[segment] = raw.decode("utf-8", "replace").split("\x00")
        return self._texts[segment]

    def _text(self, segment: int, number: int) -> str:
        table = self.text_table(segment)
        if number >= len(table):
            raise UserError(f"{self.path} is damaged (a game's name lies outside its table); import the games again")
        return table[number]

    def segment_of(self, game: int) -> int:
        """The number of the segment that holds game `game`."""
        first = np.cumsum([s.games for s in self.segments])
        return int(np.searchsorted(first, game, "right"))

    def texts(self, game: int) -> dict[str, str]:
        """Names of the players, place and source of one game. Raises UserError if the store is damaged there."""
        segment = self.segment_of(game)
        first = sum(s.games for s in self.segments[:segment])
        body = self.segments[segment].body + (game - first) * RECORD.itemsize
        record = self._bytes[body : body + RECORD.itemsize].view(RECORD)[0]
        return {key: self._text(segment, int(record[key])) for key in TEXTS}

    def column(self, key: str) -> tuple[npt.NDArray[np.int64], list[str]]:
        """One text of every game: int64 `(G,)` numbers into the list of distinct texts returned with it. Raises UserError as `texts` does."""
        names: dict[str, int] = {}
        parts = [np.zeros(0, np.int64)]
        for number, segment in enumerate(self.segments):
            used, inverse = np.unique(self._bytes[segment.body : segment.words_at].view(RECORD)[key], return_inverse=True)
            parts.append(np.array([names.setdefault(self._text(number, i), len(names)) for i in used], np.int64)[inverse])
        return np.concatenate(parts), list(names)

    def verify(self) -> None:
        """Check every byte against the checksums. Raises UserError if one is wrong."""
        for number, segment in enumerate(self.segments):
            if zlib.crc32(self._bytes[segment.body : segment.end].data) != segment.crc:
                raise UserError(f"{self.path} is damaged in segment {number} (checksum); import the games again")


class Writer:
    """Adds games to a store: `add` chunks, then `close`. Nothing of it is visible before `close` returns."""

    def __init__(self, stream: IO[bytes], existing: Store | None = None) -> None:
        """`stream` is open for reading and writing; `existing` is the store in it when appending."""
        self._stream = stream
        self._segments = len(existing.segments) if existing else 0
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

    def add(self, chunk: Chunk) -> None:
        """Take the games of a chunk."""
        if not len(chunk.records):
            return
        records = chunk.records.copy()
        numbers = np.array([self._texts.setdefault(t, len(self._texts)) for t in chunk.texts], np.uint32)
        for key in TEXTS:
            records[key] = numbers[records[key]]
        records["start"] += self._pending_words
        self._records.append(records)
        self._parts.append(chunk.words)
        self._pending_words += len(chunk.words)
        self._pending_games += len(records)
        if self._pending_games >= GAMES_A_SEGMENT:
            self._flush()

    def _flush(self) -> None:
        if not self._pending_games:
            return
        texts = "\x00".join(text.replace("\x00", " ") for text in self._texts).encode("utf-8", "replace")
        words = np.concatenate(self._parts).astype("<u2").tobytes()
        body = np.concatenate(self._records).tobytes() + words.ljust(_padded(len(words)), b"\0") + texts.ljust(_padded(len(texts)), b"\0")
        head = _SEGMENT.pack(SEGMENT_MAGIC, self._pending_games, self._pending_words, len(texts), zlib.crc32(body), 0)[:-4]
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
        self._stream.flush()
        os.fsync(self._stream.fileno())
        head = _HEADER.pack(MAGIC, VERSION, self._segments, self._games, self._words, self._end, 0)[:-4]
        self._stream.seek(0)
        self._stream.write(head + struct.pack("<I", zlib.crc32(head)))
        self._stream.flush()
        os.fsync(self._stream.fileno())


def writing(path: Path) -> AbstractContextManager[None]:
    """Hold the store at `path`, there or not, against every other import. Raises UserError at once if another has it."""
    return locked(path, f"{path} is being written by another import; wait for it to end, then run this again")


def write(path: Path, chunks: Iterator[Chunk]) -> None:
    """Make a new store of the chunks' games, within `writing`; `path` appears whole or not at all. Raises UserError if it cannot be written."""
    with replacing(path) as stream:
        writer = Writer(stream)
        for chunk in chunks:
            writer.add(chunk)
        writer.close()


def append(path: Path, chunks: Iterator[Chunk]) -> None:
    """Add the chunks' games to the store at `path`, within `writing`; killed at any moment, it leaves the store as it was. Raises UserError."""
    store = Store(path)
    try:
        with path.open("r+b") as stream:
            writer = Writer(stream, store)
            for chunk in chunks:
                writer.add(chunk)
            writer.close()
    except OSError as error:
        raise UserError(f"cannot add to {path}: {error.strerror} (the games in it are unharmed); make room or choose another place") from error
