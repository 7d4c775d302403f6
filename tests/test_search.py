"""Looking ahead: what it finds on boards where the best move is known, by which rule it chooses,
worked out by hand, and how it keeps to time, to memory and to a game that goes on."""

import math
import time

import numpy as np
import pytest

from gocnn.board import BLACK, WHITE, Board
from gocnn.board.coords import PASS, from_gtp
from gocnn.engine import mcts as searching
from gocnn.engine import root_stats, tree
from gocnn.engine.analysis import Analysis
from gocnn.engine.game import Game
from gocnn.engine.mcts import Search
from gocnn.engine.ownership import sensible_moves
from gocnn.engine.player import Player
from gocnn.engine.root_stats import bound
from gocnn.policy.predictions import PolicyPredictions, predictions
from tests.conftest import play_randomly
from tests.searches import Judge, Scorer, node_of


@pytest.mark.parametrize("colour", [BLACK, WHITE])
def test_it_finds_the_capture_that_decides(colour: int) -> None:
    """Thirty stones with one liberty left, of either colour; nothing tells the network of it but
    counting stones."""
    inside = [divmod(i, 19) for i in range(361) if 5 <= i // 19 < 8 and 4 <= i % 19 < 14]
    around = {
        (r + a, c + b) for r, c in inside for a, b in ((0, 1), (1, 0), (0, -1), (-1, 0))
    } - set(inside)
    last = (4, 9)
    prey, hunter = [r * 19 + c for r, c in inside], [r * 19 + c for r, c in around - {last}]
    board = Board()
    board.set_up(*((hunter, prey) if colour == BLACK else (prey, hunter)), colour)
    others = np.random.default_rng(0).choice(
        np.flatnonzero(sensible_moves(board, colour)), 12, replace=False
    )
    judge = Judge(
        lambda own, other: 0.9 if len(own) > len(other) else 0.1,
        [(int(i), 5.0) for i in (*others, last[0] * 19 + last[1])],
    )
    search = Search(judge, board, 6.5, sensible_moves(board, colour))
    search.run(400)
    assert int(search.visits.argmax()) == last[0] * 19 + last[1]
    assert search.visits.sum() == 400
    assert search.visits.max() > 200


@pytest.mark.parametrize("colour", [BLACK, WHITE])
def test_it_sees_the_refutation(colour: int) -> None:
    """The network likes one move by far; the answer to it, which it likes less, loses the game."""
    tempting, answer, sound = (from_gtp(v) for v in ("K10", "C3", "Q4"))

    def value(own: set[int], other: set[int]) -> float:
        """After the tempting move and its answer, whoever made the answer wins; else all is
        even."""
        for mine, theirs, wins in ((own, other, 0.02), (other, own, 0.98)):
            if tempting in mine and answer in theirs:
                return wins
        return 0.5

    judge = Judge(value, [(tempting, 8.0), (answer, 4.0), (sound, 5.0)])
    game = Game()
    assert Player(judge).decide(game, colour).index == tempting
    player = Player(judge, visits=300)
    assert player.decide(game, colour).index != tempting
    assert player.decide(game, colour).index != tempting
    analysis = Analysis(Player(judge), game, colour)
    assert analysis.moves()[0].index == tempting
    analysis.advance(60.0, lambda: False, visits=300)
    infos = {move.index: move for move in analysis.moves()}
    assert sum(move.visits for move in infos.values()) == analysis.visits == 300
    assert [move.visits for move in infos.values()] == sorted(
        (move.visits for move in infos.values()), reverse=True
    )
    assert infos[tempting].winrate < 0.3
    assert list(infos[tempting].variation[:2]) == [tempting, answer]
    assert infos[tempting].prior > 0.8
    assert next(iter(infos)) != tempting
    assert len(analysis.estimates()) == len(infos)
    chosen = analysis.choice(np.ones(362, bool))
    assert np.flatnonzero(chosen).tolist() == [next(iter(infos)), PASS]
    assert Player(judge).decide(game, colour, keep=chosen).index == next(iter(infos))


def test_a_move_is_chosen_by_its_lower_confidence_bound() -> None:
    """By hand: forty values of 0.6 and 0.4 in turn have the mean 0.5 and the deviation 0.1, and two
    imagined ones of 0.15 beside them."""
    values = [0.6, 0.4] * 20
    by_hand = 0.5 - 5 * math.sqrt((40 * 0.1**2 + 2 * 0.15**2) / 42 / 40)
    assert bound(40, sum(values), sum(v * v for v in values)) == pytest.approx(by_hand)
    assert bound(1, 0.5, 0.25) < bound(10, 5.0, 2.5) < bound(1000, 500.0, 250.0) < 0.5
    judge = Judge(lambda own, other: 0.5, [(from_gtp("Q16"), 5.0), (from_gtp("D4"), 4.5)])
    board = Board()
    search = Search(judge, board, 6.5, sensible_moves(board, BLACK))
    search.run(200)
    first, second = from_gtp("Q16"), from_gtp("D4")
    assert int(search.visits.argmax()) == search.best == first
    nodes, below = search._tree.nodes, root_stats.below(search._tree, 0)
    # as if the one of fewer visits had come out better every time
    for index, visits, mean in ((first, 100, 0.5), (second, 60, 0.56)):
        nodes["N"][below[index]] = visits
        nodes["W"][below[index]] = nodes["W_win"][below[index]] = visits * mean
        nodes["W2"][below[index]] = visits * mean**2
    assert search.best == second
    assert search.weights[second] > search.weights[first] + 1
    told = search.action_stats(second)
    assert told.lcb == pytest.approx(0.56 - 5 * math.sqrt(2 * 0.15**2 / 62 / 60))
    (nodes["N"][below[second]], nodes["W"][below[second]], nodes["W2"][below[second]]) = (
        10,
        5.6,
        10 * 0.56**2,
    )
    assert search.best == first  # too few visits


def test_points_count_where_the_game_is_decided() -> None:
    """Every move wins alike; some win by more."""

    class Slack(Judge):
        scores = True

        def outputs(self, batch: np.ndarray) -> PolicyPredictions:
            n = len(batch)
            mine = batch[:, 0].reshape(n, -1).astype(float) - batch[:, 1].reshape(n, -1)
            lead = (
                30 * np.where(mine.sum(1) < 0, -1, 1)
                + 30 * mine[:, from_gtp("D4")]
                + 10 * mine[:, from_gtp("Q16")]
            )
            logits = np.zeros((n, 362), np.float32)
            logits[:, [from_gtp("D4"), from_gtp("Q16"), from_gtp("K10")]] = 5.0
            return predictions(logits)._replace(
                win=np.full(n, 0.5, np.float32),
                owner=np.zeros((n, 361), np.float32),
                lead=lead.astype(np.float32),
                spread=np.full(n, 1e6, np.float32),
            )

    board = Board()
    search = Search(Slack(None), board, 0.0, sensible_moves(board, BLACK))
    search.run(300)
    assert search.best == from_gtp("D4")
    assert search.action_stats(from_gtp("D4")).lead > search.action_stats(from_gtp("K10")).lead + 3
    assert search.action_stats(from_gtp("D4")).win == pytest.approx(0.5, abs=1e-3)
    assert 0 < search.action_stats(from_gtp("D4")).utility - 0.5 < searching.SCORE_SHARE


def test_time_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that goes on by ten milliseconds for each position that is asked about."""
    now = [100.0]
    judge = Judge(lambda own, other: 0.5, [(int(i), i % 7) for i in range(361)])
    board = Board()
    search = Search(judge, board, 6.5, sensible_moves(board, BLACK))
    judge.spy(lambda batch: now.__setitem__(0, now[0] + 0.01 * len(batch)))
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    search.run(400)
    assert now[0] == pytest.approx(104.0)
    for seconds in (0.005, 0.01, 0.095, 0.5, 1.0):
        begun, count = now[0], search.count
        search.run(10_000, deadline=begun + seconds)
        assert begun + seconds - 1e-9 <= now[0] < begun + seconds + 0.01
        assert search.count - count == round((now[0] - begun) / 0.01)
    count = search.count
    search.run(100, deadline=now[0])
    assert search.count == count
    asked = [0]

    def stopped() -> bool:
        asked[0] += 1
        return asked[0] > 3

    search.run(10_000, stopped=stopped)
    assert count < search.count <= count + 3 * searching.MOST_AT_ONCE


def test_memory_grows_as_it_is_needed_and_little_of_it() -> None:
    """Bytes a position, of a network that is as sure as a trained one: ten million take two to four
    GB."""
    judge = Scorer(None)
    board = Board()
    search = Search(judge, board, 6.5, sensible_moves(board, BLACK))
    search.run(3000)
    assert search._tree.used[0] > 2500
    assert search.bytes / search._tree.used[0] < 64 + 10 * tree.MOST_KEPT + 20
    assert tree.NODE.itemsize == 64
    arrays = tree.new_arrays(2, 8)
    for _ in range(5):
        arrays.used[:] = len(arrays.nodes), len(arrays.move)
        arrays.nodes["N"][:] = np.arange(len(arrays.nodes))
        tree.make_room(arrays, 1, 362)
        assert len(arrays.nodes) > arrays.used[0]
        assert len(arrays.move) == len(arrays.child) == len(arrays.P) >= arrays.used[1] + 362
        assert (arrays.nodes["N"][: arrays.used[0]] == np.arange(arrays.used[0])).all()


def test_a_full_tree_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "MOST_VISITS", 200)
    judge = Scorer(None)
    search = Search(judge, Board(), 6.5, sensible_moves(Board(), BLACK))
    search.run(10_000)
    assert search.full
    assert search.count == 200
    assert search._tree.used[0] <= 201
    search.look()
    assert search.count == 200


@pytest.mark.parametrize("scores", [True, False])
def test_an_analysis_searches_as_a_search_does(
    scores: bool, request: pytest.FixtureRequest
) -> None:
    """Of a move that has not been visited a network that knows the score is asked alone."""
    evaluator = request.getfixturevalue("evaluator" if scores else "scoreless")
    assert evaluator.scores == scores
    for seed, moves in ((1, 0), (2, 8), (3, 60)):
        game = Game()
        for index, colour in play_randomly(seed, moves):
            game.play(index, colour)
        analysis = Analysis(Player(evaluator), game, game.board.to_play)
        among = Search(evaluator, game.board, 6.5, np.isin(np.arange(362), analysis.candidates))
        analysis.advance(1e6, lambda: False, visits=60)
        among.run(60)
        for info in analysis.moves():
            if scores and not info.visits:
                continue
            assert (info.visits, info.winrate) == among.action_stats(info.index)[:2]
            assert info.lcb == among.action_stats(info.index).lcb
        assert analysis.moves()[0].index == among.best


def test_a_search_goes_on_with_the_game() -> None:
    """What was seen of the position that came about is kept, and nothing else; another position
    begins anew."""
    judge = Judge(lambda own, other: 0.5, [(from_gtp(v), 5.0) for v in ("Q16", "D4", "Q4", "D16")])
    game = Game()
    search = Search(judge, game.board.copy(), 6.5, sensible_moves(game.board, BLACK))
    search.run(300)
    line = [move for move, _ in search.action_stats(int(search.visits.argmax()))[2]]
    before = search._tree
    node = node_of(search, node_of(search, node_of(search, 0)["below"][line[0]])["below"][line[1]])
    kept = {move: node_of(search, child)["N"] for move, child in node["below"].items()}
    total = sum(kept.values())
    for index in line[:2]:
        game.play(index, game.board.to_play)
    for other in (Game(komi=0.5), game.copy()):
        other.board.play(line[2] if other.komi == 6.5 else line[0])
        other.board.play(from_gtp("A1"))
        assert not search.follow(
            other.board, other.komi, sensible_moves(other.board, other.board.to_play)
        )
    assert not search.follow(game.board, 7.5, sensible_moves(game.board, BLACK))
    assert search._tree is before
    assert search.count == 300
    keep = sensible_moves(game.board, BLACK)
    best = max(kept, key=lambda index: kept[index])
    keep[best] = False
    assert total > 10
    assert search.follow(game.board, 6.5, keep)
    assert search.count == total - kept[best]
    assert all(search.visits[index] == visits for index, visits in kept.items() if index != best)
    search.run(20)
    assert search.count == total - kept[best] + 20
    assert not search.visits[best]


def test_two_passes_end_the_game() -> None:
    """Where nobody has a useful move, the search passes, and counts."""
    board, eyes = Board(), [0, 2, 16, 18]
    black, white = (
        [i for i in range(361) if (i % 19 < 9) == mine and i not in eyes] for mine in (True, False)
    )
    board.set_up(black, white, BLACK)
    keep = sensible_moves(board, BLACK)
    assert np.flatnonzero(keep).tolist() == [PASS]
    search = Search(Judge(lambda own, other: 0.5), board, 6.5, keep)
    search.run(50)
    assert search.count == 50
    nodes = search._tree.nodes[: search._tree.used[0]]
    ended = nodes[nodes["sensible"] == 0]
    assert len(ended) >= 1
    assert ended["N"].sum() > 10
    assert set(ended["V_win"].tolist()) == {float(board.score(6.5) > 0)}
    assert search.action_stats(PASS).win == pytest.approx(float(board.score(6.5) > 0), abs=0.1)
