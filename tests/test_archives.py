"""Archives as strangers have them: every kind, packed twice, with a password, names in old encodings, damaged anywhere, and larger than they look."""

import bz2
import gzip
import io
import lzma
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from gocnn import archives
from gocnn.archives import names
from gocnn.commands import main
from gocnn.errors import UserError
from gocnn.games import sources
from gocnn.games.importing import import_games
from gocnn.games.sources import Blob
from gocnn.games.store import Store
from imagecls.collection import WHOLE, open_collection, read_photos
from tests.conftest import play_randomly, sgf_text
from tests.test_photos import colourful, encoded

CASES = Path(__file__).parent / "cases" / "go"
GAMES = [sgf_text(play_randomly(seed, 12), f"PB[{seed}]") + b")" for seed in range(6)]


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(members: dict[str, bytes], kind: str = "", **options: object) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{kind}", **options) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def renamed(archive: bytes, old: str, new: bytes) -> bytes:
    """A zip whose member `old` has the raw name `new` of the same length."""
    assert len(old) == len(new)
    assert archive.count(old.encode()) == 2
    return archive.replace(old.encode(), new)


def blobs(path: Path, data: bytes | None = None, limit: int = sources.ARCHIVE_LIMIT) -> list[Blob]:
    if data is not None:
        path.write_bytes(data)
    return [blob for unit in sources.find([str(path)]) for blob in sources.read(unit, limit)]


def good(found: list[Blob]) -> list[bytes]:
    return [blob.data for blob in found if not blob.trouble]


def troubles(found: list[Blob]) -> list[str]:
    return [f"{blob.name}: {blob.trouble}" for blob in found if blob.trouble]


# --- what is read --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "games"), [("game.sgf.gz", 1), ("all_match.sgf.xz", 2), ("rating.sgfs", 2), ("nested.zip", 1)])
def test_cases(name: str, games: int, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["go-import", str(CASES / name), "--out", str(tmp_path / "a.games")])
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"{games} games, ")
    assert "skipped" not in result.output


def test_a_folder_gives_what_its_archives_hold(tmp_path: Path) -> None:
    report = import_games([str(CASES)], tmp_path / "a.games", quiet=True)
    assert report.games >= 2
    opened = Store(tmp_path / "a.games")
    assert {opened.texts(game)["source"] for game in range(len(opened))} >= {"all_match.sgf.xz"}


TWO = {"a/0.sgf": GAMES[0], "a/1.SGF": GAMES[1]}
KINDS: dict[str, Callable[[], bytes]] = {
    "zip": lambda: zipped(TWO),
    "stored zip": lambda: zipped(TWO, zipfile.ZIP_STORED),
    "bzip2 zip": lambda: zipped(TWO, zipfile.ZIP_BZIP2),
    "lzma zip": lambda: zipped(TWO, zipfile.ZIP_LZMA),
    "a program before the zip": lambda: b"MZ" + bytes(5000) + zipped(TWO),
    "tar": lambda: tarred(TWO),
    "old tar": lambda: tarred(TWO, format=tarfile.USTAR_FORMAT).replace(b"ustar\x0000", bytes(8)),
    "tar.gz": lambda: tarred(TWO, "gz"),
    "tar.xz": lambda: tarred(TWO, "xz"),
    "tar.bz2": lambda: tarred(TWO, "bz2"),
    "tar.lzma": lambda: lzma.compress(tarred(TWO), lzma.FORMAT_ALONE),
    "zip in zip": lambda: zipped({"in.zip": zipped(TWO), "readme.txt": b"x"}),
    "tar.xz in zip": lambda: zipped({"in.tar.xz": tarred(TWO, "xz")}),
    "zip in tar": lambda: tarred({"x/in.zip": zipped(TWO)}),
    "zip in gz": lambda: gzip.compress(zipped(TWO)),
    "gz in zip": lambda: zipped({"0.sgf.gz": gzip.compress(GAMES[0]), "1.sgf.bz2": bz2.compress(GAMES[1])}),
    "xz in tar.gz": lambda: tarred({"0.sgf.xz": lzma.compress(GAMES[0]), "1.sgfs": GAMES[1]}, "gz"),
    "zip in zip in zip": lambda: zipped({"b.zip": zipped({"a.zip": zipped(TWO)})}),
}


