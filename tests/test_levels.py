"""Levels: their names and numbers, and how they are asked for, by GTP, on the command line and in
matches."""

import itertools
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from gocnn.board import BLACK
from gocnn.board.coords import PASS
from gocnn.engine import levels
from gocnn.engine.game import Game
from gocnn.engine.player import Player
from tests.conftest import ROOT
from tests.conversation import Scripted, engine_on, talk
from tests.typed import good, refused


class Blind:
    """The network that ships, as if it did not foresee the winner."""

    def __init__(self, evaluator) -> None:
        self._evaluator, self.has_value_head, self.scores = evaluator, False, False

    def __getattr__(self, name):
        return getattr(self._evaluator, name)


def test_there_are_levels_from_beginners_to_the_strongest():
    names = levels.names()
    assert names[-1] == "max"
    assert {"15k", "10k", "5k", "1k", "1d", "2d"} <= set(names)
    order = [*(f"{n}k" for n in range(30, 0, -1)), *(f"{n}d" for n in range(1, 10))]
    assert [order.index(name) for name in names[:-1]] == sorted(
        order.index(name) for name in names[:-1]
    )
    for text in ("5k", "5K", " 5 k ", "5kyu", "5 Kyu"):
        assert levels.parse(text).name == "5k"
    assert levels.parse("2 DAN").name == "2d"
    assert levels.parse("MAX").visits >= 100_000
    assert levels.parse("max").visits_within(None) == levels.UNHURRIED
    assert levels.parse("max").visits_within(5.0) >= 100_000
    assert levels.parse("max").seconds_within(None) == levels.UNHURRIED_SECONDS
    assert levels.parse("max").seconds_within(5.0) == 5.0
    assert levels.parse("2d").seconds_within(None) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "k",
        "0k",
        "99k",
        "12d",
        "5",
        "5 p",
        "maximum",
        "-3k",
        "1.5k",
        "5k 6k",
        "kyu",
        "ten",
        "5\u0660k",
    ],
)
def test_an_unknown_level_is_refused_with_those_that_there_are(text):
    with pytest.raises(levels.BadLevel, match="1d to .*max"):
        levels.parse(text)


def test_stronger_levels_are_stronger_in_each_number():
    every = [levels.of_skill(skill) for skill in np.linspace(-1, 2, 61)]
    table = [levels.parse(name) for name in levels.names()]
    for ladder in (every, table):
        for weaker, stronger in itertools.pairwise(ladder):
            assert weaker.skill <= stronger.skill
            assert weaker.beginner >= stronger.beginner
            assert weaker.blindness >= stronger.blindness
            assert weaker.temperature >= stronger.temperature
            assert weaker.top >= stronger.top
            assert weaker.visits <= stronger.visits
            assert weaker.resign <= stronger.resign
    # no two of them play alike
    assert len({replace(level, name="", skill=0.0) for level in table}) == len(table)
    assert [levels.of_skill(skill).visits for skill in (1, 1.1, 1.2, 1.3, 1.4, 1.6, 2)] == [
        0,
        *(4, 8, 16, 32, 128, 2048),
    ]
    assert every[0].visits == 0 == every[0].resign


def test_the_level_can_be_changed_while_playing(evaluator):
    answers = talk(
        evaluator,
        "level",
        "level 5k",
        "level",
        "kata-get-param gocnnLevel",
        "kata-set-param gocnnLevel 3 kyu",
        "level",
        "level 12p",
        "level",
        "kata-set-param gocnnLevel max",
        "level",
        'kata-set-params {"gocnnLevel": "10k", "maxVisits": 50}',
        "level",
        'kata-set-params {"maxVisits": 5, "gocnnLevel": "99k"}',
        "kata-get-param maxVisits",
        "level none",
        "level",
        "kata-list-params",
    )
    assert answers[:4] == ["none", "", "5k", "5k"]
    assert answers[4].startswith("?syntax error")
    assert answers[5] == "5k"
    assert answers[6].startswith("?there is no level '12p'; there are ")
    assert answers[7:12] == ["5k", "", "max", "", "10k"]
    assert answers[12].startswith("?there is no level '99k'")
    assert answers[13:16] == ["50", "", "none"]
    assert "gocnnLevel" in answers[16].split()


