"""The main line of a game record with everything around it kept: what a review reads, and writes
back.

Games are told apart and judged as `gocnn.games.reader` does it, and their nodes are those of its
careful path, with the place in the file of everything in them. What is written back is the file
itself, byte for byte in its own encoding, with the additions put in their places. Source of the
format: SGF FF[4], https://www.red-bean.com/sgf/.
"""

from dataclasses import dataclass, field

import numpy as np

from gocnn.board import BLACK, WHITE, Board, IllegalMove
from gocnn.board.coords import COLOUR_NAMES, SIZE
from gocnn.errors import UserError
from gocnn.games import encoding, foreign, meaning, nodes, reader
from gocnn.games.kifu import BadRecord
from gocnn.games.record import Note
from gocnn.games.shield import SgfText
from gocnn.games.text import WITH_SUICIDE
from gocnn.games.text import rules as rules_named
from gocnn.games.words import stones_of, word_of

MOST_TOLD = 10_000
"""Moves that are looked at for what a record's komi and handicap mean."""

Properties = dict[str, list[bytes]]
Stones = tuple[list[int], list[int]]


@dataclass
class Step:
    """A move of the main line: its node (properties by name, raw values), the node before it (None
    for the second move of a node), colour and flat index."""

    node: Properties
    before: Properties | None
    colour: int
    index: int
    setup: Stones | None = None
    """Stones, black and white, that stand instead of what was there, if the record sets the
    position up before this move."""


@dataclass
class Record:
    """A game of a file: where it stands there, its nodes with their properties as they are now, and
    its moves. `trouble`: why the moves stop early or there are none, or empty; `setup`: stones set
    up after the last move; `to_play`: the side that `PL` names there (0 if none); `komi`: points,
    nan if it states none; `rules`: as it names them; `notes`: what had to be decided."""

    file: SgfText
    span: tuple[int, int]
    line: list[nodes.Node] = field(default_factory=list)
    texts: list[Properties] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    black: str = ""
    white: str = ""
    result: str = ""
    rules: str = ""
    handicap_stones: int = 0
    komi: float = float("nan")
    notes: tuple[Note, ...] = ()
    trouble: str = ""
    setup: Stones | None = None
    to_play: int = 0

    @property
    def handicap(self) -> bool:
        """Whether it is a game with handicap stones."""
        return self.handicap_stones > 0

    def empty_board(self) -> Board:
        """What its moves are played on: with suicide, if the rules that it names allow it."""
        return Board(SIZE, suicide=rules_named(self.rules) in WITH_SUICIDE)


def parse(data: bytes, name: str) -> list[Record]:
    """The games of a file, in order; one that cannot be read, or is not on 19x19, has only its
    trouble. Raises UserError if it is no game record.

    A record in another format than SGF (`gocnn.games.foreign`) is SGF from here on.
    """
    try:
        file = SgfText(foreign.as_sgf(data))
    except BadRecord as error:
        raise UserError(f"{name}: {error}; give another file") from error
    records = [_record(file, item) for item in reader.Reader(positions=True).games_of(name, file)]
    if not any(record.line or record.span[1] for record in records):
        raise UserError(
            f"{name}: not a game record in SGF ({records[0].trouble}); give another file"
        )
    return records


def serialise(records: list[Record]) -> bytes:
    """Their file again, with what was added to the nodes."""
    file = records[0].file
    edits = sorted(edit for record in records for edit in _edits(record))
    parts, at = [], 0
    for start, stop, text in edits:
        parts += [file.raw[at:start], text]
        at = stop
    return encoding.widen(b"".join([*parts, file.raw[at:]]), file.wide)


def _edits(record: Record) -> list[tuple[int, int, bytes]]:
    """Where the file's bytes are replaced by which: each property whose values are not as they
    stand there."""
    edits: list[tuple[int, int, bytes]] = []
    raw = record.file.raw
    for node, now in zip(record.line, record.texts, strict=True):
        before = nodes.text_of(raw, node)
        added = b""
        for name, values in now.items():
            if values == before.get(name):
                continue
            text = b"".join(b"[" + value + b"]" for value in values)
            same = [each for each in node.properties if each.name == name]
            if not same:
                added += name.encode() + text
            for number, one in enumerate(same):
                # The name stays as it is written; what several properties of one name held is now
                # in the first.
                head = raw[one.start : one.values[0][0] - 1]
                edits.append((one.start, one.stop, b"" if number else head + text))
        if added:
            edits.append((node.stop, node.stop, added))
    return edits


