"""Labels: packing against a twin; in a store they come back, stay with their games, survive appends
and kills, and damage is found."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from gocnn.errors import UserError
from gocnn.games import labels, store_writer
from gocnn.games.importing import import_games
from gocnn.games.labels import COUNTED, LABEL_WORDS, PLAYED_ON, SELF_PLAY
from gocnn.games.record import OWN_PLAY
from gocnn.games.store import Store
from tests.conftest import ROOT
from tests.stores import mutate, write_games

OLD = ROOT / "tests" / "cases" / "version1.games"


def owners(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4, (count, 361)).astype(np.int8)


def test_packing_against_bits_written_out() -> None:
    for owner in owners(0, 20):
        words = [0] * LABEL_WORDS
        for i, value in enumerate(owner.tolist()):
            words[i >> 3] |= value << 2 * (i & 7)
        assert labels.pack(owner).tolist() == words
        assert labels.pack(owner).dtype == np.uint16
    many = owners(1, 50).reshape(5, 10, 361)
    assert (labels.unpack(labels.pack(many)) == many).all()
    for point in range(361):  # each point has bits of its own
        single = np.zeros(361, np.int8)
        single[point] = labels.WHITE_OWNS
        assert np.flatnonzero(labels.unpack(labels.pack(single))).tolist() == [point]
    for wrong in (np.full(361, 4, np.int8), np.full(361, -1, np.int8), np.zeros(360, np.int8)):
        with pytest.raises(ValueError):
            labels.pack(wrong)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A store of ten games without labels (random ones, that nobody counted)."""
    write_games(tmp_path / "games", 10, moves=12)
    import_games([str(tmp_path / "games")], tmp_path / "a.games", quiet=True)
    return tmp_path / "a.games"


def of(path: Path) -> dict[int, tuple[int, bytes]]:
    """Kind and owners of each game that has a label, read as the samples read them."""
    opened = Store(path)
    kinds, found = opened.label_kinds(), opened.labels()
    assert ((kinds > 0) == (found >= 0)).all()
    return {
        int(game): (
            int(kinds[game]),
            labels.unpack(opened.words[found[game] : found[game] + LABEL_WORDS]).tobytes(),
        )
        for game in np.flatnonzero(kinds)
    }


def test_labels_come_back_and_stay_with_their_games(made: Path, tmp_path: Path) -> None:
    before = Store(made).records()
    owner = owners(2, 3)
    store_writer.add_labels(
        made,
        [7, 0, 4],
        [COUNTED, PLAYED_ON, COUNTED],
        labels.pack(owner),
        '{"by": "a test"}',
        keys=before["key"][[7, 0, 4]],
    )
    expected = {7: (1, owner[0].tobytes()), 0: (2, owner[1].tobytes()), 4: (1, owner[2].tobytes())}
    assert of(made) == expected
    assert Store(made).label_texts() == ['{"by": "a test"}']
    Store(made).verify()
    # games behind the labels, then labels of both
    write_games(tmp_path / "more", 4, moves=12, first=10)
    assert import_games([str(tmp_path / "more")], made, append=True, quiet=True).games == 4
    assert of(made) == expected
    assert Store(made).records()[:10].tobytes() == before.tobytes()
    later = owners(3, 3)
    store_writer.add_labels(made, [13, 7, 13], SELF_PLAY, labels.pack(later), "{}")
    # the later counts
    assert of(made) == expected | {7: (3, later[1].tobytes()), 13: (3, later[2].tobytes())}
    assert len(Store(made).label_segments) == 2
    assert Store(made).texts(13)["source"] == "more"
    Store(made).verify()


def test_a_store_without_labels_is_of_version_1(made: Path) -> None:
    assert made.read_bytes()[8:12] == b"\1\0\0\0"
    store_writer.add_labels(made, [], COUNTED, np.zeros((0, LABEL_WORDS), np.uint16), "")
    assert made.read_bytes()[8:12] == b"\1\0\0\0"
    store_writer.add_labels(made, [1], COUNTED, labels.pack(owners(0, 1)), "")
    assert made.read_bytes()[8:12] == b"\2\0\0\0"


