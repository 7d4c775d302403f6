"""Labels by playing on: boards in batches against `Board`, the same labels whatever the batch and
however often interrupted, the check against the record."""

import shutil
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from gocnn.board import BLACK, WHITE, Board, symmetry
from gocnn.board.coords import MOVES, PASS
from gocnn.commands import main
from gocnn.engine.ownership import eyes
from gocnn.features import planes
from gocnn.features.planes import DEFAULT_GROUPS
from gocnn.games import labels, results
from gocnn.games.importing import import_games
from gocnn.games.record import OWN_PLAY
from gocnn.games.store import Store
from gocnn.games.store_writer import writing
from gocnn.games.words import colour_of, index_of
from gocnn.policy import runtime
from gocnn.policy.predictions import PolicyPredictions, predictions
from gocnn.policy.suggestion import Evaluator, planes_of, recent_moves
from gocnn.selfplay import adding, boards, labelling, own, playing, resigned, workers
from tests.conftest import play_randomly, sgf_text


class Scatter:
    """Stands for a network: numbers that the planes decide and nothing else."""

    name, plane_groups, path = "scatter", DEFAULT_GROUPS, Path(__file__)
    has_value_head = scores = False

    def outputs(self, batch: np.ndarray) -> PolicyPredictions:
        return predictions(self.logits(batch))

    def logits(self, batch: np.ndarray) -> np.ndarray:
        rows = [
            np.random.default_rng(zlib.crc32(row.tobytes())).normal(size=MOVES) for row in batch
        ]
        return np.array(rows, np.float32).reshape(-1, MOVES) - 3 * (np.arange(MOVES) == PASS)


def words_of(moves: list[tuple[int, int]]) -> np.ndarray:
    return np.array([index + (512 if colour == WHITE else 0) for index, colour in moves], np.uint16)


def tasks(count: int, **more: Any) -> list[playing.GameToPlay]:
    return [
        playing.GameToPlay(
            k,
            words_of(play_randomly(k, 60 + 17 * k)),
            0,
            60 + 17 * k,
            seed=k,
            temperature=(1.0, 0.0),
            **more,
        )
        for k in range(count)
    ]


def board_of(moves: np.ndarray) -> Board:
    """The moves played on `Board`, which raises if one is illegal."""
    board = Board()
    for word in moves.tolist():
        board.play(index_of(word), colour_of(word))
    return board


def test_what_is_shown_and_allowed_is_what_board_says() -> None:
    some = tasks(6)
    b = boards.new_boards(len(some))
    for row, task in enumerate(some):
        assert playing._begin_in_row(b, row, task)
    rows = np.arange(len(some))
    shown = np.zeros((len(some), planes.plane_count(DEFAULT_GROUPS), 361), np.uint8)
    wanted = np.zeros((len(some), MOVES), np.bool_)
    at = planes.offsets(DEFAULT_GROUPS)
    boards.fill_planes(rows, b, at, symmetry.permutation(0), shown, wanted)
    for row, task in enumerate(some):
        board = board_of(task.words)
        assert b.colour[row] == board.to_play
        assert (
            shown[row].reshape(-1, 19, 19)
            == planes_of(board, recent_moves(board), DEFAULT_GROUPS)[0]
        ).all()
        legal = board.legal()
        legal[:-1] &= ~eyes(board, board.to_play)
        assert (wanted[row] == legal).all()


def test_the_words_of_a_store_need_no_kernel_of_their_own() -> None:
    """A store cannot be written to; numba would compile for that what `warm-up` has not."""
    b = boards.new_boards(2)
    for row, task in enumerate(tasks(2)):
        task.words.flags.writeable = row == 0
        assert playing._begin_in_row(b, row, task)
    assert len(getattr(boards.set_up_board, "signatures", [""])) == 1


def test_games_are_legal_and_end_settled() -> None:
    for ended in playing.play_games(Scatter(), iter(tasks(6)), 4, playing.Spent()):
        board = Board(superko=False)
        seen = {bytes(board.stones())}
        for k, word in enumerate(ended.moves.tolist()):
            board.play(index_of(word), colour_of(word))
            now = bytes(board.stones())
            assert k < ended.task.moves or index_of(word) == PASS or now not in seen  # superko
            seen.add(now)
        assert (ended.moves[: ended.task.moves] == ended.task.words).all()
        assert board.captured() == ended.captured
        assert ended.status == boards.SETTLED_EARLY
        # settled: what no playout disputes is as it stands, or a dead stone
        alone = board.area().ravel()
        stones = board.stones().ravel()
        differ = alone != ended.owner
        assert not (differ & (alone > 0) & (ended.owner > 0) & (stones == ended.owner)).any()
        assert (ended.owner > 0).mean() > 0.95


