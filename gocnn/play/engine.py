"""The GTP commands of the engine: administration, setup, play, score. Analysis is in `gocnn.play.analysis`, GoGui's in `gocnn.play.gogui`."""

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from gocnn import __version__
from gocnn.board import BLACK, WHITE, BadVertex, IllegalMove
from gocnn.board.coords import COLOUR_NAMES, SIZE, from_gtp, to_gtp
from gocnn.errors import UserError
from gocnn.games import sources
from gocnn.play import position
from gocnn.play.clock import SYSTEMS, BadClock, Clock
from gocnn.play.diagram import diagram
from gocnn.play.game import FIXED_HANDICAP, Game
from gocnn.play.gtp import Handler, Quit, Refused
from gocnn.play.outlook import chains, dead_stones, settled_score, without_territory
from gocnn.play.player import RESIGN, Player

COLOURS = {"b": BLACK, "black": BLACK, "w": WHITE, "white": WHITE}


def colour_of(text: str) -> int:
    """The colour that GTP calls `b`, `black`, `w` or `white` (either case). Raises Refused."""
    try:
        return COLOURS[text.lower()]
    except KeyError:
        raise Refused("invalid color") from None


def vertex_of(text: str) -> int:
    """The flat index of a vertex. Raises Refused."""
    try:
        return from_gtp(text)
    except BadVertex:
        raise Refused("invalid vertex") from None


def whole_number(text: str) -> int:
    """Raises Refused if it is not one."""
    try:
        return int(text)
    except ValueError:
        raise Refused("syntax error: a whole number is expected") from None


