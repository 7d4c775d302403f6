"""Records of Tygem, CyberOro and Pandanet, written here as those servers write them."""

import gzip
import random
from pathlib import Path

import pytest
from click.testing import CliRunner

from gocnn.board.coords import to_sgf
from gocnn.commands import main
from gocnn.games import foreign, results
from gocnn.games.reader import Reader, ReadGame, Skipped
from gocnn.games.sgf_tree import parse, serialise
from gocnn.games.sources import Blob
from gocnn.games.words import decode, index_of
from tests.conftest import ROOT, main_line, play_randomly

CASES = ROOT / "tests" / "cases" / "go"

GIB = r"""\HS
\[GIBOKIND=Korea\]
\[GAMERESULT=%(result)s\]
\[GAMEGONGJE=%(komi)s\]
\[GAMENAME=시험\]
\[GAMEDATE=2015- 8-29-22-56-58\]
\[GAMEWHITENAME=흰돌 (1급)\]
\[GAMEBLACKNAME=검은돌 (3단)\]
\[GAMEINFOMAIN=GBKIND:0,GTYPE:0,GCDT:0,GTIME:1200-30-3,GRLT:%(code)s,ZIPSU:%(points)s,DUM:%(dum)s,GONGJE:%(komi)s,TCNT:49,AUSZ:0\]
\[GAMETAG=S0,R0,D0,G%(komi)s,W%(code)s,Z%(points)s,T30-3-1200,C2015:08:29:22:56,I:a,L:17,M:b,N:17,A:a,B:b,J:0,K:0\]
\HE
\GS
2 5 0
50 0 &4
INI 0 1 %(handicap)s &4
%(moves)s\GE
"""


def gib(moves: list[tuple[int, int]], **given: object) -> str:
    """Moves as (flat index, colour); a pass is 361."""
    lines = ""
    for number, (index, colour) in enumerate(moves, 2):
        row, column = divmod(index, 19)
        lines += (
            f"SKI 0 {number} \r\n"
            if index == 361
            else f"STO 0 {number} {colour} {column} {18 - row} \r\n"
        )
    return GIB % (
        {
            "result": "",
            "komi": 65,
            "code": 255,
            "points": 0,
            "dum": 0,
            "handicap": 0,
            "moves": lines,
        }
        | given
    )


def ngf(
    moves: list[tuple[int, int]],
    white: str = "흰돌  7D*",
    black: str = "검은돌  9DP",
    handicap: int = 0,
    komi: int = 6,
    result: str = "흑 1.5집 승",
) -> str:
    lines = [
        "Rated game",
        "19",
        white,
        black,
        "www.cyberoro.com",
        str(handicap),
        "0",
        str(komi),
        "20170316 [09:37]",
        "5",
        result,
        str(len(moves)),
    ]
    for number, (index, colour) in enumerate(moves, 1):
        row, column = divmod(index, 19)
        point = "AA" if index == 361 else chr(66 + column) + chr(66 + 18 - row)
        lines.append(
            f"PM{chr(65 + number // 26)}{chr(65 + number % 26)}{'BW'[colour - 1]}{point}{point[::-1]}"
        )
    return "\r\n".join(lines) + "\r\n"


def ugf(
    moves: list[tuple[int, int]],
    hdcp: str = "0,6.50",
    winner: str = "B,2.50",
    kind: str = "IGS",
    stones: list[int] | None = None,
    **header: str,
) -> str:
    head = {
        "Ver": "UGF3,200",
        "Lang": "SJIS",
        "Crypt": "0,PLAIN_UGF_FILE,READ_WRITE",
        "Title": "第5局",
        "Place": "日本棋院",
        "Date": "2019/03/08,22:09:00,x",
        "Rule": "JPN",
        "Size": "19",
        "Hdcp": hdcp,
        "Winner": winner,
        "CoordinateType": kind,
        "PlayerB": "山田,7d,,someone@example.org",
        "PlayerW": "ソフト表,9p,,",
    } | header

    def point(index: int) -> str:
        row, column = divmod(index, 19)
        return (
            "YA"
            if index == 361
            else chr(65 + column) + chr(65 + (row if kind == "IGS" else 18 - row))
        )

    lines = [
        "[Header]",
        *(f"{k}={v}" for k, v in head.items()),
        "[Data]",
        *(f"{point(i)},B1,0,0" for i in stones or []),
    ]
    lines += [
        f"{point(index)},{'BW'[colour - 1]}1,{number},0"
        for number, (index, colour) in enumerate(moves, 1)
    ]
    return (
        "\n".join(
            [
                *lines,
                "[ReviewNode]",
                "NODE,1,0,0,0",
                "  VARIATION,",
                "[ReviewComment]",
                ".Comment,1",
                "QQ,B1,9,9",
            ]
        )
        + "\n"
    )


