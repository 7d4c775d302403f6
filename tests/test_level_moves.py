"""What no level ever does and what each does as it should: moves against stones counted by hand,
and the ends of real games against playouts."""

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gocnn.board import BLACK, Board
from gocnn.board.coords import PASS, from_gtp
from gocnn.engine import beginner, levels
from gocnn.engine.game import Game
from gocnn.engine.ownership import PLAYOUTS, Playouts, eyes, safe_points
from gocnn.engine.player import RESIGN, Player
from tests.conftest import main_line, play_randomly
from tests.conversation import FINISHED_LEFT, FINISHED_RIGHT

SOME = ("20k", "12k", "5k", "1k", "1d")


def at_level(evaluator, name: str, seed: int = 1) -> Player:
    player = Player(evaluator, seed=seed)
    player.level = levels.parse(name)
    return player


def played(moves: list[tuple[int, int]]) -> Game:
    game = Game()
    for index, colour in moves:
        game.play(index, colour)
    return game


def endgames(files: list[Path]) -> list[Game]:
    """Positions of the last moves of sample games: the end itself, and 5 to 40 moves before."""
    return [
        played(main_line(path.read_bytes())[: -back or None])
        for path, back in zip(files, itertools.cycle((0, 5, 15, 40)), strict=False)
    ]


def test_who_is_blind_plays_as_beginners_do_whatever_the_network_says():
    """With few stones, so that nothing is settled, and a network that is sure of nothing."""
    game, rng = Game(6.5), np.random.default_rng(0)
    for index, colour in play_randomly(5, 30):
        game.play(index, colour)
    colour = game.board.to_play
    wanted = np.append(game.board.legal()[:PASS], False)
    nobody: Any = None  # no estimate is asked for so early
    said = []
    for _ in range(2):
        p = rng.uniform(0.5, 1.5, PASS + 1)
        said.append(
            levels.weights(
                levels.of_skill(-1), game, colour, p=p / p.sum(), wanted=wanted, estimator=nobody
            )[:PASS]
        )
    np.testing.assert_allclose(said[0], said[1])
    seen = beginner.looks(game.board, beginner.move_effects(game.board, colour)) * (said[0] > 0)
    np.testing.assert_allclose(said[0], seen / seen.sum())
    assert (said[0] > 0).sum() > 200


def test_facts_of_moves_are_those_of_a_board_that_plays_them():
    """Against stones counted by hand after each move was made."""
    for seed in range(3):
        board = Board(19)
        for index, colour in play_randomly(seed, 60 + 90 * seed):
            board.play(index, colour)
        colour = board.to_play
        does = beginner.move_effects(board, colour)
        stones = board.stones().ravel()
        for index in np.flatnonzero(board.legal()[:PASS]).tolist():
            after = board.copy()
            after.play(int(index))
            now = after.stones().ravel()
            taken = int(((stones == 3 - colour) & (now == 0)).sum())
            chain, liberties = _chain(now, int(index))
            assert does.taken[index] == min(taken, 4)
            assert does.exposed[index] == (min(len(chain), 4) if liberties == 1 else 0)
            around = [n for n in _near(int(index)) if stones[n]]
            assert does.alone[index] == (not around)
            assert does.touches[index] == any(stones[n] == 3 - colour for n in around)
            libs = {n: _chain(stones, n)[1] for n in around}
            assert does.threatens[index] == any(
                stones[n] == 3 - colour and libs[n] == 2 for n in around
            )
            assert does.saves[index] == (
                any(stones[n] == colour and libs[n] == 1 for n in around) and liberties >= 2
            )


def _near(index: int) -> list[int]:
    row, column = divmod(index, 19)
    return [
        r * 19 + c
        for r, c in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
        if 0 <= r < 19 and 0 <= c < 19
    ]


def _chain(stones: np.ndarray, index: int) -> tuple[set[int], int]:
    chain, open_, todo = {index}, set(), [index]
    while todo:
        for n in _near(todo.pop()):
            if stones[n] == 0:
                open_.add(n)
            elif stones[n] == stones[index] and n not in chain:
                chain.add(n)
                todo.append(n)
    return chain, len(open_)


