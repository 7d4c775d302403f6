"""Records with all their variations, against sgfmill's own trees; and what must not be lost."""

import gzip
import io
import random
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sgfmill import sgf, sgf_grammar, sgf_properties

from gocnn.board.coords import from_sgf, to_gtp
from gocnn.engine.game import FIXED_HANDICAP
from gocnn.errors import UserError
from gocnn.games.variations import GameTree, Limits, read_file
from tests.conftest import ROOT, SAMPLES

CASES = ROOT / "tests" / "cases" / "go"
PLAIN = ("C", "N", "GC", "XX", "HO")


def nodes_of(tree: Any) -> list[tuple[int, Any]]:
    """sgfmill's nodes in the order of the file, each with the number of its parent."""
    found: list[tuple[int, Any]] = []
    waiting = [(-1, tree)]
    while waiting:
        parent, node = waiting.pop()
        found.append((parent, node))
        waiting += [(len(found) - 1, child) for child in reversed(list(node))]
    return found


def one(data: bytes, name: str = "x.sgf") -> GameTree:
    (game,) = read_file(data, name).games
    return game


def agree(game: GameTree, tree: Any, codec: str = "utf-8") -> None:
    """The same nodes, properties and texts. (sgfmill keeps values as they stand.)"""
    theirs = nodes_of(tree)
    assert game.parents == [parent for parent, _ in theirs]
    for ours, (_, node) in zip(game.properties, theirs, strict=True):
        assert set(ours) == set(node.properties())
        for name, values in ours.items():
            raw = node.get_raw_list(name)
            if name in ("B", "W"):
                assert values == [raw[0].decode().strip()]
            elif name in ("AB", "AW", "AE", "TR", "SQ"):
                points = {sgf_board(point) for value in values for point in [value]}
                assert points == sgf_properties.interpret_point_list(raw, context(19))
            else:
                expected = [
                    sgf_properties.interpret_text(value, context(19, codec)).replace("\t", " ")
                    for value in raw
                ]
                assert values == expected


def context(size: int, codec: str = "utf-8") -> Any:
    class Context:
        encoding = codec

    Context.size = size  # type: ignore[attr-defined]
    return Context


def sgf_board(point: str) -> tuple[int, int]:
    return sgf_properties.interpret_go_point(point.encode(), 19)


TEXTS = (
    "plain",
    "a ] b",
    "back \\ slash",
    "ends in \\",
    "two\nlines",
    "wide 圍棋 бадук",
    "<script>alert(1)</script>",
    "(;B[aa])",
    "",
    "a:b",
    "\u2028",
)


def random_tree(seed: int, count: int) -> sgf.Sgf_game:
    """A tree of sgfmill's with variations, comments, unknown properties and lists."""
    rng = random.Random(seed)
    game = sgf.Sgf_game(19, encoding="UTF-8")
    nodes = [game.get_root()]
    nodes[0].set_raw("XX", b"unknown")
    for _ in range(count):
        parent = nodes[-1] if rng.random() < 0.7 else rng.choice(nodes)
        node = parent.new_child()
        nodes.append(node)
        point = None if rng.random() < 0.05 else (rng.randrange(19), rng.randrange(19))
        node.set_move(rng.choice("bw"), point)
        for name in rng.sample(PLAIN, rng.randrange(3)):
            text = rng.choice(TEXTS)
            node.set_raw(name, sgf_properties.serialise_text(text, context(19)))
        if rng.random() < 0.2:
            node.set("TR", {(rng.randrange(19), rng.randrange(19)) for _ in range(3)})
        if rng.random() < 0.2:
            node.set_raw_list("LB", [b"aa:A", b"bb:1"])
    return game


@pytest.mark.parametrize("seed", range(20))
def test_random_trees_are_sgfmills(seed: int) -> None:
    game = random_tree(seed, 120)
    data = game.serialise(wrap=None if seed % 2 else 40)
    agree(one(data), sgf.Sgf_game.from_bytes(data).get_root())


SAMPLED = sorted(SAMPLES.glob("*/*.sgf"))[::17]
READ_BY_SGFMILL = [
    "13b_pass_space.sgf",
    "14_km_comma.sgf",
    "15_km375_fox.sgf",
    "18_re_zh.sgf",
    "23_ae_mid.sgf",
    "26_handicap_no_moves.sgf",
    "26b_tsumego.sgf",
    "41e_re_comma.sgf",
    "suggest_ab1.sgf",
    "suggest_ae.sgf",
    "suggest_pb_empty.sgf",
]