def test_a_store_of_the_first_version_is_read_and_added_to(tmp_path: Path) -> None:
    """Two games of the samples, as the program stored them before there were labels."""
    shutil.copy(OLD, tmp_path / "a.games")
    opened = Store(tmp_path / "a.games")
    opened.verify()
    assert (opened.labels() == -1).all()
    assert not opened.label_kinds().any()
    assert opened.records()["moves"].tolist() == [218, 196]
    assert not (opened.records()["flags"] & OWN_PLAY).any()
    assert opened.texts(0)["source"] == "games"
    store_writer.add_labels(tmp_path / "a.games", [1], COUNTED, labels.pack(owners(0, 1)), "")
    assert list(of(tmp_path / "a.games")) == [1]
    assert (tmp_path / "a.games").read_bytes()[64 : OLD.stat().st_size] == OLD.read_bytes()[64:]


def test_wrong_labels_are_not_written(made: Path) -> None:
    whole = made.read_bytes()
    packed = labels.pack(owners(0, 1))
    for games, kinds in (([10], COUNTED), ([-1], COUNTED), ([0], 0), ([0], 9), ([0, 1], COUNTED)):
        with pytest.raises(ValueError):
            store_writer.add_labels(made, games, kinds, packed, "")
    with pytest.raises(UserError, match="made anew meanwhile"):
        store_writer.add_labels(made, [0], COUNTED, packed, "", keys=np.array([1]))
    with store_writer.writing(made), pytest.raises(UserError, match="being written by another"):
        store_writer.add_labels(made, [0], COUNTED, packed, "")
    assert made.read_bytes() == whole


@pytest.mark.parametrize("cut", [1, 90, 200, 350])
def test_a_labelled_store_cut_short_says_so(made: Path, cut: int) -> None:
    store_writer.add_labels(made, [0, 3], COUNTED, labels.pack(owners(0, 2)), "{}")
    made.write_bytes(made.read_bytes()[:-cut])
    with pytest.raises(UserError, match="cut short"):
        Store(made)


def test_what_a_kill_left_behind_is_ignored(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before the header is written (all that stands behind it is unseen) and while the
    labels are."""
    before = Store(made)

    class Killed(BaseException):
        pass

    def kill(*_: object) -> None:
        raise Killed

    for place in ("os.fsync", "gocnn.games.labels.segment"):
        with monkeypatch.context() as patch:
            patch.setattr(place, kill)
            with pytest.raises(Killed):
                store_writer.add_labels(made, [2], COUNTED, labels.pack(owners(0, 1)), "{}")
        assert of(made) == {}
        assert Store(made).size == before.size
    store_writer.add_labels(made, [5], COUNTED, labels.pack(owners(0, 1)), "{}")
    assert list(of(made)) == [5]
    Store(made).verify()


def test_any_damaged_byte_of_the_labels_is_found(made: Path) -> None:
    end = Store(made).size
    store_writer.add_labels(made, [0, 3, 9], COUNTED, labels.pack(owners(0, 3)), '{"by": "a test"}')
    whole = made.read_bytes()
    rng = random.Random(0)
    for at in [8, *rng.sample(range(end, len(whole)), 60)]:
        data = bytearray(whole)
        data[at] ^= 0x40
        made.write_bytes(data)
        with pytest.raises(UserError):
            Store(made).verify()
    for offset, value in ((0, 200), (4 * 4, 0)):  # a game that is not there, a kind that is none
        data = bytearray(whole)
        data[Store(made).label_segments[0].body + offset] = value
        made.write_bytes(data)
        for read in (Store.labels, Store.label_kinds):
            with pytest.raises(UserError, match="belongs to no game"):
                read(Store(made))


def test_mutated_labelled_stores_never_crash(made: Path) -> None:
    store_writer.add_labels(made, range(10), COUNTED, labels.pack(owners(0, 10)), "{}")
    for _ in mutate(made, 200):
        try:
            opened = Store(made)
            opened.labels()
            opened.label_kinds()
            opened.label_texts()
            opened.verify()
        except UserError as error:
            assert len(str(error)) < 400
