"""The game store: one memory-mapped file of moves.

    header    64 bytes: magic, version, segments, games, words, total bytes, program, CRC-32 of the
              header
    segment   one for each 65,536 games or so of an import, in turn:
        head      64 bytes: magic, games, words, bytes of text, CRC-32 of the body, CRC-32 of the
                  head
        records   games x 56 bytes (gocnn.games.record)
        words     uint16 each, padded to 8 bytes: for each game its setup stones, then its moves
        texts     UTF-8, separated by NUL, padded to 8 bytes
    labels    segments of another kind (gocnn.games.labels), behind the games that they belong to

The version is 2 where there are labels, 1 where there are none; the header has room for the
version of gocnn that last wrote it, ASCII, zeros in older files. All numbers are little-endian. A
word holds the flat index in bits 0 to 8 (361 for a pass) and the colour in bit 9 (set for white).
The header says how long the file is, so a file cut short is noticed when it is opened, and what an
append that was killed left behind the end is ignored: an append writes its segments, syncs, and
only then rewrites the header. Opening reads the heads only, whatever the size.
"""

import os
import shlex
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from gocnn import program, versions
from gocnn.errors import UserError
from gocnn.games import labels
from gocnn.games.labels import HEAD, LABEL_MAGIC, LABEL_WORDS, LabelSegment, padded
from gocnn.games.record import RECORD, TEXTS

MAGIC, SEGMENT_MAGIC = b"GoCNNst\x00", b"GoCNNsg\x00"
VERSION, LABELLED_VERSION = 1, 2
HEADER = struct.Struct("<8sIIQQQ20sI")
HEADER_BYTES = 64
assert HEADER.size == HEAD.size == HEADER_BYTES

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
        return self.words_at + padded(2 * self.words)

    @property
    def end(self) -> int:
        return self.texts_at + padded(self.text_bytes)


