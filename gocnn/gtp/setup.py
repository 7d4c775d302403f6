"""Commands that set a position up, or write the game down: KataGo's `set_position` and `printsgf`,
GoGui's `gogui-setup` and its relatives."""

from pathlib import Path

from sgfmill import sgf

from gocnn import __version__
from gocnn.board import BLACK, WHITE, IllegalMove
from gocnn.board.coords import PASS, SIZE, to_row_column
from gocnn.engine.game import Game
from gocnn.engine.rulesets import RULES, name_of
from gocnn.errors import UserError
from gocnn.files import write_bytes
from gocnn.gtp.commands import Engine, one, parse_colour, vertex_of
from gocnn.gtp.protocol import GtpError

SGF_NAMES = {"aga": "AGA", "bga": "BGA", "new-zealand": "NZ", "ing": "GOE"}
"""What SGF's property `RU` calls rule sets that it names otherwise than with a capital letter."""


def install(engine: Engine) -> None:
    """Add the commands."""
    game = engine.game

    def set_position(arguments: list[str]) -> str:
        pairs = pairs_of(arguments, "set_position")
        _set_up(engine, pairs, BLACK)
        return ""

    def gogui_setup(arguments: list[str]) -> str:
        pairs = pairs_of(arguments, "gogui-setup")
        if not game.empty:
            raise GtpError("board not empty")
        _set_up(engine, pairs, BLACK)
        return ""

    def setup_player(arguments: list[str]) -> str:
        game.set_to_play(parse_colour(one(arguments)))
        return ""

    def play_sequence(arguments: list[str]) -> str:
        moves = pairs_of(arguments, "play_sequence", passes=True)
        before, to_play = len(game.board.moves), game.board.to_play
        for index, colour in moves:
            try:
                game.play(index, colour)
            except IllegalMove:
                game.undo(len(game.board.moves) - before)
                game.set_to_play(to_play)
                raise GtpError("illegal move") from None
        return ""

    def print_sgf(arguments: list[str]) -> str:
        data = record(engine)
        if not arguments or arguments == ["-"]:
            return data.decode()
        try:
            write_bytes(Path(" ".join(arguments)), data)
        except UserError as error:
            raise GtpError(str(error)) from None
        return ""

    engine.commands.update(
        {
            "set_position": set_position,
            "gogui-setup": gogui_setup,
            "gogui-setup_player": setup_player,
            "gogui-play_sequence": play_sequence,
            "play_sequence": play_sequence,
            "gg-undo": engine.cmd_undo,
            "printsgf": print_sgf,
            "rectangular_boardsize": engine.cmd_boardsize,
            "get_komi": lambda arguments: f"{game.komi:g}",
        }
    )


def pairs_of(arguments: list[str], usage: str, passes: bool = False) -> list[tuple[int, int]]:
    """Flat index and colour of each `COLOR VERTEX`. Raises GtpError."""
    if len(arguments) % 2:
        raise GtpError(f"syntax error: {usage} COLOR VERTEX COLOR VERTEX ...")
    pairs = [
        (vertex_of(vertex), parse_colour(colour))
        for colour, vertex in zip(arguments[::2], arguments[1::2], strict=True)
    ]
    if not passes and any(index == PASS for index, _ in pairs):
        raise GtpError("invalid vertex: a pass is no stone")
    return pairs


def _set_up(engine: Engine, stones: list[tuple[int, int]], to_play: int) -> None:
    """Begin anew from these stones. Raises GtpError, nothing changed, if they cannot stand so."""
    if len({index for index, _ in stones}) < len(stones):
        raise GtpError("invalid position: a vertex is named twice")
    try:
        engine.game.set_up(
            [i for i, c in stones if c == BLACK], [i for i, c in stones if c == WHITE], to_play
        )
    except IllegalMove:
        raise GtpError("invalid position: a stone has no liberty") from None
    engine.player.new_game()


def record(engine: Engine) -> bytes:
    """The game as SGF: set-up stones, moves, komi, rules, and the result once both have passed."""
    game: Game = engine.game
    written = sgf.Sgf_game(SIZE, encoding="UTF-8")
    root = written.get_root()
    root.set("AP", ("gocnn", __version__))
    root.set("KM", game.komi)
    name = name_of(game.rules)
    root.set("RU", SGF_NAMES.get(name, name.capitalize() if name in RULES else name))
    black, white, to_play = game.first_stones
    if black or white:
        root.set_setup_stones([to_row_column(i) for i in black], [to_row_column(i) for i in white])
        root.set("PL", "b" if to_play == BLACK else "w")
    if game.handicap_stones:
        root.set("HA", game.handicap_stones)
    for index, colour in game.board.moves:
        written.extend_main_sequence().set_move(
            "w" if colour == WHITE else "b", to_row_column(index)
        )
    if game.over:
        root.set("RE", engine.cmd_final_score([]))
    data: bytes = written.serialise()
    return data
