"""Archives that cannot be read, are damaged anywhere, or are larger than they look; and those of
photographs."""

import bz2
import gzip
import io
import lzma
import random
import struct
import tarfile
import unicodedata
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from gocnn import archives
from gocnn.commands import main
from gocnn.errors import UserError
from gocnn.games import sources
from gocnn.games.importing import import_games
from imagecls.photos.collection import open_collection, read_photos
from imagecls.photos.layout import WHOLE
from tests.archived import GAMES, KINDS, TWO, blobs, good, tarred, troubles, zipped
from tests.conftest import play_randomly, sgf_text
from tests.photographs import colourful, encoded

# --- what cannot be read
# -------------------------------------------------------------------------------------------------------------


def encrypted(data: bytes) -> bytes:
    """A zip that says that it has a password."""
    out = bytearray(data)
    for signature, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = -1
        while (start := out.find(signature, start + 1)) >= 0:
            out[start + at] |= 1
    return bytes(out)


FOREIGN = {
    "7z": b"7z\xbc\xaf\x27\x1c\0\4" + bytes(600),
    "rar": b"Rar!\x1a\x07\x01\0" + bytes(600),
    "old rar": b"Rar!\x1a\x07\0" + bytes(600),
    "lzh": b"!p-lh5-" + bytes(600),
    "Z": b"\x1f\x9d\x90" + bytes(600),
    "cab": b"MSCF" + bytes(600),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_other_archives_are_named_as_what_they_are(kind: str, tmp_path: Path) -> None:
    (tmp_path / "noname").write_bytes(FOREIGN[kind])
    (tmp_path / "in.zip").write_bytes(zipped({f"x.{kind.split()[-1]}": FOREIGN[kind]}))
    for name in ("noname", "in.zip"):
        for command in ("go-import", "img"):
            if command == "img":
                with pytest.raises(UserError) as caught:
                    open_collection(tmp_path / name)
                text = str(caught.value)
            else:
                result = CliRunner().invoke(
                    main, [command, str(tmp_path / name), "--out", str(tmp_path / "a.games")]
                )
                assert result.exit_code == 1
                text = result.output
            assert kind.split()[-1].lower() in text.lower()
            assert "unpack it" in text
            assert text.rstrip().count("\n") == 0
    assert not list(tmp_path.glob("a.games*"))


def test_zstd_is_read_or_named(tmp_path: Path) -> None:
    # one frame, one raw block
    raw = (
        struct.pack("<BI", 0x20 | 0x80, len(GAMES[0]))
        + struct.pack("<I", len(GAMES[0]) << 3 | 1)[:3]
        + GAMES[0]
    )
    found = blobs(tmp_path / "x.sgf.zst", b"\x28\xb5\x2f\xfd" + raw)
    assert good(found) == [GAMES[0]] or "packed by zstd" in found[0].trouble


def test_a_password_is_not_emptiness(tmp_path: Path) -> None:
    locked = encrypted(zipped(TWO))
    for data in (locked, locked[: locked.index(b"PK\1\2")]):
        (tmp_path / "locked.zip").write_bytes(data)
        result = CliRunner().invoke(
            main, ["go-import", str(tmp_path / "locked.zip"), "--out", str(tmp_path / "a.games")]
        )
        assert result.exit_code == 1
        assert "encrypted" in result.output
    (tmp_path / "p.zip").write_bytes(encrypted(zipped({"cat/1.png": encoded(colourful(1))})))
    with pytest.raises(UserError, match="encrypted"):
        open_collection(tmp_path / "p.zip")
    half = zipped({"cat/1.png": encoded(colourful(1)), "cat/2.png": encoded(colourful(2))})
    (tmp_path / "half.zip").write_bytes(
        half.replace(b"PK\1\2", b"PK\1\3", 1).replace(b"PK\1\2", b"PK\1\2", 1)
    )
    mixed = bytearray(half)
    mixed[mixed.index(b"PK\1\2") + 8] |= 1
    (tmp_path / "half.zip").write_bytes(mixed)
    contents = [
        content for _, content in read_photos(open_collection(tmp_path / "half.zip").parts[WHOLE])
    ]
    assert sorted(type(content).__name__ for content in contents) == ["BadImage", "bytes"]
    assert any(
        "encrypted" in str(content) for content in contents if not isinstance(content, bytes)
    )


def test_methods_that_cannot_be_read(tmp_path: Path) -> None:
    data = bytearray(zipped(TWO))
    at = data.index(b"PK\1\2")
    data[at + 10 : at + 12] = (9).to_bytes(2, "little")
    found = blobs(tmp_path / "x.zip", bytes(data))
    assert good(found) == [GAMES[1]]
    assert "Deflate64" in troubles(found)[0]


# --- damage
# --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_without_its_list_gives_what_is_whole_and_says_so(
    method: int, tmp_path: Path
) -> None:
    members = {f"{i}.sgf": game for i, game in enumerate(GAMES)}
    whole = zipped(members, method)
    starts = [i for i in range(len(whole)) if whole.startswith(b"PK\3\4", i)]
    for cut in (
        whole.index(b"PK\1\2"),
        len(whole) - 10,
        starts[4] + 3,
        starts[4] - 3,
        starts[1] + 50,
    ):
        found = blobs(tmp_path / "cut.zip", whole[:cut])
        expected = sum(start < cut for start in starts[1:]) + (cut >= whole.index(b"PK\1\2"))
        assert good(found) == GAMES[:expected]
        assert (
            f"{expected} whole file{'s' * (expected != 1)} could be read, what follows could not"
            in troubles(found)[-1]
        )


