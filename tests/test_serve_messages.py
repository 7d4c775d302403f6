"""Positions in messages: what becomes of them is what sgfmill's board says, and what is none is named
in a sentence."""

import random
from enum import Enum
from typing import Any, Literal

import numpy as np
import pytest
from msgspec import Struct
from sgfmill import boards

from gocnn.board import BLACK, WHITE
from gocnn.board.coords import PASS, from_gtp, to_gtp
from gocnn.engine.rulesets import RULES
from gocnn.errors import UserError
from gocnn.messages import BadMessage, read
from gocnn.serve.analysis import Analyse
from gocnn.serve.bodies import known
from gocnn.serve.failures import status_of
from gocnn.serve.messages import Position, game_of
from gocnn.serve.playing import AskedMove
from tests.conftest import play_randomly


def position(**fields: Any) -> Position:
    return read({"moves": [], **fields}, Position)


def spelled(moves: list[tuple[int, int]]) -> list[list[str]]:
    return [[" bw"[colour], to_gtp(index)] for index, colour in moves]


@pytest.mark.parametrize("seed", range(20))
def test_random_games_stand_as_on_sgfmills_board(seed):
    """Stones set up, then moves of either side at random."""
    rng = random.Random(seed)
    theirs = boards.Board(19)
    black: list[int] = []
    white: list[int] = []
    for point in rng.sample(range(361), rng.choice([0, 8, 40])):
        rng.choice((black, white)).append(point)
    legal = theirs.apply_setup(*([divmod(p, 19) for p in some] for some in (black, white)), [])
    if not legal:
        black, white, theirs = [], [], boards.Board(19)
    moves: list[tuple[int, int]] = []
    ko = None
    for _ in range(300):
        colour = rng.choice((BLACK, WHITE))
        empty = [p for p in range(361) if theirs.get(*divmod(p, 19)) is None]
        point = rng.choice(empty)
        trial = theirs.copy()
        before = len(trial.list_occupied_points())
        ko_now = trial.play(*divmod(point, 19), " bw"[colour][0])
        alone = trial.get(*divmod(point, 19)) is None
        if alone or (ko == divmod(point, 19)):
            continue  # suicide, or a ko taken back
        assert len(trial.list_occupied_points()) <= before + 1
        theirs, ko = trial, ko_now
        moves.append((point, colour))
        if rng.random() < 0.05:
            moves.append((PASS, colour))
            ko = None
    said = position(
        black=[to_gtp(p) for p in black],
        white=[to_gtp(p) for p in white],
        moves=spelled(moves),
        komi=rng.choice([None, 0, 7.5, -3]),
    )
    game = game_of(said)
    for p in range(361):
        expected = {None: 0, "b": BLACK, "w": WHITE}[theirs.get(*divmod(p, 19))]
        assert game.board.stones().ravel()[p] == expected
    assert game.board.moves == moves
    assert game.board.to_play == 3 - moves[-1][1]
    assert game.komi == (6.5 if said.komi is None else said.komi) or game.handicap > 1


@pytest.mark.parametrize(
    ("fields", "first", "handicap", "komi"),
    [
        ({}, BLACK, 0, 6.5),
        ({"first": "w"}, WHITE, 0, 6.5),
        ({"to_play": "w"}, WHITE, 0, 6.5),
        ({"black": ["D4", "Q16"]}, WHITE, 2, 0.5),
        ({"black": ["D4", "Q16"], "first": "b"}, BLACK, 2, 0.5),
        ({"black": ["D4", "Q16"], "komi": 3}, WHITE, 2, 3.0),
        ({"black": ["D4"]}, BLACK, 0, 6.5),
        ({"black": ["D4", "Q16"], "white": ["C3"]}, BLACK, 0, 6.5),
        ({"black": ["D4", "Q16", "K10"], "white": ["C3"], "handicap": 2}, WHITE, 2, 0.5),
        ({"moves": [["w", "D4"]]}, BLACK, 0, 6.5),
        ({"moves": [["b", "D4"], ["b", "D5"]]}, WHITE, 0, 6.5),
        ({"moves": [["b", "D4"]], "to_play": "b"}, BLACK, 0, 6.5),
    ],
)
def test_who_plays_and_for_how_much(fields, first, handicap, komi):
    game = game_of(position(**fields))
    assert (game.board.to_play, game.handicap, game.komi) == (first, handicap, komi)


