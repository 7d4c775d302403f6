"""Whole labellings by another engine: engines of a few lines, whose words are worked out here once
more, and this project's own; stopped, killed and gone on with."""

import json
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from gocnn.games import labels, results, store_writer
from gocnn.games.selection import GameFilter
from gocnn.games.store import Store
from gocnn.games.summary import summarise
from gocnn.selfplay import engine, judged, labelling
from gocnn.selfplay.engine import EnginePosition
from tests.conftest import ROOT
from tests.judging import command, fake, games, labels_of, run

__all__ = ["fake", "games"]


def twin(path: Path, refused: bool = False) -> dict[int, tuple[int, bytes]]:
    """The labels that the fake engine's words come to, worked out here once more."""
    import random

    opened = Store(path)
    found = {}
    for game, record in enumerate(opened.records()):
        start, setup, moves = int(record["start"]), int(record["setup"]), int(record["moves"])
        if record["margin"] or moves < 30:
            continue
        position = EnginePosition.of_words(opened.words[start : start + setup + moves], setup)
        assert (len(position.setup), len(position.moves)) == (setup, moves)
        chance = random.Random(json.dumps(engine.pairs(position.moves)))
        rows = [round(chance.uniform(-1, 1) * (chance.random() < 0.7), 2) for _ in range(361)]
        lead = chance.uniform(-60, 60)
        # the protocol begins at the upper left
        owner = np.array([rows[19 * (18 - i // 19) + i % 19] for i in range(361)])
        label = judged.settled(judged.Judgement(lead, owner))
        area = int((label == 1).sum()) - int((label == 2).sum())
        sign = 1 if record["winner"] == results.BLACK_WON else -1
        komi = float(record["komi"])
        agrees = (
            sign * (lead - komi) > 0
            and sign * (area - komi) > 0
            and not (refused and moves % 3 == 0)
        )
        found[game] = (
            (labels.JUDGED, labels.pack(label).tobytes()) if agrees else (labels.TRIED, b"")
        )
    return found


def test_labels_are_what_the_engine_said(games: Path, fake: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.tsv"
    said = run(games, "--engine", command(fake), "--disagreed", wrong)
    expected = twin(games)
    found = labels_of(games)
    assert found == expected
    assert len(found) == 12
    kinds = [kind for kind, _ in found.values()]
    assert {labels.JUDGED, labels.TRIED} == set(kinds)
    assert (
        f"12 games judged by {Path(sys.executable).name} 1.2.3 with b6.bin.gz,"
        f" {kinds.count(labels.JUDGED)} labelled" in said
    )
    listed = wrong.read_text().splitlines()
    assert sorted(int(row.split("\t")[0]) for row in listed[1:]) == [
        g for g, (kind, _) in sorted(found.items()) if kind == labels.TRIED
    ]
    (text,) = {text for text in Store(games).label_texts() if "go-label" in text}
    assert json.loads(text)["model"] == "b6.bin.gz"
    assert str(tmp_path) not in text
    assert "all 12 games that were resigned have been played on or judged" in run(
        games, "--engine", command(fake)
    )
    figures = summarise(Store(games), GameFilter())
    assert figures["labels"]["judged by another engine"] == kinds.count(labels.JUDGED)
    assert "nothing to label" in run(games, "--jobs", 1)  # to play them on: each has been judged


def test_parts_and_answers_that_come_twice(
    games: Path, fake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labelling, "CHUNK", 2)
    run(games, "--engine", command(fake, "twice"), "--games", 5)
    assert len(labels_of(games)) == 5
    run(games, "--engine", command(fake, "nameless"))
    assert labels_of(games) == twin(games)


def test_what_a_network_played_on_in_vain_is_asked_about_what_it_labelled_is_not(
    games: Path, fake: Path
) -> None:
    waiting = np.flatnonzero(judged.waiting(Store(games), Store(games).records()))
    tried, labelled = waiting[:5], waiting[5:8]
    own = labels.pack(np.ones((3, 361), np.int8))
    by = '{"made_by": "go-label", "network": "small"}'
    store_writer.add_labels(
        games, tried, labels.TRIED, labels.pack(np.full((5, 361), 3, np.int8)), by
    )
    store_writer.add_labels(games, labelled, labels.PLAYED_ON, own, by)
    assert "9 games judged" in run(games, "--engine", command(fake))
    expected = twin(games)
    found = labels_of(games)
    assert {g: v for g, v in found.items() if g not in labelled} == {
        g: v for g, v in expected.items() if g not in labelled
    }
    assert all(found[g] == (labels.PLAYED_ON, own[0].tobytes()) for g in labelled.tolist())


def test_games_that_are_refused_are_tried(games: Path, fake: Path) -> None:
    said = run(games, "--engine", command(fake, "some"))
    assert labels_of(games) == twin(games, refused=True)
    assert "were refused: Illegal move 7: D4" in said


def test_an_engine_that_refuses_everything_marks_nothing(
    games: Path, fake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judged, "REFUSES_ALL", 6)
    said = run(games, "--engine", command(fake, "refuses"), code=1)
    assert "refused the first 6 games (Illegal move 7: D4); no game was marked" in said
    assert not labels_of(games)


@pytest.mark.parametrize("kind", ["short", "nan", "large", "bare"])
def test_answers_of_which_nothing_can_be_made(games: Path, fake: Path, kind: str) -> None:
    assert "answered without a lead in points and the ownership of 361 points" in run(
        games, "--engine", command(fake, kind), code=1
    )
    assert not labels_of(games)


def test_an_engine_that_dies_leaves_what_it_said(games: Path, fake: Path) -> None:
    said = run(games, "--engine", command(fake, "dies"), code=1)
    assert "3 games judged" in said
    assert said.count("Error: ") == 1
    assert "died" in said
    assert len(labels_of(games)) == 3
    run(games, "--engine", command(fake))
    assert labels_of(games) == twin(games)


def test_minutes_are_kept_to_though_the_engine_says_nothing(games: Path, fake: Path) -> None:
    assert "3 games judged" in run(games, "--engine", command(fake, "stops"), "--minutes", 0.05)
    assert len(labels_of(games)) == 3
    said = run(games, "--engine", command(fake, "deaf"), "--minutes", 0.02)
    assert "0 games judged" in said
    assert "%" not in said  # of nothing there are no shares


def test_wrong_calls(games: Path, fake: Path, tmp_path: Path) -> None:
    for more in (["--model", "x"], ["--batch", 64], ["--jobs", 1]):
        assert f"leave out {more[0]}" in run(games, "--engine", command(fake), *more, code=2)
    assert "--out" in run(games, "--engine", command(fake), "--out", tmp_path / "b.games", code=2)
    for engine_, says in (
        ("", "is empty"),
        ("/no/such/program", "cannot start"),
        ("'", "cannot start"),
        ("''", "cannot start"),
    ):
        assert says in run(games, "--engine", engine_, code=1)
    assert not labels_of(games)


def lives(fake: Path) -> bool:
    """Whether the engine that `stops` runs."""
    import fcntl

    with Path(f"{fake}.lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


COUNTING = """
from pathlib import Path
from gocnn.commands import main
from gocnn.selfplay import judged, labelling
labelling.CHUNK, answered, seen = 2, judged.answered, []
def counted(*arguments, **options):
    seen.append(answered(*arguments, **options))
    if len(seen) == 3:
        Path(TARGET).touch()
    return seen[-1]
judged.answered = counted
main()
"""
"""Touches the file TARGET once the third answer is there: a signal from then on finds two labels
written and a third one at hand."""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_or_killed_the_engine_ends_and_the_labelling_goes_on(
    games: Path, fake: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """The engine holds a lock as long as it lives, and sleeps, so that it does not see that nobody
    asks it any more."""
    whole, third = tmp_path / "whole.games", tmp_path / "third"
    shutil.copy(games, whole)
    run(whole, "--engine", command(fake))
    arguments = [
        sys.executable,
        "-c",
        COUNTING.replace("TARGET", repr(str(third))),
        "go-label",
        str(games),
        "--engine",
        command(fake, "stops"),
    ]
    process = subprocess.Popen(
        arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    while not third.exists():
        assert process.poll() is None
        time.sleep(0.05)
    assert lives(fake)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 130)
    for _ in range(300):
        if not lives(fake):
            break
        time.sleep(0.1)
    assert not lives(fake)
    assert len(labels_of(games)) == (2 if number == signal.SIGKILL else 3)
    run(games, "--engine", command(fake))
    assert labels_of(games) == labels_of(whole)


def test_this_projects_own_analysis_is_such_an_engine(games: Path) -> None:
    said = run(
        games,
        "--engine",
        shlex.join([sys.executable, str(ROOT / "cli.py"), "go-analysis", "--threads", "1"]),
        "--games",
        2,
    )
    assert "2 games judged by gocnn " in said
    assert len(labels_of(games)) == 2
