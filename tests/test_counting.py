"""Labels of counted games: games played by hand to a known end, counted as each rule set does,
seki, wrong results, komi and handicap."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from gocnn.board import Board, pass_alive, rules
from gocnn.engine.scoring import cleared
from gocnn.games import counting, labels, settling, store
from gocnn.games.importing import import_games
from gocnn.games.reader import Reader, ReadGame
from gocnn.games.record import OWN_PLAY, RECORD
from gocnn.games.sources import Blob
from gocnn.games.store import Store
from gocnn.games.words import colour_of, index_of
from tests.conftest import SAMPLES

BLACK_WALL = [(8, row) for row in range(19)]
WHITE_WALL = [(10, row) for row in range(19)]
"""Between them the tenth column is neutral: 19 points. Left of it 8 columns are black's territory,
right of it 8 are white's."""


def game(
    header: str, black: list[tuple[int, int]], white: list[tuple[int, int]], tail: str = ""
) -> bytes:
    """A record in which each side plays its points (column, row from below), passing when it has
    none left."""

    def name(point: tuple[int, int]) -> str:
        return chr(97 + point[0]) + chr(97 + 18 - point[1])

    moves = ""
    for i in range(max(len(black), len(white))):
        moves += f";B[{name(black[i]) if i < len(black) else ''}];W[{name(white[i]) if i < len(white) else ''}]"
    return f"(;GM[1]SZ[19]{header}{moves}{tail})".encode()


def label(data: bytes) -> np.ndarray | None:
    """int8 `(19, 19)`, row 0 below: the label that the import gives; None without."""
    (read,) = Reader().games(Blob("a.sgf", data))
    assert isinstance(read, ReadGame)
    records = read.record.reshape(1)
    found = counting.label_games(records, read.words)
    return labels.unpack(found.packed[0]).reshape(19, 19) if len(found.games) else None


# Living shapes: each side's half has stones that divide it, so that playouts cannot take it.
B_EXTRA = [(column, row) for column in (3, 6) for row in range(19) if row not in (9,)]
W_EXTRA = [(column, row) for column in (12, 15) for row in range(19) if row not in (9,)]


def halves(
    result: str, komi: str = "6.5", black: Sequence = (), white: Sequence = (), tail: str = ""
) -> bytes:
    return game(
        f"RE[{result}]" + (f"KM[{komi}]" if komi else ""),
        BLACK_WALL + B_EXTRA + list(black),
        WHITE_WALL + W_EXTRA + list(white),
        tail,
    )


def test_even_halves() -> None:
    """Both have 152 - 36 points: white wins by komi; the column between is nobody's."""
    found = label(halves("W+6.5"))
    assert found is not None
    assert (found[:, :9] == labels.BLACK_OWNS).all()
    assert (found[:, 9] == labels.NEUTRAL).all()
    assert (found[:, 10:] == labels.WHITE_OWNS).all()


@pytest.mark.parametrize("result", ["W+5.5", "W+7.5", "B+6.5", "W+60.5"])
def test_a_wrong_result_gives_no_label(result: str) -> None:
    assert label(halves(result)) is None


@pytest.mark.parametrize("result", ["W+R", "B+T", "Void", "0", "", "W+"])
def test_who_did_not_count_gets_no_label(result: str) -> None:
    assert label(halves(result)) is None


@pytest.mark.parametrize(
    ("komi", "result", "kept"),
    [
        ("0", "B+0.5", True),  # within half a point
        ("5.5", "W+5.5", True),
        ("7.5", "W+7.5", True),
        ("7.5", "W+6.5", False),
        ("3.75", "W+7.5", True),
        ("-5.5", "B+5.5", True),
        ("", "W+6.5", True),
        ("", "W+7.5", True),
        ("", "W+5.5", False),  # unknown: the servers' two
        ("7.5", "白胜3又3/4子", True),
        ("7.5", "W+3.75", True),
        ("375", "W+7.5", True),
    ],
)
def test_komi_as_it_is_recorded(komi: str, result: str, kept: bool) -> None:
    assert (label(halves(result, komi)) is not None) == kept


