"""An opponent, the score and the rules by HTTP: what is answered is what the library, sgfmill's
board and a count by brute force say."""

import random
from typing import Any

import numpy as np
import pytest
from sgfmill import boards

from gocnn.board import BLACK, WHITE
from gocnn.board.coords import PASS, from_gtp, to_gtp
from gocnn.engine import levels
from gocnn.engine.game import Game
from gocnn.engine.ownership import dead_stones
from gocnn.engine.player import RESIGN, Player
from gocnn.engine.rulesets import RULES, parse
from tests.conftest import main_line, play_randomly
from tests.conversation import FINISHED_LEFT, FINISHED_RIGHT
from tests.serving_boards import GAME, pairs, server


@pytest.fixture(scope="module")
def served(evaluator):
    with server(evaluator) as (client, _):
        yield client


def good(served: Any, path: str, **body: Any) -> Any:
    answer = served.post(path, body)
    assert answer.status == 200, answer.body
    return answer.json()


def refused(served: Any, path: str, **body: Any) -> str:
    answer = served.post(path, body)
    assert answer.status == 400, answer.body
    sentence = answer.json()["error"]
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    return sentence


def spelled(moves: list[tuple[int, int]]) -> list[list[str]]:
    return [[" bw"[colour], to_gtp(index)] for index, colour in moves]


def game_after(moves: list[tuple[int, int]], komi: float = 6.5, rules: str = "chinese") -> Game:
    game = Game(komi, parse(rules))
    for index, colour in moves:
        game.play(index, colour)
    return game


# --- play


@pytest.mark.parametrize("level", ["20k", "8k", "1k", "2d"])
@pytest.mark.parametrize("seed", [1, 7])
def test_a_level_plays_as_the_player_does(served, evaluator, level, seed):
    moves = pairs(GAME)
    player = Player(evaluator, seed=seed)
    player.level = levels.parse(level)
    game = game_after([(from_gtp(vertex), 1 + "bw".index(colour)) for colour, vertex in moves])
    expected = player.decide(game, BLACK)
    found = good(served, "/api/play", position={"moves": moves}, level=level, seed=seed)
    assert found["move"] == to_gtp(expected.index)
    assert found["probability"] == pytest.approx(
        float(expected.probabilities[expected.index]), abs=1e-6
    )
    assert found["winrate"] == pytest.approx(expected.winrate, abs=1e-4)
    assert found["lead"] == pytest.approx(expected.lead, abs=0.01)


@pytest.mark.parametrize("options", [{}, {"visits": 30}, {"temperature": 1.0}, {"symmetries": 8}])
def test_a_player_by_hand(served, evaluator, options):
    player = Player(evaluator, seed=5, **options)
    game = game_after([(from_gtp("Q16"), BLACK), (from_gtp("D4"), WHITE)])
    expected = player.decide(game, BLACK)
    position = {"moves": [["b", "Q16"], ["w", "D4"]]}
    found = good(served, "/api/play", position=position, seed=5, **options)
    assert found["move"] == to_gtp(expected.index)


@pytest.mark.parametrize("options", [{}, {"level": "10k"}, {"level": "2d"}, {"visits": 10}])
@pytest.mark.parametrize("moves", [[], [["b", "pass"]]])
def test_it_passes_where_the_game_is_over(served, options, moves):
    position = {"black": FINISHED_LEFT, "white": FINISHED_RIGHT, "moves": moves}
    assert good(served, "/api/play", position=position, **options)["move"] == "pass"


def _finished(sample_files: list[Any]) -> bytes:
    """A sample that was counted."""
    for path in sample_files:
        data = path.read_bytes()
        if b"RE[B+" in data and b"RE[B+R" not in data and len(main_line(data)) > 200:
            return data
    raise AssertionError("no such sample")


