"""A search keeps its books: each position's sums are those below it and what the network says of
the very position, also after a network has failed and where few moves are kept."""

import math

import numpy as np
import pytest

from gocnn.board import BLACK, Board
from gocnn.engine import mcts as searching
from gocnn.engine import tree, tree_leaves
from gocnn.engine.mcts import Search
from gocnn.engine.ownership import sensible_moves
from gocnn.policy.predictions import winrate_with
from gocnn.policy.suggestion import evaluate
from tests.searches import Judge, Scorer, node_of


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
            black = board.to_play == BLACK
            win = (
                float(winrate_with(search.komi, black, said.win, said.lead, said.spread))
                if score
                else said.win
            )
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
