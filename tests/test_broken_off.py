"""Resigned games that a network plays on and another engine judges: the games are found again in the
store, and what the engine said of them is worked out here once more."""

import json
import random
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from gocnn.board.coords import PASS
from gocnn.games import labels, results
from gocnn.games.record import OWN_PLAY
from gocnn.games.store import Store
from gocnn.selfplay import broken_off, engine, judged, resigned
from gocnn.selfplay.engine import EnginePosition
from tests.conftest import ROOT, sgf_text
from tests.judging import command, fake, games, labels_of, run
from tests.typed import good

__all__ = ["fake", "games"]

SMALL = ["--model", "small", "--jobs", 1, "--batch", 4]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Games are played on for some moves, not for hundreds: the same is done with them."""
    monkeypatch.setattr(broken_off, "MOST", 24)


def test_games_are_played_on_and_judged_where_they_stand(games: Path, fake: Path) -> None:
    count = len(Store(games))
    said = run(games, "--own", 6, "--engine", command(fake), *SMALL)
    assert "6 played-on games added, " in said
    opened = Store(games)
    opened.verify()
    records = opened.records()
    assert len(records) == count + 6
    people = {
        opened.words[r["start"] + r["setup"] :][: r["moves"]].tobytes() for r in records[:count]
    }
    found, at = labels_of(games), opened.labels()
    assert set(found) <= set(range(count, count + 6))
    for number in range(count, count + 6):
        record = records[number]
        start, setup, moves = (int(record[key]) for key in ("start", "setup", "moves"))
        words = opened.words[start : start + setup + moves]
        begun = int(record["reserved"])
        assert record["flags"] & OWN_PLAY
        assert any(game.startswith(words[setup : setup + begun].tobytes()) for game in people)
        assert begun < moves <= begun + broken_off.MOST
        kind, _ = found[number]
        if kind == labels.SELF_PLAY:
            continue
        assert kind == labels.JUDGED
        position = EnginePosition.of_words(words, setup)
        chance = random.Random(json.dumps(engine.pairs(position.moves)))
        rows = [round(chance.uniform(-1, 1) * (chance.random() < 0.7), 2) for _ in range(361)]
        owner = np.array([rows[19 * (18 - i // 19) + i % 19] for i in range(361)])
        label = judged.settled(judged.Judgement(chance.uniform(-60, 60), owner))
        assert (labels.unpack(opened.words[at[number] :][: labels.LABEL_WORDS]) == label).all()
        margin = resigned.margin(label, float(record["komi"]))
        assert record["winner"] == (results.BLACK_WON if margin > 0 else results.WHITE_WON)
    assert labels.JUDGED in {kind for kind, _ in found.values()}


def test_the_same_games_come_again_and_those_that_are_there_count(
    games: Path, fake: Path, tmp_path: Path
) -> None:
    one, other = tmp_path / "one.games", tmp_path / "other.games"
    own = ["--engine", command(fake), *SMALL, "--out"]
    run(games, "--own", 4, *own, one)
    run(games, "--own", 2, *own, other)
    assert "2 played-on games added" in run(games, "--own", 4, *own, other)
    assert "nothing to play: the 4 played-on games of seed 1" in run(games, "--own", 4, *own, other)
    assert {k for k, _ in labels_of(one).values()} == {k for k, _ in labels_of(other).values()}
    words = [
        {Store(path).words[r["start"] :][: r["moves"]].tobytes() for r in Store(path).records()}
        for path in (one, other)
    ]
    assert words[0] == words[1]
    assert not labels_of(games)  # the store that they were taken from is as it was
    # games of the network with itself are others, with the same numbers
    assert "1 own game added" in run(games, "--own", 1, *SMALL, "--out", one)


def test_refused_games_are_kept_without_a_label(games: Path, fake: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.games"
    said = run(games, "--own", 24, "--engine", command(fake, "some"), *SMALL, "--out", out)
    refused = [g for g, (kind, _) in labels_of(out).items() if kind == labels.TRIED]
    assert f"{len(refused)} that it refused (Illegal move 7: D4)" in said
    assert len(Store(out)) == 24
    assert refused
    assert (Store(out).records()["winner"][refused] == results.UNKNOWN).all()
    assert "nothing to play" in run(
        games, "--own", 24, "--engine", command(fake), *SMALL, "--out", out
    )


@pytest.mark.parametrize(
    ("kind", "says"),
    [("dies", "died"), ("refuses", "refused the first 16"), ("nan", "without a lead")],
)
def test_engines_that_fail_are_one_sentence(
    games: Path, fake: Path, tmp_path: Path, kind: str, says: str
) -> None:
    out = tmp_path / "out.games"
    said = run(games, "--own", 40, "--engine", command(fake, kind), *SMALL, "--out", out, code=1)
    assert says in said
    assert not out.exists()


def test_games_with_the_engine(
    games: Path, fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each move of the engine's colour is one that it gave a chance; of the other colour none was
    asked about."""
    monkeypatch.setattr(broken_off, "FEWEST_AGAINST", 10)
    monkeypatch.setattr(broken_off, "MOST_AGAINST", 30)
    out = tmp_path / "out.games"
    options = ["--engine", command(fake), "--against", *SMALL, "--out", out]
    said = run(games, "--own", 5, *options)
    assert "5 opposed games added, " in said
    name = labels.engine_of(judged.text(command(fake), "1.2.3"))
    assert f"judged by {name}; " in said or f"judged by {name}, " in said
    opened = Store(out)
    opened.verify()
    numbers, names = opened.column("black")
    asked = 0
    for game, record in enumerate(opened.records()):
        start, setup, moves = (int(record[key]) for key in ("start", "setup", "moves"))
        position = EnginePosition.of_words(opened.words[start : start + setup + moves], setup)
        engines = 1 if names[numbers[game]].startswith(f"{name}, ") else 2
        for ply in range(int(record["reserved"]), moves):
            index, colour = position.moves[ply]
            if colour == engines and index != PASS:
                likely = random.Random(json.dumps(engine.pairs(position.moves[:ply])))
                rows = [likely.random() if likely.random() < 0.9 else -1 for _ in range(361)]
                assert rows[19 * (18 - index // 19) + index % 19] > 0
                asked += 1
    assert asked > 20
    assert "nothing to play: the 5 opposed games" in run(games, "--own", 5, *options)


def test_an_engine_passes_where_it_refuses_a_position(
    games: Path, fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broken_off, "FEWEST_AGAINST", 10)
    monkeypatch.setattr(broken_off, "MOST_AGAINST", 30)
    out = tmp_path / "out.games"
    options = ["--engine", command(fake, "some"), "--against", *SMALL, "--out", out]
    assert "opposed games added" in run(games, "--own", 5, *options)
    opened = Store(out)
    numbers, names = opened.column("black")
    passed = []
    for game, record in enumerate(opened.records()):
        start, setup, moves = (int(record[key]) for key in ("start", "setup", "moves"))
        position = EnginePosition.of_words(opened.words[start : start + setup + moves], setup)
        engines = 2 if names[numbers[game]].startswith("small") else 1
        passed += [
            position.moves[ply][0] == PASS
            for ply in range(int(record["reserved"]), moves)
            if position.moves[ply][1] == engines and ply % 3 == 0
        ]
    assert len(passed) > 10
    assert all(passed)


def test_wrong_calls(games: Path, fake: Path, tmp_path: Path) -> None:
    assert "add --own" in run(games, "--against", "--engine", command(fake), code=2)
    assert "add --engine" in run(games, "--against", "--own", 3, code=2)
    out = tmp_path / "out.games"
    run(games, "--own", 3, "--engine", "/no/such/program", *SMALL, "--out", out, code=1)
    assert not out.exists()


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        *((kind, "without the policy") for kind in ("mute", "unsure", "illegal", "boundless")),
        ("odds", "without the policy of 362 moves"),
        ("judges", "refused the first 16 games (unknown field includePolicy)"),
        ("idle", "refused the first 16 games (no result)"),
        ("dies", "died"),
    ],
)
def test_an_engine_that_cannot_play_is_one_sentence(
    games: Path, fake: Path, tmp_path: Path, kind: str, says: str
) -> None:
    """Whichever of two threads meets it first; no store of no games is left."""
    out = tmp_path / "out.games"
    options = ["--model", "small", "--batch", 2, "--jobs", 2, "--against", "--out", out]
    assert says in run(games, "--own", 4, "--engine", command(fake, kind), *options, code=1)
    assert not list(tmp_path.glob("out.games*"))


def test_a_store_without_resigned_games_is_refused(fake: Path, tmp_path: Path) -> None:
    (tmp_path / "a.sgf").write_bytes(sgf_text([(0, 1), (30, 2)], "RE[B+3.5]") + b")")
    good("go-import", tmp_path / "a.sgf", "--out", tmp_path / "a.games")
    said = run(tmp_path / "a.games", "--own", 2, "--engine", command(fake), *SMALL, code=1)
    assert "no game in it was resigned" in said


def test_this_projects_own_analysis_judges_them(games: Path, tmp_path: Path) -> None:
    analysis = shlex.join([sys.executable, str(ROOT / "cli.py"), "go-analysis", "--threads", "1"])
    out = tmp_path / "out.games"
    assert "3 played-on games added" in run(
        games, "--own", 3, "--engine", analysis, *SMALL, "--out", out
    )
    assert len(labels_of(out)) == 3
