"""The GTP commands of the engine: administration, setup, play, score. Analysis is in
`gocnn.gtp.analyze`, GoGui's in `gocnn.gtp.gogui`."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gocnn import __version__, files
from gocnn.board import BLACK, WHITE, BadVertex, IllegalMove
from gocnn.board.coords import COLOUR_NAMES, PASS, SIZE, from_gtp, to_gtp
from gocnn.board.text import diagram
from gocnn.engine.clock import SYSTEMS, BadClock, Clock
from gocnn.engine.game import FIXED_HANDICAP, Game
from gocnn.engine.ownership import chains, is_settled
from gocnn.engine.player import RESIGN, Player
from gocnn.engine.scoring import owners, result_text, without_territory
from gocnn.gtp import loading
from gocnn.gtp.protocol import GtpError, Handler, Quit

TERRITORIES = {"black_territory": BLACK, "white_territory": WHITE, "dame": 0}
"""What GNU Go's `final_status_list` tells of empty points, and whose they are."""

COLOURS = {"b": BLACK, "black": BLACK, "w": WHITE, "white": WHITE}


def parse_colour(text: str) -> int:
    """The colour that GTP calls `b`, `black`, `w` or `white` (either case). Raises GtpError."""
    try:
        return COLOURS[text.lower()]
    except KeyError:
        raise GtpError("invalid color") from None


def vertex_of(text: str) -> int:
    """The flat index of a vertex. Raises GtpError."""
    try:
        return from_gtp(text)
    except BadVertex:
        raise GtpError("invalid vertex") from None


def whole_number(text: str) -> int:
    """The whole number that an argument stands for. Raises GtpError if it is none."""
    try:
        return int(text)
    except ValueError:
        raise GtpError("syntax error: a whole number is expected") from None


