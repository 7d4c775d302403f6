"""How the engine brings a game to its end: by boards where all is settled, and a whole game on
sgfmill's board."""

from gocnn.board import BLACK, WHITE
from gocnn.board.coords import PASS, from_gtp
from gocnn.engine.game import Game
from gocnn.engine.ownership import eyes
from gocnn.engine.player import RESIGN, Player
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
        decisions = [player.decide(game, BLACK).index for _ in range(4)]
        assert (decisions[-1] == RESIGN) == expected
        assert decisions[0] != RESIGN


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
