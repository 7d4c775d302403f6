"""Eyes, unconditional life, playouts, dead stones: against slow twins written another way, and
positions that every player knows."""

import numpy as np
import pytest

from gocnn.board import BLACK, WHITE, Board, playouts
from gocnn.board.coords import to_gtp
from gocnn.engine.ownership import (
    PLAYOUTS,
    Playouts,
    chains,
    dead_stones,
    eyes,
    is_settled,
    safe_points,
    sensible_moves,
)
from gocnn.engine.rulesets import CHINESE
from gocnn.engine.scoring import margin, without_territory
from tests.conftest import play_randomly
from tests.slow_life import benson, board_from


@pytest.mark.parametrize("size", [5, 7, 9])
def test_unconditional_life_against_the_twin(size):
    """Ends of random games, where much is alive, and positions on the way."""
    found = 0
    for seed in range(60):
        board = Board(size)
        for index, colour in play_randomly(seed, 20 + seed % 40, size):
            board.play(index, colour)
        if seed % 2:
            playouts.playout(board.state, BLACK, np.uint64(seed + 1))
        stones = board.stones()
        for colour in (BLACK, WHITE):
            expected = benson(stones, colour)
            assert {
                tuple(divmod(int(i), size)) for i in np.flatnonzero(safe_points(board, colour))
            } == expected
            found += len(expected)
    assert found > 500  # not a comparison of empty sets


def test_two_eyes_live_and_one_does_not():
    two = board_from("""
        . X . X .
        X X X X X
        . . . . .
        . O O . .
        . . . . .""")
    assert safe_points(two, BLACK).sum() == 7 + 3
    one = board_from("""
        . X O . .
        X X O . .
        O O O . .
        . . . . .
        . . . . .""")
    assert not safe_points(one, BLACK).any()


EYES = """
    . X . X . X .
    X O X X X X .
    . . . . . . .
    . . . X . . .
    . . X . X . .
    . . O X {} . .
    . . . . . . ."""


def test_eyes_true_and_false():
    """On the edge one diagonal of the opponent's makes an eye false, in the middle two."""
    named = [
        {to_gtp(int(i), 7) for i in np.flatnonzero(eyes(board_from(EYES.format(corner)), BLACK))}
        for corner in "O."
    ]
    assert named == [{"E7"}, {"E7", "D3"}]
    assert not eyes(board_from(EYES.format("O")), WHITE).any()


def test_a_playout_ends_where_nothing_is_left_to_play():
    for seed in range(30):
        board = Board(9)
        for index, colour in play_randomly(seed, 15, 9):
            board.play(index, colour)
        playouts.playout(board.state, board.to_play, np.uint64(seed + 1))
        for colour in (BLACK, WHITE):
            assert not (board.legal(colour)[:-1] & ~eyes(board, colour)).any()
        assert (board.area() != 0).mean() > 0.9


def test_playouts_are_repeatable_fair_and_know_who_is_ahead():
    board = Board(19)
    one, two = Playouts(board, 0.0, 5).run(100), Playouts(board, 0.0, 5).run(100)
    assert (one.owner == two.owner).all()
    assert abs(one.black_winrate - 0.5) < 0.2
    assert Playouts(board, 100.0).run(100).black_winrate < 0.1
    assert Playouts(board, -100.0).run(100).black_winrate > 0.9
    assert (
        abs(
            Playouts(board, 50.0).run(400).score_mean
            - Playouts(board, 0.0).run(400).score_mean
            + 50
        )
        < 20
    )


FINISHED = """
    . X . X O . . O .
    X X X X O O O O O
    . X . X O . O . .
    X X X X O O O O O
    . O X . X O . . .
    X X X X X O O O O
    . . . . X O . O .
    . O . . X O O . O
    . . . . X O . O ."""


def test_dead_stones_and_score_of_a_finished_game():
    """Black's two lone white stones are dead; the wall down the middle divides the board."""
    board = board_from(FINISHED)
    estimate = Playouts(board, 0.0).run(400)
    dead = dead_stones(board, estimate.owner)
    assert {to_gtp(int(i), 9) for i in np.flatnonzero(dead)} == {"B2", "B5"}
    assert is_settled(board, estimate)
    # By hand: black has A to D in the upper four rows and A to E below; white has the rest.
    assert margin(board, dead, CHINESE, 0.0) == 41 - 40
    assert not without_territory(board, dead).any()


def test_nothing_is_settled_at_the_beginning():
    board = Board(19)
    assert not is_settled(board, Playouts(board, 6.5).run(PLAYOUTS))
    assert sensible_moves(board, BLACK).sum() == 362
    assert len(chains(board)) == 0


def test_seki_is_told_from_life():
    """Six stones of each colour share two liberties; whoever plays there is captured."""
    board = board_from("""
        . O . O X . X . X
        O O O O X X X X X
        . O O O X . X . X
        O O O O X X X X X
        O O O O X X X X X
        O O O O X X X X X
        O O O O X X X X X
        X X X . O O O X .
        X X X . O O O X .""")
    seki = {
        to_gtp(int(i), 9) for i in np.flatnonzero(without_territory(board, np.zeros(81, np.bool_)))
    }
    assert seki == {f"{column}{row}" for column in "ABCEFG" for row in (1, 2)}


def test_superko_moves_are_found_as_by_trying_each():
    """The sieve by hash must not lose a repetition: random games on a small board, where they
    happen all the time."""
    forbidden = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        board = Board(3, superko=True)
        for _ in range(60):
            mask = board.legal()
            plain = board.copy()
            plain.superko = False
            for index in np.flatnonzero(plain.legal()[:-1]):
                trial = board.copy()
                trial.superko = False
                trial.play(int(index))
                repeats = trial._colours() in board._seen
                assert mask[index] == (not repeats)
                forbidden += repeats
            board.play(int(rng.choice(np.flatnonzero(mask))))
    assert forbidden > 50
