"""Reviews: figures against the network asked one position at a time, passes that close a game, who
is winning, and what the command says of a folder."""

import json
from pathlib import Path

import numpy as np
import pytest
from sgfmill import sgf

from gocnn.board import BLACK, WHITE, Board
from gocnn.board.coords import to_gtp
from gocnn.games.sgf_tree import parse, position_after, position_before, serialise
from gocnn.games.sources import Blob
from gocnn.policy.suggestion import suggest
from gocnn.review import annotate
from gocnn.review.files import review_files
from gocnn.review.page import content
from gocnn.review.review import closing_passes, review, table
from tests.conftest import main_line, play_randomly, sgf_text
from tests.knower import Knower, truth
from tests.reviewed import game
from tests.typed import cli, good, refused

__all__ = ["game"]


def test_figures_are_those_of_suggest(evaluator, game):
    """Each move's probability, rank and choices, against one position at a time."""
    data = game.read_bytes()
    (record,) = parse(data, "x")
    result = review(record, "x", evaluator)
    moves = main_line(data)
    assert [(m.index, m.colour) for m in result.moves] == moves
    board = Board(19)
    rng = np.random.default_rng(0)
    # after the first moves, of which some are the same by symmetry
    chosen = set((6 + rng.choice(len(moves) - 6, 25, replace=False)).tolist())
    for number, (index, colour) in enumerate(moves):
        if number in chosen:
            board.to_play = colour
            p = suggest(evaluator, board)
            move = result.moves[number]
            assert move.probability == pytest.approx(float(p[index]), abs=1e-5)
            assert move.legal == board.legal().sum()
            assert move.choices[0][0] == int(p.argmax()) or move.choices[0][1] == pytest.approx(
                float(p.max()), abs=1e-5
            )
            assert abs(move.rank - 1 - int((p > p[index]).sum())) <= 1
        board.play(index, colour)
    found = table(result.moves)
    assert found["both", "all"].moves == len(moves)
    assert found["black", "all"].moves + found["white", "all"].moves == len(moves)
    assert found["both", "all"].top1 == pytest.approx(
        sum(m.rank == 1 for m in result.moves) / len(moves)
    )
    assert sum(
        found["both", phase].moves
        for phase in ("opening", "middle", "end")
        if ("both", phase) in found
    ) == len(moves)
    assert [m.probability for m in result.least_expected()] == sorted(
        m.probability for m in result.moves if m.rank > 1 and m.index != PASS
    )[:10]


@pytest.mark.slow
@pytest.mark.parametrize("before", ["", ";B[jj]", ";B[dd]", ";B[dd];W[qf]"])
def test_moves_that_are_the_same_by_symmetry_count_as_one(evaluator, before):
    """On an empty board, with a stone in its middle, on its diagonal, and without a symmetry:
    whichever is played, it is as expected as all of them together, each counted by hand."""
    colour = "BWB"[before.count(";")]
    board = Board(19)
    for index, mover in main_line(f"(;SZ[19]{before})".encode()):
        board.play(index, mover)
    p = suggest(evaluator, board)
    stones = board.stones()
    turned = [np.rot90(each, k) for each in (np.arange(361).reshape(19, 19),) for k in range(4)]
    turned += [each.T for each in turned]
    kept = [t.ravel() for t in turned if np.array_equal(stones.ravel()[t.ravel()], stones.ravel())]
    assert len(kept) == {"": 8, ";B[jj]": 8, ";B[dd]": 2}.get(before, 1)
    for name in ("cd", "pc", "qp", "jc"):  # two komoku that are one another's images, another one
        (record,) = parse(f"(;SZ[19]{before};{colour}[{name}])".encode(), "x")
        move = review(record, "x", evaluator).moves[-1]
        same = {int(t[move.index]) for t in kept}
        assert move.probability == pytest.approx(float(p[sorted(same)].sum()), abs=1e-5)
        orbits = {frozenset(int(t[k]) for t in kept) for k in np.flatnonzero(board.legal()[:361])}
        assert move.legal == len(orbits) + 1
        likelier = sum(p[sorted(orbit)].sum() > move.probability * 1.001 for orbit in orbits)
        assert abs(move.rank - 1 - likelier) <= 3  # of the least likely ones some are as likely
        chosen = [index for index, _ in move.choices]
        assert len({frozenset(int(t[k]) for t in kept) for k in chosen}) == len(chosen)
        if move.rank == 1:
            assert chosen[0] == move.index