def _record(file: SgfText, item: reader.ReadGame | reader.Skipped) -> Record:
    record = Record(file, item.span)
    if isinstance(item, reader.Skipped) and not item.span[1]:
        record.trouble = item.detail or item.reason
        return record
    if isinstance(item, reader.Skipped) and item.reason == reader.STONES_MISSING:
        record.trouble = f"{item.reason} ({item.detail})"
        return record
    try:
        line = nodes.main_line(file.data, *item.span)
    except nodes.BadGrammar as error:
        record.trouble = (
            f"broken SGF ({(item.detail if isinstance(item, reader.Skipped) else '') or error})"
        )
        return record
    if game := nodes.other_game(file.raw, line):
        record.trouble = f"not a game of Go ({game})"
        return record
    if size := nodes.other_size(file.raw, line):
        record.trouble = (
            f"the board {'is' if size[0].isdigit() else 'has'} {size}, but the network plays 19x19"
            " only"
        )
        return record
    record.line, record.texts = line, [nodes.text_of(file.raw, node) for node in line]
    _header(record)
    _walk(record, _added_stones(item, line))
    _terms(record)
    if isinstance(item, reader.ReadGame):
        record.notes = item.notes  # the reader also knows what it added
    return record


def _terms(record: Record) -> None:
    """Komi, handicap stones and notes as the reader takes them from a game, for one that no store
    takes as well."""
    texts = _texts(record)
    black, white = (record.steps[0].setup if record.steps else record.setup) or ([], [])
    stones = [(index, BLACK) for index in black] + [(index, WHITE) for index in white]
    # komi and handicap show in the beginning; a store has no place for longer games
    moves = [(step.index, step.colour) for step in record.steps[:MOST_TOLD]]
    words = [word_of(index, colour) for index, colour in stones + moves]
    raw = record.file.raw[slice(*record.span)]
    found, notes = meaning.read_properties(
        raw, texts, np.array(words, np.uint16), len(black) + len(white), record.to_play
    )
    record.komi, record.handicap_stones, record.notes = (
        float(found["komi"]),
        int(found["handicap"]),
        tuple(notes),
    )


def codec_of(record: Record) -> str:
    """The encoding of a record's texts, as Python names it."""
    values = {key: found[0] for key, found in record.texts[0].items()}
    return record.file.codec(record.span[0]) or encoding.of_game(
        values, record.file.raw, *record.span
    )


def _texts(record: Record) -> dict[str, str]:
    codec = codec_of(record)
    return {
        key: encoding.simple_text(found[0], codec)
        for key, found in record.texts[0].items()
        if key in meaning.KEPT
    }


def _header(record: Record) -> None:
    texts = _texts(record)
    record.black, record.white, record.result = (
        texts.get("PB", ""),
        texts.get("PW", ""),
        texts.get("RE", ""),
    )
    record.rules = texts.get("RU", "")


def _added_stones(item: reader.ReadGame | reader.Skipped, line: list[nodes.Node]) -> Stones | None:
    """Handicap stones that the reader knows of though the record does not set them up."""
    if isinstance(item, reader.Skipped) or any(
        each.name in ("AB", "AW") for node in line for each in node.properties
    ):
        return None
    words = item.words[: int(item.record["setup"])]
    return stones_of(words) if len(words) else None


def _walk(record: Record, pending: Stones | None) -> None:
    board = record.empty_board()
    if pending:
        board.set_up(*pending)
    for depth, node in enumerate(record.line):
        number = len(record.steps)
        try:
            change = nodes.change(record.file.raw, node)
        except nodes.OffBoard as error:
            record.trouble = f"move {number + 1}, {error}, is not on the board"
            return
        except nodes.BadSetup as error:
            record.trouble = f"{error}, set up after move {number}, is not on the board"
            return
        if change.setup:
            stones = board.stones().ravel()
            for colour, index in change.setup:
                stones[index] = colour
            pending = (
                [int(i) for i in (stones == BLACK).nonzero()[0]],
                [int(i) for i in (stones == WHITE).nonzero()[0]],
            )
            try:
                board.set_up(*pending)
            except IllegalMove:
                record.trouble = (
                    f"the stones set up after move {number} leave a chain without a liberty"
                )
                return
        record.to_play = change.to_play or record.to_play
        for nth, (colour, index) in enumerate(change.moves):
            try:
                board.play(index, colour)
            except IllegalMove as error:
                record.trouble = f"move {len(record.steps) + 1} is not legal: {error}"
                return
            before = record.texts[max(depth - 1, 0)] if nth == 0 else None
            record.steps.append(Step(record.texts[depth], before, colour, index, pending))
            pending, record.to_play = None, 0
    record.setup = pending


def position_before(board: Board, step: Step) -> None:
    """Bring the board, which stands after the step before, to where this step is chosen."""
    if step.setup is not None:
        board.set_up(*step.setup)
    board.to_play = step.colour


def position_after(record: Record, ply: int) -> Board:
    """The position in which the move after `ply` moves was chosen, or with which the record ends.
    `ply`: 0 to as many as there are steps."""
    board = record.empty_board()
    for step in record.steps[:ply]:
        position_before(board, step)
        board.play(step.index, step.colour)
    if ply < len(record.steps):
        position_before(board, record.steps[ply])
        return board
    begins = WHITE if record.handicap and not record.steps else board.to_play
    to_play = record.to_play or begins
    if record.setup is not None:
        board.set_up(*record.setup)
    board.to_play = to_play
    return board


def side(colour: int) -> str:
    """`Black` or `White`."""
    return COLOUR_NAMES[colour].capitalize()