def test_trailing_passes_and_moves_after_them_change_nothing() -> None:
    assert label(halves("W+6.5", tail=";B[];W[];B[tt]")) is not None
    assert label(halves("W+6.5", tail=";B[];W[];B[];W[]")) is not None


def test_dead_stones_and_prisoners() -> None:
    """Three black stones die in white's ground while white passes: territory counts them twice,
    area not at all."""
    dead = [(17, 2), (17, 9), (17, 16)]
    territory, area = label(halves("W+9.5", black=dead)), label(halves("W+6.5", black=dead))
    assert territory is not None
    assert area is not None
    assert (territory == area).all()
    assert all(territory[row, column] == labels.WHITE_OWNS for column, row in dead)
    assert label(halves("W+12.5", black=dead)) is None


def test_handicap_stones_cost_what_the_rules_say() -> None:
    """Three stones on black's wall: by area white gets none, three (Chinese) or two (AGA) points
    for them."""
    setup = "HA[3]AB[ia][ib][ic]"  # the upper end of the wall
    data = [
        game(
            f"KM[0]{setup}RE[{result}]",
            [point for point in BLACK_WALL if point[1] < 16] + B_EXTRA,
            WHITE_WALL + W_EXTRA,
        )
        for result in ("W+3", "W+2", "B+0.5", "W+5", "B+3")
    ]
    assert [label(each) is not None for each in data] == [True, True, True, False, False]


def test_eyes_in_seki_are_nobodys() -> None:
    """In the lower left a white chain with a one-point eye and a black one with another share their
    only outer liberty, C1; whoever plays there loses."""
    board = Board(19)
    state, owner = board.state, np.zeros(361, np.int8)
    picture = {
        (0, 0): 0,
        (1, 0): 2,
        (2, 0): 0,
        (3, 0): 1,
        (4, 0): 0,
        (5, 0): 1,
        (6, 0): 2,
        (0, 1): 2,
        (1, 1): 2,
        (2, 1): 2,
        (3, 1): 1,
        (4, 1): 1,
        (5, 1): 1,
        (6, 1): 2,
        (0, 2): 1,
        (1, 2): 1,
        (2, 2): 1,
        (3, 2): 2,
        (4, 2): 2,
        (5, 2): 2,
        (6, 2): 2,
        (0, 3): 1,
        (1, 3): 0,
        (2, 3): 1,
        (3, 3): 2,
    }
    for (column, row), colour in picture.items():
        if colour:
            rules.place(state, row * 19 + column, colour)
    assert rules.rebuild(state)
    rules.area(state, owner)
    before = owner.copy()
    settling.without_seki(state, owner)
    changed = {tuple(divmod(int(i), 19))[::-1] for i in np.flatnonzero(owner != before)}
    assert (0, 0) in changed  # white's single eye
    assert (4, 0) in changed  # black's
    assert all(
        before[row * 19 + column] != 0 and owner[row * 19 + column] == 0 for column, row in changed
    )


def test_the_areas_of_labels_against_the_board_without_its_dead() -> None:
    """The sample games of GNU Go: cleared of the stones that the label calls dead, Tromp-Taylor
    gives the label, seki aside."""
    seen = 0
    for path in sorted((SAMPLES / "gnugo").glob("*.sgf"))[:12]:
        found = label(path.read_bytes())
        if found is None:
            continue
        (read,) = Reader().games(Blob("a.sgf", path.read_bytes()))
        assert isinstance(read, ReadGame)
        board = Board(19)
        for word in read.words.tolist():
            board.play(index_of(word), colour_of(word))
        stones, owner = board.stones(), found
        dead = ((stones > 0) & (owner != stones) & (owner > 0)).ravel()
        area = cleared(board, dead).area().reshape(19, 19)
        assert ((area == owner) | (owner == labels.NEUTRAL)).all()
        result = float(read.record["margin"]) * (1 if read.record["winner"] == 1 else -1) + float(
            read.record["komi"]
        )
        alive, (black, white) = cleared(board, dead).stones(), board.captured()
        points = [
            ((owner == c) & (alive == 0)).sum() + int((dead & (stones.ravel() == 3 - c)).sum())
            for c in (1, 2)
        ]
        territory, total = (
            points[0] + black - points[1] - white,
            int((owner == 1).sum()) - int((owner == 2).sum()),
        )
        # points filled by hand, eyes in seki
        assert min(abs(territory - result), abs(total - result)) <= 2
        seen += 1
    assert seen >= 8