def fixed_checksums(tar: bytes) -> bytes:
    """The headers' checksums made right again."""
    out = bytearray(tar)
    for at in range(0, len(out), 512):
        block = out[at : at + 512]
        if block[100:107] == b"0000644":
            block[148:156] = b" " * 8
            out[at + 148 : at + 156] = b"%06o\0 " % sum(block)
    return bytes(out)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_by_content_and_not_by_name(kind: str, tmp_path: Path) -> None:
    data = KINDS[kind]()
    data = fixed_checksums(data) if kind == "old tar" else data
    for name in ("noname", "wrong.sgf", "x.zip") if kind != "a program before the zip" else ("x.exe", "x.zip"):
        found = blobs(tmp_path / name, data)
        assert good(found) == GAMES[:2], (name, troubles(found))
        assert not troubles(found)
        assert all(blob.source == name for blob in found)


def test_standard_input_and_pipes_may_be_archives(tmp_path: Path) -> None:
    for data in (zipped(TWO), gzip.compress(GAMES[0] + GAMES[1]), GAMES[0] + GAMES[1]):
        result = CliRunner().invoke(main, ["go-import", "-", "--out", str(tmp_path / "a.games"), "--replace"], input=data)
        assert result.output.startswith("2 games"), result.output


def test_names_inside_archives_inside(tmp_path: Path) -> None:
    found = blobs(tmp_path / "o.zip", zipped({"a/in.zip": zipped({"in/1.sgf": GAMES[0], "2.sgf": GAMES[1]}), "b.sgf.gz": gzip.compress(GAMES[2])}))
    assert [blob.name.partition("o.zip:")[2] for blob in found] == ["a/in/1.sgf", "a/in/2.sgf", "b.sgf"]


def test_too_deep_is_said(tmp_path: Path) -> None:
    data = zipped(TWO)
    for _ in range(5):
        data = zipped({"in.zip": data, "x.sgf": GAMES[2]})
    found = blobs(tmp_path / "deep.zip", data)
    assert set(good(found)) == {GAMES[2]}
    assert ["inside 3 others" in trouble for trouble in troubles(found)] == [True]


def test_what_is_not_a_game_is_passed_over(tmp_path: Path) -> None:
    junk = {"__MACOSX/a/._0.sgf": b"\0\5\x16\7", "a/._1.sgf": b"\0\5\x16\7", "readme.txt": b"x", "report.docx": zipped({"word/x.sgf": GAMES[3]})}
    for data in (zipped(TWO | junk), tarred(TWO | junk, "gz")):
        found = blobs(tmp_path / "x", data)
        assert good(found) == GAMES[:2]
        assert not troubles(found)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "._a.sgf").write_bytes(b"\0\5\x16\7")
    (tmp_path / "folder" / "a.sgf").write_bytes(GAMES[0])
    assert good(blobs(tmp_path / "folder")) == GAMES[:1]


def test_packed_files_of_a_folder_that_are_no_games(tmp_path: Path) -> None:
    for name, data in (("log.gz", b"line 1"), ("list.csv.xz", b"a,b"), ("kgs.xz", GAMES[0]), ("all.tar.gz", tarred(TWO)), ("x.sgf.gz", b"nonsense")):
        (tmp_path / name).write_bytes((gzip if name.endswith("gz") else lzma).compress(data))
    assert sorted(good(blobs(tmp_path))) == sorted([GAMES[0], *GAMES[:2], b"nonsense"])


