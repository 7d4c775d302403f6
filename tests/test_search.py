"""A network that foresees the winner, and looking ahead with it."""

import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from gocnn.board import BLACK, WHITE, Board, repetition, rules
from gocnn.board.coords import PASS, from_gtp
from gocnn.engine import mcts as searching
from gocnn.engine import root_stats, tree, tree_leaves, tree_positions
from gocnn.engine.analysis import Analysis
from gocnn.engine.game import Game
from gocnn.engine.mcts import Search
from gocnn.engine.ownership import sensible_moves
from gocnn.engine.player import Player
from gocnn.engine.root_stats import bound
from gocnn.policy.network import PolicyConfig, PolicyNetwork
from gocnn.policy.predictions import PolicyPredictions, predictions, winrate
from gocnn.policy.samples import UNDECIDED
from gocnn.policy.suggestion import evaluate, planes_of, recent_moves
from gocnn.policy.task import VALUE_WEIGHT, PolicyTask
from tests import plain_search
from tests.conftest import ROOT, play_randomly
from tests.conversation import talk
from tests.test_go_train import TRAIN
from tests.typed import good


class Judge:
    """An evaluator by rule: `value(own, opponent)`, sets of flat indices, is the probability that
    the side to play wins; it prefers `liked`."""

    name, has_value_head, scores = "judge", True, False
    plane_groups: tuple[str, ...] = ("stones",)

    def __init__(self, value, liked=()) -> None:
        self.value, self.liked = value, list(liked)

    def spy(self, look: Callable[[np.ndarray], object]) -> None:
        """Until `unspy`, `look` sees each batch first."""
        outputs = self.outputs

        def watched(batch: np.ndarray) -> PolicyPredictions:
            look(batch)
            return outputs(batch)

        vars(self)["outputs"] = watched

    def unspy(self) -> None:
        del vars(self)["outputs"]

    def outputs(self, batch: np.ndarray) -> PolicyPredictions:
        logits = np.zeros((len(batch), 362), np.float32)
        for index, bonus in self.liked:
            logits[:, index] = bonus
        sides = [
            [set(np.flatnonzero(plane).tolist()) for plane in planes.reshape(2, 361)]
            for planes in batch
        ]
        return predictions(logits)._replace(
            win=np.array([self.value(*pair) for pair in sides], np.float32)
        )

    def logits(self, batch: np.ndarray) -> np.ndarray:
        return self.outputs(batch)[0]


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


class Scorer(Judge):
    """A judge that says scores as well: some number of the position for each of its answers."""

    scores = True

    def outputs(self, batch: np.ndarray) -> PolicyPredictions:
        keys = [
            int(np.flatnonzero(planes.ravel()) @ np.arange(1, 1 + int(planes.sum())))
            for planes in batch
        ]
        rngs = [np.random.default_rng(key) for key in keys]
        rows = [
            (
                rng.normal(0, 2.5, 362),
                rng.uniform(0.2, 0.8),
                rng.uniform(-1, 1, 361),
                rng.normal(0, 12),
                rng.uniform(5, 25),
            )
            for rng in rngs
        ]
        return PolicyPredictions(*(np.array(part, np.float32) for part in zip(*rows, strict=True)))


def node_of(search: Search, node: int) -> dict:
    """A position of the tree, and those below it by move."""
    nodes = search._tree.nodes
    told = {name: nodes[name][node].item() for name in nodes.dtype.names or ()}
    first, tried = told["first"], told["tried"]
    moves, children = (
        search._tree.move[first : first + told["kept"]],
        search._tree.child[first : first + told["kept"]],
    )
    assert (children[:tried] > 0).all()
    assert (children[tried:] == -1).all()
    return told | {
        "below": dict(zip(moves[:tried].tolist(), children[:tried].tolist(), strict=True)),
        "moves": moves.tolist(),
    }


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


