"""Games between two GTP engines under a referee that keeps its own board: clocks, illegal moves,
crashes, scoring."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from sgfmill import sgf

from gocnn.board import BLACK, WHITE, BadVertex, Board, IllegalMove
from gocnn.board.coords import COLOUR_NAMES, PASS, SIZE, from_gtp, to_gtp, to_row_column
from gocnn.match.gtp_client import EngineFault, EngineProcess, EngineRefusal

LONGEST = 722
"""Moves after which a game is scored as it stands: twice the board."""

SET_UP = 60.0
"""Seconds that an engine has for anything but choosing a move."""

START = 300.0
"""Seconds that it has for its first answer: a large network may be read, or tuned to the
machine."""

Score = Callable[[Board, float], float]
"""Black's margin in a finished game, from the board and komi."""


@dataclass(frozen=True)
class MatchRules:
    """What a game is played under. seconds: most that one move may take; main_time: most for all of
    a side's moves (0: no clock); move_time: what each side is told that it has for every move (0:
    nothing), as overtime of one stone; only `seconds` is held against it."""

    komi: float = 6.5
    seconds: float = 60.0
    main_time: float = 0.0
    move_time: float = 0.0


@dataclass(frozen=True)
class GameResult:
    """A finished game. number: from 0; winner: 0 for the first engine, 1 for the second, -1 for
    neither; black: which engine had black; result as SGF has it; how: `score`, `resignation`,
    `time`, `illegal move`, `fault` or `length`; detail: what happened, for people; moves: all of
    them, of which the first `given` were the opening's; seconds: what each engine took."""

    number: int
    opening: int
    black: int
    winner: int
    result: str
    how: str
    detail: str
    moves: int
    seconds: tuple[float, float]
    given: int = 0

    def to_json(self) -> dict[str, object]:
        """The result as an object for a line of the match's file `games.jsonl`."""
        return asdict(self)


class EngineSlot:
    """An engine in the match; started when it is needed, and again after a fault. Another thread
    may end it."""

    def __init__(self, command: str) -> None:
        self.command = command
        self._process: EngineProcess | None = None
        self._ended = False
        self._lock = threading.Lock()

    def ask(self, command: str, seconds: float) -> str:
        """As `EngineProcess.ask`; after a fault the next question starts the engine anew, and has
        START. After `end` every question is an EngineFault."""
        with self._lock:  # not while it thinks: `end` must not wait for that
            if self._ended:
                raise EngineFault("was stopped")
            if self._process is None:
                self._process, seconds = EngineProcess(self.command), max(seconds, START)
            process = self._process
        try:
            return process.ask(command, seconds)
        except EngineFault:
            self._close()
            raise

    def end(self) -> None:
        """Stop its process for good, whatever it is doing: a game that is going on here is over at
        its next question, or at this one."""
        self._ended = True  # before `_close` takes the lock: whoever asks after that sees it
        self._close()

    def _close(self) -> None:
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.close()


class _Lost(Exception):
    """The game is over because of what a colour did: `loser`, `how` and `detail`."""

    def __init__(self, loser: int, how: str, detail: str) -> None:
        super().__init__(detail)
        self.loser, self.how, self.detail = loser, how, detail


def play_game(
    number: int,
    opening_number: int,
    opening: Sequence[int],
    slots: tuple[EngineSlot, EngineSlot],
    *,
    names: tuple[str, str],
    black: int,
    rules: MatchRules,
    score: Score,
) -> tuple[GameResult, bytes]:
    """Play one game; the game and its record as SGF. `opening`: flat indices, black first; `names`:
    what the record calls the engines. Nothing that an engine does raises."""
    board = Board(SIZE)
    at = {BLACK: slots[black], WHITE: slots[1 - black]}
    used = {BLACK: 0.0, WHITE: 0.0}
    margin = 0.0
    try:
        _begin(at, rules)
        for index in opening:
            for colour in (BLACK, WHITE):
                _send(at[colour], colour, f"play {_letter(board.to_play)} {to_gtp(index)}")
            board.play(index)
        how = _play_on(board, at, rules, used)
        margin = score(board, rules.komi)
        loser, detail = (0 if margin == 0 else WHITE if margin > 0 else BLACK), ""
    except _Lost as lost:
        loser, how, detail = lost.loser, lost.how, lost.detail
    sign = {BLACK: "W+", WHITE: "B+", 0: "0"}[loser]
    ends = {"resignation": "R", "time": "T", "illegal move": "F", "fault": "F"}
    result = sign if loser == 0 else sign + ends.get(how, f"{abs(margin):g}")
    winner = -1 if loser == 0 else black if loser == WHITE else 1 - black
    seconds = (used[BLACK if black == 0 else WHITE], used[WHITE if black == 0 else BLACK])
    played = GameResult(
        number,
        opening_number,
        black,
        winner,
        result,
        how,
        detail,
        len(board.moves),
        (round(seconds[0], 3), round(seconds[1], 3)),
        min(len(opening), len(board.moves)),
    )
    return played, _record(board, played, names, rules)


