"""The encodings people's files have, and characters whose second byte is a bracket or a
backslash."""

from pathlib import Path

import numpy as np
import pytest

from gocnn.games import encoding
from gocnn.games.sgf_tree import parse, serialise
from gocnn.games.shield import SgfText
from tests.reading import moves_of, one, read

MOVES = [(15 * 19 + 15, 1), (3 * 19 + 3, 2), (2 * 19 + 15, 1), (15 * 19 + 3, 2)]
"""Of the records made here: pd, dp, pq, dd."""


def record(text: bytes, head: bytes = b"", other: bytes = b"Lee") -> bytes:
    """A short record with the text as Black's name and in two comments."""
    return (
        b"(;GM[1]SZ[19]"
        + head
        + b"PB["
        + text
        + b"]PW["
        + other
        + b"];B[pd];W[dp];B[pq]C["
        + text
        + b"];W[dd]C["
        + text
        + b"])"
    )


@pytest.mark.parametrize(
    ("codec", "declared", "name"),
    [
        ("big5", "Big5", "許功蓋"),
        ("big5hkscs", "Big5-HKSCS", "黃某"),
        ("cp950", "x-big5", "林海峰"),
        ("gb18030", "GB18030", "㐂某"),
        ("gb18030", "gb2312", "聂卫平"),
        ("gbk", "GBK", "乚某"),
        ("cp932", "Shift_JIS", "表 十河"),
        ("cp932", "Windows-31J", "ソニー"),
        ("euc_jp", "EUC-JP", "武宮正樹"),
        ("iso2022_jp", "ISO-2022-JP", "武宮正樹 八段"),
        ("cp949", "EUC-KR", "이창호"),
        ("cp949", "UHC", "뷁 박정환"),
        ("koi8_r", "KOI8-R", "Иванов"),
        ("koi8_u", "KOI8-U", "Євген Їжак"),
        ("cp1251", "windows-1251", "Александр Динерштейн"),
        ("iso8859_5", "ISO-8859-5", "Петров"),
        ("iso8859_2", "ISO-8859-2", "Łukasz Wiśniewski"),
        ("cp1253", "windows-1253", "Γιώργος"),
        ("latin-1", "ISO-8859-1", "Jürgen Müller"),
        ("cp1252", "windows-1252", "O\u2019Brien é"),
        ("utf-8", "UTF-8", "聂卫平"),
        ("utf-8", "GB2312", "Müller"),
    ],
)
def test_ca_is_believed_when_the_text_decodes(codec: str, declared: str, name: str) -> None:
    data = record(name.encode(codec), f"CA[{declared}]".encode())
    game = one(data)
    assert moves_of(game) == MOVES
    assert game.black == name
    assert [step.index for step in parse(data, "x")[0].steps] == [index for index, _ in MOVES]
    assert parse(data, "x")[0].black == name


@pytest.mark.parametrize("declared", ["", "CA[UTF-8]", "CA[ISO-8859-1]", "CA[nonsense]"])
@pytest.mark.parametrize(
    ("codec", "black", "white"),
    [
        ("big5", "許功蓋", "成功"),
        ("gbk", "聂卫平", "古力"),
        ("gbk", "王珺", "古力"),
        ("cp932", "高川格", "藤沢秀行"),
        ("cp949", "이창호", "조훈현"),
        ("euc_jp", "依田 さん", "ヨシダ"),
        ("iso2022_jp", "武宮正樹", "小林光一"),
        ("cp1251", "Иванов", "Александр Динерштейн"),
        ("koi8_r", "Петров", "Сергей"),
        ("latin-1", "José", "Jürgen Müller"),
    ],
)
def test_text_that_is_not_what_ca_says_is_guessed(
    codec: str, black: str, white: str, declared: str
) -> None:
    game = one(record(black.encode(codec), declared.encode(), white.encode(codec)))
    assert (game.black, game.white, moves_of(game)) == (black, white, MOVES)


COMMON = {
    "big5hkscs": ("Big5", "黃", "林海峰"),
    "gbk": ("GBK", "王", "聂卫平"),
    "cp932": ("Shift_JIS", "高", "武宮正樹"),
    "iso2022_jp": ("ISO-2022-JP", "高", "武宮正樹"),
}