class Engine:
    """A game and a player, and the commands about them. `commands` maps names to handlers; other modules add theirs."""

    def __init__(self, player: Player) -> None:
        self.player, self.game, self.clock = player, Game(), Clock()
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
        return "gocnn"

    def cmd_version(self, arguments: list[str]) -> str:
        return f"{__version__} {self.player.evaluator.name}"

    def cmd_known_command(self, arguments: list[str]) -> str:
        return "true" if arguments and arguments[0] in self.commands else "false"

    def cmd_list_commands(self, arguments: list[str]) -> str:
        return "\n".join(sorted(self.commands))

    def cmd_quit(self, arguments: list[str]) -> str:
        raise Quit

    # --- setup ---

    def cmd_boardsize(self, arguments: list[str]) -> str:
        if whole_number(one(arguments)) != SIZE:
            raise Refused("unacceptable size")
        return self.cmd_clear_board([])

    def cmd_clear_board(self, arguments: list[str]) -> str:
        self.game.clear()
        self.player.new_game()
        self.clock.restart()
        return ""

    def cmd_komi(self, arguments: list[str]) -> str:
        try:
            komi = float(one(arguments))
        except ValueError:
            raise Refused("syntax error: komi is a number") from None
        if not abs(komi) <= 1000:
            raise Refused("syntax error: komi is a number from -1000 to 1000")
        self.game.komi = komi
        return ""

    def cmd_fixed_handicap(self, arguments: list[str]) -> str:
        count = whole_number(one(arguments))
        if count not in FIXED_HANDICAP:
            raise Refused("invalid number of stones")
        return self._handicap(FIXED_HANDICAP[count].split())

    def cmd_place_free_handicap(self, arguments: list[str]) -> str:
        count = whole_number(one(arguments))
        if count < 2:
            raise Refused("invalid number of stones")
        return self._handicap(FIXED_HANDICAP[min(count, 9)].split())

    def cmd_set_free_handicap(self, arguments: list[str]) -> str:
        points = {vertex.upper() for vertex in arguments}
        if len(points) != len(arguments) or len(points) < 2 or "PASS" in points:
            raise Refused("bad vertex list")
        try:
            self._handicap(arguments)
        except BadVertex:
            raise Refused("bad vertex list") from None
        return ""

    def _handicap(self, vertices: list[str]) -> str:
        if not self.game.empty:
            raise Refused("board not empty")
        try:
            self.game.give_handicap([from_gtp(vertex) for vertex in vertices])
        except IllegalMove:
            raise Refused("bad vertex list") from None
        return " ".join(vertices)

    def cmd_loadsgf(self, arguments: list[str]) -> str:
        if not 1 <= len(arguments) <= 2:
            raise Refused("syntax error: loadsgf FILE [MOVE NUMBER]")
        stop = whole_number(arguments[1]) if len(arguments) == 2 else None
        try:
            unit = sources.find([arguments[0]])[0]
            blob = next(iter(sources.read(unit)), None)
            if blob is None:
                raise UserError("no game in it")
            record = position.read_game(blob)
            place = position.at_ply(record, None if stop is None else min(max(stop - 1, 0), int(record.record["moves"])))
        except (UserError, OSError) as error:
            raise Refused(f"cannot load file: {error}") from None
        setup = position.set_up_of(record)
        self.game.set_up(*setup, handicap=int(record.record["handicap"]))
        for index, colour in place.board.moves:
            self.game.play(index, colour)
        self.game.board.to_play = place.board.to_play
        komi = float(record.record["komi"])
        if np.isfinite(komi):
            self.game.komi = komi
        self.player.new_game()
        return COLOUR_NAMES[place.board.to_play]

    # --- play ---

    def cmd_play(self, arguments: list[str]) -> str:
        if len(arguments) != 2:
            raise Refused("syntax error: play COLOR VERTEX")
        colour = colour_of(arguments[0])
        if arguments[1].lower() == "resign":
            return ""
        self._play(vertex_of(arguments[1]), colour)
        return ""

    def _play(self, index: int, colour: int) -> None:
        try:
            self.game.play(index, colour)
        except IllegalMove:
            raise Refused("illegal move") from None

    def cmd_genmove(self, arguments: list[str]) -> str:
        return self.generate(colour_of(one(arguments)))

    def kgs_genmove_cleanup(self, arguments: list[str]) -> str:
        return self.generate(colour_of(one(arguments)), clean_up=True)

    def cmd_reg_genmove(self, arguments: list[str]) -> str:
        decision = self.player.decide(self.game, colour_of(one(arguments)))
        return "resign" if decision.index == RESIGN else to_gtp(decision.index)

    def generate(self, colour: int, clean_up: bool = False, keep: npt.NDArray[np.bool_] | None = None) -> str:
        """Choose a move (see `Player.decide`) as the clock allows, and play it; the vertex, or `resign`."""
        began = time.perf_counter()
        decision = self.player.decide(self.game, colour, keep, clean_up, self.clock.allowance(colour, len(self.game.board.moves)))
        self.clock.spend(colour, time.perf_counter() - began)
        if decision.index == RESIGN:
            return "resign"
        self._play(decision.index, colour)
        return to_gtp(decision.index)

    def cmd_undo(self, arguments: list[str]) -> str:
        if not self.game.undo():
            raise Refused("cannot undo")
        return ""

    # --- clocks ---

    def cmd_time_settings(self, arguments: list[str]) -> str:
        return self._set_clock(Clock.gtp, arguments, "time_settings MAIN BYO_YOMI STONES")

    def kgs_time_settings(self, arguments: list[str]) -> str:
        return self._set_clock(Clock.kgs, arguments, f"kgs-time_settings {'|'.join(SYSTEMS)} [MAIN [PERIOD COUNT]]")

    def _set_clock(self, read: Callable[[list[str]], Clock], arguments: list[str], usage: str) -> str:
        try:
            self.clock = read(arguments)
        except BadClock as error:
            raise Refused(f"syntax error: {usage}: {error}") from None
        return ""

    def cmd_time_left(self, arguments: list[str]) -> str:
        if len(arguments) != 3:
            raise Refused("syntax error: time_left COLOR TIME STONES")
        colour = colour_of(arguments[0])
        try:
            self.clock.tell(colour, arguments[1:])
        except BadClock as error:
            raise Refused(f"syntax error: time_left COLOR TIME STONES: {error}") from None
        return ""

    # --- the end ---

    def cmd_final_score(self, arguments: list[str]) -> str:
        """Tromp-Taylor area, after the stones that `final_status_list dead` names are taken off."""
        outlook = self.player.outlook(self.game)
        score = settled_score(self.game.board, dead_stones(self.game.board, outlook), self.game.komi)
        return "0" if score == 0 else f"{'B' if score > 0 else 'W'}+{abs(score):g}"

    def cmd_final_status_list(self, arguments: list[str]) -> str:
        status = one(arguments).lower()
        if status not in ("alive", "dead", "seki"):
            raise Refused("syntax error: alive, dead or seki")
        board = self.game.board
        dead = dead_stones(board, self.player.outlook(self.game))
        groups = [chain for chain in chains(board) if bool(dead[chain[0]]) == (status == "dead")]
        if status != "dead":
            seki = without_territory(board, dead)
            groups = [chain for chain in groups if bool(seki[chain[0]]) == (status == "seki")]
        return "\n".join(" ".join(to_gtp(int(index)) for index in chain) for chain in groups)

    def cmd_showboard(self, arguments: list[str]) -> str:
        board = self.game.board
        black, white = board.captured()
        state = f"{COLOUR_NAMES[board.to_play]} to play, komi {self.game.komi:g}, captured by black {black}, by white {white}"
        return "\n" + diagram(board, colour=False, unicode=False) + "\n" + state


def one(arguments: list[str]) -> str:
    """The only argument. Raises Refused if there are none or more."""
    if len(arguments) != 1:
        raise Refused("syntax error: one argument is expected")
    return arguments[0]
