"""Engines of a few lines that judge positions, games for them to judge, and the labels that come of
it."""

import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from gocnn.commands import main
from gocnn.games import labels
from gocnn.games.importing import import_games
from gocnn.games.store import Store
from tests.conftest import play_randomly, sgf_text

FAKE = """
import json, random, sys, time
kind = sys.argv[1]
WRONG = {"unsure": [0.0] * 362, "illegal": [-1] * 362, "boundless": [10**400] * 362, "odds": [float("nan")] * 362}
def say(values): print(json.dumps(values), flush=True)
if kind == "deaf": time.sleep(600)
if kind == "stops" and sys.platform != "win32":
    import fcntl
    alive = open(sys.argv[0] + ".lock", "w")
    fcntl.flock(alive, fcntl.LOCK_EX)
asked = 0
for line in sys.stdin:
    query = json.loads(line)
    if query.get("action") == "query_version":
        if kind != "nameless": say({"id": query["id"], "action": "query_version", "version": "1.2.3"})
        else: say({"id": query["id"], "error": "unknown action"})
        continue
    asked += 1
    if kind == "dies" and asked > 3: sys.exit(3)
    if kind == "stops" and asked > 3: time.sleep(600)
    if kind == "refuses" or kind == "some" and len(query["moves"]) % 3 == 0:
        say({"id": query["id"], "error": "Illegal move 7: D4", "field": "moves"}); continue
    if query.get("includePolicy"):
        if kind == "some" and len(query["moves"]) % 3 == 0: say({"id": query["id"], "error": "Illegal move 7: D4", "field": "moves"}); continue
        if kind == "mute": say({"id": query["id"]}); continue
        if kind == "judges": say({"id": query["id"], "error": "unknown field includePolicy"}); continue
        if kind == "idle": say({"id": query["id"], "noResults": True}); continue
        if kind in WRONG: say({"id": query["id"], "policy": WRONG[kind]}); continue
        likely = random.Random(json.dumps(query["moves"]))
        say({"id": query["id"], "policy": [likely.random() if likely.random() < 0.9 else -1 for _ in range(361)] + [0.0]})
        continue
    assert (query["rules"], query["maxVisits"], query["includeOwnership"], query["whiteHandicapBonus"]) == ("chinese", 1, True, "0")
    assert query["analyzeTurns"] == [len(query["moves"])] and query["komi"] * 2 == int(query["komi"] * 2) and abs(query["komi"]) <= 150
    # Whoever plays the game knows what it says of it: the moves decide.
    chance = random.Random(json.dumps(query["moves"]))
    owner = [round(chance.uniform(-1, 1) * (chance.random() < 0.7), 2) for _ in range(361)]
    lead = chance.uniform(-60, 60)
    answer = {"id": query["id"], "isDuringSearch": False, "turnNumber": len(query["moves"]), "ownership": owner,
              "rootInfo": {"rawLead": lead - query["komi"], "scoreLead": 0.0}}
    if kind == "short": answer["ownership"] = owner[:360]
    if kind == "nan": answer["rootInfo"]["rawLead"] = float("nan")
    if kind == "large": answer["ownership"][3] = 17
    if kind == "bare": del answer["rootInfo"]
    say(answer)
    if kind == "twice": say(answer)
"""


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    path = tmp_path / "fake.py"
    path.write_text(FAKE)
    return path


def command(fake: Path, kind: str = "good") -> str:
    return shlex.join([sys.executable, str(fake), kind, "-model", f"{fake.parent}/nets/b6.bin.gz"])


KOMIS = ("6.5", "0.5", "3.25", "300")


@pytest.fixture
def games(tmp_path: Path) -> Path:
    """Twelve resigned games with komis of all sorts, one of them with two stones set up, one that
    was counted and one that is too short."""
    folder = tmp_path / "sgf"
    folder.mkdir()
    for k in range(14):
        result = "B+3.5" if k == 12 else f"{'BW'[k % 2]}+R"
        head = f"KM[{KOMIS[k % 4]}]RE[{result}]" + ("AB[aa][sa]" if k == 5 else "")
        moves = [
            (m, c)
            for m, c in play_randomly(k, 20 if k == 13 else 60 + k)
            if k != 5 or m not in (342, 360)
        ]
        (folder / f"{k:02}.sgf").write_bytes(sgf_text(moves, head) + b")")
    import_games([str(folder)], tmp_path / "a.games", quiet=True)
    assert len(Store(tmp_path / "a.games")) == 14
    return tmp_path / "a.games"


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["go-label", *map(str, arguments)])
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.output


def labels_of(path: Path) -> dict[int, tuple[int, bytes]]:
    opened = Store(path)
    opened.verify()
    kinds, at = opened.label_kinds(), opened.labels()
    assert ((at < 0) == ((kinds == 0) | (kinds == labels.TRIED))).all()
    return {
        int(g): (
            int(kinds[g]),
            opened.words[at[g] : at[g] + labels.LABEL_WORDS].tobytes() if at[g] >= 0 else b"",
        )
        for g in np.flatnonzero(kinds)
    }