def test_a_folder_gives_a_table(sample_files, tmp_path):
    folder = tmp_path / "games"
    folder.mkdir()
    for path in sample_files[:3]:
        (folder / path.name).write_bytes(sgf_text(main_line(path.read_bytes())[:24]))
    (folder / "bad.sgf").write_bytes(b"nonsense")
    (folder / "two.sgf").write_bytes(
        sgf_text(play_randomly(1, 20)) + b"\n" + sgf_text(play_randomly(2, 30))
    )
    out = good("go-review", folder, "--out", tmp_path / "out", "--quiet")
    assert "5 games" in out
    assert "two.sgf (game 2)" in out
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        *(p.name for p in sample_files[:3]),
        "two.sgf",
    }
    assert len(parse((tmp_path / "out" / "two.sgf").read_bytes(), "x")) == 2
    two = tmp_path / "out" / "two.sgf"
    done = two.read_bytes()
    two.unlink()
    rest = cli("go-review", folder, "--out", tmp_path / "out", "--resume", "--quiet")
    assert f"{tmp_path / 'out'} has the reviewed records of 3 files, left out" in rest.stderr
    assert "2 games" in rest.stdout
    assert two.read_bytes() == done
    nothing = cli("go-review", folder, "--out", tmp_path / "out", "--resume", "--quiet")
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert f"skipped {folder / 'bad.sgf'}" in nothing.stderr
    two.write_bytes((tmp_path / "out" / sample_files[0].name).read_bytes())  # of that name only
    good("go-review", folder, "--out", tmp_path / "out", "--resume", "--quiet")
    assert two.read_bytes() == done
    assert "--out only" in refused(2, "go-review", folder, "--resume")
    assert "must be a folder" in refused(2, "go-review", folder, "--out", tmp_path / "one.sgf")
    assert "name one" in refused(2, "go-review", folder, "--html", tmp_path / "x.html")
    assert len(json.loads(good("go-review", folder, "--json", "--quiet").splitlines()[-1])) == 5


def test_files_are_reviewed_from_python(evaluator):
    """Without the command: games, a position, what is no record, each file by itself; and the text
    with marks that is the command's."""
    blobs = [
        Blob("two.sgf", b"(;GM[1]SZ[19];B[pd];W[dd])(;GM[1]SZ[19]AB[dd]PL[W])"),
        Blob("none.sgf", b"no record"),
    ]
    first, second = review_files(blobs, evaluator)
    assert [r.name for r in first.reviews] == ["two.sgf (game 1)"]
    assert [p.name for p in first.positions] == ["two.sgf (game 2)"]
    assert first.skipped == []
    (record, _) = parse(blobs[0].data, "two.sgf")
    assert review(record, "x", evaluator).moves == first.reviews[0].moves
    assert b"C[" in (first.annotated() or b"")
    assert (second.reviews, second.positions, second.annotated()) == ([], [], None)
    assert len(second.skipped) == 1
    assert "none.sgf" in second.skipped[0]


B, W, PASS = BLACK, WHITE, 361


