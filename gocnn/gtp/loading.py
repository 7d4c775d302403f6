"""A game record into the game that a protocol plays on."""

import math
import sys

from gocnn.engine.game import Game
from gocnn.engine.rulesets import name_of, of_record, parse
from gocnn.errors import UserError
from gocnn.games import position
from gocnn.gtp.protocol import GtpError


def load(name: str, moves: int | None, game: Game) -> None:
    """Set `game` to the record in file `name` after so many moves (all of them if None, or if it is
    shorter), and to its komi and its rules where it states them.

    What is played by from here on, and what had to be decided about the record, is said on standard
    error. Raises GtpError; the game is then as it was.

    The moves are not held to the rules of repetition and suicide that the game is played by from
    here on: they were made under the record's own.
    """
    try:
        found = position.in_named(name, moves, clip=True)
    except (UserError, OSError) as error:
        raise GtpError(f"cannot load file: {error}") from None
    if found.ply != len(found.board.moves):  # undo could not come back over it
        raise GtpError(
            f"cannot load file: {name}: setup stones after the first move; give a move number"
            " before them"
        )
    game.set_up(*found.start, handicap=found.known_handicap)
    game.board.superko = game.board.situational = False
    game.board.suicide = True
    for index, colour in found.board.moves:
        game.play(index, colour)
    game.board.to_play = found.board.to_play
    rules = of_record(found.rules)
    game.set_rules(game.rules if rules is None else parse(rules))
    if not math.isnan(found.komi):
        game.komi = found.komi
    kept = " (as set; not known from the record)"
    print(
        f"{name}: komi {game.komi:g}{kept if math.isnan(found.komi) else ''},"
        f" {rules or name_of(game.rules)} rules{'' if rules else kept}",
        file=sys.stderr,
    )
    for note in found.notes:
        print(f"{name}: {note.what} ({note.detail})", file=sys.stderr)
