"""Other engines that are asked about many positions: a fake one that speaks KataGo's analysis
protocol, and what is made of its answers."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import beside
import judged
import score
from gocnn.board.coords import from_gtp, to_gtp
from gocnn.errors import UserError
from gocnn.selfplay.engine import AnalysisEngine, EnginePosition, by_index, query
from judges import Said
from tests.conftest import ROOT

FAKE = """
import json, sys
kind = sys.argv[1]
print("loading", file=sys.stderr)
held = []
def say(values): print(json.dumps(values), flush=True)
for number, line in enumerate(sys.stdin):
    query = json.loads(line)
    if query.get("action") == "query_version":
        say({"id": query["id"], "action": "query_version", "version": "9.9"}); continue
    if kind == "dies" and number > 2:
        print("out of memory", file=sys.stderr); sys.exit(3)
    if kind == "error":
        say({"error": "komi is odd", "field": "komi", "id": query["id"]}); continue
    if kind == "nonsense":
        print("hello", flush=True); continue
    if kind == "silent": continue
    say({"warning": "this field is odd", "field": "x", "id": query["id"]})
    n = len(query["moves"])
    # Black owns the upper left point alone; it is ahead by as many points as there are moves, and the pass is the likeliest move.
    owner = [1.0] + [0.0] * 360
    policy = [0.5 / 361] * 361 + [0.5]
    policy[0] = -1
    root = {"rawLead": n - query["komi"], "scoreLead": 0.0, "scoreStdev": 12.5, "winrate": 0.75, "visits": 1}
    answer = {"id": query["id"], "turnNumber": n, "isDuringSearch": False, "rootInfo": root, "ownership": owner, "policy": policy, "moveInfos": []}
    held.append(answer)
    if len(held) == 3 or kind == "one":  # in another order than they were asked
        for one in reversed(held): say({**one, "isDuringSearch": True}); say(one)
        held = []
"""

RECORD = b"(;SZ[19]KM[6.5]RE[B+3.5];B[pd];W[dp];B[pp];W[dd])"


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    path = tmp_path / "fake.py"
    path.write_text(FAKE)
    return path


def command(fake: Path, kind: str = "one") -> str:
    return f"{sys.executable} {fake} {kind}"


def position(*vertices: str) -> EnginePosition:
    return EnginePosition((), tuple((from_gtp(v), 1 + k % 2) for k, v in enumerate(vertices)))


def test_answers_reach_the_question_they_belong_to(fake):
    """They come out of order, with warnings and with reports of searches that go on between
    them."""
    questions = [
        query(position(*["D4", "Q16", "C3", "R17", "E5", "P15"][:n]), "chinese", 6.5)
        for n in range(6)
    ]
    with AnalysisEngine(command(fake, "three"), 30) as engine:
        assert engine.version() == "9.9"
        found = dict(engine.answers(questions, at_once=3))
    assert sorted(found) == list(range(6))
    assert [found[n]["turnNumber"] for n in range(6)] == list(range(6))


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("dies", "died; its last words: out of memory"),
        ("error", "komi is odd"),
        ("nonsense", "not a JSON object"),
        ("silent", "gave no answer for 2 s"),
    ],
)
def test_an_engine_that_fails_is_named(fake, kind, says):
    engine = AnalysisEngine(command(fake, kind), 2)
    with pytest.raises(UserError, match=says), engine:
        list(engine.answers([query(position("D4"), "chinese", 6.5)] * 10))


def test_whoever_asks_an_engine_that_has_been_ended_is_told_at_once(fake):
    """One of several threads has ended it."""
    engine = AnalysisEngine(command(fake, "dies"), 5)
    for says in ("died", "has been ended"):
        with pytest.raises(UserError, match=says):
            list(engine.answers([query(position("D4"), "chinese", 6.5)] * 10))


def test_a_second_answer_to_an_earlier_question_is_not_one_to_the_next(tmp_path):
    """Each question is answered, and the one before it once more."""
    path = tmp_path / "late.py"
    path.write_text(
        "import json, sys\n"
        "last = None\n"
        "for line in sys.stdin:\n"
        "    asked = json.loads(line)\n"
        "    answer = {'id': asked['id'], 'komi': asked['komi']}\n"
        "    for values in (last or answer, answer):\n"
        "        print(json.dumps(values), flush=True)\n"
        "    last = answer\n"
    )
    with AnalysisEngine(f"{sys.executable} {path}", 30) as engine:
        for komi in (0.5, 6.5, 7.5):
            [(number, answer)] = engine.answers([query(position("D4"), "chinese", komi)])
            assert (number, answer["komi"]) == (0, komi)


def test_no_such_engine():
    with pytest.raises(UserError, match="check the engine's command line"):
        AnalysisEngine("/no/such/program")


def test_points_by_index():
    """The protocol's lists begin at A19 and run along the top row; ours begin at A1."""
    values = [0.0] * 362
    values[0], values[18], values[342], values[361] = 1, 2, 3, 4
    found = by_index(values)
    assert [found[from_gtp(v)] for v in ("A19", "T19", "A1", "pass")] == [1, 2, 3, 4]
    said: Any
    for said in (["a"] * 362, [10**400] * 362, values[:360]):
        with pytest.raises(ValueError):
            by_index(said)


