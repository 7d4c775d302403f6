"""How the engine brings a game to its end: by boards where all is settled, and a whole game on
sgfmill's board."""

import pytest

from gocnn.board import BLACK, WHITE, Board
from gocnn.board.coords import PASS, from_gtp
from gocnn.engine import player as player_module
from gocnn.engine.game import Game
from gocnn.engine.ownership import Playouts, eyes
from gocnn.engine.player import RESIGN, Player
from gocnn.engine.rulesets import parse
from tests.conftest import play_randomly
from tests.conversation import finished


def test_does_not_fill_eyes_and_passes_when_ahead(evaluator):
    """With the board settled every move would fill an own eye or die: the engine passes whoever
    asks; with komi against it as well."""
    player = Player(evaluator)
    game = Game(komi=6.5)
    for line in finished():
        _, colour, vertex = line.split()
        game.play(from_gtp(vertex), BLACK if colour == "b" else WHITE)
    assert player.decide(game, BLACK).index == PASS
    assert player.decide(game, WHITE).index == PASS
    open_game = Game()
    open_game.play(from_gtp("D4"), BLACK)
    assert player.decide(open_game, WHITE).index != PASS


def test_answers_a_pass_by_passing_only_when_ahead(evaluator):
    """A dead stone of the opponent need not be taken: ahead, a pass answers a pass; behind, it
    plays on as long as a move could matter."""
    for komi, passes in ((-100.0, True), (100.0, False)):
        game = Game(komi=komi)
        for line in finished()[: len(finished()) - 12]:
            _, colour, vertex = line.split()
            game.play(from_gtp(vertex), BLACK if colour == "b" else WHITE)
        game.play(PASS, WHITE)
        assert (Player(evaluator).decide(game, BLACK).index == PASS) == passes


def test_resigns_only_when_told_to_and_lost(evaluator):
    moves = finished()[: len(finished()) - 12]
    for komi, resign, expected in ((300.0, 0.05, True), (300.0, 0.0, False), (-300.0, 0.05, False)):
        player, game = Player(evaluator, resign=resign), Game(komi=komi)
        for line in moves:
            _, colour, vertex = line.split()
            game.play(from_gtp(vertex), BLACK if colour == "b" else WHITE)
        for _ in range(4):  # the same position again is no further move
            assert player.decide(game, BLACK).index != RESIGN
        decisions = []
        for _ in range(3):
            decisions.append(player.decide(game, BLACK).index)
            game.play(PASS, BLACK)
            game.play(PASS, WHITE)
        assert (decisions[-1] == RESIGN) == expected
        assert RESIGN not in decisions[:-1]


def test_questions_in_between_change_nothing(evaluator):
    """What is dead is the same whenever it is asked for, and the moves that are drawn later are
    those that are drawn without a question."""
    game = Game()
    for index, colour in play_randomly(4, 150):
        game.play(index, colour)
    asked, silent = (Player(evaluator, temperature=1.0, seed=3) for _ in range(2))
    dead = [asked.dead(game) for _ in range(4)]
    assert dead[0].any()
    assert all((each == dead[0]).all() for each in dead)
    assert (asked.end(game).owner == silent.end(game).owner).all()
    for _ in range(3):
        asked.dead(game)
        moves = [player.decide(game, game.board.to_play).index for player in (asked, silent)]
        assert moves[0] == moves[1]
        game.play(moves[0], game.board.to_play)


def test_playouts_begin_with_the_side_that_is_asked(evaluator, monkeypatch: pytest.MonkeyPatch):
    """Whoever moved last: to move twice in a row is legal in GTP."""
    begun = []

    class Noted(Playouts):
        def __init__(self, board: Board, komi: float, seed: int) -> None:
            begun.append((board.to_play, komi))
            super().__init__(board, komi, seed)

    monkeypatch.setattr(player_module, "Playouts", Noted)
    game = Game(komi=6.5, rules=parse("japanese"))
    game.play(from_gtp("D4"), BLACK)
    for colour in (BLACK, WHITE):
        Player(evaluator).decide(game, colour)
    # black has put down a stone more; half a point for the last neutral one
    assert begun == [(BLACK, 6.5 + 1 + 0.5), (WHITE, 6.5 + 1 - 0.5)]


def test_plays_itself_to_the_end_by_the_rules(evaluator):
    """A whole game: no suicide and no repetition on sgfmill's board, never into an own eye, and
    both pass in the end."""
    from sgfmill.boards import Board as SgfmillBoard

    player, game, judge = Player(evaluator, temperature=0.3), Game(), SgfmillBoard(19)
    seen = set()
    for _ in range(600):
        colour = game.board.to_play
        index = player.decide(game, colour).index
        if index != PASS:
            assert not eyes(game.board, colour)[index]
            place = divmod(index, 19)
            mine = "bw"[colour - 1]
            judge.play(*place, mine)
            assert judge.get(*place) == mine, "suicide"
            position = tuple(map(tuple, judge.board))
            assert position not in seen
            seen.add(position)
        game.play(index, colour)
        if game.over:
            break
    assert game.over
    assert len(game.board.moves) > 150
