"""Queries to the analysis engine, and its answers."""

import json

from gocnn.engine.player import Player
from gocnn.gtp.analysis_json.session import Answerer
from tests.conversation import Scripted

BASE = {
    "rules": "chinese",
    "komi": 6.5,
    "boardXSize": 19,
    "boardYSize": 19,
    "maxVisits": 24,
    "moves": [],
}


def no_constant(name: str) -> float:
    raise AssertionError(f"{name} is not JSON")


def ask(evaluator, *queries, patience: int = -1) -> list[dict]:
    """The answers. All queries are there at once, or each arrives when the analysis before it has
    looked for it so often."""
    lines = [q if isinstance(q, bytes) else json.dumps(q).encode() for q in queries]
    written: list[str] = []
    Answerer(Player(evaluator), Scripted(lines, patience), written.append).run()
    return [json.loads(line, parse_constant=no_constant) for line in written]