def test_links_devices_and_holes(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, kind in (
            ("a.sgf", tarfile.SYMTYPE),
            ("b.sgf", tarfile.CHRTYPE),
            ("c.sgf", tarfile.FIFOTYPE),
            ("d.sgf", tarfile.LNKTYPE),
            ("e.sgf", tarfile.BLKTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
        hole = tarfile.TarInfo("hole.sgf")  # a sparse file of a terabyte, of which 512 bytes are stored
        hole.type, hole.size = tarfile.GNUTYPE_SPARSE, 512
        block = bytearray(hole.tobuf(tarfile.GNU_FORMAT))
        block[386:398], block[398:410] = b"%011o\0" % 0, b"%011o\0" % 512
        block[483:495] = b"\x80" + (1 << 40).to_bytes(11, "big")
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
        assert tar.fileobj is not None
        tar.fileobj.write(bytes(block) + bytes(512))
        tar.offset += 1024
        info = tarfile.TarInfo("z.sgf")
        info.size = len(GAMES[0])
        tar.addfile(info, io.BytesIO(GAMES[0]))
    found = blobs(tmp_path / "odd.tar", buffer.getvalue())
    assert good(found) == [GAMES[0]]
    assert [trouble.partition("hole.sgf: ")[2] for trouble in troubles(found)] == ["larger than 256 MB unpacked (1048576 MB)"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_comes_twice(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for game in GAMES[:2]:
            archive.writestr("a.sgf", game)
    assert good(blobs(tmp_path / "x.zip", buffer.getvalue())) == GAMES[:2]


def test_zip64(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in TWO.items():
            with archive.open(name, "w", force_zip64=True) as stream:
                stream.write(data)
    data = buffer.getvalue()
    assert good(blobs(tmp_path / "x.zip", data)) == GAMES[:2]
    cut = data[: data.index(b"PK\1\2")]
    assert good(blobs(tmp_path / "cut.zip", cut)) == GAMES[:2]


def test_names_before_the_data_that_differ_from_the_list(tmp_path: Path) -> None:
    data = zipped({"a/0.sgf": GAMES[0]})
    assert good(blobs(tmp_path / "x.zip", data.replace(b"a/0.sgf", b"a\\0.sgf", 1))) == GAMES[:1]


# --- names ---------------------------------------------------------------------------------------------------------------------------

NAMES = {
    "gb18030": ["第三届应氏杯决赛第一局.sgf", "聂卫平 - 曹薰铉.sgf", "古力.sgf"],
    "cp932": ["本因坊戦/第一局 張栩.sgf", "イ・セドル.sgf", "名人戦.sgf"],
    "big5": ["職業棋士對局/林海峰 - 趙治勳.sgf", "圍棋.sgf"],
    "cp949": ["이창호 - 조훈현.sgf", "바둑 기보.sgf"],
    "cp437": ["Größe.sgf", "Café.sgf", "Señor.sgf"],
    "cp866": ["Партия 1.sgf", "Иванов - Петров.sgf"],
    "cp1251": ["Партия 1.sgf", "Иванов - Петров.sgf"],
    "utf-8": ["聂卫平.sgf", "Größe.sgf"],
}


@pytest.mark.parametrize("encoding", NAMES)
def test_names_in_old_encodings(encoding: str, tmp_path: Path) -> None:
    raw = [name.encode(encoding) for name in NAMES[encoding]]
    plain = [str(i) + "x" * (len(name) - 1) for i, name in enumerate(raw)]
    made = zipped({name: GAMES[i] for i, name in enumerate(plain)})
    for old, new in zip(plain, raw, strict=True):
        made = renamed(made, old, new)
    for data in (made, made[:-10]):  # the second has lost its list
        found = blobs(tmp_path / "x.zip", data)
        assert [blob.name.partition("x.zip:")[2] for blob in found if not blob.trouble] == NAMES[encoding]


@pytest.mark.parametrize("encoding", ["gb18030", "cp932", "big5", "cp949", "utf-8"])
def test_names_of_files_and_in_tars_are_readable(encoding: str) -> None:
    for name in NAMES[encoding]:
        assert names.readable(name.encode(encoding).decode("utf-8", "surrogateescape")) == name
    assert names.readable("plain.sgf") == "plain.sgf"
    assert names.readable("two\nlines\x1b[2J\udc80.sgf").isprintable()
    assert names.readable("Caf\udce9.sgf") == "Café.sgf"


def test_a_name_that_is_not_utf_8_is_imported_and_printed(tmp_path: Path) -> None:
    folder = tmp_path / "棋谱".encode("gb18030").decode("utf-8", "surrogateescape")
    try:
        folder.mkdir()
    except (OSError, UnicodeError):
        pytest.skip("this file system takes UTF-8 names only")
    (folder / "聂卫平.sgf".encode("gb18030").decode("utf-8", "surrogateescape")).write_bytes(GAMES[0])
    (folder / "坏.sgf".encode("gb18030").decode("utf-8", "surrogateescape")).write_bytes(b"nonsense")
    result = CliRunner().invoke(main, ["go-import", str(folder), "--out", str(tmp_path / "a.games")])
    assert result.exit_code == 0, result.output
    assert Store(tmp_path / "a.games").texts(0)["source"] == "棋谱"
    assert "坏.sgf" in (tmp_path / "a.games.skipped.tsv").read_text(encoding="utf-8")
    result = CliRunner().invoke(
        main, ["go-import", str(folder / "坏.sgf".encode("gb18030").decode("utf-8", "surrogateescape")), "--out", str(tmp_path / "b")]
    )
    assert result.exit_code == 1
    assert "坏.sgf: " in result.output
    tar = tarred({"聂卫平.sgf".encode("gb18030").decode("utf-8", "surrogateescape"): GAMES[0]}, format=tarfile.GNU_FORMAT, errors="surrogateescape")
    assert [blob.name.partition("x.tar:")[2] for blob in blobs(tmp_path / "x.tar", tar)] == ["聂卫平.sgf"]


def test_backslashes_are_folders(tmp_path: Path) -> None:
    data = renamed(zipped({"cat/1.png": encoded(colourful(1)), "dog/2.png": encoded(colourful(2))}), "cat/1.png", b"cat\\1.png")
    (tmp_path / "x.zip").write_bytes(renamed(data, "dog/2.png", b"dog\\2.png"))
    assert open_collection(tmp_path / "x.zip").classes == ("cat", "dog")
    assert all(isinstance(content, bytes) for _, content in read_photos(open_collection(tmp_path / "x.zip").parts[WHOLE]))


# --- what cannot be read -------------------------------------------------------------------------------------------------------------


def encrypted(data: bytes) -> bytes:
    """A zip that says that it has a password."""
    out = bytearray(data)
    for signature, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = -1
        while (start := out.find(signature, start + 1)) >= 0:
            out[start + at] |= 1
    return bytes(out)


FOREIGN = {
    "7z": b"7z\xbc\xaf\x27\x1c\0\4" + bytes(600), "rar": b"Rar!\x1a\x07\x01\0" + bytes(600), "old rar": b"Rar!\x1a\x07\0" + bytes(600),
    "lzh": b"!p-lh5-" + bytes(600), "Z": b"\x1f\x9d\x90" + bytes(600), "cab": b"MSCF" + bytes(600),
}  # fmt: skip


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
                result = CliRunner().invoke(main, [command, str(tmp_path / name), "--out", str(tmp_path / "a.games")])
                assert result.exit_code == 1
                text = result.output
            assert kind.split()[-1].lower() in text.lower()
            assert "unpack it" in text
            assert text.rstrip().count("\n") == 0
    assert not list(tmp_path.glob("a.games*"))


def test_zstd_is_read_or_named(tmp_path: Path) -> None:
    raw = struct.pack("<BI", 0x20 | 0x80, len(GAMES[0])) + struct.pack("<I", len(GAMES[0]) << 3 | 1)[:3] + GAMES[0]  # one frame, one raw block
    found = blobs(tmp_path / "x.sgf.zst", b"\x28\xb5\x2f\xfd" + raw)
    assert good(found) == [GAMES[0]] or "packed by zstd" in found[0].trouble


def test_a_password_is_not_emptiness(tmp_path: Path) -> None:
    locked = encrypted(zipped(TWO))
    for data in (locked, locked[: locked.index(b"PK\1\2")]):
        (tmp_path / "locked.zip").write_bytes(data)
        result = CliRunner().invoke(main, ["go-import", str(tmp_path / "locked.zip"), "--out", str(tmp_path / "a.games")])
        assert result.exit_code == 1
        assert "encrypted" in result.output
    (tmp_path / "p.zip").write_bytes(encrypted(zipped({"cat/1.png": encoded(colourful(1))})))
    with pytest.raises(UserError, match="encrypted"):
        open_collection(tmp_path / "p.zip")
    half = zipped({"cat/1.png": encoded(colourful(1)), "cat/2.png": encoded(colourful(2))})
    (tmp_path / "half.zip").write_bytes(half.replace(b"PK\1\2", b"PK\1\3", 1).replace(b"PK\1\2", b"PK\1\2", 1))
    mixed = bytearray(half)
    mixed[mixed.index(b"PK\1\2") + 8] |= 1
    (tmp_path / "half.zip").write_bytes(mixed)
    contents = [content for _, content in read_photos(open_collection(tmp_path / "half.zip").parts[WHOLE])]
    assert sorted(type(content).__name__ for content in contents) == ["BadImage", "bytes"]
    assert any("encrypted" in str(content) for content in contents if not isinstance(content, bytes))


def test_methods_that_cannot_be_read(tmp_path: Path) -> None:
    data = bytearray(zipped(TWO))
    at = data.index(b"PK\1\2")
    data[at + 10 : at + 12] = (9).to_bytes(2, "little")
    found = blobs(tmp_path / "x.zip", bytes(data))
    assert good(found) == [GAMES[1]]
    assert "Deflate64" in troubles(found)[0]


# --- damage --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_without_its_list_gives_what_is_whole_and_says_so(method: int, tmp_path: Path) -> None:
    members = {f"{i}.sgf": game for i, game in enumerate(GAMES)}
    whole = zipped(members, method)
    starts = [i for i in range(len(whole)) if whole.startswith(b"PK\3\4", i)]
    for cut in (whole.index(b"PK\1\2"), len(whole) - 10, starts[4] + 3, starts[4] - 3, starts[1] + 50):
        found = blobs(tmp_path / "cut.zip", whole[:cut])
        expected = sum(start < cut for start in starts[1:]) + (cut >= whole.index(b"PK\1\2"))
        assert good(found) == GAMES[:expected]
        assert f"{expected} files that are whole were read, what follows was not" in troubles(found)[-1]


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
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type]
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
    assert "more follows" in troubles(blobs(tmp_path / "x.tar", tarred(TWO) + tarred({"2.sgf": GAMES[2]})))[0]


def test_a_wrong_checksum_at_the_end(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(tarred(TWO)))
    data[-8] ^= 1
    assert "damaged" in troubles(blobs(tmp_path / "x.tgz", bytes(data)))[0]


def test_a_packed_collection_gives_the_games_before_the_damage(tmp_path: Path) -> None:
    collection = b"".join(sgf_text(play_randomly(seed, 60)) + b")\n" for seed in range(40))
    (tmp_path / "x.sgf.bz2").write_bytes(bz2.compress(collection)[:-100])  # one block: nothing of it can be had
    assert "damaged or cut short" in troubles(blobs(tmp_path / "x.sgf.bz2"))[-1]
    for name, pack in (("x.sgf.gz", gzip.compress), ("x.sgf.xz", lzma.compress)):
        (tmp_path / name).write_bytes(pack(collection)[: len(pack(collection)) * 2 // 3])
        report = import_games([str(tmp_path / name)], tmp_path / "a.games", quiet=True)
        assert 20 <= report.games < 40
        assert report.reasons["cannot be read"] == 1


def test_an_archive_by_its_name_only(tmp_path: Path) -> None:
    for name, words in (("x.zip", "does not begin as"), ("x.tar.gz", "does not begin as"), ("x.rar", "does not begin as")):
        assert words in troubles(blobs(tmp_path / name, b"\x12\x34" * 300))[0]
    assert "there is no tar in it" in troubles(blobs(tmp_path / "x.tar.gz", gzip.compress(b"no tar")))[0]
    assert good(blobs(tmp_path / "y.zip", GAMES[0])) == [GAMES[0]]  # an SGF file all the same


def damaged(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        at, length = rng.randrange(len(out)), rng.choice([0, 1, 1, 1, 4])
        out[at : at + length] = bytes(rng.randrange(256) for _ in range(rng.choice([1, 1, length])))
    return bytes(out[: rng.choice([len(out), len(out), rng.randrange(len(out) + 1)])])


@pytest.mark.parametrize("kind", KINDS)
def test_mutated_archives(kind: str, tmp_path: Path) -> None:
    """Never anything but entries, and never a game that is not one of those packed, unless nothing could tell (a stored file of a tar)."""
    rng, whole = random.Random(5), KINDS[kind]()
    for _ in range(120):
        data = damaged(whole, rng)
        for entry in archives.entries(io.BytesIO(data), lambda name: True, archives.Limits(64 << 20, 16 << 20)):
            assert entry.name.isprintable()
            try:
                content = entry.read()
                assert len(content) <= 16 << 20
            except archives.Unreadable as error:
                assert str(error).isprintable()
                assert str(error)


def test_mutated_archives_of_photographs(tmp_path: Path) -> None:
    rng, target = random.Random(6), tmp_path / "x.zip"
    pictures = {f"cat/{i}.png": encoded(colourful(i, (8, 8))) for i in range(3)}
    outcomes = {"read": 0, "refused": 0}
    for whole in (zipped(pictures), tarred(pictures), tarred(pictures, "gz"), tarred(pictures, "xz"), tarred(pictures, "bz2")):
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


# --- limits --------------------------------------------------------------------------------------------------------------------------


def test_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What unpacks to more than it may is left, wherever it hides."""
    monkeypatch.setattr(sources, "MEMBER_LIMIT", 40 << 20)
    packed = gzip.compress(bytes(50 << 20))
    bomb = {f"{i}.sgf": b"(" * (2 << 20) for i in range(4)}
    for data in (packed, zipped({"x.sgf.gz": packed}), zipped({"in.zip": zipped(bomb)}), zipped(bomb), tarred(bomb, "gz"), gzip.compress(tarred(bomb, "xz")),
                 zipped({"a.zip": zipped(bomb), "b.zip": zipped(bomb), "c.sgf": GAMES[0]}), zipped({"in.tar.gz": tarred(bomb, "gz")})):  # fmt: skip
        found = blobs(tmp_path / "bomb", data, limit=5 << 20)
        assert sum(len(blob.data) for blob in found) <= 5 << 20
        assert "unpacks to more than 5 MB, the rest was left unread; if it is meant to, raise --max-unpacked" in troubles(found)[-1]
    assert "larger than 40 MB" in troubles(blobs(tmp_path / "bomb", packed))[0]


def test_a_zip_that_holds_itself(tmp_path: Path) -> None:
    """Files that lie over each other in the archive, as in bombs without any layer."""
    data = zipped({"a.sgf": b"(" * 5_000_000})
    entry, end = data[data.index(b"PK\1\2") : data.index(b"PK\5\6")], bytearray(data[data.index(b"PK\5\6") :])
    struct.pack_into("<HHI", end, 8, 500, 500, 500 * len(entry))
    found = blobs(tmp_path / "x.zip", data[: data.index(b"PK\1\2")] + entry * 500 + bytes(end), limit=50 << 20)
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


# --- photographs ---------------------------------------------------------------------------------------------------------------------


def test_photographs_in_archives_inside(tmp_path: Path) -> None:
    train = zipped({f"train/{kind}/{i}.png": encoded(colourful(10 * i + len(kind))) for kind in ("cat", "horse") for i in range(2)})
    test = zipped({f"test/{i}.png": encoded(colourful(50 + i)) for i in range(3)})
    (tmp_path / "kaggle.zip").write_bytes(zipped({"train.zip": train, "test.zip": test, "sample.csv": b"id,label"}))
    found = open_collection(tmp_path / "kaggle.zip")
    assert found.classes == ("cat", "horse")
    assert {part: len(photos) for part, photos in found.parts.items()} == {"train": 4, "test": 3}
    photos = [photo for part in found.parts.values() for photo in part]
    contents = dict(read_photos(photos))
    assert sorted(contents) == list(range(7))
    assert all(isinstance(content, bytes) and content.startswith(b"\x89PNG") for content in contents.values())


def test_photographs_by_content_and_names_that_lead_out(tmp_path: Path) -> None:
    members = {"../../cat/1.png": encoded(colourful(1)), "/dog/2.png": encoded(colourful(2)), "C:/dog/3.png": encoded(colourful(3))}
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
    assert dict(read_photos([photo]))[0] == encoded(colourful(2))  # the last counts, as when it is unpacked


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
    assert {len(content) > 50 for _, content in read_photos(found.parts[WHOLE]) if isinstance(content, bytes)} == {True}