def test_a_settled_game_played_to_the_very_end_has_the_same_owner() -> None:
    """The rule that ends games early against its truth: nothing is left to play at all."""
    task = tasks(1)[0]
    early = next(playing.play_games(Scatter(), iter([task]), 1, playing.Spent()))
    board = board_of(early.moves)
    rng = np.random.default_rng(0)
    passes = 0
    while passes < 2:
        legal = board.legal()
        legal[:-1] &= ~eyes(board, board.to_play)
        legal[PASS] = False
        open_ = np.flatnonzero(legal)
        passes = 0 if len(open_) else passes + 1
        board.play(int(rng.choice(open_)) if len(open_) else PASS)
    assert (board.area().ravel() == early.owner).mean() > 0.98


def test_noise_passing_and_stones() -> None:
    words = np.array([60, 72, 300], np.uint16)
    task = playing.GameToPlay(
        0,
        words,
        3,
        0,
        seed=3,
        to_play=WHITE,
        conditioning=1,
        passing=(6, 0),
        noise=(3.0, 0.0),
        noise_from=(6, 0),
        noise_to=(30, 0),
    )
    ended = next(playing.play_games(Scatter(), iter([task]), 1, playing.Spent()))
    blacks = index_of(ended.moves[1::2])
    assert colour_of(ended.moves[0]) == WHITE
    assert (blacks[:3] == PASS).all()
    assert (blacks[3:15] != PASS).all()
    again = next(playing.play_games(Scatter(), iter([task]), 1, playing.Spent()))
    assert (again.moves == ended.moves).all()


def by_number(some: Iterable[playing.Ended]) -> dict[int, tuple[int, bytes, bytes]]:
    return {e.task.number: (e.status, e.owner.tobytes(), e.moves.tobytes()) for e in some}


@pytest.mark.slow
def test_neither_the_batch_nor_the_threads_change_a_game(evaluator: Evaluator) -> None:
    whole = by_number(playing.play_games(Scatter(), iter(tasks(7)), 7, playing.Spent()))
    for batch in (1, 3):
        assert (
            by_number(playing.play_games(Scatter(), iter(tasks(7)), batch, playing.Spent()))
            == whole
        )
    spent = playing.Spent()
    assert (
        by_number(workers.play_all([Scatter(), Scatter()], iter(tasks(7)), 2, spent, lambda: False))
        == whole
    )
    assert spent.moves > 0
    assert sum(spent.ends) == 7
    shown = (
        np.random.default_rng(0).random((9, planes.plane_count(evaluator.plane_groups), 19, 19))
        < 0.2
    ).astype(np.uint8)
    together = evaluator.logits(shown)
    assert all((evaluator.logits(shown[k : k + 1])[0] == together[k]).all() for k in range(9))


def test_an_error_in_a_thread_is_raised() -> None:
    class Broken(Scatter):
        def logits(self, batch: np.ndarray) -> np.ndarray:
            raise RuntimeError("no answer")

    with pytest.raises(RuntimeError, match="no answer"):
        list(
            workers.play_all(
                [Broken(), Broken()], iter(tasks(3)), 2, playing.Spent(), lambda: False
            )
        )


def test_the_record_decides() -> None:
    findings = resigned.Findings()
    owner = np.full(361, BLACK, np.int8)
    owner[:177] = WHITE  # 184 to 177: seven points for black
    ended = playing.Ended(
        playing.GameToPlay(5, np.zeros(0, np.uint16), 0, 0, 1),
        boards.SETTLED_EARLY,
        owner,
        np.zeros(0, np.uint16),
        (0, 0),
    )
    assert resigned.judge(ended, results.BLACK_WON, 6.5, findings) == labels.PLAYED_ON
    assert resigned.judge(ended, results.WHITE_WON, 6.5, findings) == labels.TRIED
    assert resigned.judge(ended, results.WHITE_WON, 7.5, findings) == labels.PLAYED_ON
    # a draw agrees with nobody
    assert resigned.judge(ended, results.BLACK_WON, 7.0, findings) == labels.TRIED
    given_up = playing.Ended(ended.task, boards.TOO_LONG, owner, ended.moves, (0, 0))
    assert resigned.judge(given_up, results.BLACK_WON, 6.5, findings) == labels.TRIED
    assert (findings.agreed, findings.disagreed, findings.unsettled, findings.tried) == (2, 2, 1, 5)
    assert findings.wrong == [(5, 0.5), (5, 0.0)]


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


def labels_of(path: Path) -> dict[int, tuple[int, bytes]]:
    opened = Store(path)
    kinds, at = opened.label_kinds(), opened.labels()
    # what was tried in vain has no label
    assert ((at < 0) == ((kinds == 0) | (kinds == labels.TRIED))).all()
    return {
        int(g): (
            int(kinds[g]),
            opened.words[at[g] : at[g] + labels.LABEL_WORDS].tobytes() if at[g] >= 0 else b"",
        )
        for g in np.flatnonzero(kinds)
    }


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

    def stops(*arguments: Any) -> Iterator[object]:
        for number, ended in enumerate(workers_play(*arguments)):
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
