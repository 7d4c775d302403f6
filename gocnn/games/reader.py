"""From bytes to games: every game of every file, or the reason it was skipped."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gocnn.board import rules, symmetry
from gocnn.games import encoding, handicap, meaning, scan, slowpath, sources, text
from gocnn.games.record import RECORD, Note
from gocnn.games.record import Game as Game

REASONS = {
    scan.BROKEN: "broken SGF",
    scan.OTHER_SIZE: "board other than 19x19",
    scan.OTHER_GAME: "not Go",
    scan.NO_MOVES: "no moves",
    scan.ILLEGAL: "illegal move",
    scan.LATE_SETUP: "setup stones after the first move",
    scan.BAD_SETUP: "impossible setup stones",
    scan.OFF_BOARD: "move off the board",
    scan.TOO_LONG: f"more than {scan.MAX_WORDS} moves",
}
NOT_SGF = "not SGF"
UNREADABLE = "cannot be read"
STONES_MISSING = "handicap stones missing"
DUPLICATE = "duplicate"

SLOW_LIMIT = 1 << 20
"""Bytes a game may have to be read by the careful path; a larger one that is also unusual counts as broken."""


MOST_UNCLOSED = 100
"""Games whose brackets do not close after which a file is given up: looking for the end of each takes a walk through all the rest."""


@dataclass(frozen=True)
class Skipped:
    """One thing that was not taken in: the file, the number of the game in it (from 1; 0 for the whole file), why, and details."""

    name: str
    game: int
    reason: str
    detail: str = ""


class Reader:
    """Reads games; keeps the working memory that one process needs."""

    def __init__(self, positions: bool = False) -> None:
        """positions: records without moves are games too (problems, handicap starts), instead of being skipped."""
        self._accepted = (scan.GOOD, scan.NO_MOVES) if positions else (scan.GOOD,)
        self._state = rules.new_state()
        self._words = np.zeros(scan.MAX_WORDS + 512, np.uint16)
        self._properties = np.zeros((scan.MAX_PROPERTIES, 3), np.int64)
        self._result = np.zeros(scan.RESULTS, np.int64)
        self._permutations = symmetry.table()

    def games(self, blob: sources.Blob) -> Iterator[Game | Skipped]:
        """Each game of one file in order, or what was skipped and why."""
        if blob.trouble:
            yield Skipped(blob.name, 0, UNREADABLE, blob.trouble)
            return
        data = np.frombuffer(blob.data, np.uint8)
        begin, number, unclosed = scan.game_start(data, 0), 0, 0
        if begin < 0:
            yield Skipped(blob.name, 0, NOT_SGF, "empty file" if not blob.data.strip() else "no game tree '(;' in it")
            return
        while begin >= 0:
            number += 1
            end = scan.game_end(data, begin)
            item = self._one(blob, data, begin, end, number) if end >= 0 else None
            if not isinstance(item, Game):
                # Brackets that do not close swallow the games that follow: look for the next plain beginning.
                resume = _resume(blob.data, begin, end)
                if item is None or resume < end:
                    unclosed += 1
                    if unclosed > MOST_UNCLOSED:
                        detail = f"brackets of {MOST_UNCLOSED} games do not close; the rest of the file was left unread"
                        yield Skipped(blob.name, number, REASONS[scan.BROKEN], detail)
                        return
                    end, item = resume, Skipped(blob.name, number, REASONS[scan.BROKEN], "its brackets do not close")
            yield item
            begin = scan.game_start(data, end)

    def _one(self, blob: sources.Blob, data: scan.Bytes, begin: int, end: int, number: int) -> Game | Skipped:
        raw = blob.data[begin:end]
        properties = self._scan(raw, data, begin, end)
        if properties is None:
            return Skipped(blob.name, number, REASONS[scan.BROKEN], f"an unusual game of more than {SLOW_LIMIT >> 20} MB")
        status, detail = int(self._result[scan.STATUS]), int(self._result[scan.DETAIL])
        notes: list[Note] = []
        stones = handicap.stated(raw)
        if stones > 1 and self._lacks_stones():
            found = self._with_stones(raw, stones)
            if found is not None:
                raw, properties, notes = *found, [Note(meaning.STONES_ADDED, f"HA[{stones}] without AB")]
            elif status != scan.ILLEGAL:
                why = f"HA[{stones}] and White moves first, but no AB says where the stones stand, and they fit nowhere a server puts them"
                return Skipped(blob.name, number, STONES_MISSING, why)
            status = int(self._result[scan.STATUS]) if found is not None else status
        if status not in self._accepted or (status == scan.NO_MOVES and not (properties or self._result[scan.SETUP])):
            return Skipped(blob.name, number, REASONS[status], f"move {detail}" if detail else "")
        return self._game(blob.name, raw, properties, notes)

    def _scan(self, raw: bytes, data: scan.Bytes, begin: int, end: int) -> dict[str, bytes] | None:
        """Read the game tree `raw`, which is `data[begin:end]`: fills the words and the result, and returns the properties of its root; None if it
        is too large for the careful path."""  # fmt: skip
        result, words = self._result, self._words
        scan.scan(data, begin, end, self._state, words, self._properties, result)
        if result[scan.STATUS] == scan.UNUSUAL:
            return slowpath.read(raw, self._state, words, result) if end - begin <= SLOW_LIMIT else None
        properties: dict[str, bytes] = {}
        for code, start, stop in self._properties[: result[scan.PROPERTIES]].tolist():
            name = _NAMES.get(code)
            if name is not None and name not in properties:
                properties[name] = raw[start - begin : stop - begin]
        return properties

    def _lacks_stones(self) -> bool:
        """Whether the game just read, which states handicap stones, may have left them out: it sets none up, and White moves first or a move is
        illegal."""  # fmt: skip
        status = self._result[scan.STATUS]
        if status == scan.GOOD:
            return bool(self._result[scan.SETUP] == 0 and self._words[0] & scan.WHITE_BIT)
        if status == scan.NO_MOVES:
            return bool(self._result[scan.SETUP] == 0 and self._result[scan.TO_PLAY] != 1)
        return bool(status == scan.ILLEGAL)

    def _with_stones(self, raw: bytes, number: int) -> tuple[bytes, dict[str, bytes]] | None:
        """The record with the handicap stones it leaves out, and its properties (the words and the result are then its); None if they fit
        nowhere, or in two ways, or if another program than a server's wrote it."""  # fmt: skip
        good = []
        for points in handicap.candidates(number):
            trial = handicap.with_stones(raw, points)
            properties = self._scan_alone(trial)
            if properties is not None and self._result[scan.SETUP] == number and self._starts_white():
                texts = self._texts(trial, properties)
                if points in handicap.candidates(number, text.date(texts.get("DT", ""))) and not meaning.other_program(trial, texts):
                    good.append((trial, properties))
        if len(good) != 1:
            return None
        self._scan_alone(good[0][0])
        return good[0]

    def _scan_alone(self, raw: bytes) -> dict[str, bytes] | None:
        return self._scan(raw, np.frombuffer(raw, np.uint8), 0, len(raw))

    def _starts_white(self) -> bool:
        status = self._result[scan.STATUS]
        return bool(status == scan.NO_MOVES or (status == scan.GOOD and self._words[self._result[scan.SETUP]] & scan.WHITE_BIT))

    def _texts(self, raw: bytes, properties: dict[str, bytes]) -> dict[str, str]:
        codec = "utf-8"
        if not raw.isascii():
            codec = encoding.best_encoding(b"\n".join(properties.values()), properties.get("CA", b"").decode("ascii", "replace"))
        return {key: encoding.simple_text(value, codec) for key, value in properties.items() if key in meaning.KEPT}

    def _game(self, name: str, raw: bytes, properties: dict[str, bytes], notes: list[Note]) -> Game:
        n_setup, n_moves = int(self._result[scan.SETUP]), int(self._result[scan.MOVES])
        words = self._words[: n_setup + n_moves].copy()
        texts = self._texts(raw, properties)
        record, odd = meaning.describe(raw, texts, words, n_setup, int(self._result[scan.TO_PLAY]))
        record["key"] = scan.game_key(words, n_setup, n_moves, self._permutations)
        return Game(record, words, texts.get("PB", ""), texts.get("PW", ""), texts.get("PC", ""), name, (*notes, *odd))