def test_rules_go_by_any_of_their_names():
    for name, rules in RULES.items():
        for spelling in (name, name.upper(), name.replace("-", "_"), rules.to_json()):
            assert game_of(position(rules=spelling)).rules == rules


def test_a_record_may_repeat_a_position_but_what_comes_next_may_not():
    """Two stones of white are taken and played again (sending two, returning one): six plies, and
    the board stands as before."""
    kos = {
        "black": [f"{c}{r}" for r in (4, 9, 14) for c, r in (("D", r + 1), ("D", r - 1), ("C", r))],
        "white": [f"{c}{r}" for r in (4, 9, 14) for c, r in (("E", r + 1), ("E", r - 1), ("F", r))],
    }
    kos["white"] += ["D4", "D9"]
    kos["black"] += ["E14"]
    cycle = [["b", "E4"], ["w", "D14"], ["b", "E9"], ["w", "D4"], ["b", "E14"], ["w", "D9"]]
    for rules in ("tromp-taylor", "aga", "chinese-ogs"):
        game = game_of(position(**kos, moves=cycle * 3, rules=rules))
        assert len(game.board.moves) == 18
        assert not game.board.legal()[from_gtp("E4")]
    assert game_of(position(**kos, moves=cycle, rules="chinese")).board.legal()[from_gtp("E4")]


def test_two_thousand_moves_are_taken_and_no_more():
    moves = play_randomly(1, 2000)
    game = game_of(position(moves=spelled(moves)))
    assert game.board.moves == moves
    with pytest.raises(UserError, match=r"the game has 2,001 moves by here, and 2,000 are"):
        game_of(position(moves=spelled([*moves, (PASS, BLACK)])))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"moves": [["b", "D4"], ["w", "D4"]]}, r"moves\[1\] is illegal: white may not play D4"),
        ({"moves": [["b", "I5"]]}, r"moves\[0\]: 'I5' is not a point"),
        ({"moves": [["b", "resign"]]}, r"moves\[0\]: 'resign'"),
        ({"black": ["pass"]}, r"black\[0\]: a stone stands on a point, not on a pass"),
        ({"white": ["D4", "T20"]}, r"white\[1\]: 'T20' is not a point"),
        ({"black": ["D4"], "white": ["D4"]}, "D4 cannot hold stones of both sides"),
        ({"black": ["A1"], "white": ["A2", "B1"]}, "leave a chain without a liberty"),
        ({"komi": 6.75}, "komi: 6.75 is neither a whole number nor a half"),
        ({"rules": "chess"}, "rules: unknown rules 'chess'"),
        ({"rules": {"ko": "SOMETIMES"}}, "rules: rule ko is one of"),
        ({"rules": {"hasButton": True}}, "rules: rule hasButton"),
    ],
)
def test_what_is_no_position_is_named(fields, said):
    with pytest.raises(UserError, match=said) as caught:
        game_of(position(**fields))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"moves": [["black", "D4"]]},
        {"moves": [["b"]]},
        {"moves": "D4"},
        {"komi": 1e9},
        {"komi": "7.5"},
        {"first": "x"},
        {"handicap": -1},
        {"handicap": 2.5},
        {"black": ["D4"] * 500},
        {"size": 9},
    ],
)
def test_what_does_not_fit_is_refused(fields):
    with pytest.raises(BadMessage):
        position(**fields)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"moves": [["B", "Q16"]]}, "position.moves[0][0]: it is one of b, w, not 'B'"),
        ({"moves": [["b", "Q16"], ["x", "D4"]]}, "position.moves[1][0]: it is one of b, w, not"),
        ({"moves": [], "to_play": "W"}, "position.to_play: it is one of b, w, not 'W'"),
        ({"moves": [], "first": "black"}, "position.first: it is one of b, w, not 'black'"),
        ({"moves": [["b"]]}, "position.moves[0]: expected a list of length 2, got 1"),
    ],
)
@pytest.mark.parametrize("kind", [AskedMove, Analyse])
def test_what_is_wrong_within_a_position_is_named_with_what_may_stand_there(kind, message, said):
    with pytest.raises(BadMessage) as caught:
        read({"position": message, "id": 1, "model": "small"}, kind)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"way": "max"}, "way: there is no such field"),
        ({"model": "small", "positon": {}}, "positon: there is no such field (is position meant?)"),
        ({}, "position: it is missing"),
        ({"position": {}}, "position.moves: it is missing"),
        ({"position": []}, "position: expected an object, got a list"),
        ({"position": {"moves": [["B", "Q16"]]}}, "position.moves[0][0]: it is one of b, w, not"),
        ({"position": {"moves": [], "komi": "7"}}, "position.komi: expected a number, got a text"),
        ({"position": {"moves": []}, "level": 5}, "level: expected a text, got a whole number"),
    ],
)
def test_a_client_is_told_the_place_once(values, sentence):
    """As every endpoint and socket tells it."""
    with pytest.raises(BadMessage) as caught:
        known(values, AskedMove)
        read(values, AskedMove)
    status, said = status_of(caught.value, "")
    assert status == 400
    assert said.startswith(sentence)
    assert said.count(caught.value.name) == 1


