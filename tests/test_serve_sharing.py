"""Boards share the processor fairly: turns against shares worked out beforehand, new positions that
do not wait for searches, bounds on boards and on memory."""

import contextlib
import threading
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

import gocnn
from gocnn.engine.limits import MOST_VISITS
from gocnn.policy.suggestion import planes_of, recent_moves
from gocnn.serve import sharing
from gocnn.serve.sharing import Share, Turn, Turns
from tests.knower import Knower
from tests.serving_boards import GAME, Counting, ask, pairs, receive, server, until_done, wait_until


def turns_of(shares: list[Share], costs: list[float], seconds: float) -> list[int]:
    """How many turns each of the shares gets, whose turns take so long, in all that time."""
    turns, counts, spent = Turns(), [0] * len(shares), 0.0
    for share in shares:
        turns.level(share)
    while spent < seconds:
        turn = turns.take(shares)
        assert turn is not None
        k = shares.index(turn.share)
        counts[k] += 1
        spent += costs[k]
        turns.give_back(turn, costs[k])
    return counts


def test_shares_are_of_time_not_of_turns():
    assert turns_of([Share() for _ in range(20)], [0.005] * 20, 10.0) == [100] * 20
    counts = turns_of([Share(), Share(), Share()], [0.001, 0.01, 0.004], 30.0)
    for count, cost in zip(counts, (0.001, 0.01, 0.004), strict=True):
        assert count * cost == pytest.approx(10.0, abs=0.011)


def taken(turns: Turns, *shares: Share) -> Turn:
    """The turn that one of them gets."""
    turn = turns.take(list(shares))
    assert turn is not None
    return turn


def test_who_comes_later_starts_level_with_the_others():
    turns, old, new = Turns(), Share(), Share()
    turns.level(old)
    for _ in range(100):
        turns.give_back(taken(turns, old), 0.01)
    turns.level(new)
    got = []
    for _ in range(50):
        turn = taken(turns, old, new)
        got.append(turn.share)
        turns.give_back(turn, 0.01)
    assert abs(got.count(new) - 25) <= 1


def test_a_new_position_goes_first_but_not_for_ever():
    """One that asks again and again has its head start, and then its share like the others."""
    turns, hasty, others = Turns(), Share(), [Share() for _ in range(4)]
    for share in (hasty, *others):
        turns.level(share)
    got, seconds = [], 0.01
    for _ in range(1000):
        hasty.urgent = True
        turn = taken(turns, hasty, *others)
        got.append(turn.share)
        assert turn.first == (turn.share is hasty and hasty.used <= turns._clock + sharing.AHEAD)
        turns.give_back(turn, seconds)
    assert all(share is hasty for share in got[: int(sharing.AHEAD / seconds)])
    assert got.count(hasty) == pytest.approx(200 + sharing.AHEAD / seconds, abs=10)
    for share in others:
        assert got.count(share) == pytest.approx((1000 - got.count(hasty)) / 4, abs=2)


def test_a_turn_goes_beside_another_only_where_it_is_urgent():
    turns, slow, quick = Turns(), Share(), Share()
    under_way = taken(turns, slow)
    assert waits(turns, quick)
    quick.urgent = True
    first = taken(turns, quick)
    assert first == (quick, True)
    turns.give_back(under_way, 0.01)
    assert waits(turns, slow)  # no other turn begins meanwhile
    turns.give_back(first, 0.01)
    assert taken(turns, slow).share is slow


def waits(turns: Turns, share: Share) -> bool:
    """Whether a share gets no turn as things are."""
    got: list[Any] = []
    ended = threading.Event()
    thread = threading.Thread(target=lambda: got.append(turns.take([share], ended.is_set)))
    thread.start()
    thread.join(0.2)
    ended.set()
    with turns.changing:
        turns.changing.notify_all()
    thread.join()
    return got == [None]


def planes(evaluator: Any, moves: str) -> bytes:
    board = gocnn.position(moves=moves).board
    return planes_of(board, recent_moves(board), evaluator.plane_groups).tobytes()


def test_new_positions_do_not_wait_for_any_search(evaluator):
    counting = Counting(evaluator)
    openings = [" ".join(GAME.split()[:k]) for k in range(1, 10)]
    with server(counting) as (client, _), contextlib.ExitStack() as stack:
        first, *others = (
            stack.enter_context(client.socket("/api/analysis")) for _ in range(1 + len(openings))
        )
        ask(first, 1, {"moves": []}, visits=MOST_VISITS)
        counting.wait_for(counting.asked + 10)
        counting.free.clear()
        counting.wait_for(counting.asked + 1)  # the search waits inside of the network
        seen = len(counting.batches)
        for socket, moves in zip((first, *others), (*openings[-1:], *openings), strict=False):
            ask(socket, 2, {"moves": pairs(moves)}, visits=20)
        for socket in (first, *others):
            while (answer := receive(socket))["id"] == 1:
                pass
            assert answer["type"] == "policy"
        after = counting.batches[seen:]
        expected = [planes(evaluator, moves) for moves in (*openings[-1:], *openings)]
        assert sorted(after) == sorted(expected)
        counting.free.set()
        for socket in (first, *others):
            while not (answer := receive(socket))["done"]:
                pass
            assert answer["id"] == 2
            assert answer["visits"] >= 20


def test_too_many_boards_are_refused(monkeypatch):
    monkeypatch.setattr(sharing, "MOST_BOARDS", 3)
    with server(Knower()) as (client, state), contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(client.socket("/api/analysis")) for _ in range(3)]
        for socket in sockets:
            ask(socket, 1, {"moves": []})
            until_done(socket, 1)
        with client.socket("/api/analysis") as more:
            assert "3 boards are open here already" in receive(more)["error"]
            with pytest.raises(ConnectionClosed):
                more.recv(60)
        sockets[0].close()
        wait_until(lambda: len(state.sharing._boards) == 2)
        with client.socket("/api/analysis") as again:
            ask(again, 1, {"moves": []})
            until_done(again, 1)


def test_memory_is_bounded_over_many_boards(monkeypatch):
    monkeypatch.setattr(sharing, "BOARD_BYTES", 1 << 10)
    with server(Knower()) as (client, state), contextlib.ExitStack() as stack:
        state.sharing._most_bytes = most = 200 << 10
        for _ in range(6):
            socket = stack.enter_context(client.socket("/api/analysis"))
            ask(socket, 1, {"moves": []}, visits=100_000)
            _, report = until_done(socket, 1)
            # it has ended early, and those before it have let go of what they had
            assert 100 < report["visits"] < 5000
            assert (
                most / 2 < state.sharing.bytes < most + (60 << 10)
            )  # and one evaluation's positions
        both = [stack.enter_context(client.socket("/api/analysis")) for _ in range(2)]
        for socket in both:
            ask(socket, 1, {"moves": []}, visits=100_000)
        for socket in both:
            assert until_done(socket, 1)[1]["visits"] < 5000