def books(search: Search, judge: Judge, score: bool) -> int:
    """Each position's sums are those of the positions below it and its own; how many positions
    there are."""
    todo, seen = [(0, search.board.copy(), 1)], 0
    while todo:
        node, board, sign = todo.pop()
        mine, seen = node_of(search, node), seen + 1
        below = [node_of(search, child) for child in mine["below"].values()]
        own = 1 if mine["sensible"] else mine["N"]
        assert mine["N"] == own + sum(child["N"] for child in below)
        assert mine["W_win"] == pytest.approx(
            own * (1 - mine["V_win"]) + sum(child["N"] - child["W_win"] for child in below)
        )
        assert mine["W"] == pytest.approx(
            own * (1 - mine["V"]) + sum(child["N"] - child["W"] for child in below)
        )
        assert mine["W2"] == pytest.approx(
            own * (1 - mine["V"]) ** 2 + sum(c["N"] - 2 * c["W"] + c["W2"] for c in below)
        )
        assert mine["W_lead"] == pytest.approx(
            -own * mine["V_lead"] - sum(child["W_lead"] for child in below), abs=1e-4
        )
        assert mine["pending"] == 0
        if mine["sensible"] and seen < 60:  # what the network says of the very position
            said = evaluate(judge, board)
            komi = -search.komi if board.to_play == BLACK else search.komi
            win = float(winrate(said.win, said.lead, said.spread, komi)) if score else said.win
            lead = said.lead + komi if score else 0.0
            assert mine["V_win"] == pytest.approx(win, abs=1e-6)
            assert mine["V_lead"] == pytest.approx(lead, abs=1e-4)
            assert mine["V"] == pytest.approx(
                tree.worth(win, lead, sign * search._centre, searching.SCORE_SHARE * score),
                abs=1e-6,
            )
            assert set(mine["moves"]) <= set(np.flatnonzero(board.legal()).tolist())
        for move, child in mine["below"].items():
            after = board.copy()
            after.play(move)
            todo.append((child, after, -sign))
    return seen


@pytest.mark.parametrize("score", [False, True])
def test_a_search_keeps_its_books(score: bool) -> None:
    """With several positions at a time, and after the game has gone on, where points are counted
    from the new position's lead."""
    judge = (
        Scorer(None)
        if score
        else Judge(
            lambda own, other: 0.5 + (sum(own) - sum(other)) % 97 / 200,
            [(int(i), i % 7) for i in range(361)],
        )
    )
    board = Board(superko=True)
    search = Search(judge, board.copy(), 6.5, sensible_moves(board, BLACK))
    for _ in range(3):
        search.run(500)
        assert books(search, judge, score) <= search.count + 1
        for index in np.flatnonzero(search.visits):
            told = search.action_stats(int(index))
            assert told.lcb <= told.win
            assert math.isfinite(told.lead) == score
        board.play(search.best)
        assert search.follow(board, 6.5, sensible_moves(board, board.to_play))
        books(search, judge, score)


def test_ownership_is_the_mean_over_what_was_seen() -> None:
    board = Board()
    judge = Scorer(None)
    asked: list[np.ndarray] = []
    said = evaluate(judge, board)
    search = Search(judge, board, 6.5, sensible_moves(board, BLACK), said=said)
    judge.spy(lambda batch: asked.append(batch.copy()))
    search.run(30)
    judge.unspy()
    owners = []
    for batch in asked:
        black = (batch[:, 0].sum((1, 2)) - batch[:, 1].sum((1, 2))) == 0
        owners += [
            owner if mine else -owner
            for owner, mine in zip(judge.outputs(batch).owner, black, strict=True)
        ]
    np.testing.assert_allclose(search.owner(), np.mean([said.owner, *owners], 0), atol=1e-5)
    index = search.best
    assert (search.owner_after(index) != search.owner()).any()
    assert (search.owner_after(int(np.flatnonzero(search.visits == 0)[0])) == said.owner).all()


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


def test_a_network_that_fails_leaves_the_tree_as_it_was() -> None:
    judge = Scorer(None)
    board = Board()
    search, other = (Search(judge, board, 6.5, sensible_moves(board, BLACK)) for _ in range(2))
    search.run(300)
    other.run(300)

    def fails(batch: np.ndarray) -> None:
        raise KeyboardInterrupt

    for _ in range(3):
        judge.spy(fails)
        with pytest.raises(KeyboardInterrupt):
            search.run(16)
        judge.unspy()
        books(search, judge, True)
        assert search.count == other.count
        search.run(40)
        other.run(40)
        assert (search.visits == other.visits).all()


