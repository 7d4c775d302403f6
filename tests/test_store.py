"""The store: what goes in comes out as the reader read it, appending, any damage found, size,
filters and the split."""

import os
import random
import time
from pathlib import Path

import numpy as np
import pytest

from gocnn.errors import UserError
from gocnn.games import store
from gocnn.games.importing import import_games
from gocnn.games.labels import HEAD
from gocnn.games.reader import Reader, ReadGame
from gocnn.games.record import RECORD, TEXTS
from gocnn.games.selection import GameFilter, is_validation
from gocnn.games.sources import Blob
from gocnn.games.store import Store
from tests.stores import HEADERS, made, mutate, write_games

__all__ = ["made"]


def test_everything_comes_back(made: Path, tmp_path: Path) -> None:
    opened = Store(made)
    records = opened.records()
    assert len(opened) == len(records) == 13
    for number, path in enumerate(sorted((tmp_path / "games").glob("*.sgf"))):
        game = next(iter(Reader().games(Blob(str(path), path.read_bytes()))))
        assert isinstance(game, ReadGame)
        record = records[number]
        start = int(record["start"])
        assert (opened.words[start : start + len(game.words)] == game.words).all()
        for key in (
            "key",
            "setup",
            "moves",
            "winner",
            "date",
            "margin",
            "black_rank",
            "white_rank",
            "handicap",
            "flags",
        ):
            assert record[key] == game.record[key], key
        assert np.array_equal(record["komi"], game.record["komi"], equal_nan=True)
        assert opened.texts(number) == {
            "black": game.black,
            "white": game.white,
            "place": game.place,
            "source": "games",
        }
    opened.verify()


def test_appending_adds_only_what_is_new(made: Path, tmp_path: Path) -> None:
    before = Store(made).records()
    write_games(tmp_path / "more", 8, first=8)
    report = import_games([str(tmp_path / "more")], made, append=True, quiet=True)
    assert report.games == 4
    assert report.reasons == {"duplicate": 4}
    after = Store(made)
    assert len(after) == 17
    assert after.records()[:13].tobytes() == before.tobytes()
    assert after.texts(16)["black"] == HEADERS[15 % 3][3 : HEADERS[15 % 3].index("]")]
    after.verify()
    numbers, names = after.column("place")
    assert {names[n] for n in numbers} == set(names) == {"Tokyo", "KGS", "TYGEM", ""}


@pytest.mark.parametrize("cut", [0, 7, 30, 64, 100, 1000, -1])
def test_a_store_cut_short_says_so(made: Path, cut: int) -> None:
    made.write_bytes(made.read_bytes()[:cut])
    with pytest.raises(UserError, match="cut short|not a game store") as caught:
        Store(made)
    assert "\n" not in str(caught.value)


def test_any_damaged_byte_is_found(made: Path) -> None:
    whole = made.read_bytes()
    for at in random.Random(0).sample(range(len(whole)), 60):
        data = bytearray(whole)
        data[at] ^= 0x40
        made.write_bytes(data)
        with pytest.raises(UserError):
            Store(made).verify()


@pytest.mark.parametrize("key", TEXTS)
def test_a_name_outside_its_table_is_damage(made: Path, key: str) -> None:
    data = bytearray(made.read_bytes())
    np.frombuffer(data, RECORD, 1, Store(made).segments[0].body)[key] = 10**6
    made.write_bytes(data)
    for read in (lambda opened: opened.texts(0), lambda opened: opened.column(key)):
        with pytest.raises(UserError, match="name lies outside"):
            read(Store(made))


def test_mutated_stores_never_crash(made: Path) -> None:
    for _ in mutate(made, 300):
        try:
            opened = Store(made)
            opened.records()
            opened.verify()
        except UserError as error:
            assert len(str(error)) < 400


def test_other_versions_and_foreign_files(made: Path, tmp_path: Path) -> None:
    data = bytearray(made.read_bytes())
    data[8] = 3
    made.write_bytes(data)
    with pytest.raises(
        UserError, match="a game store of version 3, not 1 or 2.*import the games again"
    ):
        Store(made)
    for content in (b"", b"PK\x03\x04" + bytes(100), bytes(1000)):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(UserError, match="not a game store"):
            Store(tmp_path / "x")
    with pytest.raises(UserError, match="No such file"):
        Store(tmp_path / "nothing")
    (tmp_path / "my games").mkdir()
    wanted = r"my games is a folder, no game store.*go-import '.*my games' --out STORE$"
    with pytest.raises(UserError, match=wanted):
        Store(tmp_path / "my games")


def test_210_move_games_take_at_most_600_bytes(tmp_path: Path) -> None:
    write_games(tmp_path / "games", 40, moves=210)
    import_games([str(tmp_path / "games")], tmp_path / "a.games", quiet=True)
    assert Store(tmp_path / "a.games").size <= 600 * 40


def test_opening_takes_milliseconds_whatever_the_size(tmp_path: Path, made: Path) -> None:
    """A sparse gigabyte in one segment is opened without being read: time and memory do not grow
    with it."""
    words = 500_000_000
    body = store.HEADER_BYTES
    head = HEAD.pack(store.SEGMENT_MAGIC, 0, words, 0, 0, 0)[:-4]
    end = 2 * body + 2 * words
    top = store.HEADER.pack(store.MAGIC, store.VERSION, 1, 0, words, end, b"", 0)[:-4]
    import struct
    import zlib

    with (tmp_path / "big").open("wb") as stream:
        stream.write(
            top + struct.pack("<I", zlib.crc32(top)) + head + struct.pack("<I", zlib.crc32(head))
        )
        stream.truncate(end)
    began = time.thread_time()  # of the processor: other work on the machine does not count
    assert len(Store(tmp_path / "big")) == 0
    assert time.thread_time() - began < 0.1
    os.unlink(tmp_path / "big")


def test_filters(made: Path) -> None:
    opened = Store(made)
    records = opened.records()

    def count(**wishes: object) -> int:
        return len(GameFilter(**wishes).choose(opened, records))  # type: ignore[arg-type]

    assert count() == 13
    assert count(min_rank=11) == 4
    assert count(min_rank=1) == 8
    assert count(min_rank=-5) == 12
    assert count(date_from=20110000) == 8
    assert count(date_from=20110000, date_to=20111231) == 4
    assert count(result="known") == 12
    assert count(result="black") == 4
    assert count(result="white") == 4
    assert count(result="scored") == 4
    assert count(handicap="only") == 1
    assert count(handicap="none") == 12
    assert count(min_moves=3) == 12
    assert count(max_moves=3) == 1
    assert count(source="tokyo|kgs") == 8
    assert count(source="^games$") == 13
    with pytest.raises(UserError, match="regular expression"):
        count(source="(")


def test_the_split_is_stable_and_about_as_asked(made: Path, tmp_path: Path) -> None:
    records = np.zeros(20000, [("key", "<i8")])
    records["key"] = np.random.default_rng(0).integers(0, 2**62, 20000)
    held = is_validation(records, 0.1)
    assert 0.09 < held.mean() < 0.11
    assert (is_validation(records[::-1], 0.1)[::-1] == held).all()
    assert (is_validation(records, 0.05) <= held).all()
