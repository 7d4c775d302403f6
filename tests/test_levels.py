"""Levels: their numbers, what none of them ever does, how they are asked for, and how they are
measured."""

import itertools
import json
import math
import multiprocessing
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import levels as measuring
from gocnn.board import BLACK, Board
from gocnn.board.coords import PASS, from_gtp
from gocnn.engine import beginner, levels
from gocnn.engine.game import Game
from gocnn.engine.ownership import PLAYOUTS, Playouts, eyes, safe_points
from gocnn.engine.player import RESIGN, Player
from gocnn.match.elo import rate, rising
from levels_shown import markdown
from tests.conftest import ROOT, main_line, play_randomly
from tests.conversation import FINISHED_LEFT, FINISHED_RIGHT, Scripted, engine_on, talk
from tests.typed import good, refused

SOME = ("20k", "12k", "5k", "1k", "1d")


class Blind:
    """The network that ships, as if it did not foresee the winner."""

    def __init__(self, evaluator) -> None:
        self._evaluator, self.has_value_head, self.scores = evaluator, False, False

    def __getattr__(self, name):
        return getattr(self._evaluator, name)


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


def test_weak_levels_do_not_resign_and_strong_ones_do(evaluator):
    """White has no stone, and a corner of six by six is all that is left to play in."""
    game = Game()
    for index in range(PASS):
        row, column = divmod(index, 19)
        if (row + column) % 2 == 0 and (row > 5 or column > 5):
            game.play(index, BLACK)
            game.play(PASS, 2)
    for name, gives_up in (("20k", False), ("5k", True), ("1d", True)):
        player = at_level(evaluator, name)
        said = [player.decide(game, 2).index for _ in range(4)]
        assert (RESIGN in said) == gives_up, name
        player.new_game()
        player.never_resigns = True
        assert RESIGN not in [player.decide(game, 2).index for _ in range(4)]


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


# --- how they are measured ---


def test_ratings_of_two_players_have_a_closed_form():
    won, games = 30, 40
    ratings = rate(2, [(0, 1, 1.0)] * won + [(0, 1, 0.0)] * (games - won), 1)
    p = won / games
    assert ratings.elo[0] == pytest.approx(400 * math.log10(p / (1 - p)), abs=0.5)
    assert ratings.half[0] == pytest.approx(
        1.96 * 400 / math.log(10) / math.sqrt(games * p * (1 - p)), rel=0.01
    )
    assert ratings.elo[1] == ratings.half[1] == 0.0
    assert ratings.games.tolist() == [games, games]


def test_ratings_come_back_from_expected_results():
    """A ladder of players, each a given number of points above the last: results as the model
    expects them give the points back."""
    true = np.array([0.0, 90.0, 230.0, 260.0, 500.0])
    results = []
    for a, b in itertools.combinations(range(5), 2):
        if b - a <= 2:
            p = 1 / (1 + 10 ** ((true[b] - true[a]) / 400))
            results += [(a, b, p)] * 40
    ratings = rate(5, results, 0)
    assert np.allclose(ratings.elo, true, atol=1.5)
    assert (ratings.half[1:] > 0).all()
    assert math.isfinite(rate(2, [(0, 1, 1.0)] * 20, 0).elo[1])


def test_a_rising_sequence_is_the_nearest_one():
    rng = np.random.default_rng(1)
    grid = np.arange(-2, 3)
    for _ in range(20):
        values, weights = rng.integers(-2, 3, 4).astype(float), rng.integers(1, 4, 4).astype(float)
        found = rising(values, weights)
        assert (np.diff(found) >= -1e-12).all()
        cost = (weights * (found - values) ** 2).sum()
        assert all(
            (weights * (np.array(other) - values) ** 2).sum() >= cost - 1e-9
            for other in itertools.combinations_with_replacement(grid, 4)
        )


