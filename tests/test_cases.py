"""Records, queries and conversations of strangers that once failed: each row is an input of
`tests/cases/go`, a command, and what it must give."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from gocnn.wording import counted
from tests.conftest import ROOT
from tests.conversation import talk
from tests.typed import good, refused

CASES = ROOT / "tests" / "cases"
GO = CASES / "go"


# --- go-suggest: as it runs from a cold start, interpreted
# -------------------------------------------------------------------------------


INTERPRETED = """
import contextlib, io, json, sys
from gocnn.commands import main
answers = []
for arguments in json.load(sys.stdin):
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments, prog_name="cli.py")
        except SystemExit as error:
            code = error.code or 0
    answers.append({"code": code, "out": out.getvalue(), "err": err.getvalue()})
print(json.dumps(answers))
assert "numba" not in sys.modules, "go-suggest answers without numba"
"""


@dataclass(frozen=True)
class Position:
    """What go-suggest must say of a record: the ply, the side to play, points that are empty,
    points where stones stand."""

    name: str
    ply: int
    to_play: str
    empty: str = ""
    taken: str = ""
    at: int | None = None

    def arguments(self) -> list[str]:
        return [
            "go-suggest",
            str(GO / self.name),
            "--json",
            *([] if self.at is None else ["--at", str(self.at)]),
        ]


OPENING = "Q16 D4 Q3 D16 F3 C6 K4 R5 P4 R9"  # ten moves that many of the records begin with

POSITIONS = [
    Position("suggest_ae.sgf", 4, "black", empty="Q16", taken="D4 D16 R17"),
    Position("suggest_ab1.sgf", 3, "black", taken="Q16 D4 Q3 D16"),
    Position("suggest_ab1.sgf", 0, "white", at=0, taken="Q16", empty="D4 Q3 D16"),
    Position("suggest_pb_empty.sgf", 3, "white", taken="Q16 D4 Q3"),
    Position("suggest_pb_empty.sgf", 0, "black", at=0, empty="Q16 D4 Q3"),
    Position("suggest_pb_empty.sgf", 2, "black", at=2, taken="Q16 D4", empty="Q3"),
    Position("26b_tsumego.sgf", 0, "white", taken="B2 C2 D2 E2 B3 C3 D3 E3 F3"),
    Position("26_handicap_no_moves.sgf", 0, "white", taken="D16 Q16 D4 Q4"),
    Position("23_ae_mid.sgf", 1, "white", at=1, taken="Q16", empty="D4"),
    Position("23_ae_mid.sgf", 2, "black", at=2, taken="Q16 D4", empty="D16 D3 C17"),
    # where the fourth move is chosen
    Position("23_ae_mid.sgf", 3, "white", at=3, taken="Q16 D16 D3 C17", empty="D4"),
    Position("23_ae_mid.sgf", 5, "white", taken="Q16 D16 D3 C17 Q4 R4", empty="D4"),
    *(
        Position(f"{name}.sgf", 10, "black", taken=OPENING)
        for name in ("big5_5c", "gbk_5d", "sjis_5c_mid", "koi8", "08_utf16le", "21_sz1919")
    ),
    Position("game.sgf.gz", 10, "black", taken=OPENING),
    Position("13b_pass_space.sgf", 3, "white", taken="Q16 D4"),
    Position("22_node_b_and_w.sgf", 6, "black", taken="Q16 D4 Q3 D16 F3 C6"),
    Position("15b_km50_fox.sgf", 0, "white", at=0, taken="Q16 D4", empty="D16"),
]


@pytest.fixture(scope="module")
def suggested() -> dict[Position | str, dict[str, Any]]:
    """Every position asked for in one process, and the record that must be refused."""
    asked: list[Position | str] = [*POSITIONS, "suggest_9x9.sgf"]
    arguments = [
        a.arguments() if isinstance(a, Position) else ["go-suggest", str(GO / a)] for a in asked
    ]
    done = subprocess.run(
        [sys.executable, "-c", INTERPRETED],
        input=json.dumps(arguments),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(asked, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize(
    "case", POSITIONS, ids=lambda c: c.name if c.at is None else f"{c.name}@{c.at}"
)
def test_suggest(suggested, case):
    answer = suggested[case]
    assert answer["code"] == 0, answer["err"]
    told = json.loads(answer["out"])
    free = {row["move"] for row in told["moves"]}
    assert (told["ply"], told["to_play"]) == (case.ply, case.to_play)
    assert free >= set(case.empty.split())
    assert not free & set(case.taken.split())


def test_suggest_refuses_another_board(suggested):
    answer = suggested["suggest_9x9.sgf"]
    assert answer["code"] == 1
    assert re.fullmatch(r"Error: .*suggest_9x9\.sgf.*19x19.*\n", answer["err"])


# --- go-import
# -------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Read:
    """What the store must hold of a record: games, moves in all, and of the first game the players,
    komi and result, where they are said."""

    name: str
    games: int = 1
    moves: int = 10
    black: str = ""
    white: str = ""
    komi: float | None = None
    result: tuple[int, float] | None = None


BLACK, WHITE = 1, 2

READ = [
    Read("08_utf16le.sgf", black="山田"),
    Read("13b_pass_space.sgf", moves=3),
    Read("14_km_comma.sgf", komi=6.5),
    Read("15_km375_fox.sgf", komi=7.5, result=(WHITE, 0.0)),
    Read("15b_km50_fox.sgf", moves=3, komi=0.5),
    Read("16_ko_old_sina.sgf", black="刘某", white="胡某", result=(BLACK, 5.5)),
    Read("18_re_zh.sgf", komi=7.5, result=(BLACK, 0.0)),
    Read("21_sz1919.sgf"),
    Read("22_node_b_and_w.sgf", moves=6),
    Read("41e_re_comma.sgf", komi=5.5, result=(WHITE, 0.5)),
    Read("big5_5c.sgf", black="許皓某", white="林君某"),
    Read("gbk_5d.sgf", black="乚某", white="王某"),
    Read("sjis_5c_mid.sgf", black="十河 一郎", white="表 次郎"),
    Read("koi8.sgf", black="Иванов", white="Петров"),
    Read("game.sgf.gz", black="a", white="b"),
    Read("all_match.sgf.xz", games=2, moves=13, black="one"),
    Read("rating.sgfs", games=2, moves=13, black="one"),
    Read("nested.zip", black="a", white="b"),
    Read("tygem.gib", moves=2, black="Kim", white="Lee", result=(WHITE, 0.0)),
]


@pytest.mark.parametrize("case", READ, ids=lambda c: c.name)
def test_import(tmp_path, case):
    from gocnn.games.store import Store

    out = tmp_path / "s.games"
    assert f"{counted(case.games, 'game')}, {counted(case.moves, 'move')}" in good(
        "go-import", GO / case.name, "--out", out, "--jobs", 1
    )
    store = Store(out)
    record = store.records()[0]
    texts = store.texts(0)
    assert (texts["black"], texts["white"]) == (case.black, case.white)
    if case.komi is not None:
        assert record["komi"] == case.komi
    if case.result is not None:
        assert (record["winner"], record["margin"]) == case.result
    good("go-stats", out)


@pytest.mark.parametrize("name", ["suggest_9x9.sgf", "26b_tsumego.sgf"])
def test_import_says_why_it_takes_nothing(tmp_path, name):
    refused(1, "go-import", GO / name, "--out", tmp_path / "s.games", "--jobs", 1)


# --- go-review
# -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [c for c in READ if c.games == 1], ids=lambda c: c.name)
def test_review_sees_what_the_import_sees(case):
    told = json.loads(good("go-review", GO / case.name, "--json", "--threads", 1))
    assert len(told[0]["moves"]) == case.moves
    assert (told[0]["black"], told[0]["white"]) == (case.black, case.white)


# --- the engine
# ------------------------------------------------------------------------------------------------------------------------


def said(command: str, conversation: bytes) -> str:
    """What a command prints that reads a conversation from its standard input."""
    done = subprocess.run(
        [sys.executable, "cli.py", command, "--threads", "1"],
        input=conversation,
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode()


@pytest.mark.parametrize(
    ("name", "komi"),
    [
        ("15_km375_fox.sgf", "7.5"),
        ("15b_km50_fox.sgf", "0.5"),
        ("14_km_comma.sgf", "6.5"),
        ("13b_pass_space.sgf", "3"),
    ],
)
def test_komi_of_a_record(evaluator, name, komi):
    """A record without a komi (the last) leaves the one that was set."""
    answers = talk(evaluator, "komi 3", f"loadsgf {GO / name}", "showboard")
    assert f"komi {komi}," in answers[2]


@pytest.mark.parametrize("name", ["26b_tsumego.sgf", "26_handicap_no_moves.sgf"])
def test_loadsgf_takes_a_position_without_moves(evaluator, name):
    to_play, board = talk(evaluator, f"loadsgf {GO / name}", "showboard")
    assert to_play == "white"
    assert "white to play" in board


def test_handicap_counts_for_white_under_chinese_rules(scoreless):
    lines = (GO / "handicap_score.gtp").read_text().splitlines()
    assert talk(scoreless, *lines)[-1] == "B+358.5"


def test_loadsgf_does_not_eat_the_conversation():
    """With the pipe left open: a refusal, and an answer to what follows."""
    with subprocess.Popen(
        [sys.executable, "cli.py", "go-gtp", "--threads", "1"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as engine:
        assert engine.stdin is not None
        assert engine.stdout is not None
        engine.stdin.write(b"name\nloadsgf -\nname\n")
        engine.stdin.flush()
        lines = [engine.stdout.readline() for _ in range(6)]
        engine.stdin.close()
    assert lines[0] == lines[4] == b"= gocnn\n"
    assert lines[2].startswith(b"? ")


@pytest.mark.slow
def test_analysis_of_positions_without_moves():
    text = said("go-analysis", (GO / "analysis_initialplayer.jsonl").read_bytes())
    answers = {answer["id"]: answer for answer in map(json.loads, text.splitlines())}
    assert answers["h"]["rootInfo"]["currentPlayer"] == "W"
    assert "error" not in answers["e"]
    assert answers["s"]["field"] == "maxVisits"
