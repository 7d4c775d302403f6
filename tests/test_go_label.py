"""go-label on whole stores: the same labels in parts as at once, however often interrupted, each of
which agrees with the record."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from gocnn.board import Board
from gocnn.commands import main
from gocnn.games import labels, results
from gocnn.games.importing import import_games
from gocnn.games.record import OWN_PLAY
from gocnn.games.store import Store
from gocnn.games.store_writer import writing
from gocnn.games.words import colour_of, index_of
from gocnn.policy import runtime
from gocnn.selfplay import adding, labelling, own, workers
from tests.conftest import play_randomly, sgf_text
from tests.judging import labels_of
from tests.scatter import Scatter


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Eight resigned games, one counted, one that nobody knows who won."""
    folder = tmp_path / "sgf"
    folder.mkdir()
    for k in range(10):
        result = "RE[B+3.5]" if k == 8 else "" if k == 9 else f"RE[{'BW'[k % 2]}+R]"
        (folder / f"{k}.sgf").write_bytes(sgf_text(play_randomly(k, 100 + k), "KM[6.5]" + result))
    import_games([str(folder)], tmp_path / "a.games", quiet=True)
    return tmp_path / "a.games"


@pytest.fixture
def scatter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "open_evaluator", lambda *_, **__: Scatter())


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["go-label", *map(str, arguments), "--jobs", "2"])
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.output


@pytest.mark.usefixtures("scatter")
def test_in_parts_as_at_once(store: Path, tmp_path: Path) -> None:
    other = tmp_path / "b.games"
    shutil.copy(store, other)
    before = Store(store).words[:].copy()
    said = run(store)
    assert "8 games played on" in said
    assert "moves/s" in said
    whole = labels_of(store)
    assert len(whole) == 8
    assert {kind for kind, _ in whole.values()} <= {labels.PLAYED_ON, labels.TRIED}
    # behind the header nothing has changed
    assert (Store(store).words[32 : len(before)] == before[32:]).all()
    run(other, "--games", 3, "--batch", 2)
    assert len(labels_of(other)) == 3
    run(other, "--games", 1)
    run(other)
    assert labels_of(other) == whole
    for kind, packed in whole.values():
        if kind == labels.PLAYED_ON:
            owner = labels.unpack(np.frombuffer(packed, np.uint16))
            assert owner.max() <= 2
    assert "nothing to label: all 8 games" in run(store)
    Store(store).verify()


@pytest.mark.usefixtures("scatter")
def test_labels_agree_with_the_record(store: Path, tmp_path: Path) -> None:
    run(store, "--disagreed", tmp_path / "wrong.tsv")
    opened = Store(store)
    records, at = opened.records(), opened.labels()
    for game in np.flatnonzero(at >= 0):
        owner = labels.unpack(opened.words[at[game] : at[game] + labels.LABEL_WORDS])
        black = int((owner == 1).sum()) - int((owner == 2).sum()) > 6.5
        assert black == (records["winner"][game] == results.BLACK_WON)
    listed = (tmp_path / "wrong.tsv").read_text().splitlines()
    assert listed[0].split("\t") == ["game", "winner", "moves", "found"]
    assert len(listed) - 1 == (opened.label_kinds() == labels.TRIED).sum()


@pytest.mark.usefixtures("scatter")
def test_an_interruption_keeps_what_was_done(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tmp_path / "whole.games"
    shutil.copy(store, whole)
    run(whole)

    def stops(*arguments: Any, **options: Any) -> Iterator[object]:
        for number, ended in enumerate(workers_play(*arguments, **options)):
            yield ended
            if number == 2:
                raise KeyboardInterrupt  # a second Ctrl-C, in the middle

    workers_play = workers.play_all
    monkeypatch.setattr(labelling, "CHUNK", 2)
    monkeypatch.setattr(workers, "play_all", stops)
    assert CliRunner().invoke(main, ["go-label", str(store)]).exit_code != 0
    assert len(labels_of(store)) == 2
    monkeypatch.setattr(workers, "play_all", workers_play)
    run(store)
    assert labels_of(store) == labels_of(whole)


@pytest.mark.slow
@pytest.mark.usefixtures("scatter")
def test_own_games(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "own.games"
    said = run(store, "--own", 12, "--out", out, "--batch", 4)
    assert "mean margin" in said
    assert len(Store(store)) == 10
    opened = Store(out)
    opened.verify()
    records, at, kinds = opened.records(), opened.labels(), opened.label_kinds()
    assert len(opened) == 12
    assert (records["flags"] & OWN_PLAY > 0).all()
    assert (records["reserved"] <= records["moves"]).all()
    assert ((kinds == labels.SELF_PLAY) == (records["winner"] > 0)).all()
    people = {
        tuple(Store(store).words[int(r["start"]) : int(r["start"] + r["moves"])].tolist())
        for r in Store(store).records()
    }
    for game in range(12):
        record = records[game]
        start, setup = int(record["start"]), int(record["setup"])
        words = opened.words[start : start + setup + int(record["moves"])]
        assert int(record["reserved"]) == 0 or any(
            tuple(words[: record["reserved"]].tolist()) == row[: record["reserved"]]
            for row in people
        )
        board = Board()
        board.set_up(index_of(words[:setup]).tolist(), [])
        for word in words[setup:].tolist():
            board.play(index_of(word), colour_of(word))
        if at[game] >= 0:
            owner = labels.unpack(opened.words[at[game] : at[game] + labels.LABEL_WORDS])
            found = int((owner == 1).sum()) - int((owner == 2).sum()) - float(record["komi"])
            assert abs(found) == record["margin"]
            assert (found > 0) == (record["winner"] == results.BLACK_WON)
    more = tmp_path / "more.games"
    run(store, "--own", 5, "--out", more, "--batch", 2)
    run(store, "--own", 12, "--out", more)
    assert sorted(Store(more).records()["key"].tolist()) == sorted(records["key"].tolist())
    assert "nothing to play" in run(store, "--own", 12, "--out", more)
    assert len(own.played(Store(more), 1)) == 12
    assert not own.played(Store(more), 2)


@pytest.mark.usefixtures("scatter")
def test_own_games_into_the_store_itself_are_not_played_on(store: Path) -> None:
    run(store, "--own", 3)
    assert len(Store(store)) == 13
    assert "8 games played on" in run(store)
    assert len(labels_of(store)) == 11


def test_the_network_that_ships_labels_a_game(sample_store: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.games"
    shutil.copy(sample_store, path)
    said = run(path, "--games", 1, "--batch", 1)
    assert "1 game played on" in said or "nothing to label" in said
    assert all("small" in text for text in Store(path).label_texts() if "go-label" in text)


@pytest.mark.usefixtures("scatter")
def test_what_cannot_be(store: Path, tmp_path: Path) -> None:
    assert "cannot open" in run(tmp_path / "none.games", code=1)
    (tmp_path / "text.games").write_text("(;GM[1])")
    assert "not a game store" in run(tmp_path / "text.games", code=1)
    assert "--games" in run(store, "--own", 3, "--games", 2, code=2)
    assert "--out" in run(store, "--out", tmp_path / "x.games", code=2)
    with writing(store):
        assert "being written" in run(store, code=1)
    with pytest.raises(Exception, match="made anew"):
        keys = Store(store).records()["key"].astype(np.int64) + 1
        adding.add_labels(store, keys, [(0, labels.TRIED, np.zeros(361, np.int8))], "{}")
    import_games([str(tmp_path / "sgf" / "8.sgf")], tmp_path / "counted.games", quiet=True)
    assert "no game in it was resigned" in run(tmp_path / "counted.games")