@pytest.mark.parametrize(
    ("options", "gives_up"),
    [({"level": "1d"}, True), ({"level": "20k"}, False), ({"resign": 0.05}, True), ({}, False)],
)
def test_it_resigns_as_one_that_remembers_the_game(served, evaluator, options, gives_up):
    """White has no stone, and a corner of six by six is all that is left to play in. The server is
    asked afresh for each move; the player has been there all the time."""
    moves: list[tuple[int, int]] = []
    for index in range(361):
        row, column = divmod(index, 19)
        if (row + column) % 2 == 0 and (row > 5 or column > 5):
            moves += [(index, BLACK), (PASS, WHITE)]
    moves.pop()
    player = Player(evaluator, seed=3, resign=options.get("resign", 0.0))
    player.level = levels.parse(options["level"]) if "level" in options else None
    said = []
    for back in (4, 2, 0):
        game = game_after(moves[: len(moves) - back])
        said.append(player.decide(game, WHITE).index)
    assert said[0] != RESIGN
    assert (said[-1] == RESIGN) == gives_up
    found = good(served, "/api/play", position={"moves": spelled(moves)}, seed=3, **options)
    assert (found["move"] == "resign") == gives_up
    assert (found["probability"] is None) == gives_up


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"level": "31k"}, "there is no level '31k'"),
        ({"level": "5k", "visits": 10}, "it chooses visits and temperature itself"),
        ({"model": "large"}, "there is no network 'large'; there are small"),
        ({"style": "mine"}, "style"),
        ({"visits": -1}, "visits"),
        ({"visits": 10**9}, "visits"),
        ({"seconds": 1e9}, "seconds"),
        ({"temperature": "hot"}, "temperature"),
        ({"tempo": 1}, "tempo: there is no such field"),
    ],
)
def test_what_cannot_be_played_is_said(served, body, said):
    assert said in refused(served, "/api/play", position={"moves": []}, **body)


# --- score


def by_hand(board: boards.Board) -> tuple[int, int]:
    """Area of black and white, by filling."""
    count = {"b": 0, "w": 0}
    seen: set[tuple[int, int]] = set()
    for row in range(19):
        for column in range(19):
            stone = board.get(row, column)
            if stone:
                count[stone] += 1
            if stone or (row, column) in seen:
                continue
            room, beside, todo = {(row, column)}, set(), [(row, column)]
            while todo:
                r, c = todo.pop()
                for near in ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)):
                    if not (0 <= near[0] < 19 and 0 <= near[1] < 19) or near in room:
                        continue
                    if board.get(*near):
                        beside.add(board.get(*near))
                    else:
                        room.add(near)
                        todo.append(near)
            seen |= room
            if len(beside) == 1:
                count[beside.pop()] += len(room)
    return count["b"], count["w"]


@pytest.mark.parametrize("seed", range(6))
def test_random_games_are_counted_as_sgfmill_and_by_hand(served, seed):
    moves = play_randomly(seed, 400)
    theirs = boards.Board(19)
    for index, colour in moves:
        if index != PASS:
            theirs.play(*divmod(index, 19), "bw"[colour - 1])
    # whole chains are dead, though one stone of each is named
    rng = random.Random(seed)
    taken = rng.sample(theirs.list_occupied_points(), 3)
    named, dead = [], set()
    for colour, point in taken:
        chain, todo = {point}, [point]
        while todo:
            r, c = todo.pop()
            for near in ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)):
                inside = 0 <= near[0] < 19 and 0 <= near[1] < 19
                if inside and near not in chain and theirs.get(*near) == colour:
                    chain.add(near)
                    todo.append(near)
        named.append(to_gtp(point[0] * 19 + point[1]))
        dead |= chain
    stones = theirs.list_occupied_points()
    left = boards.Board(19)
    left.apply_setup(
        [point for colour, point in stones if colour == "b" and point not in dead],
        [point for colour, point in stones if colour == "w" and point not in dead],
        [],
    )
    black, white = by_hand(left)
    assert left.area_score() == black - white
    position = {"moves": spelled(moves), "komi": 7.5}
    found = good(served, "/api/score", position=position, dead=named)
    assert {from_gtp(vertex) for vertex in found["dead"]} == {r * 19 + c for r, c in dead}
    assert (found["black"], found["white"]) == (black, white)
    assert found["margin"] == black - white - 7.5
    assert (found["owner"].count(1), found["owner"].count(-1)) == (black, white)
    assert found["result"] == f"{'BW'[found['margin'] < 0]}+{abs(found['margin']):g}"
    for (r, c), colour in ((point, colour) for colour, point in stones if point not in dead):
        assert found["owner"][r * 19 + c] == {"b": 1, "w": -1}[colour]