def _letter(colour: int) -> str:
    return "B" if colour == BLACK else "W"


def _send(slot: EngineSlot, colour: int, command: str, *, needed: bool = True) -> None:
    """Ask; a fault loses the game for `colour`, and so does a refusal of what is needed (not every
    engine knows of clocks)."""
    try:
        slot.ask(command, SET_UP)
    except EngineFault as fault:
        raise _Lost(colour, "fault", f"{COLOUR_NAMES[colour]} {fault}") from fault
    except EngineRefusal as refusal:
        if needed:
            raise _Lost(
                colour, "fault", f"{COLOUR_NAMES[colour]} refused {command!r}: {refusal}"
            ) from refusal


def _begin(at: dict[int, EngineSlot], rules: MatchRules) -> None:
    for colour, slot in at.items():
        for command in (f"boardsize {SIZE}", "clear_board", f"komi {rules.komi:g}"):
            _send(slot, colour, command)
        if rules.main_time:
            _send(slot, colour, f"time_settings {rules.main_time:g} 0 0", needed=False)
        elif rules.move_time:
            _send(slot, colour, f"time_settings 0 {rules.move_time:g} 1", needed=False)


def _play_on(
    board: Board, at: dict[int, EngineSlot], rules: MatchRules, used: dict[int, float]
) -> str:
    """Let the engines move until both pass; how the game ended. Raises _Lost."""
    passes = 0
    while passes < 2:
        if len(board.moves) >= LONGEST:
            return "length"
        colour = board.to_play
        limit = rules.seconds
        if rules.main_time:
            left = rules.main_time - used[colour]
            limit = min(limit, left + 1.0)  # a second's grace for the pipe
            _send(
                at[colour],
                colour,
                f"time_left {_letter(colour)} {max(int(left), 0)} 0",
                needed=False,
            )
        elif rules.move_time:
            _send(
                at[colour],
                colour,
                f"time_left {_letter(colour)} {rules.move_time:g} 1",
                needed=False,
            )
        begun = time.monotonic()
        try:
            answer = at[colour].ask(f"genmove {_letter(colour)}", limit)
        except EngineFault as fault:
            how = "time" if time.monotonic() - begun >= limit else "fault"
            raise _Lost(
                colour, how, f"{COLOUR_NAMES[colour]} {fault} at move {len(board.moves) + 1}"
            ) from fault
        except EngineRefusal as refusal:
            raise _Lost(
                colour, "fault", f"{COLOUR_NAMES[colour]} refused to move: {refusal}"
            ) from refusal
        used[colour] += time.monotonic() - begun
        if answer.lower() == "resign":
            raise _Lost(colour, "resignation", "")
        try:
            index = from_gtp(answer)
            board.play(index, colour)
        except BadVertex as error:
            raise _Lost(
                colour, "fault", f"{COLOUR_NAMES[colour]} answered genmove with {answer[:40]!r}"
            ) from error
        except IllegalMove as error:
            raise _Lost(colour, "illegal move", str(error)) from error
        passes = passes + 1 if index == PASS else 0
        other = 3 - colour
        _send(at[other], other, f"play {_letter(colour)} {to_gtp(index)}")
    return "score"


def _record(board: Board, played: GameResult, names: tuple[str, str], rules: MatchRules) -> bytes:
    game = sgf.Sgf_game(SIZE, encoding="UTF-8")
    root = game.get_root()
    root.set("KM", rules.komi)
    root.set("PB", names[played.black])
    root.set("PW", names[1 - played.black])
    root.set("RE", played.result)
    root.set("RU", "Chinese")
    root.set("GN", f"game {played.number}, opening {played.opening}")
    for index, colour in board.moves:
        game.extend_main_sequence().set_move("b" if colour == BLACK else "w", to_row_column(index))
    if played.detail:
        game.get_last_node().set("C", played.detail)
    data: bytes = game.serialise()
    return data
