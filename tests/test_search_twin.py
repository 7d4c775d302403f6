"""Arrays and kernels search as objects do: every count and sum against `tests.plain_search`, what
is asked about against boards that the same moves were played on."""

import numpy as np
import pytest

from gocnn.board import BLACK, Board, repetition, rules
from gocnn.board.coords import PASS
from gocnn.engine import mcts as searching
from gocnn.engine import tree_positions
from gocnn.engine.mcts import Search
from gocnn.engine.ownership import sensible_moves
from gocnn.policy.suggestion import planes_of, recent_moves
from tests import plain_search
from tests.conftest import play_randomly
from tests.searches import Judge, Scorer, node_of


def same(search: Search, plain: plain_search.Search) -> int:
    """Compare every position of both; how many there are."""
    todo, seen = [(0, plain.root)], 0
    while todo:
        node, other = todo.pop()
        mine, seen = node_of(search, node), seen + 1
        assert mine["V"] == pytest.approx(other.V, abs=1e-6)
        assert mine["pending"] == 0
        assert mine["sensible"] == len(other.moves)
        places = {int(other.moves[place]): place for place in other.children}
        assert set(mine["below"]) == set(places)
        for move, below in mine["below"].items():
            told = node_of(search, below)
            assert told["N"] == other.N[places[move]]
            assert told["W"] == pytest.approx(other.W[places[move]], abs=1e-5)
            todo.append((below, other.children[places[move]]))
    return seen


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "MOST_AT_ONCE", 1)


@pytest.mark.parametrize("kind", ["network", "judge", "scorer"])
@pytest.mark.usefixtures("one_at_a_time")
def test_arrays_and_kernels_search_as_objects_do(kind: str, evaluator) -> None:
    """Every count and every sum, with superko and without, in the opening, in a fight and near the
    end; and when the game has gone on."""
    rng = np.random.default_rng(5)
    liked = [(int(i), float(rng.normal(0, 3))) for i in range(361)]
    judge = {
        "network": evaluator,
        "judge": Judge(lambda own, other: 0.5 + (sum(own) - sum(other)) % 97 / 200, liked),
        "scorer": Scorer(None),
    }[kind]
    for seed, moves, superko, situational in (
        (1, 0, True, False),
        (2, 8, False, False),
        (3, 60, True, True),
        (4, 330, True, False),
    ):
        board = Board(superko=superko, situational=situational)
        for index, _ in play_randomly(seed, moves):
            board.play(index)
        keep = sensible_moves(board, board.to_play)
        until = {3 - board.to_play: np.where(np.arange(362) % 3 == 0, 2, 0)}
        count = 60 if kind == "network" else 250
        search = Search(judge, board, 6.5, keep, power=0.8, reduction=0.3, until=until)
        plain = plain_search.Search(judge, board, 6.5, keep, power=0.8, reduction=0.3, until=until)
        search.run(count)
        plain.run(count)
        assert same(search, plain) > count // 2
        assert search.count == plain.count == count
        assert (search.visits == plain.visits).all()
        if not judge.scores:  # else the tree's sums hold some of the lead too
            assert search.win == pytest.approx(plain.win)
        assert (
            search.action_stats(int(search.visits.argmax())).line[0]
            == plain.action_stats(int(search.visits.argmax()))[2][0]
        )


@pytest.mark.slow
@pytest.mark.usefixtures("one_at_a_time")
def test_following_a_game_keeps_what_objects_keep() -> None:
    rng = np.random.default_rng(6)
    judge = Judge(
        lambda own, other: 0.5 + (sum(own) - sum(other)) % 97 / 200,
        [(int(i), float(rng.normal(0, 3))) for i in range(361)],
    )
    board, moves = Board(superko=True), np.arange(362) != PASS
    keep = sensible_moves(board, BLACK) & moves
    search = Search(judge, board.copy(), 6.5, keep)
    plain = plain_search.Search(judge, board.copy(), 6.5, keep.copy())
    for _ in range(6):
        search.run(300)
        plain.run(300)
        assert same(search, plain)
        board.play(int(search.visits.argmax()))
        keep = sensible_moves(board, board.to_play) & moves
        keep[int(search.action_stats(board.moves[-1][0]).line[1][0])] = False
        assert search.follow(board, 6.5, keep)
        assert plain.follow(board, 6.5, keep)
        assert search.count == plain.count
        assert search._tree.used[0] <= 600


def test_several_at_a_time_come_to_nearly_the_same() -> None:
    """Twice as many positions an evaluation as usual; no position is asked about twice, and as many
    visits are made as are wanted."""
    rng = np.random.default_rng(7)
    judge = Judge(
        lambda own, other: 0.5 + (sum(own) - sum(other)) % 97 / 500,
        [(int(i), float(rng.normal(0, 3))) for i in range(361)],
    )
    asked: list[bytes] = []
    sizes: list[int] = []

    def note(batch: np.ndarray) -> None:
        sizes.append(len(batch))
        asked.extend(row.tobytes() for row in batch)

    judge.spy(note)
    board = Board()
    search, plain = (
        kind(judge, board, 6.5, sensible_moves(board, BLACK))
        for kind in (Search, plain_search.Search)
    )
    asked.clear()
    sizes.clear()
    search.run(1000)
    assert search.count == 1000
    assert max(sizes) == searching.MOST_AT_ONCE
    assert sizes[:16] == [1] * 16
    assert len(sizes) < 200
    plain.run(1000)
    together = np.minimum(search.visits, plain.visits).sum() / 1000
    assert together > 0.7
    again = Search(judge, board, 6.5, sensible_moves(board, BLACK))
    again.run(1000)
    assert (again.visits == search.visits).all()


def test_what_is_asked_about_is_what_the_board_shows() -> None:
    """Planes, legal moves and useful ones at the end of walks, against boards that the same moves
    were played on; superko and suicide, too."""
    for seed, moves, superko, situational in (
        (1, 3, False, False),
        (2, 300, True, False),
        (3, 420, True, True),
    ):
        board = Board(superko=superko, situational=situational, suicide=True)
        for index, _ in play_randomly(seed, moves):
            board.play(index)
        judge = Scorer(None)
        judge.plane_groups = (
            "own_liberties",
            "opponent_liberties",
            "board",
            "history",
            "ko",
            "legal",
            "ladder_capture",
            "ladder_escape",
        )
        search = Search(judge, board, 6.5, board.legal())
        slots, seen = search._slots, 0

        def watched(batch: np.ndarray, slots=slots, board=board, judge=judge) -> None:
            nonlocal seen
            for slot, planes in enumerate(batch):
                after = board.copy()
                for move in slots.moves[slot, : slots.depth[slot]]:
                    after.play(int(move))
                assert (
                    planes == planes_of(after, recent_moves(after), judge.plane_groups)[0]
                ).all()
                assert (slots.legal[slot] == after.legal(suicide=False)).all()
                keep = sensible_moves(after, after.to_play)
                keep[PASS] = not keep[:PASS].any()
                assert (slots.keep[slot] == keep).all()
                seen += 1

        judge.spy(watched)
        search.run(60)
        assert seen > 40


def test_the_kernel_takes_the_hash_on_as_the_position_changes() -> None:
    for seed in range(4):
        board = Board()
        for index, colour in play_randomly(seed, 300):
            before, value = board.state.copy(), np.uint64(repetition.position_hash(board.state))
            board.play(index)
            if index != PASS:
                assert tree_positions._hash_after(
                    before, value, rules.field_point(index, 19), colour
                ) == repetition.position_hash(board.state)