def test_a_zip_written_to_a_pipe_and_cut(tmp_path: Path) -> None:
    """Sizes stand after the data there."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.data += bytes(data)  # type: ignore[call-overload]
            return len(data)  # type: ignore[arg-type]

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for i, game in enumerate(GAMES):
            archive.writestr(f"{i}.sgf", game)
    assert good(blobs(tmp_path / "x.zip", pipe.data)) == GAMES
    cut = pipe.data[: pipe.data.index(b"4.sgf") + 30]
    assert good(blobs(tmp_path / "x.zip", cut)) == GAMES[:4]


def test_one_damaged_file_of_a_zip_does_not_cost_the_others(tmp_path: Path) -> None:
    data = bytearray(zipped({f"{i}.sgf": game for i, game in enumerate(GAMES)}, zipfile.ZIP_STORED))
    data[data.index(GAMES[2]) + 20] ^= 1
    found = blobs(tmp_path / "x.zip", bytes(data))
    assert good(found) == GAMES[:2] + GAMES[3:]
    assert "2.sgf" in troubles(found)[0]
    assert "damaged" in troubles(found)[0]


def test_a_damaged_header_in_a_tar_is_not_its_end(tmp_path: Path) -> None:
    data = bytearray(tarred({f"{i}.sgf": game for i, game in enumerate(GAMES)}))
    data[data.index(b"3.sgf")] ^= 1
    for packed in (bytes(data), gzip.compress(bytes(data))):
        found = blobs(tmp_path / "x.tar", packed)
        assert good(found) == GAMES[:3]
        assert "damaged" in troubles(found)[0]
    assert "no mark at its end" in troubles(blobs(tmp_path / "x.tar", tarred(TWO)[:2048]))[0]
    assert not troubles(blobs(tmp_path / "x.tgz", gzip.compress(tarred(TWO)[:2048])))
    assert (
        "more follows"
        in troubles(blobs(tmp_path / "x.tar", tarred(TWO) + tarred({"2.sgf": GAMES[2]})))[0]
    )


def test_a_wrong_checksum_at_the_end(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(tarred(TWO)))
    data[-8] ^= 1
    assert "damaged" in troubles(blobs(tmp_path / "x.tgz", bytes(data)))[0]


def test_a_packed_collection_gives_the_games_before_the_damage(tmp_path: Path) -> None:
    collection = b"".join(sgf_text(play_randomly(seed, 60)) + b")\n" for seed in range(40))
    # one block: nothing of it can be had
    (tmp_path / "x.sgf.bz2").write_bytes(bz2.compress(collection)[:-100])
    assert "damaged or cut short" in troubles(blobs(tmp_path / "x.sgf.bz2"))[-1]
    for name, pack in (("x.sgf.gz", gzip.compress), ("x.sgf.xz", lzma.compress)):
        (tmp_path / name).write_bytes(pack(collection)[: len(pack(collection)) * 2 // 3])
        report = import_games([str(tmp_path / name)], tmp_path / "a.games", quiet=True)
        assert 20 <= report.games < 40
        assert report.reasons["cannot be read"] == 1


def test_an_archive_by_its_name_only(tmp_path: Path) -> None:
    for name, words in (
        ("x.zip", "does not begin as"),
        ("x.tar.gz", "does not begin as"),
        ("x.rar", "does not begin as"),
    ):
        assert words in troubles(blobs(tmp_path / name, b"\x12\x34" * 300))[0]
    assert (
        "there is no tar in it"
        in troubles(blobs(tmp_path / "x.tar.gz", gzip.compress(b"no tar")))[0]
    )
    assert good(blobs(tmp_path / "y.zip", GAMES[0])) == [GAMES[0]]  # an SGF file all the same


def damaged(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        at, length = rng.randrange(len(out)), rng.choice([0, 1, 1, 1, 4])
        out[at : at + length] = bytes(rng.randrange(256) for _ in range(rng.choice([1, 1, length])))
    return bytes(out[: rng.choice([len(out), len(out), rng.randrange(len(out) + 1)])])


def fit_to_print(text: str) -> bool:
    """Printable, or a space of another width, as names in Chinese have them, or a character that
    Python's table does not know."""
    return all(c.isprintable() or unicodedata.category(c) in ("Zs", "Cn", "Co") for c in text)


