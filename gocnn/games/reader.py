"""From bytes to games: every game of every file, or the reason it was skipped."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gocnn.board import rules, symmetry
from gocnn.board.coords import PASS, WHITE
from gocnn.games import encoding, foreign, handicap, meaning, scan, slowpath, sources, text
from gocnn.games.kifu import BadRecord
from gocnn.games.labels import LABEL_WORDS
from gocnn.games.record import RECORD, Note
from gocnn.games.record import ReadGame as ReadGame
from gocnn.games.shield import BEGINNING, SgfText
from gocnn.games.words import colour_of, index_of

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
BAD_RECORD = "broken record"
STONES_MISSING = "handicap stones missing"
DUPLICATE = "duplicate"

EDITION = 6
"""Raised whenever the same file gives other games or labels, so that a store kept from earlier is
made anew."""

SLOW_LIMIT = 1 << 20
"""Bytes a game may have to be read by the careful path; a larger one that is also unusual counts as
broken."""


MOST_UNCLOSED = 100
"""Games whose brackets do not close after which a file is given up: looking for the end of each
takes a walk through all the rest."""


@dataclass(frozen=True)
class Skipped:
    """One thing that was not taken in: the file, the number of the game in it (from 1; 0 for the
    whole file), why, details, and where in the file the game stands (bytes; nowhere for the whole
    file)."""

    name: str
    game: int
    reason: str
    detail: str = ""
    span: tuple[int, int] = (0, 0)


class Reader:
    """Reads games; keeps the working memory that one process needs."""

    def __init__(self, positions: bool = False) -> None:
        """positions: records without moves are games too (problems, handicap starts), instead of
        being skipped."""
        self._accepted = (scan.GOOD, scan.NO_MOVES) if positions else (scan.GOOD,)
        self._state = rules.new_state()
        self._words = np.zeros(scan.MAX_WORDS + 512, np.uint16)
        self._properties = np.zeros((scan.MAX_PROPERTIES, 3), np.int64)
        self._result = np.zeros(scan.RESULTS, np.int64)
        self._permutations = symmetry.table()

    def games(self, blob: sources.Blob) -> Iterator[ReadGame | Skipped]:
        """Each game of one file in order, or what was skipped and why."""
        if blob.trouble:
            yield Skipped(blob.name, 0, UNREADABLE, blob.trouble)
            return
        try:
            data = foreign.as_sgf(blob.data)
        except BadRecord as error:
            yield Skipped(blob.name, 0, BAD_RECORD, str(error))
            return
        yield from self.games_of(blob.name, SgfText(data))

    def games_of(self, name: str, file: SgfText) -> Iterator[ReadGame | Skipped]:
        """As `games`, of a file that was opened already."""
        data = np.frombuffer(file.data, np.uint8)
        begin, number, unclosed = scan.game_start(data, 0), 0, 0
        if begin < 0:
            yield Skipped(
                name, 0, NOT_SGF, "no game tree '(;' in it" if file.raw.strip() else "empty file"
            )
            return
        beginnings: list[int] | None = None
        while begin >= 0:
            number += 1
            end = scan.game_end(data, begin)
            item = self._one(name, file, data, (begin, end), number) if end >= 0 else None
            if not isinstance(item, ReadGame):
                # Brackets that do not close swallow the games that follow: look for the next plain
                # beginning.
                if beginnings is None:
                    beginnings = [match.start() for match in BEGINNING.finditer(file.data)]
                stop = end if end >= 0 else len(data)
                following = bisect_left(beginnings, begin + 2)
                resume = min(beginnings[following], stop) if following < len(beginnings) else stop
                if item is None or resume < end:
                    unclosed += 1
                    if unclosed > MOST_UNCLOSED:
                        detail = (
                            f"brackets of {MOST_UNCLOSED} games do not close; the rest of the file"
                            " was left unread"
                        )
                        yield Skipped(name, number, REASONS[scan.BROKEN], detail)
                        return
                    end, item = (
                        resume,
                        Skipped(
                            name,
                            number,
                            REASONS[scan.BROKEN],
                            "its brackets do not close",
                            (begin, resume),
                        ),
                    )
            yield item
            begin = scan.game_start(data, end)

    def _one(
        self, name: str, file: SgfText, data: scan.Bytes, span: tuple[int, int], number: int
    ) -> ReadGame | Skipped:
        begin, end = span
        result = self._result
        if (found := self._scan(file.raw, file.data, data, begin, end)) is None:
            return Skipped(
                name,
                number,
                REASONS[scan.BROKEN],
                f"an unusual game of more than {SLOW_LIMIT >> 20} MB",
                span,
            )
        properties, detail = found
        status = int(result[scan.STATUS])
        detail = detail or (f"move {result[scan.DETAIL]}" if result[scan.DETAIL] else "")
        notes: list[Note] = []
        stones = handicap.stated(file.raw[begin:end])
        if stones > 1 and self._lacks_stones():
            with_stones = self._with_stones(file, begin, end, stones)
            if with_stones is not None:
                properties, status = with_stones, int(result[scan.STATUS])
                notes.append(Note(meaning.STONES_ADDED, f"HA[{stones}] without AB"))
            elif status != scan.ILLEGAL:
                detail = (
                    f"HA[{stones}] and no AB, and not one way a server puts them fits"
                    if stones in handicap.PLACES
                    else f"HA[{stones}] and no AB"
                )
                return Skipped(name, number, STONES_MISSING, detail, span)
        # Two characters such as (; are no record yet: something must be said of the game.
        empty = not (properties or result[scan.PROPERTIES] or result[scan.SETUP])
        if status not in self._accepted or (status == scan.NO_MOVES and empty):
            return Skipped(name, number, REASONS[status], detail, span)
        return self._game(name, file, span, properties, notes)

    def _scan(
        self, raw: bytes, hidden: bytes, data: scan.Bytes, begin: int, end: int
    ) -> tuple[dict[str, bytes], str] | None:
        """Read the game tree in `raw[begin:end]`: fills the words and the result, and returns the
        properties of its first node, and what there is to say of a game that cannot be used; None
        if it is too large for the careful path.

        hidden, and as an array data: `raw` with doubtful bytes hidden (`gocnn.games.shield`).
        """
        result, words = self._result, self._words
        scan.scan(data, begin, end, self._state, words, self._properties, result)
        if result[scan.STATUS] == scan.UNUSUAL:
            return (
                slowpath.read(
                    raw, hidden, begin, end, state=self._state, words=words, result=result
                )
                if end - begin <= SLOW_LIMIT
                else None
            )
        properties: dict[str, bytes] = {}
        for code, start, stop in self._properties[: result[scan.PROPERTIES]].tolist():
            key = _NAMES.get(code)
            if key is not None and key not in properties:
                properties[key] = raw[start:stop]
        return properties, ""

    def _lacks_stones(self) -> bool:
        """Whether the game just read, which states handicap stones, may have left them out: it sets
        none up, and White puts down the first stone or a move is illegal."""
        status = self._result[scan.STATUS]
        if status == scan.GOOD:
            return bool(self._result[scan.SETUP] == 0 and self._white_begins(0))
        if status == scan.NO_MOVES:
            return bool(self._result[scan.SETUP] == 0 and self._result[scan.TO_PLAY] != 1)
        return bool(status == scan.ILLEGAL)

    def _white_begins(self, n_setup: int) -> bool:
        """Whether White puts down the first stone of the game just read; Black may have passed
        before, as some programs write it."""
        moves = self._words[n_setup : n_setup + int(self._result[scan.MOVES])]
        stones = moves[index_of(moves) != PASS]
        return bool(len(stones) and colour_of(stones[0]) == WHITE)

    def _with_stones(
        self, file: SgfText, begin: int, end: int, number: int
    ) -> dict[str, bytes] | None:
        """Read the game with the handicap stones it leaves out: its properties (the words and the
        result are then its); None if they fit nowhere, or in two ways, or if another program than a
        server's wrote it."""
        fitting = [
            points for points in handicap.candidates(number) if self._fits(file, begin, end, points)
        ]
        return self._read_with(file, begin, end, fitting[0]) if len(fitting) == 1 else None

    def _fits(self, file: SgfText, begin: int, end: int, points: tuple[str, ...]) -> bool:
        properties = self._read_with(file, begin, end, points)
        status = self._result[scan.STATUS]
        if (
            properties is None
            or self._result[scan.SETUP] != len(points)
            or status not in (scan.GOOD, scan.NO_MOVES)
        ):
            return False
        texts = self._texts(file, begin, end, properties)
        allowed = handicap.candidates(len(points), text.date(texts.get("DT", "")))
        moves_white = status == scan.NO_MOVES or self._white_begins(len(points))
        return (
            moves_white
            and points in allowed
            and not meaning.other_program(file.raw[begin:end], texts)
        )

    def _read_with(
        self, file: SgfText, begin: int, end: int, points: tuple[str, ...]
    ) -> dict[str, bytes] | None:
        raw, hidden = (
            handicap.with_stones(part[begin:end], points) for part in (file.raw, file.data)
        )
        found = self._scan(raw, hidden, np.frombuffer(hidden, np.uint8), 0, len(raw))
        return found[0] if found else None

    def _texts(
        self, file: SgfText, begin: int, end: int, properties: dict[str, bytes]
    ) -> dict[str, str]:
        codec = file.codec(begin) or encoding.of_game(properties, file.raw, begin, end)
        return {
            key: encoding.simple_text(value, codec)
            for key, value in properties.items()
            if key in meaning.KEPT
        }

    def _game(
        self,
        name: str,
        file: SgfText,
        span: tuple[int, int],
        properties: dict[str, bytes],
        notes: list[Note],
    ) -> ReadGame:
        begin, end = span
        n_setup, n_moves = int(self._result[scan.SETUP]), int(self._result[scan.MOVES])
        words = self._words[: n_setup + n_moves].copy()
        texts = self._texts(file, begin, end, properties)
        record, odd = meaning.read_properties(
            file.raw[begin:end], texts, words, n_setup, int(self._result[scan.TO_PLAY])
        )
        record["key"] = scan.game_key(words, n_setup, n_moves, self._permutations)
        names = (texts.get("PB", ""), texts.get("PW", ""), texts.get("PC", ""))
        rules = texts.get("RU", "")
        return ReadGame(record, words, *names, name, span, notes=(*notes, *odd), rules=rules)


