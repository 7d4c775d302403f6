"""Handicap stones and komi as the Fox server writes them, and leaves them out."""

import json
import math
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sgfmill import boards

from gocnn.board.coords import from_sgf, to_gtp
from gocnn.commands import main
from gocnn.engine.game import FIXED_HANDICAP
from gocnn.games import handicap, meaning, reader, sources
from gocnn.games.reader import Reader, ReadGame, Skipped
from gocnn.games.record import KOMI_STATED, RECORD, komi_of
from gocnn.games.sgf_tree import parse
from gocnn.games.sources import Blob
from gocnn.games.variations import read_file
from gocnn.games.words import colour_of, decode, index_of
from tests.conftest import CORPORA, ROOT
from tests.typed import good

CASES = ROOT / "tests" / "cases"

FOX = (
    "(;GM[1]FF[4]SZ[19]GN[]DT[%s]PB[x]PW[y]KM[0]HA[%s]RU[Japanese]AP[GNU"
    " Go:3.8]RE[W+R]TM[60]AP[foxwq]RL[0]%s)"
)


def first(data: str | bytes, **options: bool) -> ReadGame | Skipped:
    return next(
        iter(
            Reader(**options).games(
                sources.Blob("x.sgf", data if isinstance(data, bytes) else data.encode())
            )
        )
    )


def game(data: str | bytes, **options: bool) -> ReadGame:
    item = first(data, **options)
    assert isinstance(item, ReadGame), item
    return item


def stones(item: ReadGame) -> set[str]:
    return {to_gtp(index) for index, _ in decode(item.words[: int(item.record["setup"])])}


@pytest.mark.parametrize("number", range(2, 10))
def test_stones_that_fox_leaves_out_are_put_where_it_puts_them(number: int) -> None:
    item = game(FOX % ("2019-02-20", number, ";W[cf];B[fc]"))
    assert stones(item) == set(FIXED_HANDICAP[number].split())
    assert int(item.record["handicap"]) == number
    assert [note.what for note in item.notes] == [meaning.STONES_ADDED]
    (record,) = parse((FOX % ("2019-02-20", number, ";W[cf];B[fc]")).encode(), "x")
    assert record.handicap
    assert record.steps[0].setup is not None
    assert {to_gtp(i) for i in record.steps[0].setup[0]} == set(FIXED_HANDICAP[number].split())


def test_black_may_pass_before_white_moves_first() -> None:
    item = game(FOX % ("2019-02-20", 2, ";B[];W[cf];B[fc]"))
    assert stones(item) == {"D4", "Q16"}
    assert (int(item.record["handicap"]), int(item.record["moves"])) == (2, 3)
    # stones that Black puts down between White's passes
    other = game(FOX % ("2019-02-20", 2, ";W[];B[cf];W[];B[fc];W[qf]"))
    assert (stones(other), int(other.record["handicap"])) == (set(), 2)


def test_six_and_seven_stones_stood_elsewhere_up_to_2015() -> None:
    old = {"D4", "Q16", "D16", "Q4", "K4", "K16"}
    assert stones(game(FOX % ("2015-12-15", 6, ";W[cf];B[fc]"))) == old
    assert stones(game(FOX % ("2014-02-24", 7, ";W[cf];B[fc]"))) == old | {"K10"}
    # Without a date in between, what is played decides, if it can.
    assert stones(game(FOX % ("", 6, ";W[dj];B[fc]"))) == old
    assert stones(game(FOX % ("2017-01-01", 6, ";W[jd];B[fc]"))) == set(FIXED_HANDICAP[6].split())
    undecided = first(FOX % ("", 6, ";W[cf];B[fc]"))
    assert isinstance(undecided, Skipped)
    assert undecided.reason == reader.STONES_MISSING


def test_moves_that_only_the_missing_stones_make_legal_are_read() -> None:
    # White's stone beside Q4 is captured only because a handicap stone stands there, and then Black
    # plays on its point.
    captured = ";W[pq];B[oq];W[jj];B[pr];W[kk];B[qq];W[ll];B[pq]"
    without, with_stones = first(f"(;SZ[19]{captured})"), game(FOX % ("2019-01-01", 4, captured))
    assert isinstance(without, Skipped)
    assert without.reason == "illegal move"
    assert stones(with_stones) == set(FIXED_HANDICAP[4].split())


@pytest.mark.parametrize(
    "data",
    [
        FOX % ("2019-01-01", 3, ";W[dd];B[pp]"),  # White plays where a stone stands
        FOX % ("2019-01-01", 10, ";W[cf];B[pp]"),  # nobody puts ten stones
        # not Fox: its third stone may stand elsewhere
        "(;SZ[19]AP[qGo2:2.1]HA[3]KM[0.5];W[cf];B[pp])",
    ],
)
def test_where_they_cannot_be_known_the_game_is_skipped_with_that_reason(data: str) -> None:
    item = first(data)
    assert isinstance(item, Skipped)
    assert item.reason == "handicap stones missing"
    (record,) = parse(data.encode(), "x")
    assert record.steps == []
    assert record.trouble.startswith("handicap stones missing")


