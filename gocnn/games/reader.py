"""From bytes to games: every game of every file, or the reason it was skipped."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gocnn.board import rules, symmetry
from gocnn.games import encoding, scan, slowpath, sources, text
from gocnn.games.record import RECORD
from gocnn.games.shield import BEGINNING, SgfText

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
    """One thing that was not taken in: the file, the number of the game in it (from 1; 0 for the whole file), why, details, and where in the file
    the game stands (bytes; nowhere for the whole file)."""  # fmt: skip

    name: str
    game: int
    reason: str
    detail: str = ""
    span: tuple[int, int] = (0, 0)


@dataclass
class Game:
    """One good game: its record (texts not yet numbered), its words (setup stones, then moves; uint16), its texts, its file and where
    it stands there (bytes)."""  # fmt: skip

    record: npt.NDArray[np.void]
    words: npt.NDArray[np.uint16]
    black: str
    white: str
    place: str
    name: str
    span: tuple[int, int]


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
        else:
            yield from self.games_of(blob.name, SgfText(blob.data))

    def games_of(self, name: str, file: SgfText) -> Iterator[Game | Skipped]:
        """The same of a file that was opened already."""
        data = np.frombuffer(file.data, np.uint8)
        begin, number, unclosed = scan.game_start(data, 0), 0, 0
        if begin < 0:
            yield Skipped(name, 0, NOT_SGF, "no game tree '(;' in it" if file.raw.strip() else "empty file")
            return
        beginnings: list[int] | None = None
        while begin >= 0:
            number += 1
            end = scan.game_end(data, begin)
            item = self._one(name, file, data, begin, end, number) if end >= 0 else None
            if not isinstance(item, Game):
                # Brackets that do not close swallow the games that follow: look for the next plain beginning.
                if beginnings is None:
                    beginnings = [match.start() for match in BEGINNING.finditer(file.data)]
                stop = end if end >= 0 else len(data)
                following = bisect_left(beginnings, begin + 2)
                resume = min(beginnings[following], stop) if following < len(beginnings) else stop
                if item is None or resume < end:
                    unclosed += 1
                    if unclosed > MOST_UNCLOSED:
                        detail = f"brackets of {MOST_UNCLOSED} games do not close; the rest of the file was left unread"
                        yield Skipped(name, number, REASONS[scan.BROKEN], detail)
                        return
                    end, item = resume, Skipped(name, number, REASONS[scan.BROKEN], "its brackets do not close", (begin, resume))
            yield item
            begin = scan.game_start(data, end)

    def _one(self, name: str, file: SgfText, data: scan.Bytes, begin: int, end: int, number: int) -> Game | Skipped:
        result, words, raw = self._result, self._words, file.raw
        scan.scan(data, begin, end, self._state, words, self._properties, result)
        detail = ""
        if result[scan.STATUS] == scan.UNUSUAL:
            if end - begin > SLOW_LIMIT:
                return Skipped(name, number, REASONS[scan.BROKEN], f"an unusual game of more than {SLOW_LIMIT >> 20} MB", (begin, end))
            properties, detail = slowpath.read(raw, file.data, begin, end, self._state, words, result)
        else:
            properties = {}
            for code, start, stop in self._properties[: result[scan.PROPERTIES]].tolist():
                key = _NAMES.get(code)
                if key is not None and key not in properties:
                    properties[key] = raw[start:stop]
        status = int(result[scan.STATUS])
        if status != scan.GOOD:
            detail = detail or (f"move {result[scan.DETAIL]}" if result[scan.DETAIL] else "")
            return Skipped(name, number, REASONS[status], detail, (begin, end))
        return self._game(name, file, begin, end, properties)

    def _game(self, name: str, file: SgfText, begin: int, end: int, properties: dict[str, bytes]) -> Game:
        n_setup, n_moves = int(self._result[scan.SETUP]), int(self._result[scan.MOVES])
        words = self._words[: n_setup + n_moves].copy()
        codec = file.codec(begin) or encoding.of_game(properties, file.raw, begin, end)
        texts = {key: encoding.simple_text(value, codec) for key, value in properties.items() if key in _KEPT}
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
        return Game(record, words, texts.get("PB", ""), texts.get("PW", ""), texts.get("PC", ""), name, (begin, end))


_KEPT = ("PB", "PW", "BR", "WR", "RE", "DT", "KM", "HA", "PC")
_NAMES = {scan.property_code(name): name for name in (*_KEPT, "CA", "GN", "EV")}


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
