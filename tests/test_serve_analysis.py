"""The socket of a board, over real sockets: its answers are the library's own, boards share the
processor fairly, and whoever is gone, replaced or wrong costs the others nothing."""

import contextlib
import json
import random
import socket as socket_module
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed

import gocnn
from gocnn.board import BLACK
from gocnn.board.coords import from_gtp, to_gtp
from gocnn.engine import levels
from gocnn.engine.analysis import Analysis
from gocnn.engine.game import Game
from gocnn.engine.limits import MOST_VISITS
from gocnn.engine.player import Player
from gocnn.engine.rulesets import RULES
from gocnn.gtp.analysis_json.session import Answerer
from gocnn.policy.suggestion import planes_of, recent_moves
from gocnn.serve import server as serve_server
from gocnn.serve import sharing, streams
from gocnn.serve.app import create_app
from gocnn.serve.config import ServeConfig
from gocnn.serve.sharing import Share, Turn, Turns
from tests.conversation import Scripted
from tests.knower import SPREAD, Knower, truth
from tests.serving import Client, serving


class Counting:
    """A network that counts what it is asked, and whose answers to searches can be held up."""

    def __init__(self, evaluator: Any) -> None:
        self._evaluator = evaluator
        self.name, self.plane_groups = evaluator.name, evaluator.plane_groups
        self.has_value_head, self.scores = evaluator.has_value_head, evaluator.scores
        self.asked = 0
        self.batches: list[bytes] = []
        self.free = threading.Event()
        self.free.set()
        self.news = threading.Condition()

    def logits(self, batch):
        return self.outputs(batch).logits

    def outputs(self, batch):
        with self.news:
            self.asked += 1
            self.batches.append(batch.tobytes())
            self.news.notify_all()
        if threading.current_thread().name != "first answers":
            self.free.wait(60)
        return self._evaluator.outputs(batch)

    def wait_for(self, count: int) -> None:
        """Until it has been asked so often."""
        with self.news:
            assert self.news.wait_for(lambda: self.asked >= count, 120)


@contextlib.contextmanager
def server(evaluator: Any) -> Iterator[tuple[Client, Any]]:
    """A server whose only network is this one, and its state."""
    app = create_app(ServeConfig())
    app.state.serve._open["small"] = evaluator
    with serving(app=app) as client:
        # what the server tries at its start is over
        wait_until(lambda: not any(one.name == "loading" for one in threading.enumerate()))
        yield client, app.state.serve


@pytest.fixture(scope="module")
def served(evaluator) -> Iterator[Client]:
    with server(evaluator) as (client, _):
        yield client


def ask(socket: Any, number: int, position: dict[str, Any], **options: Any) -> None:
    socket.send(
        json.dumps({"type": "analyse", "id": number, "position": position, "visits": 0} | options)
    )


def receive(socket: Any) -> dict[str, Any]:
    return json.loads(socket.recv(120))