def test_handicap_as_blacks_first_moves_and_handicap_that_is_none() -> None:
    free = game("(;SZ[19]HA[3]KM[0.5];B[dd];B[pp];B[pd];W[dp])")
    assert (int(free.record["handicap"]), int(free.record["setup"]), free.notes) == (3, 0, ())
    passes = game("(;SZ[19]HA[2];B[dd];W[];B[pp];W[dp])")
    assert int(passes.record["handicap"]) == 2
    even = game("(;SZ[19]HA[2];B[dd];W[pp];B[dp])")
    assert int(even.record["handicap"]) == 0
    assert [note.what for note in even.notes] == [meaning.ODD_HANDICAP]
    assert int(game("(;SZ[19]HA[1]KM[0];B[dd];W[pp])").record["handicap"]) == 0
    assert int(game("(;SZ[19]HA[4]AB[dd][pp];W[dp])").record["handicap"]) == 4
    assert int(game("(;SZ[19]AB[dd][pp];W[dp])").record["handicap"]) == 2
    assert int(game("(;SZ[19]AB[dd][pp]AW[dp];W[pd])").record["handicap"]) == 0


@pytest.mark.parametrize("rows", [1, 2, 13, 14, 15, 17])
@pytest.mark.parametrize("end", ["", ";W[ss]", ";W[ss];B[sr];W[sr]"])
def test_a_board_of_black_stones_is_no_handicap(rows: int, end: str) -> None:
    """Of more than 30 stones nobody would call it so: they are a position, however many."""
    data = f"(;SZ[19]AB[aa:s{chr(96 + rows)}]C[which side has more liberties?]{end})"
    (record,) = parse(data.encode(), "x")
    assert record.handicap_stones == (19 if rows == 1 else 0)
    assert record.handicap == (rows == 1)
    item = next(iter(Reader(positions=True).games(Blob("x", data.encode()))))
    if isinstance(item, ReadGame):
        assert int(item.record["setup"]) == 19 * rows
        assert int(item.record["handicap"]) == record.handicap_stones
    else:
        assert item.reason == "illegal move"


def test_handicap_that_is_not_believed_is_none_in_a_review_either() -> None:
    """The same of a game that goes wrong later."""
    for end in ("", ";W[pd]"):
        (record,) = parse(f"(;SZ[19]HA[3];B[pd];W[dd];B[pp]{end})".encode(), "x")
        assert (record.handicap, record.handicap_stones) == (False, 0)
        assert bool(record.trouble) == bool(end)


@pytest.mark.parametrize(
    ("head", "komi"),
    [
        ("KM[375]HA[0]RU[Chinese]AP[foxwq]", 7.5),
        ("KM[3.75]", 7.5),
        ("KM[50]HA[2]AP[foxwq]AB[pd][dp]PL[B]", 0.5),
        ("KM[50]", 50),
        ("KM[6,5]", 6.5),
        ("KM[650]AP[foxwq]", 6.5),
        ("KM[650]", 6.5),
        ("KM[350]AP[SGFC:2.0]", 7),  # KataGo reads these two so
        ("KM[700]AP[SGFC:2.0]", 7),
        ("KM[700]AP[foxwq]", 7),
        ("KM[35]", 35),
        ("KM[0]HA[0]AP[GNU Go:3.8]AP[foxwq]", None),
        ("KM[0]HA[0]AP[GNU Go:3.8]", None),
        ("KM[0.0]HA[0]AP[GNU Go:3.8]", 0),
        ("KM[0]HA[1]AP[foxwq]", 0),
        ("KM[0]HA[2]AB[pd][dp]PL[B]AP[foxwq]", 0),
        ("KM[0]", 0),
        ("", None),
        ("KM[]", None),
        ("KO[7.5]", 7.5),
        ("KM[6.5]KO[7.5]", 6.5),
        ("KO[1]KM[]", 1),
    ],
)
def test_komi_of_records(head: str, komi: float | None) -> None:
    item = game(f"(;SZ[19]{head};B[fc];W[cf])")
    value = float(item.record["komi"])
    assert math.isnan(value) if komi is None else value == komi
    assert bool(item.record["flags"] & KOMI_STATED) == (komi is not None)
    assert item.notes == ()


def test_a_komi_that_cannot_be_is_left_unknown_with_a_note() -> None:
    item = game("(;SZ[19]KM[9999];B[dd])")
    assert math.isnan(item.record["komi"])
    assert [(n.what, n.detail) for n in item.notes] == [(meaning.ODD_KOMI, "KM[9999]")]


def test_komi_of_older_stores_is_unknown_where_it_is_zero() -> None:
    records = np.zeros(4, RECORD)
    records["komi"] = [0, 6.5, 0, np.nan]
    records["flags"] = [0, 0, KOMI_STATED, 0]
    assert np.array_equal(
        komi_of(records), np.array([np.nan, 6.5, 0, np.nan], np.float32), equal_nan=True
    )