@pytest.mark.parametrize("rules", list(RULES))
def test_every_rule_set_counts_as_the_engine_does(served, sample_files, rules):
    moves = main_line(_finished(sample_files))
    game = game_after(moves, 6.5, rules)
    found = good(served, "/api/score", position={"moves": spelled(moves), "rules": rules}, dead=[])
    none = np.zeros(361, np.bool_)
    assert found["margin"] == game.margin(none)


def test_dead_stones_are_the_engines_own(served, evaluator, sample_files):
    moves = main_line(_finished(sample_files))
    game = game_after(moves)
    expected = dead_stones(game.board, Player(evaluator).end(game).owner)
    found = good(served, "/api/score", position={"moves": spelled(moves)})
    assert [from_gtp(vertex) for vertex in found["dead"]] == np.flatnonzero(expected).tolist()
    assert found["margin"] == game.margin(expected)


def test_stones_that_stand_are_alive_where_the_rules_say_so(served):
    moves = [*pairs("A1 K10 B5"), ["w", "pass"], ["b", "pass"]]
    found = good(served, "/api/score", position={"moves": moves, "rules": "tromp-taylor"})
    assert found["dead"] == []


def test_handicap_stones_are_paid_for_and_a_draw_is_a_draw(served):
    position = {"moves": [], "black": ["D4", "Q16", "D16"], "rules": "chinese", "komi": 0.0}
    found = good(served, "/api/score", position=position, dead=[])
    assert found["margin"] == 361 - 3
    position = {"moves": pairs("D4 Q16"), "komi": 0}
    assert good(served, "/api/score", position=position, dead=[])["result"] == "0"


def test_a_dead_stone_must_stand(served):
    position = {"moves": pairs("D4 Q16")}
    assert "there is no stone at K10" in refused(
        served, "/api/score", position=position, dead=["K10"]
    )
    assert "dead[1]" in refused(served, "/api/score", position=position, dead=["D4", "Z3"])
    assert "not on a pass" in refused(served, "/api/score", position=position, dead=["pass"])


# --- what may be played


@pytest.mark.parametrize("rules", ["chinese", "tromp-taylor", "aga", "japanese"])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_illegal_is_so_on_the_board(served, seed, rules):
    moves = play_randomly(seed, 300)
    game = game_after(moves, rules=rules)
    for to_play in ("b", "w"):
        colour = 1 + "bw".index(to_play)
        position = {"moves": spelled(moves), "rules": rules, "to_play": to_play}
        found = good(served, "/api/legal", position=position)
        assert found["to_play"] == to_play
        forbidden = {from_gtp(vertex) for vertex in found["illegal"]}
        for index in np.flatnonzero(game.board.stones().ravel() == 0):
            trial = game.board.copy()
            try:
                trial.play(int(index), colour)
                legal = True
            except ValueError:
                legal = False
            assert (int(index) not in forbidden) == legal
        assert tuple(found["captured"]) == game.board.captured()
        assert not found["over"]


def test_a_repetition_of_the_whole_board_is_forbidden_where_the_rules_say_so(served):
    """Three kos in a row: the last move would bring the first position back."""
    kos = _three_kos()
    for rules, forbidden in (("chinese", False), ("chinese-ogs", True), ("tromp-taylor", True)):
        found = good(served, "/api/legal", position=kos | {"rules": rules})
        assert ("E4" in found["illegal"]) == forbidden, rules


def _three_kos() -> dict[str, Any]:
    """Set up three kos; black has two stones to take, white one; they take in turn until black's
    last take would repeat."""
    black, white = [], []
    for row in (4, 9, 14):
        black += [f"D{row + 1}", f"D{row - 1}", f"C{row}"]
        white += [f"E{row + 1}", f"E{row - 1}", f"F{row}"]
    # in the first and second ko a white stone stands at D, in the third a black one at E
    white += ["D4", "D9"]
    black += ["E14"]
    black = [vertex for vertex in black if vertex not in white]
    moves = [["b", "E4"], ["w", "D14"], ["b", "E9"], ["w", "D4"], ["b", "E14"], ["w", "D9"]]
    # now as at the start; black at E4 would repeat what was there after the first move
    return {"black": black, "white": white, "moves": moves, "to_play": "b"}