def test_whether_a_level_may_resign_is_said_and_heeded(evaluator):
    ask, refuse = "kata-get-param allowResignation", "kata-set-param allowResignation false"
    told = talk(evaluator, ask, "level 20k", ask, "level 1d", ask, refuse, ask, "level 5k", ask)
    assert [told[at] for at in (0, 2, 4, 6, 8)] == ["false", "false", "true", "false", "false"]
    told = talk(evaluator, refuse, "level 1d", "kata-set-param allowResignation true", ask)
    assert told[-1] == "true"
    told = talk(evaluator, "level 5k", "lz-setoption name Resign Percentage value -1", ask)
    assert told[-1] == "false"


def test_the_level_numbers_of_other_programs(evaluator):
    """GNU Go's: 1 is a beginner, from 10 on it plays as it was started; and it answers a pass in
    capitals then."""
    lines = Scripted([])
    engine = engine_on(lines, evaluator)
    heard = {}
    for number in (1, 5, 9, 10, 0, -3, 12):
        assert engine.commands["level"]([str(number)]) == ""
        heard[number] = engine.player.level.name if engine.player.level else None
    kyu = [name for name in levels.names() if name.endswith("k")]
    assert heard[1] == heard[0] == heard[-3] == kyu[0]
    assert heard[9] == kyu[-1]
    middle = heard[5]
    assert middle is not None
    assert kyu.index(middle) in (len(kyu) // 2, len(kyu) // 2 - 1)
    assert heard[10] is heard[12] is None
    assert engine.shouts_pass


def test_a_move_with_an_analysis_is_the_levels_too(evaluator):
    """What the search of the analysis finds best is not what a beginner plays."""
    best: set[str] = set()
    weak: set[str] = set()
    for seed in range(3):
        for name, moves in (("level none", best), ("level 20k", weak)):
            moves.add(
                talk(evaluator, name, "kata-genmove_analyze b interval 10 maxmoves 1", seed=seed)[
                    -1
                ].split("play ")[-1]
            )
    assert len(weak) > len(best)


def test_a_bad_call_is_one_sentence(tmp_path):
    assert "there is no level '5x'; there are" in refused(2, "go-gtp", "--level", "5x")
    assert "--level 5k chooses --visits itself" in refused(
        2, "go-gtp", "--level", "5k", "--visits", 10
    )
    assert "--level 1d chooses --temperature itself" in refused(
        2, "go-gtp", "--level", "1d", "--temperature", 0
    )


def test_levels_on_the_command_line(evaluator):
    call = [
        sys.executable,
        "cli.py",
        "go-gtp",
        "--level",
        "7K",
        "--resign",
        "0.1",
        "--threads",
        "1",
    ]
    said = subprocess.run(
        call, cwd=ROOT, input=b"level\nquit\n", capture_output=True, check=True, timeout=300
    )
    assert said.stdout == b"= 7k\n\n= \n\n"
    weak = good("go-suggest", "--level", "20k", "--json")
    assert len([m for m in json.loads(weak)["moves"] if m["probability"] > 0]) > 30
    assert json.loads(weak)["level"] == "20k"


def test_each_start_plays_another_game_unless_a_seed_is_given():
    """Programs that start the engine for every game met the same opening every time."""
    turns = b"genmove b\ngenmove w\n" * 8 + b"quit\n"

    def played(*more: str) -> bytes:
        call = [sys.executable, "cli.py", "go-gtp", "--level", "8k", "--threads", "1", *more]
        return subprocess.run(
            call, cwd=ROOT, input=turns, capture_output=True, check=True, timeout=300
        ).stdout

    assert played() != played()
    assert played("--seed", "3") == played("--seed", "3")


def test_a_network_that_does_not_foresee_the_winner(evaluator, capsys):
    """It plays without looking ahead, and the command says so."""
    blind = Blind(evaluator)
    for name in ("5d", "max"):
        level = levels.parse(name)
        note = levels.without_search(level)
        assert note is not None
        assert f"{name} plays hardly better than" in note
        player = Player(blind)
        player.level = level
        game = Game()
        assert player.decide(game, BLACK).index < PASS
        assert player._search is None
    assert levels.without_search(levels.parse("5k")) is None


@pytest.mark.slow
def test_a_level_for_each_side_of_a_match(tmp_path):
    """Levels are engines by their names."""
    good(
        "go-match",
        "--black",
        "20k",
        "--white",
        "9k",
        "--games",
        1,
        "--out",
        tmp_path / "m",
        "--jobs",
        1,
        "--seconds",
        300,
    )
    row = json.loads((tmp_path / "m" / "games.jsonl").read_text())
    assert row["how"] in ("score", "resignation", "length")
    assert row["moves"] > 100
    assert "there is no level '99k'" in refused(
        2, "go-match", "--black", "99k", "--white", "9k", "--out", tmp_path / "other"
    )