def test_moves_beyond_the_first_are_asked_for_when_those_have_been_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With next to nothing kept of a new position the search is the same: the rest comes when it is
    needed."""
    judge = Scorer(None)
    board = Board(superko=True)
    searches = []
    for at_once, most in ((1, 32), (1, 2), (16, 32), (16, 1)):
        monkeypatch.setattr(searching, "MOST_AT_ONCE", at_once)
        search = Search(judge, board, 6.5, sensible_moves(board, BLACK))
        if most < 32:
            monkeypatch.setattr(tree_leaves, "absorb", absorb_keeping(most))
        search.run(400)
        monkeypatch.undo()
        assert search.count == 400
        assert books(search, judge, True)
        searches.append(search)
    assert (searches[0].visits == searches[1].visits).all()
    assert searches[1].bytes > 0


def absorb_keeping(most: int):
    """What takes answers into the tree, keeping fewer moves of a new position."""

    def absorb(arrays, slots, waiting, logits, win, value, lead, spread) -> None:
        for slot in range(waiting):
            path, depth = slots.path[slot], int(slots.depth[slot])
            node = path[depth]
            tree.mark(arrays, path, depth, -1)
            tree.priors(logits[slot], slots.legal[slot], slots.keep[slot], slots.prior)
            new = arrays.nodes["first"][node] == tree.NEW
            if new:
                tree.tell(arrays, node, win[slot], value[slot], lead[slot], spread[slot])
            else:
                arrays.nodes["first"][node] = tree.WIDEN - arrays.nodes["first"][node]
            tree.add_moves(arrays, node, slots.prior, most if new else 362, 0.0)
            if new:
                tree.carry(arrays, path, depth)

    return absorb


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


def test_value_is_learned_where_the_result_is_known() -> None:
    torch.manual_seed(0)
    network = PolicyNetwork(
        PolicyConfig(blocks=1, channels=8, plane_groups=("stones",), value=True)
    ).eval()
    planes, moves = (torch.rand(6, 2, 19, 19) > 0.7).to(torch.uint8), torch.arange(6)
    won = torch.tensor([1, 0, UNDECIDED, 1, 1, UNDECIDED], dtype=torch.int8)
    task = PolicyTask()
    logits, value = network(planes.float())
    assert value.shape == (6,)
    plain = torch.nn.functional.cross_entropy(logits, moves)
    known = won >= 0
    value = value.detach()
    wanted = -torch.log(
        torch.where(won[known] == 1, value[known].sigmoid(), 1 - value[known].sigmoid())
    ).sum()
    loss, _ = task.loss(network, (planes, moves, won))
    assert torch.allclose(loss, plain + VALUE_WEIGHT * wanted / 6)
    figures = task.summary(
        {key: total.item() for key, total in task.judge(network, (planes, moves, won)).items()}
    )
    assert figures["value_loss"] == pytest.approx(float(wanted) / 4)
    assert figures["value"] == float(((value[known] > 0) == (won[known] == 1)).float().mean())
    assert "value" not in task.summary(
        {key: total.item() for key, total in task.judge(network, (planes, moves)).items()}
    )


@pytest.mark.slow
def test_from_games_to_a_player_that_looks_ahead(tmp_path: Path, sample_store: Path) -> None:
    run, plain = tmp_path / "run", tmp_path / "plain"
    good("go-train", sample_store, "--out", plain, *TRAIN)
    good(
        "go-train",
        sample_store,
        "--out",
        run,
        "--from",
        plain,
        "--value",
        *TRAIN[: TRAIN.index("--blocks")],
        "--batch",
        "64",
    )
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert 0 <= last["value"] <= 1
    assert 0 < last["value_loss"] < 5
    out = good("go-export", run, "--onnx", tmp_path / "m.onnx")
    assert float(out.split()[-1]) < 1e-4
    for model in (run, tmp_path / "m.onnx"):
        command = [sys.executable, "cli.py", "go-gtp", "--model", str(model), "--visits", "20"]
        talk = subprocess.run(
            command,
            cwd=ROOT,
            input="genmove b\ngenmove w\nquit\n",
            capture_output=True,
            text=True,
            check=True,
        )
        assert talk.stdout.count("= ") == 3


def test_the_raw_network_says_who_wins_by_its_value_not_by_playouts() -> None:
    judge = Judge(lambda own, other: 0.75 if len(own) > len(other) else 0.25)
    one, two = talk(
        judge, "play b D4", "kata-raw-nn 0", "play w Q16", "play w C3", "kata-raw-nn 3"
    )[1::3]
    assert "whiteWin 0.250000\nwhiteLoss 0.750000" in one  # white to play, behind
    assert "whiteWin 0.750000\nwhiteLoss 0.250000" in two  # black to play, behind