class Engine:
    """A game and a player, and the commands about them. `commands` maps names to handlers; other
    modules add theirs.

    name, version: what the client is told. most_seconds: no move takes longer, whatever the clock
    says. thought: seconds spent on moves so far. elsewhere: the client's board has another size,
    which was refused; so until it clears this one or loads a record. shouts_pass: a pass is
    answered as `PASS`, as GNU Go does. interrupted: whether a move is to be looked for no longer.
    """

    def __init__(self, player: Player, name: str = "gocnn", version: str | None = None) -> None:
        self.player, self.game, self.clock = player, Game(), Clock()
        self.name, self.version = name, version or f"{__version__} {player.evaluator.name}"
        self.most_seconds: float | None = None
        self.thought = 0.0
        self.elsewhere = self.shouts_pass = False
        self.interrupted: Callable[[], bool] = lambda: False
        self.commands: dict[str, Handler] = {}
        for name in dir(self):
            if name.startswith("cmd_"):
                self.commands[name[4:]] = getattr(self, name)
        self.commands["kgs-time_settings"] = self.kgs_time_settings
        self.commands["kgs-genmove_cleanup"] = self.kgs_genmove_cleanup

    # --- administration ---

    def cmd_protocol_version(self, arguments: list[str]) -> str:
        return "2"

    def cmd_name(self, arguments: list[str]) -> str:
        return self.name

    def cmd_version(self, arguments: list[str]) -> str:
        return self.version

    def cmd_known_command(self, arguments: list[str]) -> str:
        return "true" if arguments and arguments[0] in self.commands else "false"

    def cmd_list_commands(self, arguments: list[str]) -> str:
        return "\n".join(sorted(self.commands))

    def cmd_quit(self, arguments: list[str]) -> str:
        raise Quit

    # --- setup ---

    def cmd_boardsize(self, arguments: list[str]) -> str:
        if len(arguments) not in (1, 2):
            raise GtpError("syntax error: one argument is expected")
        self.elsewhere = any(whole_number(text) != SIZE for text in arguments)
        if self.elsewhere:
            raise GtpError(f"unacceptable size: this engine plays on {SIZE}x{SIZE} only")
        return self.cmd_clear_board([])

    def cmd_clear_board(self, arguments: list[str]) -> str:
        self.elsewhere = False
        self.game.clear()
        self.player.new_game()
        self.clock.restart()
        return ""

    def cmd_komi(self, arguments: list[str]) -> str:
        try:
            komi = float(one(arguments))
        except ValueError:
            raise GtpError("syntax error: komi is a number") from None
        if not abs(komi) <= 1000:
            raise GtpError("syntax error: komi is a number from -1000 to 1000")
        if komi * 2 != int(komi * 2):  # 3.75 stones are 7.5 points, and nobody counts 3.75 points
            raise GtpError("syntax error: komi is a whole number of points or a half")
        self.game.komi = komi
        return ""

    def cmd_fixed_handicap(self, arguments: list[str]) -> str:
        count = whole_number(one(arguments))
        if count not in FIXED_HANDICAP:
            raise GtpError("invalid number of stones")
        return self._handicap(FIXED_HANDICAP[count].split())

    def cmd_place_free_handicap(self, arguments: list[str]) -> str:
        count = whole_number(one(arguments))
        if count < 2:
            raise GtpError("invalid number of stones")
        return self._handicap(FIXED_HANDICAP[min(count, 9)].split())

    def cmd_set_free_handicap(self, arguments: list[str]) -> str:
        points = {vertex.upper() for vertex in arguments}
        if len(points) != len(arguments) or len(points) < 2 or "PASS" in points:
            raise GtpError("bad vertex list")
        try:
            self._handicap(arguments)
        except BadVertex:
            raise GtpError("bad vertex list") from None
        return ""

    def _handicap(self, vertices: list[str]) -> str:
        if not self.game.empty:
            raise GtpError("board not empty")
        try:
            self.game.give_handicap([from_gtp(vertex) for vertex in vertices])
        except IllegalMove:
            raise GtpError("bad vertex list") from None
        return " ".join(vertices)

    def cmd_loadsgf(self, arguments: list[str]) -> str:
        name, stop = file_and_number(arguments)
        loading.load(name, None if stop is None else max(stop - 1, 0), self.game)
        self.elsewhere = False
        self.player.new_game()
        return COLOUR_NAMES[self.game.board.to_play]

    # --- play ---

    def cmd_play(self, arguments: list[str]) -> str:
        if len(arguments) != 2:
            raise GtpError("syntax error: play COLOR VERTEX")
        colour = parse_colour(arguments[0])
        if arguments[1].lower() == "resign":
            return ""
        self._play(vertex_of(arguments[1]), colour)
        return ""

    def _play(self, index: int, colour: int) -> None:
        try:
            self.game.play(index, colour)
        except IllegalMove:
            raise GtpError("illegal move") from None

    def cmd_genmove(self, arguments: list[str]) -> str:
        move = self.generate(parse_colour(one(arguments)))
        return "PASS" if move == "pass" and self.shouts_pass else move

    def kgs_genmove_cleanup(self, arguments: list[str]) -> str:
        return self.generate(parse_colour(one(arguments)), clean_up=True)

    def cmd_reg_genmove(self, arguments: list[str]) -> str:
        colour = parse_colour(one(arguments))
        decision = self.player.decide(self.game, colour, stopped=self.interrupted)
        return "resign" if decision.index == RESIGN else to_gtp(decision.index)

    def generate(
        self,
        colour: int,
        clean_up: bool = False,
        keep: npt.NDArray[np.bool_] | None = None,
        *,
        play: bool = True,
        stopped: Callable[[], bool] | None = None,
    ) -> str:
        """Choose a move (see `Player.decide`) as the clock allows, and play it, if it is to be
        played; the vertex, or `resign`. `stopped`: look ahead no longer once that is so (or the
        engine is `interrupted`)."""
        stopped = stopped or self.interrupted
        began = time.perf_counter()
        limits = [
            limit
            for limit in (
                self.clock.allowance(colour, len(self.game.board.moves)),
                self.most_seconds,
            )
            if limit is not None
        ]
        seconds = min(limits, default=None)
        decision = self.player.decide(
            self.game, colour, keep, clean_up=clean_up, seconds=seconds, stopped=stopped
        )
        if decision.index == PASS and not clean_up and self.game.must_capture:
            if seconds is not None:
                seconds = max(seconds - (time.perf_counter() - began), 0.0)
            decision = self.player.decide(
                self.game, colour, keep, clean_up=True, seconds=seconds, stopped=stopped
            )
        spent = time.perf_counter() - began
        self.thought += spent
        if play:
            self.clock.spend(colour, spent)
        if decision.index == RESIGN:
            return "resign"
        if play:
            self._play(decision.index, colour)
        return to_gtp(decision.index)

    def cmd_undo(self, arguments: list[str]) -> str:
        """The last move, or as many as are asked for (GNU Go's `gg-undo N`; qGo asks for 0)."""
        count = whole_number(one(arguments)) if arguments else 1
        if count and not self.game.undo(count):
            raise GtpError("cannot undo")
        return ""

    # --- clocks ---

    def cmd_time_settings(self, arguments: list[str]) -> str:
        return self.set_clock(Clock.gtp, arguments, "time_settings MAIN BYO_YOMI STONES")

    def kgs_time_settings(self, arguments: list[str]) -> str:
        return self.set_clock(
            Clock.kgs, arguments, f"kgs-time_settings {'|'.join(SYSTEMS)} [MAIN [PERIOD COUNT]]"
        )

    def set_clock(
        self, read: Callable[[list[str]], Clock], arguments: list[str], usage: str
    ) -> str:
        """A new clock from a command's arguments; nothing is answered. Raises GtpError."""
        try:
            self.clock = read(arguments)
        except BadClock as error:
            raise GtpError(f"syntax error: {usage}: {error}") from None
        return ""

    def cmd_time_left(self, arguments: list[str]) -> str:
        if len(arguments) != 3:
            raise GtpError("syntax error: time_left COLOR TIME STONES")
        colour = parse_colour(arguments[0])
        try:
            self.clock.tell(colour, arguments[1:])
        except BadClock as error:
            raise GtpError(f"syntax error: time_left COLOR TIME STONES: {error}") from None
        return ""

    # --- the end ---

    def dead(self) -> npt.NDArray[np.bool_]:
        """bool `(361,)`: the stones that are taken off before counting."""
        return self.player.dead(self.game)

    def cmd_final_score(self, arguments: list[str]) -> str:
        """What the rules count, after the stones that `final_status_list dead` names are taken off;
        of a game that is not over, what a network that says the score foresees."""
        return result_text(
            self.game.margin(self.dead()) if not self._estimates_score else self._estimated_margin()
        )

    @property
    def _estimates_score(self) -> bool:
        """Whether the score is still to be foreseen, and can be: neither have both sides passed,
        nor is everything settled."""
        if not self.player.evaluator.scores or self.game.over:
            return False
        return not is_settled(self.game.board, self.player.end(self.game))

    def _estimated_margin(self) -> float:
        """Black's margin, as the network foresees it: the nearest that a game with this komi can
        end with."""
        komi = self.game.komi
        return round(self.player.estimate(self.game).score_mean + komi) - komi

    def cmd_final_status_list(self, arguments: list[str]) -> str:
        status = one(arguments).lower()
        if status in TERRITORIES:
            board, dead = self.game.board, self.dead()
            stones = np.where(dead, 0, board.stones().ravel())
            wanted = (owners(board, dead, self.game.rules) == TERRITORIES[status]) & (stones == 0)
            return " ".join(to_gtp(int(index)) for index in np.flatnonzero(wanted))
        if status not in ("alive", "dead", "seki"):
            raise GtpError(f"syntax error: alive, dead, seki, {', '.join(TERRITORIES)}")
        return "\n".join(
            " ".join(to_gtp(int(index)) for index in chain)
            for chain, found in self.statuses()
            if found == status
        )

    def statuses(self) -> list[tuple[npt.NDArray[np.int64], str]]:
        """Each chain, as flat indices, and what becomes of it: `alive`, `dead` or `seki`."""
        board, dead = self.game.board, self.dead()
        seki = without_territory(board, dead)
        return [
            (chain, "dead" if dead[chain[0]] else "seki" if seki[chain[0]] else "alive")
            for chain in chains(board)
        ]

    def cmd_showboard(self, arguments: list[str]) -> str:
        board = self.game.board
        black, white = board.captured()
        state = (
            f"{COLOUR_NAMES[board.to_play]} to play, komi {self.game.komi:g}, captured by black"
            f" {black}, by white {white}"
        )
        return "\n" + diagram(board, colour=False, unicode=False) + "\n" + state