def test_no_level_fills_eyes_plays_where_all_is_settled_or_gives_stones_away_at_the_end(
    evaluator, sample_files
):
    """In ends of real games, over all moves that a level could draw: not only those that it happens
    to."""
    looked = 0
    for game in endgames(sample_files[:4]):
        colour = game.board.to_play
        stones = game.board.stones().ravel()
        if (stones != 0).sum() < levels.MANY_STONES:
            continue
        owner = Playouts(game.board, game.area_komi, seed=99).run(400).owner
        alive = safe_points(game.board, 1) | safe_points(game.board, 2)
        for name in SOME:
            player = at_level(evaluator, name)
            chances = player.chances(game, colour)
            p = player.probabilities(game, colour)
            assert math.isclose(chances.sum(), 1.0, abs_tol=1e-6)
            could = np.flatnonzero(chances[:PASS] > 0)
            assert not eyes(game.board, colour)[could].any()
            assert not alive[could].any()
            assert game.board.legal(colour)[could].all()
            for index in could:
                if p[index] >= levels.WANTED:
                    continue
                assert abs(owner[index]) < 0.97, f"{name} plays in what is settled"
                now = game.board.copy()
                now.to_play = colour
                now.play(int(index))
                if ((now.stones().ravel() == 0) & (stones != 0)).any():
                    continue
                assert _chain(now.stones().ravel(), int(index))[1] > 1, f"{name} gives a stone away"
                looked += 1
    assert looked > 20


@pytest.mark.parametrize("name", [*SOME, "2d"])
def test_every_level_passes_when_the_game_is_over(evaluator, name):
    game = Game()
    game.set_up([from_gtp(v) for v in FINISHED_LEFT], [from_gtp(v) for v in FINISHED_RIGHT], BLACK)
    player = at_level(evaluator, name)
    assert player.decide(game, BLACK).index == PASS
    game.play(PASS, BLACK)
    assert player.decide(game, 2).index == PASS


def test_the_same_seed_plays_the_same_game_and_another_one_another(evaluator):
    def opening(name: str, seed: int) -> list[int]:
        player, game = at_level(evaluator, name, seed), Game()
        for _ in range(16):
            game.play(player.decide(game, game.board.to_play).index, game.board.to_play)
        return [index for index, _ in game.board.moves]

    for name in ("20k", "8k", "1d"):
        assert opening(name, 3) == opening(name, 3) != opening(name, 4)


def test_beginners_open_in_the_corners_too(evaluator):
    """As people of every rank do, nearly always; the weakest of all wander off now and then."""
    line = np.minimum(np.arange(19), 18 - np.arange(19))
    corner = np.maximum(line[:, None], line[None]).ravel() <= 6
    for name, least in (("20k", 0.5), ("10k", 0.85), ("5k", 0.9), ("1k", 0.9), ("1d", 0.95)):
        player = at_level(evaluator, name, 1)
        first = [player.decide(Game(), BLACK).index for _ in range(60)]
        assert corner[first].mean() >= least, name
        assert len(set(first)) > 3, name


def test_weak_levels_do_not_resign_and_strong_ones_do(evaluator):
    """White has no stone, and a corner of six by six is all that is left to play in."""
    game = Game()
    for index in range(PASS):
        row, column = divmod(index, 19)
        if (row + column) % 2 == 0 and (row > 5 or column > 5):
            game.play(index, BLACK)
            game.play(PASS, 2)
    for name, gives_up in (("20k", False), ("5k", True), ("1d", True)):
        for never in (False, True):
            player = at_level(evaluator, name)
            player.never_resigns = never
            said = []
            for _ in range(4):
                said.append(player.decide(game, 2).index)
                game.play(PASS, 2)
                game.play(PASS, BLACK)
            assert (RESIGN in said) == (gives_up and not never), name


@pytest.mark.slow
def test_playing_a_level_out_to_the_end(evaluator):
    """Two beginners come to an end by passing, and what is left on the board is settled."""
    players = {1: at_level(evaluator, "20k", 5), 2: at_level(evaluator, "15k", 6)}
    game = Game()
    while not game.over and len(game.board.moves) < 600:
        colour = game.board.to_play
        index = players[colour].decide(game, colour).index
        assert index != RESIGN
        assert index == PASS or not eyes(game.board, colour)[index]
        game.play(index, colour)
    assert game.over
    owner = Playouts(game.board, 6.5).run(PLAYOUTS).owner
    assert (np.abs(owner) > 0.5).mean() > 0.9