def test_choices_are_found_wherever_they_stand():
    class Side(Enum):
        LEFT = "left"
        RIGHT = "right"

    class Part(Struct):
        side: Side | None = None
        kinds: dict[str, list[Literal["a", "z"]]] = {}
        pair: tuple[int, Literal["x", "y"]] = (1, "x")

    class Whole(Struct):
        parts: list[Part]

    for part, said in (
        ({"side": "top"}, "parts[0].side: it is one of left, right, not 'top'"),
        ({"kinds": {"k": ["a", "b"]}}, "it is one of a, z, not 'b'"),
        ({"pair": [1, "q"]}, "parts[0].pair[1]: it is one of x, y, not 'q'"),
    ):
        with pytest.raises(BadMessage) as caught:
            read({"parts": [part]}, Whole)
        assert said in str(caught.value)


def test_a_search_is_taken_over_only_where_it_fits(evaluator):
    """What a new analysis keeps of one before it."""
    from gocnn.engine.analysis import Analysis, AnalysisOptions
    from gocnn.engine.player import Player

    def begun(moves: str, options: AnalysisOptions | None = None, **fields: Any) -> Analysis:
        pairs = [["bw"[k % 2], vertex] for k, vertex in enumerate(moves.split())]
        game = game_of(position(moves=pairs, **fields))
        player = Player(evaluator, symmetries=1)
        return Analysis(player, game, game.board.to_play, options=options)

    for moves, fields, fits in (
        ("Q16", {}, True),
        ("Q16 D4", {}, True),
        ("Q16 A1", {}, False),
        ("Q16 D4", {"komi": 0.5}, False),
        ("Q16 D4", {"rules": "aga"}, False),
        ("D4", {}, False),
    ):
        before = begun("Q16")
        before.advance(600, lambda: False, 40)
        expected = {info.index: info for info in before.moves()}
        after = begun(moves, **fields)
        assert after.take_over(before) == fits, (moves, fields)
        if not fits:
            assert after.visits == 0
        elif moves == "Q16":
            assert after.visits == 40
            for info in after.moves():
                assert info.visits == expected[info.index].visits
        else:
            assert after.visits == expected[from_gtp("D4")].visits - 1 > 0
    before = begun("Q16")
    before.advance(600, lambda: False, 8)
    assert not begun("Q16", AnalysisOptions(power=0.5)).take_over(before)
    assert not np.isnan(before.winrate)  # it still stands