def read(data: bytes) -> ReadGame | Skipped:
    (item,) = Reader().games(Blob("x", data))
    return item


def game(data: bytes) -> ReadGame:
    item = read(data)
    assert isinstance(item, ReadGame), item
    return item


def moves_of(item: ReadGame) -> list[tuple[int, int]]:
    return decode(item.words[int(item.record["setup"]) :])


def with_passes(seed: int) -> list[tuple[int, int]]:
    moves = play_randomly(seed, 60)
    return [*moves, (361, 1), (361, 2)] if moves[-1][1] == 2 else [*moves, (361, 2), (361, 1)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("write", "codec"),
    [
        (gib, "euc_kr"),
        (gib, "utf-8"),
        (ngf, "euc_kr"),
        (ngf, "utf-8"),
        (ngf, "utf-16"),
        (ugf, "shift_jis"),
        (ugf, "utf-8"),
    ],
)
def test_moves_come_back(write, codec: str, seed: int) -> None:
    moves = with_passes(seed)
    data = write(moves).encode(codec)
    assert moves_of(game(data)) == moves
    assert main_line(foreign.as_sgf(data)) == moves  # as sgfmill reads it


def test_what_the_headers_say() -> None:
    item = game(gib([(60, 1)], code=1, points=65, result="x").encode("euc_kr"))
    assert (item.black, item.white, item.place) == ("검은돌", "흰돌", "Tygem")
    record = item.record
    assert (int(record["winner"]), float(record["margin"]), float(record["komi"])) == (
        results.WHITE_WON,
        6.5,
        6.5,
    )
    assert (int(record["date"]), int(record["black_rank"]), int(record["white_rank"])) == (
        20150829,
        3,
        -1,
    )
    item = game(ngf([(60, 1)]).encode("euc_kr"))
    assert (item.black, item.white, item.place) == ("검은돌", "흰돌", "www.cyberoro.com")
    record = item.record
    assert (int(record["winner"]), float(record["margin"]), float(record["komi"])) == (
        results.BLACK_WON,
        1.5,
        6.5,
    )
    assert (int(record["date"]), int(record["black_rank"]), int(record["white_rank"])) == (
        20170316,
        19,
        7,
    )
    item = game(ugf([(60, 1)]).encode("cp932"))
    assert (item.black, item.white, item.place) == ("山田", "ソフト表", "日本棋院")
    record = item.record
    assert (int(record["winner"]), float(record["margin"]), float(record["komi"])) == (
        results.BLACK_WON,
        2.5,
        6.5,
    )
    assert (int(record["date"]), int(record["black_rank"]), int(record["white_rank"])) == (
        20190308,
        7,
        19,
    )
    assert b"example.org" not in foreign.as_sgf(ugf([(60, 1)]).encode("cp932"))


@pytest.mark.parametrize(
    ("code", "points", "result", "expected"),
    [
        (0, 15, "", (1, 1.5)),
        (1, 110, "", (2, 11)),
        (3, 0, "", (1, 0)),
        (4, 0, "", (2, 0)),
        (7, 0, "", (1, 0)),
        (8, 0, "", (2, 0)),
        (255, 0, "", (0, 0)),
        (255, 0, "흑 불계승", (1, 0)),
        ("", 0, "white 4.5 win", (2, 4.5)),
    ],
)
def test_results_of_gib(
    code: object, points: int, result: str, expected: tuple[int, float]
) -> None:
    record = game(gib([(60, 1)], code=code, points=points, result=result).encode("euc_kr")).record
    assert (int(record["winner"]), float(record["margin"])) == expected


def test_handicap_games() -> None:
    three = {"pd", "dp", "dd"}
    for data in (
        gib([(40, 2)], handicap=3, komi=0).encode("euc_kr"),
        ngf([(40, 2)], handicap=3, komi=0).encode(),
        ugf([(40, 2)], hdcp="3,0.50").encode(),
    ):
        item = game(data)
        assert {to_sgf(index) for index, _ in decode(item.words[:3])} == three
        assert (int(item.record["setup"]), int(item.record["handicap"]), moves_of(item)) == (
            3,
            3,
            [(40, 2)],
        )
    assert float(game(ngf([(40, 2)], handicap=3, komi=0).encode()).record["komi"]) == 0
    # Komi of an unknown kind is not 0; stones that the record lists stand where it says.
    assert game(gib([(40, 2)], handicap=3, komi=0, dum=5).encode()).record["komi"] != 0
    listed = game(ugf([(40, 2)], hdcp="2,0.50", stones=[72, 300]).encode())
    assert sorted(index_of(listed.words[:2]).tolist()) == [72, 300]
    rows_from_the_top = game(ugf([(60, 1)], kind="JPN").encode())
    assert moves_of(rows_from_the_top) == [(60, 1)]