def rows_between(true: dict[str, float], games: int) -> list[dict]:
    """Results as expected between neighbours: the first share of the games is won by the first."""
    rows = []
    for a, b in itertools.pairwise(sorted(true, key=lambda name: true[name])):
        wins = round(games / (1 + 10 ** ((true[b] - true[a]) / 400)))
        rows += [
            {"players": [a, b], "black": i % 2, "number": i, "winner": 0 if i < wins else 1}
            for i in range(games)
        ]
    return rows


def test_a_table_of_levels_follows_from_results():
    true = {"0": -600.0, "0.5": -250.0, "gnugo10": 0.0, "0.8": 60.0, "1": 200.0, "1.4": 600.0}
    table = measuring.new_table(rows_between(true, 1000), "small.onnx abc")
    anchor = table["anchor"]["level"]
    assert table["elo"][anchor] == pytest.approx(0, abs=15)
    assert list(table["elo"].values()) == sorted(table["elo"].values())
    inner = [value for value in table["elo"].values() if -590 < value < 590]
    assert np.diff(inner) == pytest.approx(100, abs=15)
    assert all(0 <= skill <= 1.4 for skill in table["skills"].values())
    assert f"| {anchor} |" in markdown(table)
    assert table["gnugo"]["gnugo10"] == [0, 0]


def test_measuring_goes_on_where_it_stopped(tmp_path, monkeypatch, capsys):
    """A line that was cut short is played again; games of another network do not count."""
    path = tmp_path / "games.jsonl"
    model = measuring.model_id(None)
    row = {"players": ["0", "0.5"], "black": 0, "number": 0, "winner": 1, "model": model}
    path.write_text(
        json.dumps(row) + "\n" + json.dumps(row | {"model": "other"}) + "\n" + json.dumps(row)[:20]
    )
    assert len(measuring.rows_of(path, model)) == 1
    asked = []

    class Pool:
        def __init__(self, *arguments) -> None: ...
        def __enter__(self):
            return self

        def __exit__(self, *error) -> None: ...
        def imap_unordered(self, function, tasks):
            for names, black, number in tasks:
                asked.append((names, number))
                yield {
                    "players": names,
                    "black": black,
                    "number": number,
                    "winner": 0,
                    "how": "counted",
                    "moves": 1,
                    "seconds": 0.1,
                }

    monkeypatch.setattr(multiprocessing, "Pool", Pool)
    call = [
        "levels.py",
        "play",
        "--out",
        str(path),
        "--games",
        "2",
        "--skills",
        "0",
        "0.5",
        "1",
        "--anchors",
        "0.5",
    ]
    monkeypatch.setattr(sys, "argv", call)
    measuring.main()
    assert (("0", "0.5"), 0) not in asked
    assert len(asked) == 2 * 5 - 1
    assert len(measuring.rows_of(path, model)) == 10
    asked.clear()
    measuring.main()
    assert not asked


def test_games_of_an_earlier_state_count_where_they_are_asked_for(tmp_path, monkeypatch, capsys):
    path, page = tmp_path / "games.jsonl", tmp_path / "levels.md"
    page.write_text(f"before\n{measuring.TABLE_BEGINS}\n{measuring.TABLE_ENDS}\nafter\n")
    model = measuring.model_id(None)
    row = {"players": ["0", "0.5"], "black": 0, "number": 0, "winner": 1, "model": model}
    earlier, other = (row | {"model": f"{model.split()[0]} {digits}"} for digits in ("ab", "cd"))
    path.write_text("\n".join(json.dumps(each) for each in (row, earlier, earlier, other)))
    call = ["levels.py", "fit", "--out", str(path), "--table", str(page)]
    for more, said in (([], "1 games with"), (["--earlier", "ab"], "3 games with")):
        monkeypatch.setattr(sys, "argv", [*call, *more])
        measuring.main()
        assert said in page.read_text()
        assert ("2 of them before it went on" in page.read_text()) == bool(more)
    assert page.read_text().startswith("before")
    assert page.read_text().endswith("after\n")