def test_a_position_is_asked_as_it_stands():
    handicap = EnginePosition(((from_gtp("D4"), 1), (from_gtp("Q16"), 1)), ())
    asked = query(handicap, "japanese", 0.5, includePolicy=True)
    assert asked["initialStones"] == [["B", "D4"], ["B", "Q16"]]
    assert (
        asked["initialPlayer"],
        asked["moves"],
        asked["analyzeTurns"],
        asked["includePolicy"],
    ) == ("W", [], [0], True)
    assert handicap.to_play == handicap.board().to_play == 2
    assert position("D4", "Q16").board().stones()[3, 3] == 1


def run(monkeypatch: pytest.MonkeyPatch, main, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["program", *map(str, arguments)])
    main()


def test_judgements_are_kept_and_taken_up_again(fake, tmp_path, monkeypatch, capsys):
    (tmp_path / "game.sgf").write_bytes(RECORD)
    out = tmp_path / "judged.jsonl"
    arguments = (tmp_path / "game.sgf", "--engine", command(fake), "--every", 1, "--out", out)
    run(monkeypatch, judged.main, *arguments)
    rows = judged.read(out)
    assert [len(row.position.moves) for row in rows] == [1, 2, 3, 4]
    assert [row.lead for row in rows] == [1, 2, 3, 4]  # komi not counted
    assert rows[0].margin == -5.5
    assert rows[0].owner.argmax() == from_gtp("A19")
    whole = out.read_text().splitlines(keepends=True)
    out.write_text("".join(whole[:2]) + whole[2][:50])  # killed while writing
    run(monkeypatch, judged.main, *arguments)
    assert "2 of them judged already" in capsys.readouterr().out
    assert sorted(out.read_text().splitlines(keepends=True)) == sorted(whole)
    run(
        monkeypatch,
        judged.main,
        out,
        "--engine",
        command(fake),
        "--out",
        out,
        "--rules",
        "japanese",
    )
    assert sorted(row.rules for row in judged.read(out)) == ["chinese"] * 4 + ["japanese"] * 4
    out.write_text('{"setup": []}\n')
    with pytest.raises(SystemExit, match="line 1: no judged position"):
        judged.read(out)


def test_the_network_beside_an_engine(fake, tmp_path, monkeypatch, capsys):
    """The fake engine always passes first, so it is never right; A19, which it forbids, does not
    count."""
    (tmp_path / "game.sgf").write_bytes(RECORD)
    answers = tmp_path / "answers.npz"
    arguments = (
        tmp_path / "game.sgf",
        "--analysis",
        command(fake),
        "--positions",
        4,
        "--answers",
        answers,
    )
    run(monkeypatch, beside.main, *arguments)
    out = capsys.readouterr().out
    assert "4 positions" in out
    assert "9.9" in out
    kept = np.load(answers)
    assert kept["rank"].tolist() == [1] * 4
    assert kept["logs"] == pytest.approx(np.log(0.5 / 361))
    ranks = kept["rank"].copy()
    ranks[2] = -1  # as if it had been stopped before this answer
    np.savez(answers, **{**kept, "rank": ranks})
    run(monkeypatch, beside.main, *arguments, "--kept")
    assert "3 positions" in capsys.readouterr().out
    run(monkeypatch, beside.main, *arguments)
    assert capsys.readouterr().out == out
    fake.unlink()
    run(monkeypatch, beside.main, *arguments)  # from what was kept
    assert capsys.readouterr().out == out


def test_figures_of_lopsided_positions(capsys):
    """Four positions, three of them clear: one judge is right in two of these, the other knows only
    who wins."""
    rows = [
        judged.Judged(
            position("D4"), "x", 0, "chinese", 6.5, lead, rate, np.full(361, side, np.float32)
        )
        for lead, rate, side in ((50, 0.99, 1), (-40, 0.01, -1), (20, 0.9, 1), (7, 0.5, 0))
    ]
    nothing = np.full(4, np.nan)
    said = {
        "mine": Said(
            np.array([30.0, -10.0, 5.0, 0.0]), nothing, np.full((4, 361), 0.5, np.float32)
        ),
        "other": Said(
            nothing, np.array([0.9, 0.1, 0.9, 0.5]), np.full((4, 361), np.nan, np.float32)
        ),
    }
    score.beside(rows, said)
    lines = {
        line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]]
        for line in capsys.readouterr().out.splitlines()
        if "|" in line
    }
    assert lines["mine"][0].startswith("66.7%")
    assert lines["mine"][1].startswith(f"{(20 + 30 + 15) / 3:.1f}")
    assert lines["mine"][2].startswith(f"{(20 + 30 + 15 + 7) / 4:.1f}")
    assert lines["mine"][4:] == ["-", "-", f"{(0.5 + 1.5 + 0.5 + 0.5) / 4:.3f}", "66.7%"]
    assert lines["other"][0] == "-"
    assert lines["other"][4].startswith("100.0%")
    score.by_lead_and_source(rows, said)
    lines = {
        line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]]
        for line in capsys.readouterr().out.splitlines()
        if "|" in line
    }
    assert [(name, cells[0]) for name, cells in lines.items()][2:] == [
        ("0 to 10 points", "1"),
        ("10 to 20 points", "1"),
        ("40 to 80 points", "2"),
    ]
    assert [cell.split()[0] for cell in lines["40 to 80 points"][1:]] == [
        "100.0%",
        "100.0%",
        "25.0",
    ]
    assert [cell.split()[0] for cell in lines["10 to 20 points"][1:]] == ["0.0%", "100.0%", "15.0"]