def test_the_other_ngf() -> None:
    lines = [
        "GI十段战",
        "GI朴某 初段",
        "GI李某 五段",
        "GI",
        "GI",
        "GI2006-9-5",
        "GI19",
        "GI0",
        "GI0",
        "GI6",
        "GI3",
        "PMABBREER",
        "PMACWEEEE",
        "PMADBQRRQ",
        "GI1",
        "IDB[211] 黑中盘胜(现场消息)[EndTxt]",
    ]
    item = game("\n".join(lines).encode("gb18030"))
    assert (item.black, item.white, len(item.words)) == ("李某", "朴某", 3)
    record = item.record
    assert (int(record["winner"]), float(record["komi"]), int(record["date"])) == (1, 6.5, 20060905)
    assert (int(record["black_rank"]), int(record["white_rank"])) == (5, 1)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            gib([(60, 1)]).replace("STO 0 2 1 3 15", "STO 0 2 1 3 19"),
            "a GIB record whose move 1 is no move",
        ),
        (
            gib([(60, 1)]).replace("STO 0 2 1 3 15", "STO 0 2 x 3 15"),
            "a GIB record whose move 1 is no move",
        ),
        (
            gib([(60, 1)]).replace("\\GE", "REM 0 3\n\\GE"),
            "something other than a move after move 1",
        ),
        (gib([(40, 2)], handicap=12), "12 handicap stones"),
        (
            ngf([(60, 1)]).replace("PMABB", "PMABX") + "PMACWEEEE\n",
            "an NGF record whose move 1 is no move",
        ),
        (ngf([(60, 1)]).replace("\n19\r", "\nx\r"), "another header"),
        (ugf([(60, 1)]).replace("PLAIN_UGF_FILE", "CRYPTED"), "encrypted UGF"),
        (ugf([(60, 1)]).replace("DD,B1", "DD,X1"), "a UGF record whose move 1 is no move"),
        ("PP%D-lh5-xxxx", "UGZ"),
    ],
)
def test_what_cannot_be_read_is_named(data: str, said: str, tmp_path: Path) -> None:
    item = read(data.encode())
    assert isinstance(item, Skipped)
    assert said in item.detail
    (tmp_path / "bad.gib").write_bytes(data.encode())
    for command in ("go-suggest", "go-review"):
        result = CliRunner().invoke(main, [command, str(tmp_path / "bad.gib")])
        assert result.exit_code == 1
        assert result.output.count("\n") == 1
        assert said in result.output
        assert "bad.gib" in result.output


def test_other_sizes_and_games_are_refused_as_in_sgf() -> None:
    for data in (ngf([(60, 1)]).replace("\n19\r", "\n13\r"), ugf([(60, 1)], Size="13")):
        item = read(data.encode())
        assert isinstance(item, Skipped)
        assert item.reason == "board other than 19x19"


def test_sgf_and_everything_else_goes_through_as_it_is() -> None:
    for data in (
        b"(;GM[1];B[dd])",
        b"",
        b"hello",
        b"\xef\xbb\xbf(;GM[1])",
        bytes(range(256)),
        b"\\HS is how a GIB begins, not this"[1:],
    ):
        assert foreign.as_sgf(data) is data


def test_the_case_goes_through_every_door(tmp_path: Path) -> None:
    """go-import (alone, in a folder, packed), go-suggest, go-review."""
    data = (CASES / "tygem.gib").read_bytes()
    (record,) = parse(data, "x")
    assert (record.black, len(record.steps)) == ("Kim", 2)
    assert main_line(serialise([record])) == [(300, 1), (60, 2)]
    assert int(game(data).record["winner"]) == results.WHITE_WON
    (tmp_path / "games").mkdir()
    (tmp_path / "games" / "a.GIB").write_bytes(data)
    (tmp_path / "games" / "b.ngf").write_bytes(ngf(with_passes(1)).encode())
    (tmp_path / "games" / "c.ugi.gz").write_bytes(gzip.compress(ugf(with_passes(2)).encode()))
    result = CliRunner().invoke(
        main, ["go-import", str(tmp_path / "games"), "--out", str(tmp_path / "s.games")]
    )
    assert result.exit_code == 0, result.output
    assert result.output.startswith("3 games, 126 moves")


def test_any_bytes_in_such_records() -> None:
    rng = random.Random(0)
    samples = [
        gib(with_passes(1)).encode("euc_kr"),
        ngf(with_passes(2)).encode(),
        ugf(with_passes(3)).encode("cp932"),
    ]
    for _ in range(300):
        data = bytearray(rng.choice(samples))
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(data))
            data[at : at + rng.randrange(4)] = rng.randbytes(rng.randrange(4))
        for item in Reader(positions=True).games(Blob("x", bytes(data))):
            assert isinstance(item, Skipped) or len(item.words) == int(item.record["setup"]) + int(
                item.record["moves"]
            )