@pytest.mark.parametrize(
    "path", [*SAMPLED, *(CASES / name for name in READ_BY_SGFMILL)], ids=lambda path: path.name
)
def test_records_are_sgfmills(path: Path) -> None:
    data = path.read_bytes()
    tree = sgf_grammar.parse_sgf_game(data)
    agree(one(data), sgf.Sgf_game.from_coarse_game_tree(tree).get_root())


def test_every_strangers_record_is_read() -> None:
    """Each file of the cases gives games or a sentence, and loses no value of any property."""
    for path in sorted(CASES.iterdir()):
        if path.suffix in (".gtp", ".jsonl"):
            with pytest.raises(UserError, match="not a game record"):
                read_file(path.read_bytes(), path.name)
            continue
        found = read_file(path.read_bytes(), path.name)
        assert found.games
        for game in found.games:
            assert game.parents or game.trouble
            assert all(parent < number for number, parent in enumerate(game.parents))
            assert game.parents[:1] in ([], [-1])


@pytest.mark.parametrize(
    ("name", "codec", "texts"),
    [
        ("big5_5c.sgf", "big5hkscs", ("PB", "PW")),
        ("gbk_5d.sgf", "gb18030", ("PB", "PW")),
        ("koi8.sgf", "koi8-r", ("PB", "PW")),
        ("sjis_5c_mid.sgf", "cp932", ("PB", "PW")),
        ("08_utf16le.sgf", "utf-16-le", ("PB",)),
    ],
)
def test_old_encodings_are_decoded(name: str, codec: str, texts: tuple[str, ...]) -> None:
    raw = (CASES / name).read_bytes()
    game = one(raw, name)
    decoded = raw.decode(codec, "replace").lstrip("\ufeff")
    for property_ in texts:
        match = re.search(rf"{property_}\[(.*?)\](?=[A-Z;)\s])", decoded)
        assert match is not None
        assert game.properties[0][property_] == [match[1]]


def test_comments_keep_their_lines_and_escapes_are_undone() -> None:
    raw = b"(;SZ[19]CA[UTF-8]C[one\r\ntwo\n\rthree\\\nfour\tfive \\] \\\\ \\: [six]N[a\x00b];B[pd])"
    assert one(raw).properties[0]["C"] == ["one\ntwo\nthreefour five ] \\ : [six"]
    assert one(raw).properties[0]["N"] == ["a b"]


def test_several_values_unknown_and_repeated_properties_are_kept() -> None:
    raw = b"(;SZ[19]ZZ[1][2][]AB[aa]C[x]AB[bb][cc:dd]KK[]FooBar[z];B[q\nd]BL[12.5]C[y](;W[dd];B[pp])(;W[dq]))"
    root, move, *_ = one(raw).properties
    assert root["ZZ"] == ["1", "2", ""]
    assert root["KK"] == [""]
    assert root["FB"] == ["z"]
    assert root["AB"] == ["aa", "bb", "cc", "dc", "cd", "dd"]
    assert move == {"B": ["qd"], "BL": ["12.5"], "C": ["y"]}
    assert one(raw).parents == [-1, 0, 1, 2, 1]


def test_several_moves_in_a_node_become_nodes() -> None:
    game = one(b"(;SZ[19];B[pd]W[dd]C[x](;B[pp])(;B[dp]W[pq]))")
    assert game.properties[1:] == [
        {"B": ["pd"], "C": ["x"]},
        {"W": ["dd"]},
        {"B": ["pp"]},
        {"B": ["dp"]},
        {"W": ["pq"]},
    ]
    assert game.parents == [-1, 0, 1, 2, 2, 4]


@pytest.mark.parametrize("size", ["9", "13", "21", "19:13"])
def test_other_sizes_are_told_and_not_shown(size: str) -> None:
    game = one(f"(;SZ[{size}];B[aa])".encode())
    assert game.parents == []
    assert size.partition(":")[0] in game.trouble
    assert "19x19" in game.trouble


@pytest.mark.parametrize(
    ("raw", "nodes", "words"),
    [
        (b"(;SZ[19];B[pd];W[dd];B[", 4, "broken SGF"),
        (b"(;SZ[19];B[pd];W[dd]", 3, "broken SGF"),
        (b"(;SZ[19];B[pd](;W[dd];C;B[pp])(;W[dp]))", 4, "C at byte"),
        (b"(;SZ[19];B[pd];W[pd];B[dd])", 4, "move 2 is not legal"),
        (b"(;SZ[19];B[pd];W[zz];B[dd])", 4, "move 2, W[zz]"),
        (b"(;GM[2]SZ[19];B[pd])", 0, "not a game of Go"),
    ],
)
def test_a_broken_record_shows_what_can_be_read(raw: bytes, nodes: int, words: str) -> None:
    game = one(raw)
    assert len(game.parents) == nodes
    assert words in game.trouble


