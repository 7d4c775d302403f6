"""Archives as strangers have them: every kind, packed twice, names in old encodings, what is passed
over."""

import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path
from typing import Literal

import pytest
from click.testing import CliRunner

from gocnn.archives import names
from gocnn.commands import main
from gocnn.games import sources
from gocnn.games.importing import import_games
from gocnn.games.reader import Reader, ReadGame
from gocnn.games.store import Store
from gocnn.wording import counted
from imagecls.photos.collection import open_collection, read_photos
from imagecls.photos.layout import WHOLE
from tests.archived import GAMES, KINDS, TWO, blobs, good, renamed, tarred, troubles, zipped
from tests.conftest import play_randomly, sgf_text
from tests.photographs import colourful, encoded

CASES = Path(__file__).parent / "cases" / "go"


# --- what is read
# --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "games"),
    [("game.sgf.gz", 1), ("all_match.sgf.xz", 2), ("rating.sgfs", 2), ("nested.zip", 1)],
)
def test_cases(name: str, games: int, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        main, ["go-import", str(CASES / name), "--out", str(tmp_path / "a.games")]
    )
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"{counted(games, 'game')}, ")
    assert "skipped" not in result.output


def test_a_folder_gives_what_its_archives_hold(tmp_path: Path) -> None:
    report = import_games([str(CASES)], tmp_path / "a.games", quiet=True)
    assert report.games >= 2
    opened = Store(tmp_path / "a.games")
    assert {opened.texts(game)["source"] for game in range(len(opened))} >= {"all_match.sgf.xz"}


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
    for name in (
        ("noname", "wrong.sgf", "x.zip")
        if kind != "a program before the zip"
        else ("x.exe", "x.zip")
    ):
        found = blobs(tmp_path / name, data)
        assert good(found) == GAMES[:2], (name, troubles(found))
        assert not troubles(found)
        assert all(blob.source == name for blob in found)


def test_standard_input_and_pipes_may_be_archives(tmp_path: Path) -> None:
    for data in (zipped(TWO), gzip.compress(GAMES[0] + GAMES[1]), GAMES[0] + GAMES[1]):
        result = CliRunner().invoke(
            main, ["go-import", "-", "--out", str(tmp_path / "a.games"), "--replace"], input=data
        )
        assert result.output.startswith("2 games"), result.output


def test_names_inside_archives_inside(tmp_path: Path) -> None:
    found = blobs(
        tmp_path / "o.zip",
        zipped(
            {
                "a/in.zip": zipped({"in/1.sgf": GAMES[0], "2.sgf": GAMES[1]}),
                "b.sgf.gz": gzip.compress(GAMES[2]),
            }
        ),
    )
    assert [blob.name.partition("o.zip:")[2] for blob in found] == [
        "a/in/1.sgf",
        "a/in/2.sgf",
        "b.sgf",
    ]


def test_too_deep_is_said(tmp_path: Path) -> None:
    data = zipped(TWO)
    for _ in range(5):
        data = zipped({"in.zip": data, "x.sgf": GAMES[2]})
    found = blobs(tmp_path / "deep.zip", data)
    assert set(good(found)) == {GAMES[2]}
    assert ["inside 3 others" in trouble for trouble in troubles(found)] == [True]


def test_what_is_not_a_game_is_passed_over(tmp_path: Path) -> None:
    junk = {
        "__MACOSX/a/._0.sgf": b"\0\5\x16\7",
        "a/._1.sgf": b"\0\5\x16\7",
        "readme.txt": b"x",
        "report.docx": zipped({"word/x.sgf": GAMES[3]}),
    }
    for data in (zipped(TWO | junk), tarred(TWO | junk, "gz")):
        found = blobs(tmp_path / "x", data)
        assert good(found) == GAMES[:2]
        assert not troubles(found)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "._a.sgf").write_bytes(b"\0\5\x16\7")
    (tmp_path / "folder" / "a.sgf").write_bytes(GAMES[0])
    assert good(blobs(tmp_path / "folder")) == GAMES[:1]