def one(arguments: list[str]) -> str:
    """The only argument. Raises GtpError if there are none or more."""
    if len(arguments) != 1:
        raise GtpError("syntax error: one argument is expected")
    return arguments[0]


def file_and_number(arguments: list[str]) -> tuple[str, int | None]:
    """The file (its name may have spaces, and begin with `~`) and the move number, if one is given,
    of `loadsgf`. Raises GtpError; standard input is no file, for the protocol's own lines come from
    there."""
    if not arguments:
        raise GtpError("syntax error: loadsgf FILE [MOVE NUMBER]")
    try:
        name, number = files.at_home(_unquoted(arguments)), None
        if len(arguments) > 1 and not Path(name).exists() and not _quoted(arguments):
            name = files.at_home(_unquoted(arguments[:-1]))
            number = whole_number(arguments[-1])
        path = Path(name)
        if name == "-" or (
            path.exists() and (not (path.is_file() or path.is_dir()) or _is_standard_input(path))
        ):
            raise GtpError(
                f"cannot load file: {name} is not a file of its own; give the name of a game record"
            )
    except (OSError, ValueError) as error:  # no name that a file can have
        raise GtpError(f"cannot load file: {error}") from None
    return name, number or None  # 0 is the whole game for GNU Go, and Kigo counts on that


def _quoted(words: list[str]) -> bool:
    """Whether these words are one name, in quotation marks as a shell wants them."""
    text = " ".join(words)
    return len(text) > 2 and text[0] == text[-1] and text[0] in "\"'"


def _unquoted(words: list[str]) -> str:
    """A name of several words, without the quotation marks around it (unless it is there so)."""
    text = " ".join(words)
    return text[1:-1] if _quoted(words) and not Path(text).exists() else text


def _is_standard_input(path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(0), path.stat())
    except OSError:
        return False