def test_handicap_stones_that_a_server_leaves_out_are_added() -> None:
    raw = "(;GM[1]SZ[19]DT[2019-02-20]KM[0]HA[%d]AP[GNU Go:3.8]AP[foxwq];W[cf];B[fc])"
    for number in range(2, 10):
        game = one((raw % number).encode())
        assert {to_gtp(from_sgf(point)) for point in game.properties[0]["AB"]} == set(
            FIXED_HANDICAP[number].split()
        )
        assert any(f"HA[{number}] without AB" in note for note in game.notes)
    # where nobody knows where they stood, the moves are shown as they are
    game = one(b"(;SZ[19]HA[2]AP[other:1];W[dd];B[pp])")
    assert "handicap stones missing" in game.trouble
    assert len(game.parents) == 3
    assert "AB" not in game.properties[0]


@pytest.mark.parametrize(
    ("properties", "komi", "handicap"),
    [
        ("KM[6.5]", 6.5, 0),
        ("KM[7,5]", 7.5, 0),
        ("KM[375]RU[Chinese]AP[foxwq]", 7.5, 0),
        ("KM[50]HA[2]AB[pd][dp]AP[foxwq]", 0.5, 2),
        ("KM[3又3/4子]", 7.5, 0),
        ("KM[0]HA[0]AP[GNU Go:3.8]", None, 0),  # Fox, which kept none
        ("KM[6.3]", None, 0),  # no game has it
        ("KM[much]", None, 0),
        ("", None, 0),
        ("KM[0.5]HA[4]", 0.5, 0),  # said, and not so: the two move in turn
        ("KM[0.5]AB[pd][dp]", 0.5, 2),
    ],
)
def test_komi_and_handicap_are_what_is_meant(
    properties: str, komi: float | None, handicap: int
) -> None:
    game = one(f"(;SZ[19]{properties};B[qf];W[dd])".encode())
    assert (game.komi, game.handicap) == (komi, handicap)


@pytest.mark.slow
def test_depth_is_no_danger() -> None:
    """Sixty thousand variations inside each other, and a line of a hundred thousand moves."""
    deep = 60_000
    nested = b"(;SZ[19]" + b"(;C[x]" * deep + b")" * deep + b")"
    game = one(nested)
    assert game.parents == list(range(-1, deep))
    line = b"(;SZ[19]" + b";C[]" * 100_000 + b")"
    assert len(one(line).parents) == 100_001
    wide = b"(;SZ[19]" + b"(;B[aa])" * 50_000 + b")"
    assert one(wide).parents == [-1] + [0] * 50_000


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"(;SZ[19]" + b";C[]" * 1000 + b")", "more than 1000 nodes"),
        (b"(;SZ[19];B[aa]" + b"B[aa]" * 1000 + b")", "more than 1000 nodes"),
        (b"(;C[])" * 1001, "more than 1000 nodes"),
        (b"(;SZ[19]C[])" * 60, "more than 50 games"),
        (b"", "empty file"),
        (b"\x89PNG\r\n\x1a\n", "not a game record"),
        (b"<html>", "not a game record"),
    ],
)
def test_too_much_and_nothing_are_a_sentence(raw: bytes, words: str) -> None:
    with pytest.raises(UserError, match=re.escape(words)) as error:
        read_file(raw, "x.sgf", Limits(nodes=1000, games=50))
    assert "x.sgf" in str(error.value)


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "."), data)
    return out.getvalue()


def test_archives_give_their_records_and_bombs_are_refused() -> None:
    game = b"(;SZ[19]PB[a];B[pd])"
    found = read_file(
        zipped(a__sgf=game, b__txt=b"x", c__sgf=b"nonsense", d__sgf=game * 2), "some.zip"
    )
    assert [one.name for one in found.games] == [
        "some.zip:a.sgf",
        "some.zip:d.sgf (game 1)",
        "some.zip:d.sgf (game 2)",
    ]
    assert len(found.skipped) == 1
    assert "some.zip:c.sgf" in found.skipped[0]
    with pytest.raises(UserError, match="without a game record"):
        read_file(zipped(b__txt=b"x"), "some.zip")
    bomb = gzip.compress(b"(;C[" + b"x" * (4 << 20))
    with pytest.raises(UserError, match=r"unpacks to more than it may"):
        read_file(bomb, "bomb.sgf.gz", Limits(unpacked=1 << 20))
    with pytest.raises(UserError, match="damaged or cut short"):
        read_file(zipped(a__sgf=game)[:-30][:20], "some.zip")