_NAMES = {scan.property_code(name): name for name in (*meaning.KEPT, "CA", "GN", "EV")}


@dataclass
class Chunk:
    """Games as arrays, ready for the store: records `(G,)`, words `(W,)`, the text table, what was
    skipped, what had to be decided about games that were taken (file and note); the labels of some,
    once they were counted: int64 `(n,)` records, uint16 `(n, 46)`, and what made them."""

    records: npt.NDArray[np.void]
    words: npt.NDArray[np.uint16]
    texts: list[str]
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[tuple[str, Note]] = field(default_factory=list)
    labelled: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    labels: npt.NDArray[np.uint16] = field(
        default_factory=lambda: np.zeros((0, LABEL_WORDS), np.uint16)
    )
    made_by: str = ""
    kinds: npt.NDArray[np.uint8] | None = None
    """uint8 `(n,)`: of the labels; without it all are of counted games."""

    def reasons(self) -> Counter[str]:
        return Counter(item.reason for item in self.skipped)


GAMES_A_CHUNK = 8192


def chunks(unit: sources.Unit, limit: int = sources.ARCHIVE_LIMIT) -> Iterator[Chunk]:
    """Read a unit of work into chunks of at most GAMES_A_CHUNK games. Record `start`s count from
    the chunk's first word."""
    reader = Reader()
    records: list[npt.NDArray[np.void]] = []
    words: list[npt.NDArray[np.uint16]] = []
    texts: dict[str, int] = {}
    skipped: list[Skipped] = []
    notes: list[tuple[str, Note]] = []
    position = 0

    def pack() -> Chunk:
        packed = np.array(records, RECORD) if records else np.zeros(0, RECORD)
        return Chunk(
            packed,
            np.concatenate(words) if words else np.zeros(0, np.uint16),
            list(texts),
            skipped,
            notes,
        )

    for blob in sources.read(unit, limit):
        source = blob.source or blob.name
        for item in reader.games(blob):
            if isinstance(item, Skipped):
                skipped.append(item)
            else:
                record = item.record
                record["start"] = position
                for key, value in (
                    ("black", item.black),
                    ("white", item.white),
                    ("place", item.place),
                    ("source", source),
                ):
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