@pytest.mark.parametrize(
    ("moves", "closing"),
    [
        ([(0, B), (1, W), (PASS, B), (PASS, W)], {3, 4}),
        ([(0, B), (1, W), (PASS, B), (PASS, W), (PASS, B)], {3, 4, 5}),
        ([(0, B), (PASS, W)], {2}),
        # one side fills what is left while the other passes
        ([(0, B), (PASS, W), (1, B), (PASS, W), (2, B), (PASS, W), (PASS, B)], {2, 4, 6, 7}),
        # stopped, and dead stones are played out afterwards
        ([(0, B), (1, W), (PASS, B), (PASS, W), (2, B), (3, W), (4, B)], {3, 4}),
        # somebody plays elsewhere, in a way
        ([(0, B), (PASS, W), (1, B), (2, W)], set()),
        ([(PASS, B), (0, W), (1, B), (PASS, W), (PASS, B)], {4, 5}),
        ([], set()),
    ],
)
def test_passes_that_close_a_game(evaluator, moves, closing):
    """Nobody is asked to look at them, wherever moves are named; those in the midst of a game are
    moves like others, and all are counted."""
    text = b"(;SZ[19]" + b"".join(
        (b";B[%s]" if colour == B else b";W[%s]")
        % (b"" if index == PASS else bytes([97 + 2 * index, 97 + 3]))
        for index, colour in moves
    )
    (record,) = parse(text + b")", "x")
    assert closing_passes(record.steps) == closing
    result = review(record, "x", evaluator)
    assert len(result.moves) == len(moves)
    open_ones = {move.number for move in result.moves} - closing
    assert {move.number for move in result.judged} == open_ones
    named = [m.number for m in result.least_expected(99)] + [m.number for m, _ in result.setbacks()]
    assert set(named) <= open_ones
    if moves:
        assert content(result)["least"] == [m.number - 1 for m in result.least_expected()]
        annotate.annotate(result)
    judged = [
        number
        for number, step in enumerate(record.steps, 1)
        if {"BM", "DO", "TE"} & step.node.keys()
    ]
    assert set(judged) <= open_ones
    # no pass is the network's first choice after two moves: without the rule they would be named
    if closing and len(moves) > 1:
        assert any(result.moves[number - 1].rank > 1 for number in closing)


def test_who_wins_is_told_where_no_score_is(scoreless):
    """By the network's own answer for each position, seen by black: in numbers, in the record as
    `SBKV`, in JSON; and the moves that lost most of it."""
    from gocnn import position
    from gocnn.api import Network

    data = sgf_text([(60, B), (300, W), (180, B), (181, W), (PASS, B), (17, W)])
    (record,) = parse(data, "x")
    result = review(record, "x", scoreless)
    expected = []
    net = Network(scoreless)
    for ply in range(7):
        moves = [
            ("B " if m.colour == B else "W ") + ("pass" if m.index == PASS else to_gtp(m.index))
            for m in result.moves[:ply]
        ]
        won = net.evaluate(position(moves=" ".join(moves))).value
        assert won is not None
        expected.append(won if ply % 2 == 0 else 1 - won)
    assert result.black_winrate == pytest.approx(expected, abs=1e-4)
    lost = [
        (1 if k % 2 == 0 else -1) * (expected[k] - expected[k + 1])
        for k in range(len(expected) - 1)
        if k != 4  # black's pass, which closes the game
    ]
    assert [loss for _, loss in result.setbacks(3)] == pytest.approx(
        [each for each in sorted(lost, reverse=True)[:3] if each > 0], abs=1e-4
    )
    annotate.annotate(result)
    game = sgf.Sgf_game.from_bytes(serialise([record]))
    told = [float(node.get_raw("SBKV")) / 100 for node in game.get_main_sequence()]
    assert told == pytest.approx(expected, abs=1e-4)
    assert content(result)["course"]["wins"] == pytest.approx(expected, abs=6e-4)
    assert content(result)["course"]["lead"] is None


@pytest.mark.parametrize(("end", "sign"), [("", -1), (";PL[W]", -1), (";PL[B]", 1)])
def test_the_side_that_the_record_names_at_its_end_is_to_play_there(end, sign):
    (record,) = parse(f"(;SZ[19]KM[6.5];B[pd];W[dp];B[dd]{end})".encode(), "x")
    course = review(record, "x", Knower(tempo=4.0)).course
    assert course is not None
    board = position_after(record, 3)
    assert course.lead[-1] == pytest.approx(truth(board).sum() + 4 * sign - 6.5, abs=1e-3)


