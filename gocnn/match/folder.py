"""The folder of a match: what it is played under, its openings, and the games played so far. A
match that was stopped goes on from it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gocnn.board.coords import PASS
from gocnn.errors import UserError
from gocnn.files import write_text
from gocnn.match.game import GameResult

GAMES_FILE, SETTINGS_FILE, OPENINGS_FILE = "games.jsonl", "match.json", "openings.json"

LATER_SETTINGS = {"move_time": 0.0}
"""What matches that were begun before there was the option had."""


def resume(out: Path, description: dict[str, Any]) -> dict[int, GameResult]:
    """The games already played in this folder, by number; a folder without any gets the
    description. Raises UserError if it holds games of a match of another description, or cannot be
    read as a match."""
    settings = out / SETTINGS_FILE
    try:
        before = json.loads(settings.read_text(encoding="utf-8")) if settings.exists() else {}
        done = _games_in(out / GAMES_FILE)
        before = LATER_SETTINGS | before
        other = [key for key in description if before.get(key) != description[key]]
        if other and done:
            raise UserError(
                f"{out} holds a match with another {other[0]} ({before.get(other[0])!r});"
                " choose another --out"
            )
        if other:  # a match that is new, or was stopped before its first game ended
            (out / OPENINGS_FILE).unlink(missing_ok=True)
            write_text(settings, json.dumps(description, indent=1))
        return done
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise UserError(
            f"{out} cannot be read as a match ({error}); choose another --out"
        ) from error


def _games_in(path: Path) -> dict[int, GameResult]:
    """The games that a file of them lists, by number; none if it is not there."""
    if not path.exists():
        return {}
    whole, _, rest = path.read_text(encoding="utf-8").rpartition("\n")
    if rest:  # a kill cut the last line short: that game is played again
        write_text(path, whole + "\n" * bool(whole))
    found = [json.loads(line) for line in whole.splitlines()]
    return {
        values["number"]: GameResult(**values | {"seconds": tuple(values["seconds"])})
        for values in found
    }


def add_game(out: Path, result: GameResult) -> None:
    """Note a finished game, as one line of JSON."""
    with (out / GAMES_FILE).open("a", encoding="utf-8", newline="\n") as stream:
        stream.write(json.dumps(result.to_json()) + "\n")


def same_openings(
    out: Path, make_openings: Callable[[], list[list[int]]], count: int
) -> list[list[int]]:
    """`count` openings or more, each as flat indices: those that the match began with, and new ones
    after them (the network that they are drawn from may be another now). Raises UserError if the
    file of openings cannot be read."""
    path = out / OPENINGS_FILE
    kept = _openings_in(path)
    if len(kept) < count:
        kept += [moves for moves in make_openings() if moves not in kept]
        write_text(path, json.dumps(kept))
    return kept


def given_openings(out: Path, given: list[list[int]], begun: bool) -> list[list[int]]:
    """The openings that a file gives, kept for a match that goes on later. Raises UserError if it
    has begun with others (the file may be another now), or the file of openings cannot be read."""
    path = out / OPENINGS_FILE
    kept = _openings_in(path)
    if begun and kept and kept != given:
        raise UserError(
            f"{out} holds a match that began with other openings; give the file as it was, or"
            " choose another --out"
        )
    if kept != given:
        write_text(path, json.dumps(given))
    return given


def _openings_in(path: Path) -> list[list[int]]:
    """The openings that a file of them lists; none if it is not there. Raises UserError."""
    try:
        kept: list[list[int]] = (
            json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        )
        if not all(
            isinstance(moves, list)
            and all(isinstance(index, int) and 0 <= index <= PASS for index in moves)
            for moves in kept
        ):
            raise ValueError("it does not list moves")
    except (ValueError, TypeError, OSError) as error:
        raise UserError(
            f"{path} cannot be read as openings ({error}); choose another --out"
        ) from error
    return kept
