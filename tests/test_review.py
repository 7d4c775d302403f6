"""Reviews: figures against a recount, records that keep all they held, hard records, the page in a
real browser."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from sgfmill import sgf, sgf_grammar

from gocnn.board import BLACK, WHITE, Board
from gocnn.board.coords import to_gtp
from gocnn.errors import UserError
from gocnn.games.reader import Reader, ReadGame
from gocnn.games.sgf_tree import parse, serialise
from gocnn.games.sources import Blob
from gocnn.policy.suggestion import suggest
from gocnn.review import annotate
from gocnn.review.files import review_files
from gocnn.review.page import comments, content, page, template
from gocnn.review.review import closing_passes, review, table
from tests.conftest import ROOT, lacking, main_line, play_randomly, sgf_text
from tests.typed import good, refused


def built_page():
    """The page, or the test is skipped (in CI: fails)."""
    try:
        return template()
    except UserError as error:
        lacking(str(error))


@pytest.fixture(scope="module")
def game(sample_files: list[Path]) -> Path:
    return sample_files[3]


def test_figures_are_those_of_suggest(evaluator, game):
    """Each move's probability, rank and choices, against one position at a time."""
    data = game.read_bytes()
    (record,) = parse(data, "x")
    result = review(record, "x", evaluator)
    moves = main_line(data)
    assert [(m.index, m.colour) for m in result.moves] == moves
    board = Board(19)
    rng = np.random.default_rng(0)
    chosen = set(rng.choice(len(moves), 25, replace=False).tolist())
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


RICH = (
    b"(;GM[1]FF[4]SZ[19]CA[GB18030]PB["
    + "黑方".encode("gb18030")
    + b"]PW[White \\] name]RE[B+R]XX[unknown][values]C["
    + "开局".encode("gb18030")
    + b"]\n"
    b";B[pd]C[first]LB[dd:A]TR[qq]BL[12.5](;W[dd]N[main];B[pp]BM[2](;W[dp];B[])(;W[dq]C[variation]))(;W[dp];B[dd]AB[aa]))"
)


def test_everything_in_the_record_stays(evaluator, tmp_path):
    (tmp_path / "in.sgf").write_bytes(RICH)
    good("go-review", tmp_path / "in.sgf", "--out", tmp_path / "out.sgf", "--quiet")
    before, after = (
        sgf_grammar.parse_sgf_game(data) for data in (RICH, (tmp_path / "out.sgf").read_bytes())
    )

    def compare(one, two) -> None:
        assert len(one.sequence) == len(two.sequence)
        assert len(one.children) == len(two.children)
        for mine, theirs in zip(one.sequence, two.sequence, strict=True):
            for key, values in mine.items():
                if key == "C":
                    assert theirs["C"] == values or theirs["C"][0].startswith(values[0] + b"\n\n")
                else:
                    assert theirs[key][: len(values)] == values
            assert set(theirs) - set(mine) <= {"C", "LB", "TR", "BM", "DO", "TE", "SBKV", "V"}
        for mine, theirs in zip(one.children, two.children, strict=True):
            compare(mine, theirs)

    # The variations themselves are left as they are.
    compare(before, after)
    assert after.children[1].sequence == before.children[1].sequence
    marked = after.children[0].sequence[1]
    assert marked["BM"] == [b"2"]
    labels = [value[:2] for value in after.sequence[1]["LB"]]
    assert len(labels) == len(set(labels))
    assert b"qq" not in labels
    assert b"dd:A" in after.sequence[1]["LB"]
    assert (
        sgf.Sgf_game.from_bytes((tmp_path / "out.sgf").read_bytes()).get_root().get("PB") == "黑方"
    )


def test_reviewing_twice_adds_marks_once(evaluator, game):
    (record,) = parse(game.read_bytes(), "x")
    annotate.annotate(review(record, "x", evaluator))
    once = serialise([record])
    (again,) = parse(once, "x")
    annotate.annotate(review(again, "x", evaluator))
    for node in again.texts:
        for name in ("LB", "TR"):
            assert len(node.get(name, [])) == len({value[:2] for value in node.get(name, [])})
    assert [(s.index, s.colour) for s in again.steps] == [(s.index, s.colour) for s in record.steps]


