"""How levels are measured: ratings against closed forms and results as the model expects them, and
the table that follows from games."""

import itertools
import json
import math
import multiprocessing
import sys

import numpy as np
import pytest

import levels as measuring
from gocnn.match.elo import rate, rising
from levels_shown import markdown


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
