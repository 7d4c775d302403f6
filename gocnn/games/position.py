"""The position a person means: a game record, a ply, and moves typed by hand."""

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gocnn import archives
from gocnn.board import BLACK, WHITE, BadVertex, Board, IllegalMove
from gocnn.board.coords import from_gtp
from gocnn.errors import UserError
from gocnn.games import reader, scan, sources, words
from gocnn.games.reader import Reader, ReadGame, Skipped
from gocnn.games.record import Note
from gocnn.wording import counted

Start = tuple[list[int], list[int], int]
"""Stones, black and white (flat indices), and the colour to play first."""

_PLAYER = re.compile(rb"P[a-z\0]{0,9}L[a-z\0]{0,9}[\0- ]{0,9}\[", re.IGNORECASE)
"""The property that names the side to play, as any record may write it: `PL`, `pl`, `PLayer`, in
UTF-16 with zeros between the letters."""


READ_BY_NODE = {
    reader.REASONS[status]
    for status in (scan.LATE_SETUP, scan.ILLEGAL, scan.OFF_BOARD, scan.BAD_SETUP)
}
"""Games that no store takes, but whose positions up to the trouble (or, with stones set up in the
middle, all of them) can be looked at."""


@dataclass(eq=False)
class Position:
    """A board, after how many moves of the record it is, the number of handicap stones the game
    began with, the move that the record goes on with (None at its end), and what the board's moves
    started from. komi: points, nan if the record states none; rules: as the record names them
    (`RU`)."""

    board: Board
    ply: int = 0
    handicap: int = 0
    played: int | None = None
    title: str = ""
    start: Start = field(default_factory=lambda: ([], [], BLACK))
    komi: float = float("nan")
    notes: tuple[Note, ...] = ()
    rules: str = ""

    @property
    def known_handicap(self) -> int | None:
        """`handicap`; None where none is stated and no stone stood before the board's moves: then
        those that are handicap stones can be counted."""
        black, white, _ = self.start
        return self.handicap if black or white else self.handicap or None

    def __repr__(self) -> str:
        to_play = "black" if self.board.to_play == BLACK else "white"
        return f"<Position {self.title or 'at the beginning'}, {to_play} to play>"


EVEN_KOMI, HANDICAP_KOMI = 6.5, 0.5
"""Of a record that states none."""


def usual_komi(komi: float, handicap: int) -> float:
    """Komi as a record states it; where that is nan, the usual one. handicap: stones."""
    return komi if not math.isnan(komi) else HANDICAP_KOMI if handicap > 1 else EVEN_KOMI


class Unusable(UserError):
    """Raised for a record that cannot be shown as it is asked for, though another may be; `why`
    says so without the advice."""

    def __init__(self, why: str, advice: str = "") -> None:
        super().__init__(f"{why}; {advice}" if advice else why)
        self.why = why


def refusal(item: Skipped) -> Unusable:
    """The sentence for a game that cannot be used."""
    if item.reason == reader.UNREADABLE:
        return Unusable(f"{item.name}: {item.detail}")
    detail = f" ({item.detail})" if item.detail else ""
    advice = (
        "write them into the record as AB[..][..]"
        if item.reason == reader.STONES_MISSING
        else "give a 19x19 game record in SGF"
    )
    return Unusable(f"{item.name}: {item.reason}{detail}", advice)


def moves_of(game: ReadGame) -> list[tuple[int, int]]:
    """The moves: flat index and colour of each."""
    return words.decode(game.words[int(game.record["setup"]) :])


def set_up_of(game: ReadGame) -> Start:
    """The stones before the first move, and the colour that moves first: without moves the one that
    `PL` names, else White after handicap stones, else Black."""
    stones = game.words[: int(game.record["setup"])]
    moves = moves_of(game)
    to_play = (
        moves[0][1]
        if moves
        else int(game.record["to_play"])
        or (WHITE if len(stones) and game.record["handicap"] > 0 else BLACK)
    )
    return *words.stones_of(stones), to_play


def at_ply(game: ReadGame, ply: int | None) -> Position:
    """The position after `ply` moves of the game (all of them if None). Raises UserError if the
    game is shorter."""
    moves = moves_of(game)
    ply = _ply(game.name, ply, len(moves))
    board, start = Board(), set_up_of(game)
    board.set_up(*start)
    for index, colour in moves[:ply]:
        board.play(index, colour)
    if ply < len(moves):
        board.to_play = moves[ply][1]
    played = moves[ply][0] if ply < len(moves) else None
    handicap, komi = int(game.record["handicap"]), float(game.record["komi"])
    title = _title(game.black, game.white, ply)
    return Position(
        board,
        ply,
        handicap,
        played,
        title=title,
        start=start,
        komi=komi,
        notes=game.notes,
        rules=game.rules,
    )


def _ply(name: str, ply: int | None, n_moves: int) -> int:
    if ply is not None and not 0 <= ply <= n_moves:
        raise UserError(f"--at {ply}: {name} has {counted(n_moves, 'move')}; choose 0 to {n_moves}")
    return n_moves if ply is None else ply


def _title(black: str, white: str, ply: int) -> str:
    return f"{black or '?'} - {white or '?'}, after move {ply}"