def test_hard_records(evaluator, tmp_path):
    moves = play_randomly(5, 60)
    illegal = sgf_text([*moves[:50], moves[10], *moves[50:]])
    (tmp_path / "illegal.sgf").write_bytes(illegal)
    out = good("go-review", tmp_path / "illegal.sgf", "--out", tmp_path / "out.sgf")
    assert "reviewed up to move 50" in out
    assert b"The review ends early: move 51 is not legal" in (tmp_path / "out.sgf").read_bytes()
    (tmp_path / "setup.sgf").write_bytes(
        b"(;GM[1]SZ[19]AB[dd][pp]HA[2];W[pd];B[dp]AW[jj]AE[pd];W[qf]MN[9];B[pd])"
    )
    values = json.loads(good("go-review", tmp_path / "setup.sgf", "--json"))[0]
    assert [m["move"] for m in values["moves"]] == ["Q16", "D4", "R14", "Q16"]
    assert values["trouble"] == ""
    for name, data, why in (
        ("other", b"(;GM[2]SZ[19];B[aa])", "not a game of Go"),
        ("text", b"hello", "not a game record"),
        ("empty", b"", "not a game record"),
        ("small", b"(;SZ[9];B[aa])", "9x9"),
        ("first", b"(;SZ[19];B[zz])", "not on the board"),
    ):
        (tmp_path / f"{name}.sgf").write_bytes(data)
        assert why in refused(1, "go-review", tmp_path / f"{name}.sgf"), name
    assert "does not exist" in refused(1, "go-review", tmp_path / "nothing.sgf")
    assert ".png, .jpg, .jpeg, .svg or .pdf" in refused(
        2, "go-review", tmp_path / "setup.sgf", "--picture", tmp_path / "x.gif"
    )


def test_only_what_was_added_differs_in_the_file(evaluator, tmp_path):
    """The additions stand where they belong and every other byte is as it was, in the file's own
    encoding; games that cannot be reviewed stay too."""
    game = (
        b"(;GM[1]SZ[19]CA[Big5]\r\n  PB["
        + "許功蓋".encode("big5")
        + b"]LB[aa:1]\r\n;B[pd]Comment["
        + "成功".encode("big5")
        + b"];W[dp] ( ;B[pq] ) (;B[aa]))"
    )
    data = (
        b"a letter\n"
        + game
        + b"\n(;SZ[9];B[aa])\n(;GM[2];B[aa])\n(;SZ[19];B[pd]\n"
        + game
        + b"the end\n"
    )
    (tmp_path / "in.sgf").write_bytes(data)
    good("go-review", tmp_path / "in.sgf", "--out", tmp_path / "out.sgf", "--quiet")
    written = (tmp_path / "out.sgf").read_bytes()
    rest = iter(written)
    # the file is what is left when the additions are taken out
    assert all(byte in rest for byte in data)
    assert re.sub(
        rb"(?s)(LB|TR|BM|DO|TE|SBKV|V)(\[[^\]]*\])+|C\[(Reviewed|Black|White)[^\]]*\]|\n\nBlack [^\]]*",
        b"",
        written,
    ) == data.replace(b"LB[aa:1]", b"")
    before, after = parse(data, "x"), parse(written, "x")
    assert [(len(r.steps), r.black, r.trouble[:12]) for r in before] == [
        (len(r.steps), r.black, r.trouble[:12]) for r in after
    ]
    assert [len(r.steps) for r in before] == [3, 0, 0, 0, 3]


@pytest.mark.parametrize(
    ("name", "moves"),
    [
        ("22_node_b_and_w", 6),
        ("23_ae_mid", 5),
        ("21_sz1919", 10),
        ("08_utf16le", 10),
        ("13b_pass_space", 3),
        ("big5_5c", 10),
        ("gbk_5d", 10),
        ("sjis_5c_mid", 10),
        ("koi8", 10),
        ("suggest_ab1", 3),
    ],
)
def test_moves_that_the_review_counts(name, moves):
    data = (ROOT / "tests" / "cases" / "go" / f"{name}.sgf").read_bytes()
    (record,) = parse(data, name)
    assert (len(record.steps), record.trouble) == (moves, "")
    assert serialise([record]) == data
    item = next(Reader().games(Blob(name, data)))
    if name != "23_ae_mid":  # which no store takes
        assert isinstance(item, ReadGame)
        assert int(item.record["moves"]) == moves