def test_packed_files_of_a_folder_that_are_no_games(tmp_path: Path) -> None:
    for name, data in (
        ("log.gz", b"line 1"),
        ("list.csv.xz", b"a,b"),
        ("kgs.xz", GAMES[0]),
        ("all.tar.gz", tarred(TWO)),
        ("x.sgf.gz", b"nonsense"),
    ):
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
        # a sparse file of a terabyte, of which 512 bytes are stored
        hole = tarfile.TarInfo("hole.sgf")
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
    assert [trouble.partition("hole.sgf: ")[2] for trouble in troubles(found)] == [
        "larger than 256 MB unpacked (1048576 MB)"
    ]


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


# --- names
# ---------------------------------------------------------------------------------------------------------------------------

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
        assert [blob.name.partition("x.zip:")[2] for blob in found if not blob.trouble] == NAMES[
            encoding
        ]


@pytest.mark.parametrize("encoding", ["gb18030", "cp932", "big5", "cp949", "utf-8"])
def test_names_of_files_and_in_tars_are_readable(encoding: str) -> None:
    for name in NAMES[encoding]:
        assert names.readable(name.encode(encoding).decode("utf-8", "surrogateescape")) == name
    assert names.readable("plain.sgf") == "plain.sgf"
    assert names.readable("two\nlines\x1b[2J\udc80.sgf").isprintable()
    assert names.readable("第1局\u3000黑\xa0勝.sgf") == "第1局\u3000黑\xa0勝.sgf"
    assert names.readable("fgs.\u202eemag.sgf").isprintable()  # what turns the line's direction
    assert names.readable("Caf\udce9.sgf") == "Café.sgf"


def test_a_step_that_is_not_utf_8_changes_no_other() -> None:
    """One old name in an archive of new ones, or in a folder whose name is UTF-8."""
    said = names.readable("Äpfel 🍏/M\udcfcller.jpg")
    assert said == "Äpfel 🍏/Müller.jpg"
    raw = ["Äpfel/1.jpg".encode(), "Öl/2.jpg".encode(), b"Soup/M\xfcller.jpg"]
    assert names.decode(raw) == ["Äpfel/1.jpg", "Öl/2.jpg", "Soup/Müller.jpg"]
    # a name that is UTF-8 by chance does not make the others so
    chance = [name.encode("gb18030") for name in ("模/围棋.sgf", "聂卫平.sgf")]
    assert names.decode(chance) == ["模/围棋.sgf", "聂卫平.sgf"]


def test_a_name_that_is_not_utf_8_is_imported_and_printed(tmp_path: Path) -> None:
    folder = tmp_path / "棋谱".encode("gb18030").decode("utf-8", "surrogateescape")
    try:
        folder.mkdir()
    except (OSError, UnicodeError):
        pytest.skip("this file system takes UTF-8 names only")
    (folder / "聂卫平.sgf".encode("gb18030").decode("utf-8", "surrogateescape")).write_bytes(
        GAMES[0]
    )
    (folder / "坏.sgf".encode("gb18030").decode("utf-8", "surrogateescape")).write_bytes(
        b"nonsense"
    )
    result = CliRunner().invoke(
        main, ["go-import", str(folder), "--out", str(tmp_path / "a.games")]
    )
    assert result.exit_code == 0, result.output
    assert Store(tmp_path / "a.games").texts(0)["source"] == "棋谱"
    assert "坏.sgf" in (tmp_path / "a.games.skipped.tsv").read_text(encoding="utf-8")
    result = CliRunner().invoke(
        main,
        [
            "go-import",
            str(folder / "坏.sgf".encode("gb18030").decode("utf-8", "surrogateescape")),
            "--out",
            str(tmp_path / "b"),
        ],
    )
    assert result.exit_code == 1
    assert "坏.sgf: " in result.output
    tar = tarred(
        {"聂卫平.sgf".encode("gb18030").decode("utf-8", "surrogateescape"): GAMES[0]},
        format=tarfile.GNU_FORMAT,
        errors="surrogateescape",
    )
    assert [blob.name.partition("x.tar:")[2] for blob in blobs(tmp_path / "x.tar", tar)] == [
        "聂卫平.sgf"
    ]