@pytest.mark.parametrize(
    ("rest", "elsewhere"),
    [
        (";AE[pd][dp]AB[dd][pp][qq]PL[W];W[cc];B[jj]", {1}),  # stones set up in the middle
        (";W[dd];W[qq];B[jj]", {1, 2}),  # White plays again, as where a pass is missing
        (";B[pp];PL[B]", {2}),
    ],
)
def test_a_move_is_judged_by_the_position_after_it(rest, elsewhere, scoreless):
    """Not by what the record puts there before the next move. elsewhere: the moves (from 0) whose
    position is not the next one's."""
    data = f"(;SZ[19]KM[6.5]RU[Chinese];B[pd];W[dp]{rest})"
    (record,) = parse(data.encode(), "x")
    tempo = 4.0
    result = review(record, "x", Knower(tempo=tempo))
    assert result.course is not None
    board = Board()
    expected = []
    for step in record.steps:
        position_before(board, step)
        before = truth(board).sum() + (tempo if step.colour == BLACK else -tempo)
        board.play(step.index, step.colour)
        after = truth(board).sum() + (-tempo if step.colour == BLACK else tempo)
        expected.append((before - after) * (1 if step.colour == BLACK else -1))
    lost = [result.course.lost(m.number, m.colour) for m in result.moves]
    assert lost == pytest.approx(expected, abs=1e-3)
    annotate.annotate(result)
    told = [
        (step.node["V"][0].decode(), step.node["SBKV"][0].decode(), step.node["C"][0].decode())
        for step in record.steps
    ]
    for k, (lead, winrate, comment) in enumerate(told):
        assert float(lead) == pytest.approx(result.course.lead_after[k], abs=0.051)
        assert float(winrate) == pytest.approx(100 * result.course.winrate_after[k], abs=0.01)
        assert f"{abs(lost[k]):.1f} points {'lost' if lost[k] > 0 else 'won'}" in comment
    shown = content(result)["course"]
    apart = {k: (win, lead) for k, win, lead in shown["after"]}
    assert set(apart) == elsewhere
    for k, lead in enumerate(result.course.lead_after):
        assert apart.get(k, (0, shown["lead"][k + 1]))[1] == pytest.approx(lead, abs=0.051)
    # a network without a score judges by the same positions
    plain = review(record, "x", scoreless)
    assert plain.black_winrate is not None
    assert plain.winrate_after is not None
    drops = plain.black_winrate[:-1] - plain.winrate_after
    signed = [d * (1 if m.colour == BLACK else -1) for d, m in zip(drops, plain.moves, strict=True)]
    worst = sorted((each for each in signed if each > 0), reverse=True)
    assert [loss for _, loss in plain.setbacks()] == pytest.approx(worst, abs=1e-6)


def test_two_moves_in_a_node_have_the_last_winrate_and_lead(evaluator):
    (record,) = parse(b"(;SZ[19];B[pd]W[dp];B[pp])", "x")
    result = review(record, "x", evaluator)
    annotate.annotate(result)
    assert result.black_winrate is not None
    assert result.course is not None
    assert [node.get("V") for node in record.texts] == [
        None,
        *([f"{result.course.lead[number]:.1f}".encode()] for number in (2, 3)),
    ]
    assert [node["SBKV"][0] for node in record.texts] == [
        f"{100 * result.black_winrate[number]:.2f}".encode() for number in (0, 2, 3)
    ]


def test_closing_passes_are_in_no_share(tmp_path: Path, evaluator) -> None:
    """Two moves and the passes that end the game: the shares are those of the two moves; of a game
    of passes only there are none."""
    played, passes = "(;SZ[19];B[pd];W[dd];B[];W[])", "(;SZ[19];B[];W[])"
    found = review(parse(played.encode(), "x")[0], "x", evaluator)
    alone = review(parse(b"(;SZ[19];B[pd];W[dd])", "x")[0], "x", evaluator)
    assert table(found.judged) == table(alone.moves)
    assert "of 1 move." in annotate.game_comment(found)
    assert content(found)["agreement"] == content(alone)["agreement"]
    for name, text in (("a.sgf", played), ("b.sgf", passes)):
        (tmp_path / name).write_text(text)
    one = good("go-review", tmp_path / "b.sgf", "--out", tmp_path / "c.sgf")
    assert "both, all" not in one
    assert one.splitlines().count("least expected: none") == 1
    assert "most points lost: none" in one
    both = good("go-review", tmp_path, "--out", tmp_path / "out")
    assert "3 games, 8 moves: first choice 100.0%" in both  # with the one that was written
    twice = ("go-review", tmp_path / "b.sgf", tmp_path / "b.sgf", "--out", tmp_path / "out2")
    only = good(*twice)
    assert {path.name for path in (tmp_path / "out2").iterdir()} == {"b.sgf", "b-2.sgf"}
    assert good(*twice, "--resume", "--json").splitlines()[-1] == "[]"
    one_file = ("go-review", tmp_path / "b.sgf", "--out", tmp_path / "c.sgf", "--resume")
    assert "no folder of them" in refused(2, *one_file)
    assert "first choice" not in only.splitlines()[-1]