def test_names_as_the_encoding_has_them():
    names = {
        name: parse((ROOT / "tests" / "cases" / "go" / f"{name}.sgf").read_bytes(), name)[0]
        for name in ("koi8", "big5_5c", "gbk_5d", "sjis_5c_mid", "08_utf16le")
    }
    assert {name: (record.black, record.white) for name, record in names.items()} == {
        "koi8": ("Иванов", "Петров"),
        "big5_5c": ("許皓某", "林君某"),
        "gbk_5d": ("乚某", "王某"),
        "sjis_5c_mid": ("十河 一郎", "表 次郎"),
        "08_utf16le": ("山田", ""),
    }


@pytest.mark.slow
def test_a_record_of_6000_moves(tiny_run, tmp_path):
    """A short opening, then passes without end."""
    built_page()
    cycle: list[tuple[int, int]] = []
    board = Board(19)
    opening = [(20, 1), (21, 2), (1, 2), (2, 1), (38, 1), (39, 2)]
    for index, colour in opening:
        board.play(index, colour)
    while len(cycle) < 6_000 - len(opening):
        cycle += [(361, 1), (361, 2)]
    (tmp_path / "long.sgf").write_bytes(sgf_text([*opening, *cycle]))
    run = good(
        "go-review",
        tmp_path / "long.sgf",
        "--out",
        tmp_path / "out.sgf",
        "--html",
        tmp_path / "page.html",
        "--model",
        tiny_run,
    )
    assert "6000" in run
    assert len(main_line((tmp_path / "out.sgf").read_bytes())) == 6_000


@pytest.mark.slow
def test_a_folder_gives_a_table(sample_files, tmp_path):
    folder = tmp_path / "games"
    folder.mkdir()
    for path in sample_files[:3]:
        shutil.copy(path, folder / path.name)
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
    assert "must be a folder" in refused(2, "go-review", folder, "--out", tmp_path / "one.sgf")
    assert "name one" in refused(2, "go-review", folder, "--html", tmp_path / "x.html")
    assert len(json.loads(good("go-review", folder, "--json", "--quiet").splitlines()[-1])) == 5