def test_results_of_fox_under_chinese_rules_count_stones() -> None:
    head = "(;SZ[19]KM[375]HA[0]RU[%s]AP[GNU Go:3.8]RE[W+%s]AP[foxwq];B[dd];W[pp])"
    assert float(game(head % ("Chinese", "1.25")).record["margin"]) == 2.5
    assert float(game(head % ("Chinese", "0.50")).record["margin"]) == 1.0
    assert float(game(head % ("Japanese", "1.50")).record["margin"]) == 1.5
    assert float(game(head % ("Japanese", "0.02")).record["margin"]) == 0


def test_the_records_of_the_cases() -> None:
    expected = {
        "15_km375_fox": (7.5, 2, 0),
        "15b_km50_fox": (0.5, 0, 0),
        "14_km_comma": (6.5, 0, 0),
        "16_ko_old_sina": (7.5, 1, 5.5),
        "18_re_zh": (7.5, 1, 0),
        "41e_re_comma": (5.5, 2, 0.5),
    }
    for name, (komi, winner, margin) in expected.items():
        record = game((CASES / "go" / f"{name}.sgf").read_bytes()).record
        assert (float(record["komi"]), int(record["winner"]), float(record["margin"])) == (
            komi,
            winner,
            margin,
        ), name
    sina = game((CASES / "go" / "16_ko_old_sina.sgf").read_bytes())
    assert (sina.black, int(sina.record["date"]), int(sina.record["black_rank"])) == (
        "刘某",
        20180424,
        6,
    )
    ranks = game((CASES / "go" / "18_re_zh.sgf").read_bytes()).record
    assert (int(ranks["black_rank"]), int(ranks["white_rank"])) == (19, 9)


@pytest.mark.slow
def test_real_games_of_fox_replay_with_the_stones_it_left_out() -> None:
    """On sgfmill's board; and where records list their stones, they stand where this program would
    put them."""
    archive = CORPORA / "games" / "train" / "fox-pro.tar.xz"
    if not archive.exists():
        pytest.skip("needs the game corpora (shared/corpora)")
    reads, added, listed = Reader(), 0, 0
    with tarfile.open(archive, "r|xz") as tar:
        for member in tar:
            stream = tar.extractfile(member)
            data = stream.read() if stream else b""
            number = handicap.stated(data)
            if number < 2:
                continue
            found = re.search(rb"AB((?:\[..\])+)", data)
            if found:
                listed += 1
                assert (
                    tuple(p.decode() for p in re.findall(rb"\[(..)\]", found[1]))
                    == handicap.PLACES[number]
                )
                continue
            (item,) = reads.games(sources.Blob(member.name, data))
            assert isinstance(item, ReadGame), item
            added += 1
            board = boards.Board(19)
            for word in item.words.tolist():
                if index_of(word) < 361:
                    board.play(*divmod(index_of(word), 19), "bw"[colour_of(word) - 1])
            assert len(item.words) - int(item.record["setup"]) == len(re.findall(rb";[BW]\[", data))
    assert (added, listed > 3000) == (82, True)


def test_the_places_are_those_of_gtp() -> None:
    for number, points in handicap.PLACES.items():
        assert {to_gtp(from_sgf(point)) for point in points} == set(FIXED_HANDICAP[number].split())


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("HA[3]AB[pd];W[dd];B[pp]", "HA[3], but 1 stone is set up"),
        ("HA[2]AB[pd][dp][dd];W[qq]", "HA[2], but 3 stones are set up"),
        ("HA[4];B[pd];B[dp];W[dd]", "HA[4], but Black places 2"),
        ("HA[2]AB[pd][dp];W[dd]", None),
        ("HA[2];B[pd];B[dp];W[dd]", None),
        ("HA[2]AB[pd][dp]AW[dd];B[qq]", None),
        ("AB[pd][dp];W[dd]", None),
    ],
)
def test_another_number_of_stones_than_stated_is_noted(record: str, said: str | None) -> None:
    """In an import, a review and the page alike; the stones are those of the record."""
    data = f"(;GM[1]SZ[19]KM[0.5]{record})".encode()
    item = first(data.decode())
    assert isinstance(item, ReadGame)
    expected = [] if said is None else [(meaning.OTHER_STONES, said)]
    for notes in (item.notes, parse(data, "g.sgf")[0].notes):
        assert [(note.what, note.detail) for note in notes] == expected
    shown = read_file(data, "g.sgf").games[0].notes
    assert shown == [f"{what}: {detail}" for what, detail in expected]


def test_a_review_says_what_was_decided(tmp_path: Path) -> None:
    """Of one game with its file; of several how many, and the first."""
    paths = []
    for number in range(2):
        paths.append(tmp_path / f"{number}.sgf")
        paths[-1].write_text("(;GM[1]SZ[19]KM[0.5]HA[2];W[dd];B[pp])")
    one = good("go-review", paths[0])
    assert f"note: {paths[0]}: {meaning.STONES_ADDED} (HA[2] without AB)" in one
    both = good("go-review", *paths)
    assert f"note: 2 games: {meaning.STONES_ADDED} (first: {paths[0]}: HA[2] without AB)" in both
    said = json.loads(CliRunner().invoke(main, ["go-review", str(paths[0]), "--json"]).stdout)
    assert said[0]["notes"] == [f"{meaning.STONES_ADDED}: HA[2] without AB"]
