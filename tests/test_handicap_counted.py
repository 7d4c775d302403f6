"""How many handicap stones a record has that does not say it, or sets stones up in its middle:
every reader counts the same."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gocnn.board import BLACK, WHITE
from gocnn.board.coords import PASS, from_gtp
from gocnn.commands import main
from gocnn.engine.game import Game, game_at
from gocnn.games import handicap, meaning, sgf_tree
from gocnn.games.position import in_file
from gocnn.games.reader import Reader, ReadGame
from gocnn.games.sources import Blob
from gocnn.games.variations import read_file
from gocnn.gtp.loading import load
from gocnn.review.course import terms_of
from gocnn.serve.messages import Position, game_of
from tests.knower import Knower, truth

RECORDS = [
    ("KM[375]HA[0]RU[Chinese]AP[foxwq];B[pd];B[dp];B[dd];B[pp];W[qn];B[qq]", 4),
    ("KM[0.5];B[pd];W[];B[dp];W[tt];B[dd];W[qn]", 3),
    ("HA[1];B[pd];B[dp];W[qn];B[qq]", 2),
    ("HA[2];B[pd];B[dp];B[dd];W[qn]", 2),  # what is stated is believed
    ("KM[6.5];B[pd];W[dp];B[dd];B[pp];W[qq]", 0),
    ("KM[6.5];B[pd];B[dp];W[qn];W[cn];B[qq]", 0),  # a position is being set up
    ("KM[6.5];B[pd];B[];W[qn]", 0),
    ("KM[6.5];W[pd];B[dp];B[dd]", 0),
    ("AB[pd][dp];W[qn]", 2),
    ("AB[pd];B[dp];W[qn]", 0),
    ("AB[pd][dp];B[dd];W[qn]", 2),
    ("HA[1]KM[0.5]AB[pd]PL[W];W[qn];B[dd]", 0),
]


@pytest.mark.parametrize(("record", "stones"), RECORDS)
def test_every_reader_counts_the_same(record: str, stones: int, tmp_path: Path) -> None:
    data = f"(;SZ[19]{record})".encode()
    file = tmp_path / "game.sgf"
    file.write_bytes(data)
    (item,) = Reader().games(Blob("game.sgf", data))
    assert isinstance(item, ReadGame)
    assert item.record["handicap"] == stones
    (parsed,) = sgf_tree.parse(data, "game.sgf")
    assert (terms_of(parsed).handicap, parsed.handicap) == (stones, stones > 0)
    assert read_file(data, "game.sgf").games[0].handicap == stones
    game = Game()
    load(str(file), None, game)
    assert game.handicap_stones == stones
    assert game_at(in_file(Blob("game.sgf", data), None)).handicap_stones == stones
    told = meaning.PLAYED_STONES in [note.what for note in item.notes]
    assert told == (stones > 0 and "AB" not in record and "HA[2]" not in record)


@pytest.mark.parametrize(
    ("record", "stones"),
    [
        ("KM[6.5]RU[Chinese];B[pd];W[dp];AE[pd][dp]AB[dd][pp][qq]", 0),
        ("KM[6.5]RU[Chinese];B[pd];W[dp];AE[pd][dp]AB[dd][pp][qq];W[cc];B[jj]", 0),
        ("KM[6.5]RU[Chinese];B[pd];W[dp];AE[pd][dp]AB[dd];B[cc];B[jj]", 0),
        ("KM[6.5]HA[2]RU[Chinese]AB[pd][dp];W[qn];AE[qn]AB[dd];B[cc]", 2),
    ],
)
def test_stones_set_up_in_the_middle_are_no_handicap(
    record: str, stones: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gocnn.policy.runtime.open_evaluator", lambda *_: Knower())
    data = f"(;SZ[19]{record})".encode()
    file = tmp_path / "game.sgf"
    file.write_bytes(data)
    answer = json.loads(CliRunner().invoke(main, ["go-suggest", str(file), "--json"]).stdout)
    board = in_file(Blob("game.sgf", data), None).board
    assert answer["handicap_bonus"] == stones
    assert answer["lead"] == pytest.approx(truth(board).sum() - 6.5 - stones, abs=1e-3)
    (parsed,) = sgf_tree.parse(data, "game.sgf")
    assert terms_of(parsed).handicap == stones


def test_the_page_says_what_it_knows_of_handicap_stones() -> None:
    def stones(said: int | None) -> int:
        position = Position(moves=[], black=["D4", "Q16", "K10"], handicap=said)
        return game_of(position).handicap_stones

    assert (stones(None), stones(0), stones(2)) == (3, 0, 2)
    played = Position(moves=[("b", "D4"), ("b", "Q16")])
    assert game_of(played).handicap_stones == 2


def test_what_is_counted() -> None:
    """By hand."""
    b, w = (from_gtp("D4"), BLACK), (from_gtp("Q16"), WHITE)
    for black, white, moves, expected in (
        (2, 0, [w], 2),
        (1, 0, [b, w], 2),
        (1, 0, [w, b], 0),
        (2, 1, [b, b, w], 0),
        (0, 0, [b, (PASS, WHITE), b, w, b], 2),
        (0, 0, [b, b, w, w], 0),
        (handicap.MOST, 0, [w], handicap.MOST),
        (handicap.MOST + 1, 0, [w], 0),
    ):
        assert handicap.counted(black, white, moves) == expected
