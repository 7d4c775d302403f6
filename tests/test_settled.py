"""Finished games are settled as the players did it: real counted games, and boards whose end is
known."""

import numpy as np
import pytest

from gocnn.board import Board
from gocnn.board.coords import from_gtp
from gocnn.engine.ownership import Playouts, dead_stones
from gocnn.engine.rulesets import CHINESE, JAPANESE
from gocnn.engine.scoring import margin
from gocnn.engine.settle import settled_dead, settled_margin
from gocnn.games import sources
from gocnn.games.position import at_ply
from gocnn.games.reader import Reader
from gocnn.games.reader import ReadGame as Read
from tests.conversation import FINISHED_LEFT, FINISHED_RIGHT
from tests.knower import Knower


def counted(games: list[bytes], count: int) -> list[tuple[Board, float, float]]:
    """Boards at the end of even games that were counted, komi, and black's margin as recorded."""
    found = []
    for number, data in enumerate(games):
        read = next(iter(Reader().games(sources.Blob(f"{number}.sgf", data))))
        if (
            isinstance(read, Read)
            and read.record["margin"] > 0
            and read.record["handicap"] < 2
            and not np.isnan(read.record["komi"])
        ):
            sign = 1 if read.record["winner"] == 1 else -1
            found.append(
                (
                    at_ply(read, None).board,
                    float(read.record["komi"]),
                    sign * float(read.record["margin"]),
                )
            )
            if len(found) == count:
                break
    return found


def agrees(board: Board, dead: np.ndarray, komi: float, recorded: float) -> bool:
    """Whether a count is the recorded one to half a point; servers count territory, or area."""
    return (
        min(abs(margin(board, dead, rules, komi) - recorded) for rules in (JAPANESE, CHINESE))
        <= 0.5
    )


def test_real_games_end_as_the_players_counted_them(real_games: list[bytes]) -> None:
    """By playouts: 87 % of 60 (80 % where a chain had to be lost by a margin to be dead)."""
    games = counted(real_games, 25)
    hits = [
        agrees(board, dead_stones(board, Playouts(board, komi).run(100).owner), komi, recorded)
        for board, komi, recorded in games
    ]
    assert len(hits) == 25
    assert np.mean(hits) >= 0.7


@pytest.mark.slow
def test_playing_on_tells_which_stones_are_dead(real_games: list[bytes], scoreless) -> None:
    """By the network's own games, for one that says no score: they differ from the record by the
    neutral points if their boards are counted."""
    games = counted(real_games, 3)
    assert (
        sum(
            agrees(board, settled_dead(scoreless, board), komi, recorded)
            for board, komi, recorded in games
        )
        >= 2
    )


def test_neutral_points_are_nobodys() -> None:
    """Two walls with an empty file between them: whoever would take it."""
    board = Board()
    board.set_up([r * 19 + 8 for r in range(19)], [r * 19 + 10 for r in range(19)])
    owner = np.where(np.arange(361) % 19 < 9, 1.0, -1.0).astype(np.float32)
    assert not dead_stones(board, owner, reading=False).any()
    assert margin(board, dead_stones(board, owner, reading=False), CHINESE, 0.0) == 0


def test_a_chain_on_the_other_sides_points_is_dead_and_a_safe_one_never() -> None:
    board = Board()
    black = [r * 19 + 8 for r in range(19)]
    white = [r * 19 + 9 for r in range(19)]
    stray = from_gtp("C3")
    board.set_up(black, [*white, stray])
    owner = np.where(np.arange(361) % 19 < 9, 1.0, -1.0).astype(np.float32)
    assert np.flatnonzero(dead_stones(board, owner, reading=False)).tolist() == [stray]
    corner = [from_gtp(v) for v in ("A2", "B2", "C2", "D1", "D2", "B1")]
    board.set_up([*black, *corner], white)
    assert not dead_stones(board, -np.ones(361, np.float32), reading=False)[corner].any(), (
        "two eyes, whatever is foreseen"
    )


@pytest.mark.parametrize("komi", [0.0, 6.5])
def test_a_network_that_knows_the_score_is_believed_beside_the_playouts(komi: float) -> None:
    """Two nets of eyes, a white stone in a hole of black's."""
    board = Board()
    hole = {f"{column}{row}" for column in "DEF" for row in (9, 10, 11)}
    black = [from_gtp(vertex) for vertex in FINISHED_LEFT if vertex not in hole]
    board.set_up(black, [*(from_gtp(vertex) for vertex in FINISHED_RIGHT), from_gtp("E10")])
    assert np.flatnonzero(settled_dead(Knower(), board)).tolist() == [from_gtp("E10")]
    assert settled_margin(Knower(), board, komi) == 9 * 19 - 10 * 19 - komi