_NAMES = {scan.property_code(name): name for name in (*meaning.KEPT, "CA", "GN", "EV")}


def _resume(data: bytes, begin: int, end: int) -> int:
    """Inside a bad game at `begin`, which ends at `end` (-1: never): where another plainly begins (a game tree that opens with a root
    property), or the end."""  # fmt: skip
    stop = end if end >= 0 else len(data)
    starts = [at for tag in (b"(;GM[", b"(;FF[", b"(;SZ[", b"(;CA[") if (at := data.find(tag, begin + 2, stop)) >= 0]
    return min(starts, default=stop)


@dataclass
class Chunk:
    """Games as arrays, ready for the store: records `(G,)`, words `(W,)`, the text table, what was skipped, and what had to be decided about games
    that were taken (file and note)."""  # fmt: skip

    records: npt.NDArray[np.void]
    words: npt.NDArray[np.uint16]
    texts: list[str]
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[tuple[str, Note]] = field(default_factory=list)

    def reasons(self) -> Counter[str]:
        return Counter(item.reason for item in self.skipped)


GAMES_A_CHUNK = 8192


def source_of(name: str) -> str:
    """What the store calls the source of a game: the archive's file name, or the folder the file lies in."""
    archive, colon, _ = name.partition(":")
    return Path(archive).name if colon else (Path(name).parent.name or Path(name).name)


def chunks(unit: sources.Unit, limit: int = sources.ARCHIVE_LIMIT) -> Iterator[Chunk]:
    """Read a unit of work into chunks of at most GAMES_A_CHUNK games. Record `start`s count from the chunk's first word."""
    reader = Reader()
    records: list[npt.NDArray[np.void]] = []
    words: list[npt.NDArray[np.uint16]] = []
    texts: dict[str, int] = {}
    skipped: list[Skipped] = []
    notes: list[tuple[str, Note]] = []
    position = 0

    def pack() -> Chunk:
        packed = np.array(records, RECORD) if records else np.zeros(0, RECORD)
        return Chunk(packed, np.concatenate(words) if words else np.zeros(0, np.uint16), list(texts), skipped, notes)

    for blob in sources.read(unit, limit):
        source = source_of(blob.name)
        for item in reader.games(blob):
            if isinstance(item, Skipped):
                skipped.append(item)
            else:
                record = item.record
                record["start"] = position
                for key, value in (("black", item.black), ("white", item.white), ("place", item.place), ("source", source)):
                    record[key] = texts.setdefault(value, len(texts))
                records.append(record)
                words.append(item.words)
                notes.extend((item.name, note) for note in item.notes)
                position += len(item.words)
            if len(records) + len(skipped) >= GAMES_A_CHUNK:
                yield pack()
                records, words, texts, skipped, notes, position = [], [], {}, [], [], 0
    if records or skipped:
        yield pack()