def is_store(path: str | Path) -> bool:
    """Whether a file begins as a store does; False also for what is not there or cannot be read."""
    try:
        with Path(path).open("rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


class Store:
    """An open store, read only. Games are numbered 0 to `len(store) - 1` in the order they were
    added."""

    def __init__(self, path: str | Path) -> None:
        """Map the file. Raises UserError if it is not a store, of another version, or cut short.
        The bodies are not checked (see verify)."""
        self.path = Path(path)
        try:
            with self.path.open("rb") as stream:
                self._read_heads(stream)
        except OSError as error:
            how = f"{program.name()} go-import"
            if self.path.is_dir():
                raise UserError(
                    f"{path} is a folder, no game store; make one of the games in it with:"
                    f" {how} {shlex.quote(str(path))} --out STORE"
                ) from error
            raise UserError(
                f"cannot open {path}: {error.strerror}; make a store with:"
                f" {how} GAMES... --out {shlex.quote(str(path))}"
            ) from error
        self._bytes = np.memmap(self.path, np.uint8, "r", shape=(self._size,))
        self.words: npt.NDArray[np.uint16] = self._bytes.view("<u2")
        """uint16: the whole file as words; `Games.start` counts in it."""
        self._texts: dict[int, list[str]] = {}

    def _read_heads(self, stream: IO[bytes]) -> None:
        head = stream.read(HEADER_BYTES)
        if len(head) < HEADER_BYTES or head[:8] != MAGIC:
            raise UserError(
                f"{self.path} is not a game store; make one with: {program.name()} go-import"
                " GAMES... --out STORE"
            )
        _, version, n_segments, self._games, _, self._size, wrote, crc = HEADER.unpack(head)
        if version not in (VERSION, LABELLED_VERSION):
            raise versions.unreadable(
                self.path,
                f"it is a game store of version {version}, not {VERSION} or {LABELLED_VERSION}",
                wrote.rstrip(b"\0").decode("ascii", "replace") or None,
                "import the games again",
            )
        if zlib.crc32(head[:-4]) != crc:
            raise UserError(f"{self.path} has a damaged header; import the games again")
        actual = os.fstat(stream.fileno()).st_size
        if actual < self._size:
            raise UserError(
                f"{self.path} is cut short ({actual} of {self._size} bytes); copy it again or"
                " import the games again"
            )
        self.segments: list[Segment] = []
        self.label_segments: list[LabelSegment] = []
        at = HEADER_BYTES
        for _ in range(n_segments):
            stream.seek(at)
            head = stream.read(HEADER_BYTES)
            magic, count, words, text_bytes, body_crc, head_crc = (
                HEAD.unpack(head) if len(head) == HEADER_BYTES else (b"", 0, 0, 0, 0, 0)
            )
            labelled = (
                magic == LABEL_MAGIC
                and version == LABELLED_VERSION
                and words == LABEL_WORDS * count
            )
            if not (labelled or magic == SEGMENT_MAGIC) or zlib.crc32(head[:-4]) != head_crc:
                raise UserError(f"{self.path} is damaged at byte {at}; import the games again")
            if labelled:
                self.label_segments.append(
                    LabelSegment(count, text_bytes, at + HEADER_BYTES, body_crc)
                )
                at = self.label_segments[-1].end
            else:
                self.segments.append(Segment(count, words, text_bytes, at + HEADER_BYTES, body_crc))
                at = self.segments[-1].end
        if at != self._size or sum(s.games for s in self.segments) != self._games:
            raise UserError(
                f"{self.path} is damaged (its segments do not add up); import the games again"
            )

    def __len__(self) -> int:
        return int(self._games)

    @property
    def size(self) -> int:
        """Bytes of the store."""
        return int(self._size)

    def records(self) -> npt.NDArray[np.void]:
        """All records, `(G,)` of `RECORD`, copied; `start` counts words of the whole file, text
        numbers stay those of their segment."""
        parts = []
        for segment in self.segments:
            part = self._bytes[segment.body : segment.words_at].view(RECORD).copy()
            if (
                len(part)
                and int((part["start"] + part["setup"] + part["moves"]).max()) > segment.words
            ):
                raise UserError(
                    f"{self.path} is damaged (a game lies outside its segment); import the games"
                    " again"
                )
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
            raise UserError(
                f"{self.path} is damaged (a game's name lies outside its table); import the games"
                " again"
            )
        return table[number]

    def segment_of(self, game: int) -> int:
        """The number of the segment that holds game `game`."""
        first = np.cumsum([s.games for s in self.segments])
        return int(np.searchsorted(first, game, "right"))

    def texts(self, game: int) -> dict[str, str]:
        """Names of the players, place and source of one game. Raises UserError if the store is
        damaged there."""
        segment = self.segment_of(game)
        first = sum(s.games for s in self.segments[:segment])
        body = self.segments[segment].body + (game - first) * RECORD.itemsize
        record = self._bytes[body : body + RECORD.itemsize].view(RECORD)[0]
        return {key: self._text(segment, int(record[key])) for key in TEXTS}

    def column(self, key: str) -> tuple[npt.NDArray[np.int64], list[str]]:
        """One text of every game: int64 `(G,)` numbers into the list of distinct texts returned
        with it. Raises UserError as `texts` does."""
        names: dict[str, int] = {}
        parts = [np.zeros(0, np.int64)]
        for number, segment in enumerate(self.segments):
            used, inverse = np.unique(
                self._bytes[segment.body : segment.words_at].view(RECORD)[key], return_inverse=True
            )
            parts.append(
                np.array(
                    [names.setdefault(self._text(number, i), len(names)) for i in used], np.int64
                )[inverse]
            )
        return np.concatenate(parts), list(names)

    def labels(self, tried: bool = False) -> npt.NDArray[np.int64]:
        """int64 `(G,)`: where in `words` the label of each game begins (46 words,
        `gocnn.games.labels`), -1 without; `tried`: also of those that were tried in vain. Raises
        UserError if damaged."""
        found = np.full(len(self), -1, np.int64)
        for segment in self.label_segments:
            games = self._labelled(segment)
            kinds = self._bytes[segment.kinds_at : segment.kinds_at + segment.labels]
            found[games] = np.where(
                (kinds == labels.TRIED) & (not tried),
                -1,
                segment.words_at // 2 + LABEL_WORDS * np.arange(len(games)),
            )
        return found

    def label_kinds(self) -> npt.NDArray[np.uint8]:
        """uint8 `(G,)`: the kind of each game's label (`gocnn.games.labels`), 0 without. Raises
        UserError if damaged."""
        found = np.zeros(len(self), np.uint8)
        for segment in self.label_segments:
            found[self._labelled(segment)] = self._bytes[
                segment.kinds_at : segment.kinds_at + segment.labels
            ]
        return found

    def label_makers(self) -> npt.NDArray[np.int64]:
        """int64 `(G,)`: which of `label_texts` made each game's label, -1 without. Raises UserError
        if damaged."""
        found = np.full(len(self), -1, np.int64)
        for number, segment in enumerate(self.label_segments):
            found[self._labelled(segment)] = number
        return found

    def judges(self) -> tuple[npt.NDArray[np.int64], list[str]]:
        """Which engine judged each game: int64 `(G,)`, numbers in the list of engines that is
        returned with it, -1 where the label is no engine's judgement or there is none. Raises
        UserError if the store is damaged."""
        names: dict[str, int] = {}
        engines = [
            names.setdefault(labels.engine_of(text) or "one without a name", len(names))
            for text in self.label_texts()
        ]
        of_maker = np.array([*engines, -1], np.int64)  # -1, no maker, is the last
        return np.where(
            self.label_kinds() == labels.JUDGED, of_maker[self.label_makers()], -1
        ), list(names)

    def label_texts(self) -> list[str]:
        """What made the labels: the JSON text of each segment of labels, in turn."""
        return [
            self._bytes[s.text_at : s.text_at + s.text_bytes].tobytes().decode("utf-8", "replace")
            for s in self.label_segments
        ]

    def _labelled(self, segment: LabelSegment) -> npt.NDArray[np.int64]:
        """The numbers of the games that a segment labels. Of equal numbers numpy keeps the last
        that it is given, so the later label counts."""
        games = (
            self._bytes[segment.body : segment.body + 4 * segment.labels]
            .view("<u4")
            .astype(np.int64)
        )
        kinds = self._bytes[segment.kinds_at : segment.kinds_at + segment.labels]
        if len(games) and (int(games.max()) >= len(self) or not kinds.all()):
            raise UserError(
                f"{self.path} is damaged (a label belongs to no game); import the games again"
            )
        return games

    def verify(self) -> None:
        """Check every byte against the checksums. Raises UserError if one is wrong."""
        parts: list[Segment | LabelSegment] = [*self.segments, *self.label_segments]
        for number, segment in enumerate(sorted(parts, key=lambda part: part.body)):
            if zlib.crc32(self._bytes[segment.body : segment.end].data) != segment.crc:
                raise UserError(
                    f"{self.path} is damaged in segment {number} (checksum); import the games again"
                )