def test_backslashes_are_folders(tmp_path: Path) -> None:
    data = renamed(
        zipped({"cat/1.png": encoded(colourful(1)), "dog/2.png": encoded(colourful(2))}),
        "cat/1.png",
        b"cat\\1.png",
    )
    (tmp_path / "x.zip").write_bytes(renamed(data, "dog/2.png", b"dog\\2.png"))
    assert open_collection(tmp_path / "x.zip").classes == ("cat", "dog")
    assert all(
        isinstance(content, bytes)
        for _, content in read_photos(open_collection(tmp_path / "x.zip").parts[WHOLE])
    )


# --- the same games in every kind
# ------------------------------------------------------------------------------------------------------


def archive_names(tmp_path: Path) -> dict[str, Path]:
    """The same three games in every kind of archive, with things to be passed over among them."""
    members = {f"a/{i}.sgf": sgf_text(play_randomly(i, 30)) + b")" for i in range(3)} | {
        "../../evil.sgf": sgf_text(play_randomly(9, 30)) + b")",
        "readme.txt": b"x",
    }
    made = {}
    with zipfile.ZipFile(tmp_path / "g.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        link = zipfile.ZipInfo("link.sgf")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    made["zip"] = tmp_path / "g.zip"
    modes: dict[str, Literal["w:", "w:gz", "w:xz", "w:bz2"]]
    modes = {"": "w:", "gz": "w:gz", "xz": "w:xz", "bz2": "w:bz2"}
    for kind, mode in modes.items():
        path = tmp_path / f"g.tar{'.' + kind if kind else ''}"
        with tarfile.open(path, mode) as archive:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
            info = tarfile.TarInfo("link.sgf")
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(info)
        made["tar" + kind] = path
    return made


@pytest.mark.parametrize("kind", ["zip", "tar", "targz", "tarxz", "tarbz2"])
def test_archives_are_read_in_place(kind: str, tmp_path: Path) -> None:
    path = archive_names(tmp_path)[kind].rename(tmp_path / "noname")
    blobs = list(sources.read(sources.find_units([str(path)])[0]))
    assert [b.name.rpartition(":")[2] for b in blobs] == [
        "a/0.sgf",
        "a/1.sgf",
        "a/2.sgf",
        "../../evil.sgf",
    ]
    assert all(isinstance(g, ReadGame) for b in blobs for g in Reader().games(b))
    assert not (tmp_path.parent.parent / "evil.sgf").exists()


@pytest.mark.parametrize("kind", ["zip", "targz", "tarxz", "tarbz2"])
def test_archives_cut_short_give_what_was_before_and_say_so(kind: str, tmp_path: Path) -> None:
    path = archive_names(tmp_path)[kind]
    path.write_bytes(path.read_bytes()[:-100])
    blobs = list(sources.read(sources.find_units([str(path)])[0]))
    assert "damaged or cut short" in blobs[-1].trouble


def test_bombs_are_left_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(3):
            archive.writestr(f"{i}.sgf", b"(" * 3_000_000)
    blobs = list(sources.read(sources.find_units([str(tmp_path / "bomb.zip")])[0], limit=5_000_000))
    assert "--max-unpacked" in blobs[-1].trouble
    assert len(blobs) == 2
    with tarfile.open(tmp_path / "bomb.tar.xz", "w:xz") as tar:
        info = tarfile.TarInfo("0.sgf")
        info.size = 20 << 20
        tar.addfile(info, io.BytesIO(bytes(20 << 20)))
    monkeypatch.setattr(sources, "MEMBER_LIMIT", 16 << 20)
    blobs = list(sources.read(sources.find_units([str(tmp_path / "bomb.tar.xz")])[0]))
    assert blobs[0].trouble.startswith("larger than 16 MB")


def test_sources_are_archives_or_folders(tmp_path: Path) -> None:
    path = archive_names(tmp_path)["tarxz"]
    assert {b.source for b in sources.read(sources.find_units([str(path)])[0])} == {"g.tar.xz"}
    (tmp_path / "12:30").mkdir()
    (tmp_path / "12:30" / "b: c.sgf").write_bytes(b"(;B[aa])")
    assert [b.source for b in sources.read(sources.find_units([str(tmp_path / "12:30")])[0])] == [
        "12:30"
    ]
