"""Rule sets: every name and form that board programs use, against a table written from KataGo's
documentation."""

import json

import numpy as np
import pytest

from gocnn.board import BLACK, WHITE, IllegalMove
from gocnn.board.coords import from_gtp
from gocnn.engine.game import Game
from gocnn.engine.rulesets import RULES, BadRules, Rules, changed, name_of, parse
from gocnn.review.course import RecordRules

TABLE = {  # ko, scoring, tax, suicide, white's points for 4 handicap stones, dead stones may stay
    "tromp-taylor": ("POSITIONAL", "AREA", "NONE", True, 0, False),
    "chinese": ("SIMPLE", "AREA", "NONE", False, 4, True),
    "chinese-ogs": ("POSITIONAL", "AREA", "NONE", False, 4, True),
    "chinese-kgs": ("POSITIONAL", "AREA", "NONE", False, 4, True),
    "japanese": ("SIMPLE", "TERRITORY", "SEKI", False, 0, True),
    "korean": ("SIMPLE", "TERRITORY", "SEKI", False, 0, True),
    "stone-scoring": ("SIMPLE", "AREA", "ALL", False, 0, True),
    "ancient-area": ("SIMPLE", "AREA", "ALL", False, 0, True),
    "ancient-territory": ("SIMPLE", "TERRITORY", "ALL", False, 0, True),
    "aga": ("SITUATIONAL", "AREA", "NONE", False, 3, True),
    "bga": ("SITUATIONAL", "AREA", "NONE", False, 3, True),
    "french": ("SITUATIONAL", "AREA", "NONE", False, 3, True),
    "new-zealand": ("SITUATIONAL", "AREA", "NONE", True, 0, True),
    "ing": ("POSITIONAL", "AREA", "NONE", True, 0, True),
}


@pytest.mark.parametrize("name", TABLE)
def test_names(name):
    ko, scoring, tax, suicide, points, friendly = TABLE[name]
    for spelling in (
        name,
        name.upper(),
        name.replace("-", "_"),
        name.replace("-", " "),
        name.replace("-", ""),
        f"  {name} ",
    ):
        rules = parse(spelling)
        assert (rules.ko, rules.scoring, rules.tax, rules.suicide, rules.friendly_pass) == (
            ko,
            scoring,
            tax,
            suicide,
            friendly,
        )
        assert [rules.white_bonus(stones) for stones in (0, 1, 4)] == [0, 0, points]
    assert parse(json.dumps(rules.to_json())) == parse(rules.to_json()) == rules
    assert (rules.superko, rules.situational, rules.territory) == (
        ko != "SIMPLE",
        ko == "SITUATIONAL",
        scoring == "TERRITORY",
    )


@pytest.mark.parametrize("bonus", ["0", "N-1", "N"])
@pytest.mark.parametrize("scoring", ["AREA", "TERRITORY"])
def test_points_for_handicap_stones_count_for_who_is_ahead_as_in_the_result(scoring, bonus):
    """Black must lead by as many points more as the result takes from it."""
    game = Game(rules=Rules(scoring=scoring, bonus="0"))
    game.give_handicap([60, 300, 72])
    nothing = np.zeros(361, np.bool_)
    margin, komi, terms = game.margin(nothing), game.area_komi, terms_of_three(game.rules)
    game.set_rules(Rules(scoring=scoring, bonus=bonus))
    points = {"0": 0, "N-1": 2, "N": 3}[bonus]
    assert game.margin(nothing) == margin - points
    assert game.area_komi == komi + points
    there = terms_of_three(game.rules)
    assert there.area_komi(game.board) == terms.area_komi(game.board) + points == game.area_komi


def terms_of_three(rules):
    return RecordRules(6.5, True, name_of(rules), True, 3)


@pytest.mark.parametrize("named", [BLACK, WHITE])
def test_the_side_to_play_may_be_named_after_the_stones(named):
    """Situational superko: white takes a ko, both pass, and black may not take it back, since that
    is the first position with the same side to play."""
    black, white = ([from_gtp(v) for v in text.split()] for text in ("A2 B1 B3 C2", "C1 C3 D2"))
    game = Game(rules=parse("aga"))
    game.set_up(black, white, named)
    game.set_to_play(WHITE)
    for vertex in ("B2", "pass", "pass"):
        game.play(from_gtp(vertex), game.board.to_play)
    assert game.board.to_play == BLACK
    with pytest.raises(IllegalMove, match="superko"):
        game.play(from_gtp("C2"), BLACK)


def test_every_name_is_in_the_table():
    assert set(TABLE) == set(RULES)
    assert parse("nz") == parse("NewZealand") == RULES["new-zealand"]
    assert parse("GOE") == RULES["ing"]


def test_objects_and_short_forms():
    assert parse("{}") == Rules()
    assert parse({"scoring": "TERRITORY"}).tax == "SEKI"
    assert parse({"score": "territory", "tax": "NONE"}).tax == "NONE"
    assert parse(
        '{"ko":"SIMPLE","suicide":false,"whiteHandicapBonus":"N-1","hasButton":false}'
    ) == Rules(ko="SIMPLE", suicide=False, bonus="N-1")
    assert parse("koSITUATIONALscoreAREAtaxNONEsui0whbN-1fpok1") == RULES["aga"]
    assert parse("koSIMPLE scoreTERRITORY sui0") == Rules("SIMPLE", "TERRITORY", "SEKI", False)
    assert changed(RULES["aga"], "ko", "simple").ko == "SIMPLE"
    assert changed(RULES["japanese"], "scoring", "AREA").tax == "SEKI"  # one field, no other


@pytest.mark.parametrize(
    "text",
    [
        "",
        "house",
        "{",
        "[1]",
        '{"ko":"SPIGHT"}',
        '{"ko":3}',
        '{"suicide":"maybe"}',
        '{"komi":7.5}',
        '{"tax":null}',
        "aga-button",
        '{"hasButton":true}',
        "koX",
        "{" * 5000,
        7,
        None,
        ["chinese"],
        True,
        "koSIMPLEnonsense",
        '{"whiteHandicapBonus":"2"}',
    ],
)
def test_what_is_refused(text):
    with pytest.raises(BadRules, match=r"\w"):
        parse(text)