def test_what_a_network_played_is_not_counted() -> None:
    (read,) = Reader().games(Blob("a.sgf", halves("W+6.5")))
    assert isinstance(read, ReadGame)
    records = read.record.reshape(1).copy()
    assert counting.counted_games(records).all()
    records["flags"] |= OWN_PLAY
    assert not counting.counted_games(records).any()
    assert not len(counting.label_games(records, read.words).games)


def test_labels_at_import(tmp_path: Path) -> None:
    """Counted, disagreeing, resigned, twice there and added later: each label is its own game's."""
    folder = tmp_path / "games"
    folder.mkdir()
    for name, data in {
        "a": halves("W+R"),
        "b": halves("W+6.5", black=[(0, 0)]),
        "c": halves("W+6.5", black=[(0, 0)]),
        "d": halves("W+99.5", black=[(0, 1)]),
        "e": halves("W+9.5", black=[(17, 2), (17, 9), (17, 16)]),
    }.items():
        (folder / f"{name}.sgf").write_bytes(data)
    out = tmp_path / "a.games"
    report = import_games([str(folder)], out, quiet=True)
    assert (report.games, report.counted, report.labelled, report.reasons["duplicate"]) == (
        4,
        3,
        2,
        1,
    )
    opened = Store(out)
    assert opened.label_kinds().tolist() == [0, labels.COUNTED, 0, labels.COUNTED]
    at = int(opened.labels()[3])
    assert (
        labels.unpack(opened.words[at : at + labels.LABEL_WORDS]).reshape(19, 19)[9, 17]
        == labels.WHITE_OWNS
    )
    (folder / "f.sgf").write_bytes(halves("W+7.5", "7.5", black=[(0, 2)]))
    more = import_games([str(folder)], out, append=True, quiet=True)
    assert (more.games, more.labelled) == (1, 1)
    opened = Store(out)
    assert opened.label_kinds().tolist() == [0, 1, 0, 1, 1]
    assert set(opened.label_texts()) == {counting.MADE_BY}
    opened.verify()
    assert out.read_bytes()[8] == store.LABELLED_VERSION


def test_settling_takes_chains_whole() -> None:
    board = Board(19)
    board.set_up([0, 1, 2, 100], [200])
    owned, safe, dead = (
        np.zeros(361, np.int32),
        np.zeros((3, 361), np.bool_),
        np.zeros(361, np.bool_),
    )
    owned[[0, 1, 2]] = [5, -3, -3]
    owned[[100, 200]] = [4, 4]
    settling.settle(board.state, owned, safe, dead)
    assert np.flatnonzero(dead).tolist() == [0, 1, 2, 200]
    safe[1, [0, 1, 2]] = True
    safe[2, 100] = True
    settling.settle(board.state, owned, safe, dead)
    assert np.flatnonzero(dead).tolist() == [100, 200]
    pass_alive.pass_alive(board.state, 1, safe[1])
    assert not safe[1].any()


def test_a_board_that_is_nobodys_is_no_finished_game() -> None:
    """Two passes at the start, or a game left half-way, whose count is the record's by chance."""
    records = np.zeros(1, RECORD)
    records["moves"], records["winner"], records["margin"], records["komi"], records["flags"] = (
        2,
        2,
        6.5,
        6.5,
        1,
    )
    assert counting.counted_games(records).all()
    found = counting.label_games(records, np.array([361, 361 | 512], np.uint16))
    assert (found.counted, len(found.games)) == (1, 0)
