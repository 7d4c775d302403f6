"""The store: what goes in comes out, appending, damage, kills, size; filters and the split;
importing."""

import io
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gocnn.errors import UserError
from gocnn.games import importing, reader, store, store_writer
from gocnn.games.importing import cached_store, import_games
from gocnn.games.labels import HEAD
from gocnn.games.reader import Reader, ReadGame
from gocnn.games.record import RECORD, TEXTS
from gocnn.games.selection import GameFilter, is_validation
from gocnn.games.sources import Blob
from gocnn.games.store import Store
from gocnn.locks import locked
from tests.conftest import CORPORA, play_randomly, sgf_text

HEADERS = [
    "PB[Honinbo]PW[聂卫平]BR[9p]WR[9p]DT[1985-08-27]RE[B+R]KM[5.5]PC[Tokyo]",
    "PB[a]PW[b]BR[5k]WR[3k]DT[2011-02-03]RE[W+2.5]KM[6.5]PC[KGS]",
    "PB[a]PW[c]BR[2d]WR[1d]DT[2012]RE[0]PC[TYGEM]",
    "PB[d]PW[b]HA[2]AB[pd][dp]",
]


def write_games(folder: Path, count: int, moves: int = 40, first: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(first, first + count):
        header = HEADERS[i % 3]
        (folder / f"{i:04d}.sgf").write_bytes(sgf_text(play_randomly(i, moves), header) + b")")
    return folder


@pytest.fixture
def made(tmp_path: Path) -> Path:
    write_games(tmp_path / "games", 12)
    (tmp_path / "games" / "handicap.sgf").write_bytes(
        f"(;GM[1]SZ[19]{HEADERS[3]};W[dd];B[pp])".encode()
    )
    import_games([str(tmp_path / "games")], tmp_path / "a.games", quiet=True)
    return tmp_path / "a.games"


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


def mutate(path: Path, times: int) -> Iterator[None]:
    """Rewrite a file so often, each time with other bytes of it changed at random, half of the time
    cut short."""
    whole, rng = path.read_bytes(), random.Random(1)
    for _ in range(times):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 20)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(data[: rng.choice([len(data), rng.randrange(len(data))])])
        yield


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


def test_what_a_killed_append_left_behind_is_ignored_and_overwritten(
    made: Path, tmp_path: Path
) -> None:
    whole = made.read_bytes()
    with made.open("ab") as stream:
        stream.write(b"torn" * 1000)
    assert len(Store(made)) == 13
    write_games(tmp_path / "more", 2, first=50)
    import_games([str(tmp_path / "more")], made, append=True, quiet=True)
    Store(made).verify()
    assert len(Store(made)) == 15
    assert made.read_bytes()[64 : len(whole)] == whole[64:]


def sources_of(path: Path) -> list[str]:
    opened = Store(path)
    opened.verify()
    return [opened.texts(game)["source"] for game in range(len(opened))]