@pytest.mark.parametrize("kind", KINDS)
def test_mutated_archives(kind: str, tmp_path: Path) -> None:
    """Never anything but entries, and never a game that is not one of those packed, unless nothing
    could tell (a stored file of a tar)."""
    rng, whole = random.Random(5), KINDS[kind]()
    for _ in range(120):
        data = damaged(whole, rng)
        for entry in archives.entries(
            io.BytesIO(data), lambda name: True, archives.Limits(64 << 20, 16 << 20)
        ):
            assert fit_to_print(entry.name)
            try:
                content = entry.read()
                assert len(content) <= 16 << 20
            except archives.Unreadable as error:
                assert fit_to_print(str(error))
                assert str(error)


def test_mutated_archives_of_photographs(tmp_path: Path) -> None:
    rng, target = random.Random(6), tmp_path / "x.zip"
    pictures = {f"cat/{i}.png": encoded(colourful(i, (8, 8))) for i in range(3)}
    outcomes = {"read": 0, "refused": 0}
    for whole in (
        zipped(pictures),
        tarred(pictures),
        tarred(pictures, "gz"),
        tarred(pictures, "xz"),
        tarred(pictures, "bz2"),
    ):
        for _ in range(60):
            target.write_bytes(damaged(whole, rng))
            try:
                found = open_collection(target)
                dict(read_photos([photo for part in found.parts.values() for photo in part]))
                outcomes["read"] += 1
            except UserError as error:
                assert str(error).isprintable()
                assert str(target) in str(error)
                outcomes["refused"] += 1
    assert min(outcomes.values()) > 20


# --- limits
# --------------------------------------------------------------------------------------------------------------------------