def test_figures_of_counted_games(capsys):
    """Two positions of games won by 10 and lost by 2 points before komi, the first of them with a
    label."""
    owner = np.full((2, 361), score.UNLABELLED, np.int8)
    owner[0] = np.where(np.arange(361) < 200, 1, -1)
    games = score.Counted(
        [position("D4"), position(*[to_gtp(i) for i in range(60)])],
        np.array([10.0, -2.0]),
        owner,
        1,
    )
    sure = np.zeros((2, 361), np.float32)
    sure[0] = np.where(np.arange(361) < 200, 0.8, 0.0)
    score.against_counts(games, {"mine": Said(np.array([13.0, -1.0]), np.array([0.7, 0.6]), sure)})
    lines = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in capsys.readouterr().out.splitlines()
        if "|" in line
    ]
    mine = [line for line in lines if line[0] == "mine"]
    assert [
        cell.split()[0] for cell in next(line for line in lines if line[0].startswith("always"))[:4]
    ] == ["always", "6.0", "6.0", "6.0"]
    assert [cell.split()[0] for cell in mine[0]] == ["mine", "2.0", "3.0", "1.0", "-", "-", "-"]
    assert [cell.split()[0] for cell in mine[1][1:4]] == ["50.0%", "100.0%", "0.0%"]
    expected = (200 * np.log(0.9) + 161 * np.log(0.5)) / 361
    assert mine[2][1:4] == [f"{expected:.3f}", f"{expected:.3f}", "-"]


def test_counted_positions_know_their_score(tmp_path):
    (tmp_path / "game.sgf").write_bytes(RECORD)
    found = score.counted([str(tmp_path / "game.sgf")], 10, 0)
    assert len(found.positions) == 4
    assert set(found.score.tolist()) == {10.0}  # 3.5 and komi
    assert found.labelled == 0
    assert (found.owner == score.UNLABELLED).all()
    (tmp_path / "other.sgf").write_bytes(RECORD.replace(b"B+3.5", b"B+R"))
    with pytest.raises(SystemExit, match="no counted game"):
        score.counted([str(tmp_path / "other.sgf")], 10, 0)


def test_this_projects_own_analysis_is_such_an_engine(tmp_path, monkeypatch, capsys):
    """Asked through the protocol, the network is as good as asked directly."""
    (tmp_path / "game.sgf").write_bytes(RECORD)
    engine = f"{sys.executable} {ROOT / 'cli.py'} go-analysis --threads 1"
    run(monkeypatch, beside.main, tmp_path / "game.sgf", "--analysis", engine, "--positions", 4)
    out = capsys.readouterr().out
    assert "top-1: +0.000 [+0.000, +0.000]" in out
    assert "log-likelihood: " in out


def test_the_whole_report(fake, tmp_path, monkeypatch, capsys):
    """Of a counted game, with the engine's own row, and of positions that it has judged: it is
    ahead by as many points as there are moves."""
    (tmp_path / "game.sgf").write_bytes(RECORD)
    out = tmp_path / "judged.jsonl"
    run(
        monkeypatch,
        judged.main,
        tmp_path / "game.sgf",
        "--engine",
        command(fake),
        "--every",
        1,
        "--out",
        out,
    )
    capsys.readouterr()
    run(
        monkeypatch,
        score.main,
        "--judged",
        out,
        "--games",
        tmp_path / "game.sgf",
        "--positions",
        4,
        "--engine",
        command(fake),
        "--playouts",
        2,
    )
    said = capsys.readouterr().out
    assert "empty board" in said
    assert "4 positions (rules: chinese); the engine's lead is over 10 points in 0" in said
    row = next(line for line in said.splitlines() if line.startswith("| the network of 9.9"))
    assert row.split("|")[2].split()[0] == "8.5"  # the game was won by 10 points without komi
    assert "2 random playouts" in said
    with pytest.raises(SystemExit):
        run(monkeypatch, score.main)
    assert "give positions that were judged" in capsys.readouterr().err