def in_file(blob: sources.Blob, ply: int | None, clip: bool = False) -> Position:
    """The position after `ply` moves of the first game of a file (all of them if None). clip: a
    game that is shorter gives its last position.

    Raises UserError if the game is shorter, and its subclass `Unusable` if the file holds none, or
    one that does not go on so far without trouble.
    """
    first = next(iter(Reader(positions=True).games(blob)))
    if isinstance(first, ReadGame):
        position = at_ply(
            first, min(ply, int(first.record["moves"])) if clip and ply is not None else ply
        )
        # after the last move it may name the side to play
        if position.played is None and position.ply and _PLAYER.search(blob.data):
            from gocnn.games import sgf_tree

            position.board.to_play = (
                sgf_tree.parse(blob.data, blob.name)[0].to_play or position.board.to_play
            )
        return position
    if first.reason not in READ_BY_NODE:
        raise refusal(first)
    from gocnn.games import sgf_tree

    record = sgf_tree.parse(blob.data, blob.name)[0]
    steps = record.steps
    if record.trouble and (ply is None or ply > len(steps)):
        raise Unusable(
            f"{blob.name}: {record.trouble}",
            f"the positions after 0 to {len(steps)} moves can be looked at",
        )
    ply = _ply(blob.name, min(ply, len(steps)) if clip and ply is not None else ply, len(steps))
    board = sgf_tree.position_after(record, ply)
    if board.moves:
        origin = steps[ply - len(board.moves)]
        start = (*(origin.setup or ([], [])), origin.colour)
    else:
        stones = board.stones().ravel()
        start = (
            np.flatnonzero(stones == BLACK).tolist(),
            np.flatnonzero(stones == WHITE).tolist(),
            board.to_play,
        )
    played = steps[ply].index if ply < len(steps) else None
    title = _title(record.black, record.white, ply)
    handicap, komi = record.handicap_stones, record.komi
    return Position(
        board,
        ply,
        handicap,
        played,
        title=title,
        start=start,
        komi=komi,
        notes=record.notes,
        rules=record.rules,
    )


def play_typed(position: Position, typed: str) -> None:
    """Play moves such as `B D4 W Q16` (or `D4 Q16`, in turn). Raises UserError naming the first
    that is wrong; what follows the record is dropped."""
    colour: int | None = None
    count = 0
    for token in re.split(r"[\s,;]+", typed.strip()):
        if token.lower() in ("b", "w", "black", "white"):
            colour = BLACK if token.lower().startswith("b") else WHITE
            continue
        if not token:
            continue
        count += 1
        try:
            position.board.play(from_gtp(token), colour)
        except BadVertex as error:
            raise UserError(f"--moves: move {count}: {error}") from error
        except IllegalMove as error:
            raise UserError(f"--moves: move {count} is not legal: {error}") from error
        colour = None
    if colour is not None:
        position.board.to_play = colour
    if count:
        position.played = None
        position.ply += count
        position.title = (
            f"{position.title} and {count} more"
            if position.title
            else f"after {counted(count, 'move')}"
        )


def find_position(game: str | None, at: int | None, moves: str) -> Position:
    """The position that a command's arguments mean: a game record (`-` for standard input) after
    `at` moves, or the empty board; then the moves typed. Raises UserError."""
    if game is None:
        found = Position(Board())
    else:
        found = in_named(game, at)
    if moves.strip():
        play_typed(found, moves)
    return found


def in_named(name: str, ply: int | None, clip: bool = False) -> Position:
    """What `in_file` finds in the first record that can be shown of those that a name leads to: a
    file, a folder, an archive, or `-` for standard input. Notes say which that was.

    Raises UserError if there is none, or as `in_file` does.
    """
    passed: list[Unusable] = []
    for blob in _records(name):
        try:
            found = in_file(blob, ply, clip)
        except Unusable as error:
            passed.append(error)
            continue
        found.notes += _taken(name, blob, passed)
        return found
    if not passed:
        raise UserError(f"{name} holds no game record; give an SGF file")
    others = f" (nor can {counted(len(passed) - 1, 'other')} in {name})" if passed[1:] else ""
    raise UserError(f"{passed[0]}{others}")


def _records(name: str) -> Iterator[sources.Blob]:
    for unit in sources.find_units([name]):
        yield from sources.read(unit)


def _taken(name: str, blob: sources.Blob, passed: Sequence[Unusable]) -> tuple[Note, ...]:
    """Notes that say which game was taken, where a name leads to more than one, and why none before
    it was (`passed`)."""
    # `a.sgf.gz` is one record, packed
    packed = archives.is_archive_name(name) and not sources.is_record(archives.without_suffix(name))
    if Path(name).is_dir() or packed or passed:
        what = "the first game record in it is taken"
        if passed:
            what = "the first game record in it that can be shown is taken"
        left = f"; passed over: {passed[0].why}" if passed else ""
        more = f", and {len(passed) - 1} more" if passed[1:] else ""
        return (Note(what, f"{blob.name}{left}{more}"),)
    # variations begin so, too
    if blob.data.count(b"(;") > 1:
        games = Reader(positions=True).games(blob)
        if sum(1 for _ in itertools.islice(games, 2)) > 1:
            return (Note("the first game of a collection is taken", "split it to see another"),)
    return ()