def test_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What unpacks to more than it may is left, wherever it hides."""
    monkeypatch.setattr(sources, "MEMBER_LIMIT", 40 << 20)
    packed = gzip.compress(bytes(50 << 20))
    bomb = {f"{i}.sgf": b"(" * (2 << 20) for i in range(4)}
    for data in (
        packed,
        zipped({"x.sgf.gz": packed}),
        zipped({"in.zip": zipped(bomb)}),
        zipped(bomb),
        tarred(bomb, "gz"),
        gzip.compress(tarred(bomb, "xz")),
        zipped({"a.zip": zipped(bomb), "b.zip": zipped(bomb), "c.sgf": GAMES[0]}),
        zipped({"in.tar.gz": tarred(bomb, "gz")}),
    ):
        found = blobs(tmp_path / "bomb", data, limit=5 << 20)
        assert sum(len(blob.data) for blob in found) <= 5 << 20
        assert (
            "unpacks to more than 5 MB, the rest was left unread; if it is meant to, raise"
            " --max-unpacked" in troubles(found)[-1]
        )
    assert "larger than 40 MB" in troubles(blobs(tmp_path / "bomb", packed))[0]


def test_a_zip_that_holds_itself(tmp_path: Path) -> None:
    """Files that lie over each other in the archive, as in bombs without any layer."""
    data = zipped({"a.sgf": b"(" * 5_000_000})
    entry, end = (
        data[data.index(b"PK\1\2") : data.index(b"PK\5\6")],
        bytearray(data[data.index(b"PK\5\6") :]),
    )
    struct.pack_into("<HHI", end, 8, 500, 500, 500 * len(entry))
    found = blobs(
        tmp_path / "x.zip", data[: data.index(b"PK\1\2")] + entry * 500 + bytes(end), limit=50 << 20
    )
    assert sum(len(blob.data) for blob in found) <= 50 << 20
    assert "--max-unpacked" in found[-1].trouble


def test_long_names_in_tars_do_not_fill_memory(tmp_path: Path) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 8 << 30
    packed = gzip.compress(info.tobuf() + bytes(8 << 20))
    assert "damaged" in troubles(blobs(tmp_path / "x.tgz", packed))[0]
    chain = tarfile.TarInfo("x")
    chain.type, chain.size = tarfile.XHDTYPE, 0
    assert "damaged" in troubles(blobs(tmp_path / "x.tar", chain.tobuf() * 5000))[0]


# --- photographs
# ---------------------------------------------------------------------------------------------------------------------


def test_photographs_in_archives_inside(tmp_path: Path) -> None:
    train = zipped(
        {
            f"train/{kind}/{i}.png": encoded(colourful(10 * i + len(kind)))
            for kind in ("cat", "horse")
            for i in range(2)
        }
    )
    test = zipped({f"test/{i}.png": encoded(colourful(50 + i)) for i in range(3)})
    (tmp_path / "kaggle.zip").write_bytes(
        zipped({"train.zip": train, "test.zip": test, "sample.csv": b"id,label"})
    )
    found = open_collection(tmp_path / "kaggle.zip")
    assert found.classes == ("cat", "horse")
    assert {part: len(photos) for part, photos in found.parts.items()} == {"train": 4, "test": 3}
    photos = [photo for part in found.parts.values() for photo in part]
    contents = dict(read_photos(photos))
    assert sorted(contents) == list(range(7))
    assert all(
        isinstance(content, bytes) and content.startswith(b"\x89PNG")
        for content in contents.values()
    )


def test_photographs_by_content_and_names_that_lead_out(tmp_path: Path) -> None:
    members = {
        "../../cat/1.png": encoded(colourful(1)),
        "/dog/2.png": encoded(colourful(2)),
        "C:/dog/3.png": encoded(colourful(3)),
    }
    for data in (zipped(members), tarred(members, "xz"), gzip.compress(zipped(members))):
        (tmp_path / "data.bin").write_bytes(data)
        found = open_collection(tmp_path / "data.bin")
        assert found.classes == ("cat", "dog")
        assert [found.classes[photo.label] for photo in found.parts[WHOLE]].count("dog") == 2


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_photographs_whose_name_comes_twice(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for seed in (1, 2):
            archive.writestr("cat/a.png", encoded(colourful(seed)))
    (tmp_path / "x.zip").write_bytes(buffer.getvalue())
    (photo,) = open_collection(tmp_path / "x.zip").parts[WHOLE]
    # the last counts, as when it is unpacked
    assert dict(read_photos([photo]))[0] == encoded(colourful(2))


def test_folders_with_names_that_are_not_utf_8(tmp_path: Path) -> None:
    for i, kind in enumerate(("猫猫咪咪", "狗狗")):
        folder = tmp_path / "data" / kind.encode("gb18030").decode("utf-8", "surrogateescape")
        try:
            folder.mkdir(parents=True)
        except (OSError, UnicodeError):
            pytest.skip("this file system takes UTF-8 names only")
        (folder / "1.png").write_bytes(encoded(colourful(i)))
    found = open_collection(tmp_path / "data")
    assert set(found.classes) == {"猫猫咪咪", "狗狗"}
    assert {
        len(content) > 50
        for _, content in read_photos(found.parts[WHOLE])
        if isinstance(content, bytes)
    } == {True}
