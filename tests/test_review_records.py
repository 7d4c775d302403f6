"""Records that are reviewed keep all they held, by sgfmill and byte by byte, and hard ones are read
as go-import reads them or named."""

import json
import re

import pytest
from sgfmill import sgf, sgf_grammar

from gocnn.games.reader import Reader, ReadGame
from gocnn.games.sgf_tree import parse, serialise
from gocnn.games.sources import Blob
from gocnn.review import annotate
from gocnn.review.page import comments
from gocnn.review.review import review
from tests.conftest import ROOT, play_randomly, sgf_text
from tests.reviewed import RICH, game
from tests.typed import good, refused

__all__ = ["game"]


def test_everything_in_the_record_stays(evaluator, tmp_path):
    (tmp_path / "in.sgf").write_bytes(RICH)
    said = good("go-review", tmp_path / "in.sgf", "--out", tmp_path / "out.sgf", "--quiet")
    assert said.endswith(f"\nwritten: {tmp_path / 'out.sgf'}\n")
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