def test_an_append_during_an_append_is_refused_and_loses_nothing(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second comes when the first has looked into the store, and is sent away; each in turn,
    both are there."""
    for name, first in (("one", 100), ("two", 200)):
        write_games(tmp_path / name, 5, first=first)
    answers: list[subprocess.CompletedProcess[str]] = []
    read = reader.chunks

    def meanwhile(*arguments: Any) -> object:
        for options in (["--append"], ["--replace"]):
            command = [
                sys.executable,
                "-m",
                "gocnn",
                "go-import",
                str(tmp_path / "two"),
                "--out",
                str(made),
                *options,
            ]
            answers.append(subprocess.run(command, capture_output=True, text=True, check=False))
        return read(*arguments)

    monkeypatch.setattr(reader, "chunks", meanwhile)
    assert import_games([str(tmp_path / "one")], made, append=True, quiet=True).games == 5
    for answer in answers:
        assert answer.returncode == 1
        assert (
            answer.stderr
            == f"Error: {made} is being written by another import; wait for it to end, then run"
            " this again\n"
        )
    assert sorted(sources_of(made)) == ["games"] * 13 + ["one"] * 5
    monkeypatch.setattr(reader, "chunks", read)
    import_games([str(tmp_path / "two")], made, append=True, quiet=True)
    assert sorted(sources_of(made)) == ["games"] * 13 + ["one"] * 5 + ["two"] * 5
    assert not list(tmp_path.glob("*.lock"))


@pytest.mark.slow
def test_many_appends_at_once(made: Path, tmp_path: Path) -> None:
    """Whatever falls into whatever: who ends well has its games in the store, and who does not has
    said why."""
    commands = []
    for i in range(3):
        write_games(tmp_path / f"n{i}", 20, first=100 * i + 100)
        commands.append(
            [
                sys.executable,
                "-m",
                "gocnn",
                "go-import",
                str(tmp_path / f"n{i}"),
                "--out",
                str(made),
                "--append",
            ]
        )
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for command in commands
    ]
    expected = ["games"] * 13
    for i, process in enumerate(running):
        _, said = process.communicate()
        assert process.returncode == 0 or (
            process.returncode == 1 and "another import" in said and said.count("\n") == 1
        ), said
        expected += [f"n{i}"] * 20 * (process.returncode == 0)
    assert len(expected) > 13
    assert sorted(sources_of(made)) == sorted(expected)


def test_a_new_store_is_made_by_one(tmp_path: Path) -> None:
    write_games(tmp_path / "games", 2)
    with (
        store_writer.writing(tmp_path / "a.games"),
        pytest.raises(UserError, match="being written by another import"),
    ):
        import_games([str(tmp_path / "games")], tmp_path / "a.games", quiet=True)
    import_games([str(tmp_path / "games")], tmp_path / "a.games", quiet=True)
    with pytest.raises(UserError, match="made by another import meanwhile"):
        import_games([str(tmp_path / "games")], tmp_path / "a.games", replace=False, quiet=True)
    assert len(Store(tmp_path / "a.games")) == 2


def test_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOCNN_CACHE", str(tmp_path / "cache"))
    # where no lock file can lie beside the store, it lies in the cache
    for writable in (True, False):
        monkeypatch.setattr(os, "access", lambda *arguments, writable=writable: writable)
        with locked(tmp_path / "x", "x is busy"):
            files = list(tmp_path.rglob("*.lock"))
            assert [file.parent for file in files] == [
                tmp_path if writable else tmp_path / "cache" / "locks"
            ]
            with pytest.raises(UserError, match="x is busy"), locked(tmp_path / "x", "x is busy"):
                pass
            with locked(tmp_path / "y", "y is busy"):
                pass
        assert not list(tmp_path.rglob("*.lock"))
    (tmp_path / "x.lock").write_text("left behind by a kill")
    monkeypatch.undo()
    with locked(tmp_path / "x", "x is busy"):
        pass
    assert not (tmp_path / "x.lock").exists()


FILL = """
import sys
from pathlib import Path
from typing import Any
from gocnn.games.importing import cached_store
path, report = cached_store([sys.argv[1]], Path(sys.argv[2]), quiet=True)
print(path, report is not None)
"""


@pytest.mark.slow
def test_two_fill_the_same_cache_at_once(tmp_path: Path) -> None:
    games = write_games(tmp_path / "games", 30)
    command = [sys.executable, "-c", FILL, str(games), str(tmp_path / "cache")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = sorted(process.communicate()[0].split() for process in running)
    # one imported, the others waited for it
    assert [answer[1] for answer in answers] == ["False", "False", "True"]
    assert len({answer[0] for answer in answers}) == 1
    assert sources_of(Path(answers[0][0])) == ["games"] * 30
    assert sorted(path.suffix for path in (tmp_path / "cache").iterdir()) == [".games"]


def test_games_from_a_pipe_are_kept_by_their_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for count in (2, 2, 3):
        data = (
            b"".join(sgf_text(play_randomly(i, 10)) + b")" for i in range(count))
            + b"(;SZ[13];B[aa])"
        )
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        path, report = cached_store(["-"], tmp_path / "cache", quiet=True)
        assert report is not None
        assert len(Store(path)) == count
        found.append(path)
    assert found[0] == found[1] != found[2]
    assert len(list((tmp_path / "cache").iterdir())) == 4


@pytest.mark.slow
def test_an_import_killed_at_random_moments_leaves_the_old_store(tmp_path: Path) -> None:
    write_games(tmp_path / "games", 30)
    import_games([str(tmp_path / "games")], tmp_path / "a.games", quiet=True)
    write_games(tmp_path / "more", 600, moves=60, first=100)
    before = (tmp_path / "a.games").read_bytes()
    rng = random.Random(0)
    for _ in range(5):
        command = [
            sys.executable,
            "-m",
            "gocnn",
            "go-import",
            str(tmp_path / "more"),
            "--out",
            str(tmp_path / "a.games"),
            "--append",
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.2, 1.6))
        process.kill()
        process.wait()
        opened = Store(tmp_path / "a.games")
        opened.verify()
        assert len(opened) in (30, 630)
        if len(opened) == 30:
            assert (tmp_path / "a.games").read_bytes()[: len(before)] == before
    # no lock is left that would keep others out
    import_games([str(tmp_path / "more")], tmp_path / "a.games", append=True, quiet=True)
    assert len(Store(tmp_path / "a.games")) == 630
    assert not list(tmp_path.glob("*.lock"))


def test_a_failed_import_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "bad.sgf").write_bytes(b"nonsense")
    with pytest.raises(UserError, match="1 not SGF"):
        import_games([str(tmp_path / "bad.sgf")], tmp_path / "a.games", quiet=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.sgf"]


@pytest.mark.slow
def test_processes_give_the_same_store_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        write_games(tmp_path / "games" / name, 20, first=ord(name) * 7)
        subprocess.run(
            [
                "tar",
                "cJf",
                str(tmp_path / "games" / f"{name}.tar.xz"),
                "-C",
                str(tmp_path / "games" / name),
                ".",
            ],
            check=True,
        )
    import_games([str(tmp_path / "games")], tmp_path / "one", jobs=1, quiet=True)
    monkeypatch.setattr(importing, "SMALL", 0)
    import_games([str(tmp_path / "games")], tmp_path / "two", jobs=2, quiet=True)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one.skipped.tsv").read_text() == (tmp_path / "two.skipped.tsv").read_text()


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"".join(sgf_text(play_randomly(i, 10)) + b")" for i in range(3))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert import_games(["-"], tmp_path / "a.games", quiet=True).games == 3


def test_the_cache_is_keyed_by_content(tmp_path: Path) -> None:
    games = write_games(tmp_path / "games", 5)
    first, report = cached_store([str(games)], tmp_path / "cache", quiet=True)
    assert report is not None
    assert cached_store([str(games)], tmp_path / "cache", quiet=True) == (first, None)
    write_games(games, 1, first=9)
    assert cached_store([str(games)], tmp_path / "cache", quiet=True)[0] != first


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


@pytest.mark.slow
def test_a_real_archive(tmp_path: Path) -> None:
    archive = CORPORA / "games" / "valid" / "fox-pro.tar.xz"
    if not archive.exists():
        pytest.skip("needs the game corpora (shared/corpora)")
    report = import_games([str(archive)], tmp_path / "a.games", quiet=True)
    assert report.games + sum(report.reasons.values()) == 1240
    assert report.games > 1200
    assert Store(tmp_path / "a.games").size / report.games < 600