@pytest.mark.slow
def test_chart_and_page_are_written(game, tmp_path):
    built_page()
    good("go-review", game, "--picture", tmp_path / "strip.png", "--html", tmp_path / "page.html")
    good("go-review", game, "--picture", tmp_path / "strip.svg")
    assert (tmp_path / "strip.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / "strip.svg").read_bytes()
    assert "/*DATA*/" not in (tmp_path / "page.html").read_text()


def test_names_cannot_break_out_of_the_page(evaluator):
    built_page()
    (record,) = parse(
        sgf_text(play_randomly(1, 5), "PB[</script><script>alert(1)</script>]PW[a & b]"), "x"
    )
    text = page(review(record, "<b>", evaluator))
    assert text.count("</script>") == 2
    found = re.search(r'type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    assert (data["black"], data["white"]) == ("</script><script>alert(1)</script>", "a & b")
    assert (data["name"], data["network"]) == ("<b>", "small.onnx")


def test_without_the_page_it_is_said_before_any_work(game, tmp_path, monkeypatch):
    """The page is built by `make page`; without it nothing is reviewed, and nothing written."""
    from gocnn import page as built
    from gocnn.review import files

    monkeypatch.setattr(files, "review_files", lambda *_: pytest.fail("it was reviewed"))
    asked = ["go-review", game, "--out", tmp_path / "out.sgf", "--html", tmp_path / "x.html"]
    for there in ("nothing", "another file"):
        monkeypatch.setattr(built, "BUILT", tmp_path / there)
        assert "run `make page`" in refused(1, *asked)
        (tmp_path / "another file").mkdir(exist_ok=True)
        (tmp_path / "another file" / "index.html").touch()
    assert not (tmp_path / "x.html").exists()
    assert not (tmp_path / "out.sgf").exists()


def test_no_record_that_is_read_is_replaced(tmp_path, sample_files):
    for name in ("a.sgf", "b.sgf"):
        (tmp_path / name).write_bytes(sample_files[0].read_bytes())
    before = (tmp_path / "a.sgf").read_bytes()
    for arguments in (
        ["a.sgf", "--out", "a.sgf"],
        ["a.sgf", "--out", "."],
        ["a.sgf", "b.sgf", "--out", "."],
    ):
        paths = [word if word.startswith("--") else tmp_path / word for word in arguments]
        assert "is a record that is read" in refused(2, "go-review", *paths)
    assert (tmp_path / "a.sgf").read_bytes() == before


def test_what_a_position_without_moves_cannot_show_is_said(tmp_path):
    record = tmp_path / "p.sgf"
    record.write_bytes(b"(;GM[1]SZ[19]AB[br][cr]AW[bq][cq]PL[W])")
    assert "position without moves" in good("go-review", record)
    assert str(tmp_path / "r.html") in refused(
        1, "go-review", record, "--html", tmp_path / "r.html"
    )
    assert not (tmp_path / "r.html").exists()


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


def test_two_moves_in_a_node_have_the_last_winrate(evaluator):
    (record,) = parse(b"(;SZ[19];B[pd]W[dp];B[pp])", "x")
    result = review(record, "x", evaluator)
    annotate.annotate(result)
    assert result.black_winrate is not None
    assert [node["SBKV"][0] for node in record.texts] == [
        f"{100 * result.black_winrate[number]:.2f}".encode() for number in (0, 2, 3)
    ]


def test_comments_are_the_records_own(evaluator):
    """With the number of moves before each, in the file's encoding, before and after the review has
    added its own."""
    (record,) = parse(RICH, "x")
    # (nodes: root, first move, second and third, one with two moves)
    expected = [(0, "开局"), (1, "first")]
    assert comments(record) == expected
    annotate.annotate(review(record, "x", evaluator))
    assert comments(record) == expected
    (record,) = parse(
        b"(;SZ[19]C[];C[a];B[pd]C[ b\\]\n<i> ];C[c];W[dd]B[pp]C[d](;W[dp]C[e])(;W[dq]C[f]))", "x"
    )
    assert comments(record) == [(0, "a"), (1, "b]\n<i>\n\nc"), (3, "d"), (4, "e")]


def test_setup_in_the_midst_is_in_the_page(evaluator):
    """Stones set up before a move and taken away stand with that move."""
    (record,) = parse(b"(;SZ[19]AB[dd][pp]HA[2];W[pd];B[dp]AW[jj]AE[pd];W[qf];B[pd])", "x")
    found = content(review(record, "x", evaluator))
    board = Board(19)
    for move, step in zip(found["moves"], record.steps, strict=True):
        stones = board.stones().ravel().copy()
        for point, stone in move.get("setup", []):
            stones[point] = stone
        if step.setup is not None:
            board.set_up(*step.setup)
        board.to_play = step.colour
        assert (stones == board.stones().ravel()).all()
        board.play(move["index"], move["colour"])
    assert [bool(move.get("setup")) for move in found["moves"]] == [True, False, True, False] or [
        bool(move.get("setup")) for move in found["moves"]
    ] == [True, True, False, False]
    assert (found["handicap"], found["start"]) == (2, None)


def test_closing_passes_are_in_no_share(tmp_path: Path, evaluator) -> None:
    """Two moves and the passes that end the game: the shares are those of the two moves; of a game
    of passes only there are none."""
    played, passes = "(;SZ[19];B[pd];W[dp];B[];W[])", "(;SZ[19];B[];W[])"
    found = review(parse(played.encode(), "x")[0], "x", evaluator)
    alone = review(parse(b"(;SZ[19];B[pd];W[dp])", "x")[0], "x", evaluator)
    assert table(found.judged) == table(alone.moves)
    assert "of 1 move." in annotate.game_comment(found)
    assert content(found)["agreement"] == content(alone)["agreement"]
    for name, text in (("a.sgf", played), ("b.sgf", passes)):
        (tmp_path / name).write_text(text)
    one = good("go-review", tmp_path / "b.sgf", "--out", tmp_path / "c.sgf")
    assert "both, all" not in one
    both = good("go-review", tmp_path, "--out", tmp_path / "out")
    assert "3 games, 8 moves: first choice 100.0%" in both  # with the one that was written
    only = good("go-review", tmp_path / "b.sgf", tmp_path / "b.sgf", "--out", tmp_path / "out2")
    assert "first choice" not in only.splitlines()[-1]
