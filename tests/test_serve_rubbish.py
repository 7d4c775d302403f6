"""Thousands of mutated messages to the socket: each is answered with a sentence or as the library
does, and the others' answers stay what they are alone."""

import contextlib
import json
import random
from typing import Any

import pytest

from tests.serving_boards import GAME, ask, pairs, receive, served, until_done

__all__ = ["served"]


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
