"""Games that a network plays on, in batches, against `Board`: what is shown and allowed, how they
end, and that neither the batch nor the threads change one."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from gocnn.board import BLACK, WHITE, Board, symmetry
from gocnn.board.coords import MOVES, PASS
from gocnn.engine.ownership import eyes
from gocnn.features import planes
from gocnn.features.planes import DEFAULT_GROUPS
from gocnn.games import labels, results
from gocnn.games.words import colour_of, index_of
from gocnn.policy.suggestion import Evaluator, planes_of, recent_moves
from gocnn.selfplay import boards, playing, resigned, workers
from tests.conftest import play_randomly
from tests.scatter import Scatter


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
        by_number(
            workers.play_all(
                [Scatter(), Scatter()], iter(tasks(7)), 2, spent, stopped=lambda: False
            )
        )
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
                [Broken(), Broken()], iter(tasks(3)), 2, playing.Spent(), stopped=lambda: False
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