@pytest.mark.parametrize("codec", COMMON)
def test_every_character_that_ends_in_a_bracket_or_backslash(codec: str) -> None:
    """Wherever it stands, no move is lost and no name is cut; the record is also written back as it
    was."""
    declared, common, other = COMMON[codec]
    rng = np.random.default_rng(0)
    found = []
    for code in range(0x80, 0x10000):
        raw = chr(code).encode(codec, "replace")
        if (b"\\" in raw or b"]" in raw) and raw.decode(codec, "replace") == chr(code):
            found.append(chr(code))
    assert len(found) > 90
    for character in rng.permutation(found)[:60].tolist():
        for name in (
            common + character,
            character + other,
            f"{other} {character}",
            common + character * 2,
        ):
            data = record(name.encode(codec), f"CA[{declared}]".encode(), other.encode(codec))
            game = one(data)
            assert (game.black, game.white, moves_of(game)) == (name, other, MOVES), (name, data)
            assert serialise(parse(data, "x")) == data


def test_what_was_escaped_byte_by_byte_is_read_as_well() -> None:
    name = "許功蓋"
    escaped = name.encode("big5").replace(b"\\", b"\\\\")
    assert one(record(escaped, b"CA[Big5]")).black == name
    assert one(record("成功".encode("big5") + b"\\]", b"CA[Big5]")).black == "成功]"
    assert one(record(b"Ren\xe9e \\] M\xfcller")).black == "Renée ] Müller"


def test_half_a_character_before_a_bracket_swallows_nothing() -> None:
    """Servers cut names after so many bytes."""
    for head in (b"", b"CA[GBK]"):
        data = record("聂卫平".encode("gbk")[:5], head, "古力".encode("gbk"))
        assert moves_of(one(data)) == MOVES
    assert moves_of(one(record(b"Jos\xe9"))) == MOVES


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("mark", [True, False])
def test_utf16_is_read_and_written_back(codec: str, mark: bool) -> None:
    if codec == "utf-32-le" and not mark:
        pytest.skip("told by its mark only")
    text = ("\ufeff" if mark else "") + record("張栩".encode()).decode()
    data = text.encode(codec)
    game = one(data)
    assert (game.black, moves_of(game)) == ("張栩", MOVES)
    (found,) = parse(data, "x")
    assert serialise([found]) == data
    found.texts[0]["C"] = [b"added"]
    assert serialise([found]).decode(codec) == text.replace("PW[Lee]", "PW[Lee]C[added]")


def test_a_mark_of_utf8_does_not_matter() -> None:
    data = b"\xef\xbb\xbf" + record("張栩".encode(), b"CA[GB2312]")
    assert one(data).black == "張栩"
    assert serialise(parse(data, "x")) == data


def test_games_of_one_file_may_have_different_encodings() -> None:
    data = b"\n".join(
        [
            record("許功蓋".encode("big5"), b"CA[Big5]"),
            record("聂卫平".encode("gbk")),
            record("張栩".encode()),
            record("表".encode("cp932"), b"CA[SJIS]"),
        ]
    )
    assert [getattr(item, "black", item) for item in read(data)] == [
        "許功蓋",
        "聂卫平",
        "張栩",
        "表",
    ]


def test_the_shield_is_as_long_as_the_text_and_costs_nothing_where_nothing_is_doubtful(
    sample_files: list[Path],
) -> None:
    for data in (
        sample_files[0].read_bytes(),
        record("聂卫平".encode("gbk")),
        record("張栩".encode()),
        record(b"Jos\xe9"),
    ):
        assert SgfText(data).data is SgfText(data).raw or SgfText(data).data == data
    rng = np.random.default_rng(0)
    for size in (0, 1, 100, 3000):
        for _ in range(50):
            data = b"(;CA[Big5]C[" + rng.integers(0, 256, size).astype(np.uint8).tobytes()
            assert len(SgfText(data).data) == len(SgfText(data).raw)


@pytest.mark.parametrize(
    "declared",
    [
        "utf-16",
        "utf-7",
        "cp037",
        "idna",
        "undefined",
        "punycode",
        "unicode_escape",
        "../x",
        "",
        "a" * 90,
        "\x00",
    ],
)
def test_a_ca_that_cannot_be_is_no_encoding(declared: str) -> None:
    assert encoding.codec_named(declared) == ""
    assert encoding.best_encoding("張栩".encode(), declared) == "utf-8"


def test_hostile_bytes_take_no_time() -> None:
    for data in (
        b"(;CA[Big5]" + b"\xa5\\" * 100_000,
        b"(;CA[Big5]" + b"\xa5]" * 100_000,
        b"(;" + b"\x1b$" * 100_000,
        b"\xa5" * 200_000 + b"]",
        b"(;CA[hz]" + b"~{" * 100_000,
        b"(;C[\xa5\\]" + b"[" * 200_000,
        b"\x81" * 200_000,
        b"(;C[\xa5]" + b"( " * 100_000,
    ):
        read(data)
