"""The rules against sgfmill, against published counts, and against a slow twin."""

import random
from pathlib import Path

import numpy as np
import pytest
from sgfmill import boards

from gocnn.board import BLACK, PASS, WHITE, Board, IllegalMove, legal_positions
from gocnn.board.coords import from_gtp
from tests.conftest import main_line
from tests.slow_rules import Slow

LETTERS = np.array([None, "b", "w"], object)
"""Sgfmill's name of each colour."""


def follow_with_sgfmill(moves: list[tuple[int, int]]) -> int:
    """Play on both boards and compare at every ply; returns how many were compared."""
    mine, theirs = Board(), boards.Board(19)
    for ply, (index, colour) in enumerate(moves):
        mine.play(index, colour)
        if index == PASS:
            continue
        ko = theirs.play(*divmod(index, 19), "bw"[colour - 1])
        if LETTERS[mine.stones()].tolist() != theirs.board:
            pytest.fail(f"ply {ply}\n{mine.stones()[::-1]}\n{theirs.board[::-1]}")
        assert mine.ko() == (None if ko is None else ko[0] * 19 + ko[1]), f"ko at ply {ply}"
    assert mine.score() == theirs.area_score()
    return len(moves)


def test_sample_games_equal_sgfmill(sample_files: list[Path]) -> None:
    assert (
        sum(follow_with_sgfmill(main_line(path.read_bytes())) for path in sample_files[:60]) > 5000
    )


@pytest.mark.slow
def test_1000_real_games_equal_sgfmill_at_every_ply(real_games: list[bytes]) -> None:
    assert sum(follow_with_sgfmill(main_line(data)) for data in real_games[::2]) > 150_000


@pytest.mark.parametrize(("size", "count"), [(1, 1), (2, 57), (3, 12675)])
def test_published_numbers_of_legal_positions(size: int, count: int) -> None:
    assert legal_positions(size) == count


@pytest.mark.slow
def test_published_number_of_legal_positions_4x4() -> None:
    assert legal_positions(4) == 24_318_165


@pytest.mark.parametrize("size", [2, 3, 4, 5, 7, 9])
@pytest.mark.parametrize("superko", [False, True])
def test_random_games_against_a_slow_twin(size: int, superko: bool) -> None:
    rng = random.Random(size)
    for _ in range(6):
        fast, slow, colour = Board(size, superko), Slow(size), BLACK
        for _ in range(60 if size < 5 else 120):
            legal = set()
            for row in range(size):
                for column in range(size):
                    after = slow.after((row, column), colour)
                    if after and not (superko and frozenset(after[0].items()) in slow.seen):
                        legal.add(row * size + column)
            assert set(np.flatnonzero(fast.legal(colour))) == legal | {size * size}
            move = rng.choice(sorted(legal)) if legal and rng.random() > 0.05 else size * size
            fast.play(move, colour)
            if move == size * size:
                slow.ko = None
            else:
                played = slow.after(divmod(move, size), colour)
                assert played is not None
                slow.stones, slow.ko = played
                slow.seen.add(frozenset(slow.stones.items()))
            assert {
                divmod(i, size): int(c) for i, c in enumerate(fast.stones().ravel()) if c
            } == slow.stones
            colour = 3 - colour if rng.random() > 0.1 else colour


def play(board: Board, text: str) -> None:
    for token in text.split():
        board.play(from_gtp(token[1:], board.size), BLACK if token[0] == "b" else WHITE)


def test_illegal_moves_say_why_and_change_nothing() -> None:
    board = Board(9)
    play(board, "bA2 bB1 wB2 bD4")
    before = board.stones().copy()
    for vertex, colour, reason in (("D4", WHITE, "occupied"), ("A1", WHITE, "suicide")):
        with pytest.raises(IllegalMove, match=reason):
            board.play(from_gtp(vertex, 9), colour)
    assert (board.stones() == before).all()
    assert len(board.moves) == 4


def test_ko_is_forbidden_at_once_and_allowed_later() -> None:
    board = Board(9)
    play(board, "bB1 bA2 bB3 wC1 wC3 wD2 bC2 wB2")
    with pytest.raises(IllegalMove, match="ko"):
        play(board, "bC2")
    play(board, "bG7 wH7 bC2")


def test_who_took_a_ko_may_fill_it() -> None:
    """Where a pass is missing from a record, or an analysis is asked for the same side."""
    board = Board(9)
    play(board, "bB1 bA2 bB3 wC1 wC3 wD2 bC2 wB2")
    point = from_gtp("C2", 9)
    assert (board.ko(), board.legal(BLACK)[point], board.legal(WHITE)[point]) == (
        point,
        False,
        True,
    )
    play(board, "wC2")
    assert board.stones()[1, 2] == WHITE


def test_superko_forbids_what_simple_ko_allows() -> None:
    """On a board of two points every capture repeats sooner or later."""
    board = Board(2, superko=True)
    board.play(0, BLACK)
    board.play(1, WHITE)
    board.play(3, WHITE)
    with pytest.raises(IllegalMove):
        for index in (2, 0, 1, 3) * 4:
            board.play(index, BLACK)


def test_setup_without_liberties_is_refused() -> None:
    with pytest.raises(IllegalMove, match="liberty"):
        Board(9).set_up([0], [1, 9])


@pytest.mark.parametrize("size", [1, 9, 19])
def test_what_is_no_point_of_the_board_is_refused(size: int) -> None:
    """Nothing has changed then, neither by a move nor by stones that are set up."""
    board = Board(size)
    if size > 1:
        board.play(0)
    before = board.copy()
    for index in (-1, -size, size * size + 1, 380, 400, 511, 2000, 10**6):
        with pytest.raises(IllegalMove, match=str(index)):
            board.play(index)
        with pytest.raises(IllegalMove, match=str(index)):
            board.set_up([index], [])
    with pytest.raises(IllegalMove, match="380" if size == 19 else "on the"):
        board.set_up([], [380])
    if size > 1:
        with pytest.raises(IllegalMove, match="liberty"):
            board.set_up([0], [1, size])
    assert (board.state == before.state).all()
    assert (board.moves, board.to_play) == (before.moves, before.to_play)


def test_area_of_an_empty_and_a_shared_board() -> None:
    board = Board(5)
    assert board.score(6.5) == -6.5
    play(board, "bC1 bC2 bC3 bC4 bC5 wD1 wD2 wD3 wD4 wD5")
    assert board.score() == 15 - 10
    assert (board.area()[:, :3] == BLACK).all()
    assert (board.area()[:, 3:] == WHITE).all()


def test_copies_are_independent() -> None:
    board = Board(superko=True)
    board.play(0)
    twin = board.copy()
    twin.play(1)
    assert board.stones().ravel()[1] == 0
    assert board.to_play == WHITE
    assert twin.to_play == BLACK