def until_done(socket: Any, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The policy and the last report of an answer, which must be well formed."""
    policy = receive(socket)
    assert (policy["type"], policy["id"]) == ("policy", number), policy
    while True:
        report = receive(socket)
        assert (report["type"], report["id"]) == ("report", number), report
        if report["done"]:
            return policy, report


def pairs(text: str) -> list[list[str]]:
    return [["bw"[k % 2], vertex] for k, vertex in enumerate(text.split())]


GAME = "Q16 D4 Q3 D17 R5 C14 O17 F3 K4 Q10"
KO = "D4 E4 C3 F3 D2 E2 E3 K10 K11 D3"
"""White has just taken at D3 where black may not take back at once (E3)."""


@pytest.mark.parametrize("moves", ["", GAME, KO])
@pytest.mark.parametrize("symmetries", [1, 8])
def test_the_policy_is_what_the_library_says(served, evaluator, moves, symmetries):
    net = gocnn.Network(evaluator)
    position = gocnn.position(moves=moves, komi=7.5)
    said = net.evaluate(position, symmetries=symmetries)
    with served.socket("/api/analysis") as socket:
        ask(socket, 3, {"moves": pairs(moves), "komi": 7.5}, symmetries=symmetries)
        policy, report = until_done(socket, 3)
    np.testing.assert_allclose(policy["policy"], said.policy, atol=2e-6)
    assert policy["value"] == pytest.approx(said.value, abs=1e-4)
    sign = 1 if position.board.to_play == BLACK else -1
    assert said.score is not None
    assert policy["score"] == pytest.approx(sign * said.score, abs=0.02)
    assert policy["score_stdev"] > 0
    assert len(policy["ownership"]) == 361
    assert policy["to_play"] == "bw"[len(moves.split()) % 2]
    legal = position.board.legal()
    empty = position.board.stones().ravel() == 0
    expected = {index for index in range(361) if empty[index] and not legal[index]}
    assert {from_gtp(vertex) for vertex in policy["illegal"]} == expected
    assert bool(expected) == (moves == KO)
    suggested = net.suggest(position, top=1, symmetries=symmetries)[0]
    assert int(np.argmax(policy["policy"])) == suggested.index
    assert report["visits"] == 0
    assert report["moves"][0]["move"] == suggested.vertex
    assert len(report["ownership"]) == 361


def test_a_report_is_what_the_command_says(served, evaluator, monkeypatch):
    # a report on the way adds playouts, by which leads are told
    monkeypatch.setattr(sharing, "FIRST_REPORT", 1e9)
    monkeypatch.setattr(sharing, "SLICE", 1e9)  # in one turn, as the command does
    moves = pairs(GAME)
    query = {
        "id": "q",
        "moves": moves,
        "rules": "japanese",
        "komi": 6.5,
        "maxVisits": 40,
        "includeOwnership": True,
        "boardXSize": 19,
        "boardYSize": 19,
        "overrideSettings": {"reportAnalysisWinratesAs": "SIDETOMOVE"},
    }
    written: list[str] = []
    lines: Any = Scripted([json.dumps(query).encode()], -1)
    Answerer(Player(evaluator), lines, written.append).run()
    expected = json.loads(written[-1])
    with served.socket("/api/analysis") as socket:
        ask(socket, 1, {"moves": moves, "rules": "japanese", "komi": 6.5}, visits=40)
        _, report = until_done(socket, 1)
    assert report["visits"] == expected["rootInfo"]["visits"]
    assert report["winrate"] == pytest.approx(expected["rootInfo"]["winrate"], abs=1e-4)
    assert report["lead"] == pytest.approx(expected["rootInfo"]["scoreLead"], abs=1e-2)
    for mine, theirs in zip(report["moves"], expected["moveInfos"], strict=True):
        assert (mine["move"], mine["visits"]) == (theirs["move"], theirs["visits"])
        assert mine["line"] == theirs["pv"]
        for key, other in (("winrate", "winrate"), ("lcb", "lcb"), ("prior", "prior")):
            assert mine[key] == pytest.approx(theirs[other], abs=1e-4)
    from_the_top = np.array(expected["ownership"]).reshape(19, 19)[::-1].ravel()
    np.testing.assert_allclose(report["ownership"], from_the_top, atol=0.011)


# --- other networks


def test_a_network_that_says_a_score(monkeypatch):
    monkeypatch.setattr(sharing, "FIRST_REPORT", 1e9)
    knower = Knower(tempo=2.0, prefers=(from_gtp("K10"), from_gtp("Q16")))
    stones = {"black": ["D4", "C6"], "white": ["Q17"]}
    for first, sign in (("b", 1), ("w", -1)):
        game = Game(2.5, RULES["chinese"])
        game.set_up([from_gtp("D4"), from_gtp("C6")], [from_gtp("Q17")], BLACK if sign > 0 else 2)
        expected = sign * truth(game.board)
        analysis = Analysis(Player(knower), game, game.board.to_play)
        analysis.advance(600, lambda: False, 12)
        with server(knower) as (client, _), client.socket("/api/analysis") as socket:
            ask(socket, 1, stones | {"moves": [], "komi": 2.5, "first": first}, visits=12)
            policy, report = until_done(socket, 1)
        np.testing.assert_allclose(policy["ownership"], expected, atol=0.0051)
        assert policy["score"] == pytest.approx(expected.sum() + 2.0 - sign * 2.5, abs=0.01)
        assert policy["score_stdev"] == pytest.approx(SPREAD, abs=0.01)
        assert policy["to_play"] == first
        whole = analysis.estimate()
        assert report["lead"] == pytest.approx(sign * whole.score_mean, abs=0.01)
        np.testing.assert_allclose(report["ownership"], sign * whole.owner, atol=0.0051)
        assert [(c["move"], c["visits"]) for c in report["moves"]] == [
            (to_gtp(info.index), info.visits) for info in analysis.moves()
        ]


def test_a_network_that_knows_the_winner_alone(scoreless):
    with server(scoreless) as (client, _), client.socket("/api/analysis") as socket:
        ask(socket, 1, {"moves": pairs(GAME)})
        policy, report = until_done(socket, 1)
    assert 0 < policy["value"] < 1
    assert (policy["score"], policy["score_stdev"], policy["ownership"]) == (None, None, None)
    assert len(report["ownership"]) == 361  # by playouts


def test_a_network_that_says_moves_alone(evaluator):
    blind = Counting(evaluator)
    blind.has_value_head = blind.scores = False
    with server(blind) as (client, _), client.socket("/api/analysis") as socket:
        ask(socket, 1, {"moves": pairs(GAME)}, visits=20, ownership=False)
        policy, report = until_done(socket, 1)
        for key in ("value", "score", "score_stdev", "ownership"):
            assert key in policy
        assert report["visits"] >= 20
        assert report["ownership"] is None
        assert 0 <= report["winrate"] <= 1  # by playouts
        assert [c["prior"] for c in report["moves"]] == sorted(
            (c["prior"] for c in report["moves"]), reverse=True
        )


@pytest.mark.parametrize("level", ["15k", "3k"])
def test_how_often_a_level_makes_each_move(served, evaluator, level):
    player = Player(evaluator)
    player.level = levels.parse(level)
    assert not player.level.visits
    game = Game(6.5, RULES["chinese"])
    for _, vertex in pairs(GAME):
        game.play(from_gtp(vertex), game.board.to_play)
    with served.socket("/api/analysis") as socket:
        ask(socket, 1, {"moves": pairs(GAME)}, level=level)
        _, report = until_done(socket, 1)
        np.testing.assert_allclose(report["chances"], player.chances(game, BLACK), atol=2e-6)
        ask(socket, 2, {"moves": pairs(GAME)}, level="max")  # looks ahead itself
        assert until_done(socket, 2)[1]["chances"] is None
        ask(socket, 3, {"moves": []}, level="40k")
        assert "there is no level '40k'" in receive(socket)["error"]


# --- one request after another


def test_what_was_seen_is_kept_for_the_position_that_follows():
    knower = Knower(prefers=(from_gtp("K10"), from_gtp("Q16")))
    with server(knower) as (client, _), client.socket("/api/analysis") as socket:
        ask(socket, 1, {"moves": []}, visits=60)
        _, first = until_done(socket, 1)
        kept = {c["move"]: c["visits"] for c in first["moves"]}["K10"]
        assert kept > 2
        before = knower.asked
        ask(socket, 2, {"moves": [["b", "K10"]]}, visits=kept - 1)
        _, second = until_done(socket, 2)
        # one evaluation for the policy, none for visits (those of the move itself count one more)
        assert (knower.asked - before, second["visits"]) == (1, kept - 1)
        # another komi is another search
        ask(socket, 3, {"moves": [["b", "K10"]], "komi": 0.5}, visits=0)
        assert until_done(socket, 3)[1]["visits"] == 0


@pytest.mark.parametrize("rounds", [3])
def test_a_request_that_was_replaced_never_answers_late(rounds):
    with server(Knower()) as (client, _), client.socket("/api/analysis") as socket:
        rng, number, done = random.Random(1), 0, 0
        for _ in range(rounds):
            burst = rng.randrange(10, 40)
            for _ in range(burst):
                number += 1
                moves = pairs(" ".join(rng.sample(GAME.split(), rng.randrange(10))))
                kind = rng.randrange(4)
                if kind == 0:
                    moves += moves[:1]  # illegal, if there is one
                ask(socket, number, {"moves": moves}, visits=rng.choice([0, 5, 10_000]))
            number += 1
            ask(socket, number, {"moves": pairs(GAME)}, visits=40)
            while True:
                answer = receive(socket)
                assert answer["id"] >= done, "an answer to what had been replaced"
                done = answer["id"]
                if answer.get("done") and answer["id"] == number:
                    break


def test_stop_is_heeded():
    counting = Counting(Knower())
    with server(counting) as (client, _), client.socket("/api/analysis") as socket:
        ask(socket, 1, {"moves": []}, visits=MOST_VISITS)
        counting.wait_for(counting.asked + 20)
        socket.send('{"type": "stop"}')
        # whoever asks next is answered by the same thread: nothing goes on behind it
        ask(socket, 2, {"moves": pairs(GAME)})
        while receive(socket)["id"] == 1:
            pass
        asked = counting.asked
        with client.socket("/api/analysis") as other:
            ask(other, 1, {"moves": pairs(KO)})
            until_done(other, 1)
        assert counting.asked - asked <= 5


# --- several at once


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


def test_a_closed_tab_ends_its_search(evaluator):
    counting = Counting(Knower())
    with server(counting) as (client, state):
        with client.socket("/api/analysis") as alone:
            before = counting.asked
            ask(alone, 1, {"moves": pairs(GAME)})
            until_done(alone, 1)
            needs = counting.asked - before
        with client.socket("/api/analysis") as stays, client.socket("/api/analysis") as goes:
            ask(goes, 1, {"moves": []}, visits=MOST_VISITS)
            counting.wait_for(counting.asked + 50)
            goes.close()
            wait_until(lambda: len(state.sharing._boards) == 1)
            asked = counting.asked
            ask(stays, 1, {"moves": pairs(GAME)})
            until_done(stays, 1)
            # at most the evaluation that was under way
            assert counting.asked - asked in (needs, needs + 1)
        wait_until(lambda: not state.sharing._boards)
        wait_until(lambda: not state.sharing._threads)
        assert state.sharing.bytes == 0


def test_a_closed_tab_ends_the_search_for_a_move():
    counting = Counting(Knower())
    with server(counting) as (client, _):
        counting.free.clear()
        asked = counting.asked
        body = json.dumps({"position": {"moves": []}, "visits": 100_000, "seconds": 60}).encode()
        with socket_module.create_connection(("127.0.0.1", client.port)) as raw:
            head = f"POST /api/play HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\n"
            length = f"Content-Length: {len(body)}\r\n\r\n"
            raw.sendall(head.encode() + length.encode() + body)
            counting.wait_for(asked + 1)
        counting.free.set()
        wait_until(lambda: not any(one.name == "answering" for one in threading.enumerate()))
        # a search to its end asks for a sixteenth of its visits at the least
        assert counting.asked - asked < 100_000 / 16


def test_rubbish_beside_them_changes_nothing_for_others(served, evaluator):
    def shown(report: dict[str, Any]) -> Any:
        return [(c["move"], c["visits"], c["winrate"], c["line"]) for c in report["moves"]]

    with contextlib.ExitStack() as stack:
        one, two, third = (stack.enter_context(served.socket("/api/analysis")) for _ in range(3))
        ask(one, 1, {"moves": pairs(GAME)}, visits=48)
        _, alone = until_done(one, 1)
        ask(one, 2, {"moves": []})  # so that nothing is kept
        until_done(one, 2)
        for socket in (one, two):
            ask(socket, 3, {"moves": pairs(GAME)}, visits=48)
        answered = rubbish(third, 2000)
        assert answered > 1000
        for socket in (one, two):
            _, report = until_done(socket, 3)
            assert shown(report) == shown(alone)
        ask(third, 5, {"moves": pairs(GAME)})
        assert until_done(third, 5)[0]["id"] == 5


WHOLE = {
    "type": "analyse",
    "id": 7,
    "position": {
        "moves": pairs(GAME),
        "black": ["A1"],
        "white": ["T19"],
        "first": "b",
        "komi": 7.5,
        "rules": "chinese",
        "handicap": 0,
        "to_play": "w",
    },
    "model": "small",
    "visits": 0,
    "symmetries": 1,
    "style": "any",
    "level": "5k",
    "ownership": True,
}
ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    1,
    2**63,
    -(2**70),
    1e308,
    0.1,
    "",
    "b",
    "Q16",
    "pass",
    "Z9",
    "\0",
    "é" * 300,
    [],
    [[]],
    ["b"],
    [["b", "Q16"]] * 3,
    [["b"]],
    {},
    {"a": 1},
    [None],
    "x" * 5000,
]


def mutated(rng: random.Random, whole: dict[str, Any] = WHOLE) -> str | bytes:
    """A message with something wrong in it, most of the time."""
    value = json.loads(json.dumps(whole))
    for _ in range(rng.randrange(1, 3)):
        at = value
        while True:
            key = rng.choice(list(at) if isinstance(at, dict) else range(len(at)))
            below = at[key]
            if isinstance(below, dict | list) and below and rng.random() < 0.6:
                at = below
                continue
            break
        kind = rng.randrange(3)
        if kind == 0 and isinstance(at, dict):
            del at[key]
            at[rng.choice(["x", key + "s", key.upper()])] = below
        elif kind == 1:
            del at[key]
        else:
            at[key] = rng.choice(ODD)
        if not value:
            break
    if rng.random() < 0.5:
        return json.dumps(value)
    data = bytearray(json.dumps(whole).encode())
    for _ in range(rng.randrange(1, 6)):
        place = rng.randrange(len(data))
        if rng.random() < 0.5:
            data[place] = rng.randrange(256)
        else:
            del data[place : place + rng.randrange(1, 9)]
    if rng.random() < 0.2:
        return bytes(data)
    return data.decode("latin-1")


def rubbish(socket: Any, count: int, seed: int = 0) -> int:
    """Send mutated messages; how many were answered with an error, which must be a sentence.
    Afterwards nothing more is answered."""
    rng, errors = random.Random(seed), 0
    for start in range(0, count, 50):
        for _ in range(min(50, count - start)):
            socket.send(mutated(rng))
        socket.send('{"type": "stop"}')
        socket.send('{"type": "the end", "id": 12345}')
        while True:
            answer = receive(socket)
            if answer["type"] != "error":
                assert answer["type"] in ("policy", "report")
                continue
            if answer["id"] == 12345:
                break
            assert sorted(answer) == ["error", "id", "type"]
            assert_sentence(answer["error"])
            errors += 1
    return errors


def assert_sentence(text: str) -> None:
    assert 5 < len(text) < 1000, text
    assert "\n" not in text
    for word in ("Traceback", "Error(", "/work", "/tmp", ".py", "unexpected", "nobody expected"):
        assert word not in text, text


@pytest.mark.slow
def test_ten_thousand_mutated_messages(served):
    with served.socket("/api/analysis") as socket:
        assert rubbish(socket, 10_000, seed=1) > 5000
        ask(socket, 1, {"moves": []})
        until_done(socket, 1)


def test_a_client_that_never_reads_is_dropped(monkeypatch):
    monkeypatch.setattr(streams, "PATIENCE", 0.5)
    monkeypatch.setattr(serve_server, "UNREAD", 1.0)
    with server(Knower()) as (client, state):
        raw = socket_module.socket()
        raw.setsockopt(socket_module.SOL_SOCKET, socket_module.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", client.port))
        with client.socket("/api/analysis", sock=raw) as socket:
            # this client stops reading once 16 messages wait in it
            with pytest.raises(ConnectionClosed):
                for _ in range(1_000_000):
                    socket.send("x" * 200)
            wait_until(lambda: not state.sharing._boards)
        with client.socket("/api/analysis") as other:
            ask(other, 1, {"moves": []})
            until_done(other, 1)


def test_a_quiet_client_is_kept(monkeypatch):
    monkeypatch.setattr(serve_server, "UNASKED", 0.05)
    with server(Knower()) as (client, _), client.socket("/api/analysis") as socket:
        time.sleep(0.5)
        ask(socket, 1, {"moves": []})
        until_done(socket, 1)


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


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come about")
