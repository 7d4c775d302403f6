"""From bytes to games: every game of every file, or the reason it was skipped."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gocnn.board import rules, symmetry
from gocnn.games import scan, slowpath, sources, text
from gocnn.games.record import RECORD

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


@dataclass
class Game:
    """One good game: its record (texts not yet numbered), its words (setup stones, then moves; uint16), its texts and its file."""

    record: npt.NDArray[np.void]
    words: npt.NDArray[np.uint16]
    black: str
    white: str
    place: str
    name: str


class Reader:
    """Reads games; keeps the working memory that one process needs."""

    def __init__(self) -> None:
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
        result, words = self._result, self._words
        scan.scan(data, begin, end, self._state, words, self._properties, result)
        raw = blob.data
        if result[scan.STATUS] == scan.UNUSUAL:
            if end - begin > SLOW_LIMIT:
                return Skipped(blob.name, number, REASONS[scan.BROKEN], f"an unusual game of more than {SLOW_LIMIT >> 20} MB")
            properties = slowpath.read(raw[begin:end], self._state, words, result)
        else:
            properties = {}
            for code, start, stop in self._properties[: result[scan.PROPERTIES]].tolist():
                name = _NAMES.get(code)
                if name is not None and name not in properties:
                    properties[name] = raw[start:stop]
        status = int(result[scan.STATUS])
        if status != scan.GOOD:
            detail = f"move {result[scan.DETAIL]}" if result[scan.DETAIL] else ""
            return Skipped(blob.name, number, REASONS[status], detail)
        return self._game(blob.name, raw[begin:end], properties)

    def _game(self, name: str, raw: bytes, properties: dict[str, bytes]) -> Game:
        n_setup, n_moves = int(self._result[scan.SETUP]), int(self._result[scan.MOVES])
        words = self._words[: n_setup + n_moves].copy()
        encoding = "utf-8"
        if not raw.isascii():
            encoding = text.best_encoding(b"\n".join(properties.values()), properties.get("CA", b"").decode("ascii", "replace"))
        texts = {key: text.simple_text(value, encoding) for key, value in properties.items() if key in _KEPT}
        record = np.zeros((), RECORD)
        winner, margin = text.outcome(texts.get("RE", ""))
        handicap = texts.get("HA", "")
        record["key"] = scan.game_key(words, n_setup, n_moves, self._permutations)
        record["setup"], record["moves"] = n_setup, n_moves
        record["winner"], record["margin"] = winner, margin
        record["to_play"] = self._result[scan.TO_PLAY]
        record["black_rank"] = text.rank(texts.get("BR", ""))
        record["white_rank"] = text.rank(texts.get("WR", ""))
        stated = int(handicap) if handicap.isascii() and handicap.isdigit() and len(handicap) < 3 else 0
        record["handicap"] = max(stated if stated > 1 else 0, n_setup if n_setup > 1 and not (words[:n_setup] & scan.WHITE_BIT).any() else 0)
        record["date"] = text.date(texts.get("DT", ""))
        record["komi"] = text.komi(texts.get("KM", ""))
        return Game(record, words, texts.get("PB", ""), texts.get("PW", ""), texts.get("PC", ""), name)


_KEPT = ("PB", "PW", "BR", "WR", "RE", "DT", "KM", "HA", "PC")
_NAMES = {scan.property_code(name): name for name in (*_KEPT, "CA", "GN", "EV")}


def _resume(data: bytes, begin: int, end: int) -> int:
    """Inside a bad game at `begin`, which ends at `end` (-1: never): where another plainly begins (a game tree that opens with a root
    property), or the end."""  # fmt: skip
    stop = end if end >= 0 else len(data)
    starts = [at for tag in (b"(;GM[", b"(;FF[", b"(;SZ[", b"(;CA[") if (at := data.find(tag, begin + 2, stop)) >= 0]
    return min(starts, default=stop)


@dataclass
class Chunk:
    """Games as arrays, ready for the store: records `(G,)`, words `(W,)`, the text table, what was skipped, and counts by reason."""

    records: npt.NDArray[np.void]
    words: npt.NDArray[np.uint16]
    texts: list[str]
    skipped: list[Skipped] = field(default_factory=list)

    def reasons(self) -> Counter[str]:
        return Counter(item.reason for item in self.skipped)


GAMES_A_CHUNK = 8192


def chunks(unit: sources.Unit, limit: int = sources.ARCHIVE_LIMIT) -> Iterator[Chunk]:
    """Read a unit of work into chunks of at most GAMES_A_CHUNK games. Record `start`s count from the chunk's first word."""
    reader = Reader()
    records: list[npt.NDArray[np.void]] = []
    words: list[npt.NDArray[np.uint16]] = []
    texts: dict[str, int] = {}
    skipped: list[Skipped] = []
    position = 0

    def pack() -> Chunk:
        packed = np.array(records, RECORD) if records else np.zeros(0, RECORD)
        return Chunk(packed, np.concatenate(words) if words else np.zeros(0, np.uint16), list(texts), skipped)

    for blob in sources.read(unit, limit):
        source = blob.source or blob.name
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
                position += len(item.words)
            if len(records) + len(skipped) >= GAMES_A_CHUNK:
                yield pack()
                records, words, texts, skipped, position = [], [], {}, [], 0
    if records or skipped:
        yield pack()
