"""The encoding of SGF text, and text as people read it.

A file may declare its encoding in `CA`, and may lie. Text that is valid UTF-8 is UTF-8, since other
text hardly ever happens to be. Otherwise a declared encoding that few programs name by mistake
(Big5, EUC-JP, KOI8-R, windows-1251, ...) is believed if the text decodes in it to ordinary words.
For the rest an encoding scores by how many of the characters it yields are ordinary ones for it,
and loses by what cannot be decoded or is rare; what `CA` says counts in its favour.
"""

import codecs
import contextlib
import re
from functools import cache

ENCODINGS = (
    "utf-8",
    "gb18030",
    "big5hkscs",
    "cp932",
    "euc_jp",
    "cp949",
    "koi8-r",
    "cp1251",
    "cp1252",
)
"""What undeclared text is tried as. Each is the widest of its family: GBK and GB 2312 are part of
GB 18030, Shift-JIS of cp932, EUC-KR of cp949."""

_WIDEST = {
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "big5": "big5hkscs",
    "cp950": "big5hkscs",
    "shift_jis": "cp932",
    "shift_jisx0213": "cp932",
    "shift_jis_2004": "cp932",
    "euc_jis_2004": "euc_jp",
    "euc_jisx0213": "euc_jp",
    "euc_kr": "cp949",
    "iso8859-1": "cp1252",
    "iso2022_jp": "iso2022_jp_ext",
    "iso2022_jp_1": "iso2022_jp_ext",
    "iso2022_jp_2": "iso2022_jp_ext",
}
_NAMES = {
    "x-sjis": "cp932",
    "x-gbk": "gb18030",
    "x-euc-jp": "euc_jp",
    "x-big5": "big5hkscs",
    "windows-31j": "cp932",
    "windows-949": "cp949",
    "cp943": "cp932",
    "ms932": "cp932",
    "ms936": "gb18030",
    "cp936": "gb18030",
    "gb": "gb18030",
    "cn-gb": "gb18030",
    "cn-big5": "big5hkscs",
    "ansi": "",
    "ascii": "",
    "us-ascii": "",
}
_TEXT = re.compile(
    r"(utf-8|gb18030|big5hkscs|cp\d+|euc_|koi8|iso8859|iso2022|mac-|johab|hz|tis-620|kz1048|ptcp154)"
)
_ASCII = b"AZaz09 [](;"
_TALKATIVE = ("utf-8", "gb18030", "cp932", "cp949", "cp1252")
"""Encodings that programs declare without meaning it (it is their system's): these only score
better."""

_BONUS = {"cp1252": 0.15, "utf-8": 0.15}
"""What CA adds to a score, if not 0.3: these two are declared without thought, and UTF-8 that is
whole needs no help."""

SAMPLE = 8192
"""Bytes of a game, from the first that is not ASCII, that a guess looks at."""

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SHIFT = b"\x1b$"
"""What text in ISO 2022 has and no other text."""


def wide(data: bytes) -> str:
    """The codec of a file in UTF-16 or UTF-32: by its mark, or by the zeros that every `(;` has;
    empty for any other file."""
    for mark, codec in _MARKS:
        if data.startswith(mark):
            return codec
    head = data[:64].lstrip(b"\x00 \t\r\n")[:3]
    if b"\x00" in data[:4] and head in (b"(\x00;", b"(\x00\r", b"(\x00\n"):
        return "utf-16-be" if data[:1] == b"\x00" else "utf-16-le"
    return ""


def narrow(data: bytes) -> tuple[bytes, str]:
    """A file as bytes in which ASCII is ASCII: itself, or in UTF-8 what was in UTF-16 or UTF-32;
    and the codec it had then, or empty."""
    codec = wide(data)
    if not codec:
        return data, ""
    return data.decode(codec, "replace").encode("utf-8", "replace"), codec


def widen(data: bytes, codec: str) -> bytes:
    """The inverse of `narrow`."""
    return data.decode("utf-8", "replace").encode(codec) if codec else data


def codec_named(declared: str) -> str:
    """The Python codec that a `CA` value means; empty if it means none that keeps ASCII as it
    is."""
    name = declared.strip().lower()
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.:\- ]{0,40}", name):
        return ""
    if name in _NAMES:
        return _NAMES[name]
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
    found = _WIDEST.get(found, found)
    # Code pages of mainframes put letters elsewhere.
    return (
        found if _TEXT.match(found) and _ASCII.decode(found, "replace").encode() == _ASCII else ""
    )


def best_encoding(data: bytes, declared: str | None = None) -> str:
    """The most plausible codec for `data`, some text or a whole game; `declared` is what `CA`
    says."""
    stated = codec_named(declared) if declared else ""
    if _SHIFT in data:
        return stated if stated.startswith("iso2022") else "iso2022_jp_ext"
    if data.isascii():
        return "hz" if stated == "hz" else "utf-8"
    data = _sample(data)
    believed = stated and _fits(data, stated)
    with contextlib.suppress(UnicodeDecodeError):
        # Two-byte characters alone can be anything short; they are what CA says unless letters of
        # ASCII stand beside them.
        if (
            max(data.decode("utf-8")) >= "\u0800"
            or not (believed and stated in _PAIRS)
            or _BESIDE_LETTERS.search(data)
        ):
            return "utf-8"
    if believed and stated not in _TALKATIVE:
        return stated
    if _mostly_utf8(data):
        return "utf-8"
    return max(ENCODINGS, key=lambda name: _score(data, name, stated, bool(believed)))


def _score(data: bytes, encoding: str, stated: str, believed: bool) -> float:
    """Plausibility, with what `CA` adds to it and what accents in the middle of ASCII words take
    from it."""
    score = _plausibility(data, encoding)
    if encoding in _PAIRS and _IN_WORD.search(data):
        score -= 1.2
    elif encoding == stated and encoding in _PAIRS and believed:
        score = max(score, 0.5)
    elif encoding == "big5hkscs" and stated == "gb18030" and believed:
        score -= 0.6
    return score + (_BONUS.get(encoding, 0.3) if encoding == stated else 0.0)


ENOUGH = 12
"""Bytes above ASCII in names and event that suffice for a guess; with fewer the rest of the game is
looked at too."""


def of_game(properties: dict[str, bytes], raw: bytes, begin: int, end: int) -> str:
    """The codec of the texts of the game in `raw[begin:end]`, whose first node has these
    properties."""
    texts = b"\n".join(
        value
        for value in properties.values()
        if not value.isascii() or _SHIFT in value or b"~{" in value
    )
    if not texts:
        return "utf-8"
    if len(_HIGH.findall(texts)) < ENOUGH:
        texts += b"\n" + raw[begin:end]
    return best_encoding(texts, properties.get("CA", b"").decode("ascii", "replace"))


_PAIRS = ("gb18030", "big5hkscs", "cp932", "euc_jp", "cp949")
_BESIDE_LETTERS = re.compile(rb"[A-Za-z][\x80-\xff]|[\x80-\xff][a-z]")
_IN_WORD = re.compile(rb"(?<![\x80-\xff])[\x80-\xff][A-Za-z][a-z]")
_HIGH = re.compile(rb"[\x80-\xff]")


_PAIRED = re.compile(rb"((?<![\x80-\xff])(?:[\x80-\xff]{2})*+)\]")


def _sample(data: bytes) -> bytes:
    """The part to look at, from the first byte that is not ASCII. A bracket ends text; only after
    an odd number of bytes above ASCII may it be half of a character."""
    first = _HIGH.search(data)
    start = max(first.start() - 1, 0) if first else 0
    data = data[start : start + SAMPLE]
    while len(data) == SAMPLE and data[-1] >= 0x80:  # a character may be cut in two
        data = data[:-1]
    return _PAIRED.sub(rb"\1\n", data) + b"\n"


def _mostly_utf8(data: bytes) -> bool:
    """Whether nearly all bytes above ASCII are characters of UTF-8 of three bytes, whole or with a
    byte lost to a `?`, as some servers write them."""
    kept = b"".join(_THREE.findall(data)).replace(b"?", b"")
    return len(kept) >= 4 and len(kept) >= 0.75 * len(_HIGH.findall(data))


_THREE = re.compile(
    rb"[\xe0-\xef](?:[\x80-\xbf][\x80-\xbf?]|\?[\x80-\xbf])|\xf0[\x90-\xbf][\x80-\xbf]{2}"
)


def _fits(data: bytes, codec: str) -> bool:
    """Whether the text decodes without a fault, in an alphabet to words whose capitals come
    first."""
    try:
        text = data.decode(codec)
    except (UnicodeDecodeError, LookupError):
        return False
    if codec in _PAIRS or codec.startswith(("iso2022", "hz", "johab")):
        return True
    high = [character for character in text if character >= "\x80"]
    odd = sum(
        not (character.isalnum() or character in _PUNCTUATION) for character in high
    ) + 2 * len(_ODD_CAPITAL.findall(_cased(text)))
    return odd <= 0.25 * len(high)


_PUNCTUATION = "\xa0«»“”„\u2018\u2019\u2013—…№·°"
_ODD_CAPITAL = re.compile("[a](?=A)")


def _cased(text: str) -> str:
    """Letters above ASCII as `a` (small) or `A` (capital), everything else as a blank."""
    return "".join(
        " " if c < "\x80" else "a" if c.islower() else "A" if c.isupper() else " " for c in text
    )


_NAME = re.compile("(?:A?a{2,}|A{2,})")
CYRILLIC = 0.78
"""Score of text all of whose words are words of Cyrillic: less than all common Chinese characters,
more than half of them."""


def _plausibility(data: bytes, encoding: str) -> float:
    """Weight of ordinary characters less that of odd ones, over the bytes above ASCII."""
    text = data.decode(encoding, "replace")
    high = len(_HIGH.findall(data))
    characters = [character for character in text if character >= "\x80"]
    if encoding in ("koi8-r", "cp1251"):
        words = re.findall("[^\x00-\x7f]+", text)
        proper = all("\u0400" <= c <= "\u04ff" for word in words for c in word) and all(
            _NAME.fullmatch(_cased(word)) for word in words
        )
        capitals = sum(word[0].isupper() for word in words)
        return (
            CYRILLIC
            if words and proper and capitals * 2 >= len(words) and not _BESIDE_LETTERS.search(data)
            else -1.0
        )
    good = sum(_weight(character, encoding) for character in characters)
    if encoding == "cp949":
        good -= sum(_weight(c, encoding) for word in _mixed().findall(text) for c in word)
        good += (
            0.2 * len(characters)
            if len(characters) >= 8 and all("\uac00" <= c <= "\ud7a3" for c in characters)
            else 0.0
        )
    # two fifths of Big5 have a second byte below 0x7f; where there are hardly any it may be another
    # encoding
    if encoding == "big5hkscs":
        low = sum(
            0x40 <= c.encode("big5hkscs", "replace")[-1] < 0x7F for c in characters if c != "\ufffd"
        )
        good -= high * (0.0 if low * 4 >= len(characters) else 0.15 if low else 0.2)
    return good / high + (0.1 if encoding == "utf-8" else 0.0)


_SYLLABLES = frozenset(
    "가각간갈감갑강개거건격견결경계고곡공과곽관광교구국군권귀규균그근금급기길김까께꼭끝나난남내너네년노는능니다단달담당대더덕던데도독동되된될두둑든들등때또라락란람랑래량러런럼려력련렬령로록론뢰료루류륙륜률르른를름리린림립마막만많말"
    "망매맥맹머먼면명모목못무묵문물미민및바박반받발방배백버번범법변병보복본봉부북분불비빈사산살삼상새생서석선설섭성세소속손송쇠수숙순술숭스승시식신실심싸쌍씨아악안않알암앞애야약양어언얼엄없었에여역연열염엽영예오옥온올옹와완왕외"
    "요용우욱운울웅원월위유육윤율으은을음의이익인일임입있자작잘잡장재저적전절점접정제조족존종좌주준줄중즉증지직진집째차착찬창채처척천철첫청체초촌총최추축춘충취측층치칠침카커코크타탁탄태택터토통투특티파판팔패퍼편평포표품프피필하"
    "학한할함합항해행향허혁현혈협형혜호혹홍화확환활황회획효후훈휘흑흥희히했졌됐겠습"
)
"""Syllables of Korean names, ranks and plain sentences. GB 2312 has its most common characters at
the same places as all Hangul."""


@cache
def _mixed() -> re.Pattern[str]:
    """Words of both scripts, which Korean has not. Made when it is needed: its sets of characters
    take milliseconds."""
    return re.compile(
        "(?=[\uac00-\ud7a3]+[\u4e00-\u9fff]|[\u4e00-\u9fff]+[\uac00-\ud7a3])([\uac00-\ud7a3\u4e00-\u9fff]+)"
    )


def _weight(character: str, encoding: str) -> float:
    """Bytes that this character explains (1 each), or a penalty. Common means: in the first level
    of the encoding's own national table."""
    code = ord(character)
    if character == "\ufffd":
        return -1.0
    if encoding == "utf-8":
        return float(len(character.encode())) if code >= 0x800 else 0.5
    if encoding == "cp1252":
        return 0.6 if character.isalpha() else -0.5
    raw = character.encode(encoding, "replace")
    if encoding == "cp949":
        if len(raw) != 2 or raw[1] < 0xA1 or raw[0] < 0xA1:
            return -1.0 if raw[-1] < 0x80 else 0.3
        return 2.0 if character in _SYLLABLES else 1.2 if 0xAC00 <= code <= 0xD7A3 else 0.5
    if encoding in ("cp932", "euc_jp"):
        if 0x3040 <= code <= 0x30FF:
            return 2.2
        if 0xFF61 <= code <= 0xFF9F:
            return -0.5
        if encoding == "cp932":
            return 1.9 if b"\x88\x9f" <= raw <= b"\x98\x72" else 0.8
        return 1.7 if len(raw) == 2 and 0xB0 <= raw[0] <= 0xCF else 0.5
    if encoding == "big5hkscs":
        return (
            -1.0
            if len(raw) != 2
            else 1.8
            if 0xA4 <= raw[0] <= 0xC6
            else -0.5
            if raw[0] >= 0xC9
            else 0.5
        )
    if len(raw) == 4:
        return 2.0 if code >= 0x3400 else -1.0
    if len(raw) != 2 or raw[1] < 0x80:
        # a lone accented letter before an ASCII one would look like this
        return -0.2 if len(raw) == 2 and 0x4E00 <= code <= 0x9FFF else -1.0
    if 0xA4 <= raw[0] <= 0xAF:
        return -0.5  # kana, Greek, Cyrillic and frames
    return 1.8 if 0xB0 <= raw[0] <= 0xD7 and raw[1] >= 0xA1 else 0.7


_ESCAPE = re.compile(r"\\(\r\n|\n\r|\n|\r|.)", re.DOTALL)
_DOUBLED = {
    "gb18030": re.compile(
        rb"([\x81-\xfe][\x40-\x5b\x5d-\x7e\x80-\xfe])|([\x81-\xfe]\\)\\(?![\\\]])"
    ),
    "big5hkscs": re.compile(
        rb"([\x81-\xfe][\x40-\x5b\x5d-\x7e\xa1-\xfe])|([\x81-\xfe]\\)\\(?![\\\]])"
    ),
    "cp932": re.compile(
        rb"([\x81-\x9f\xe0-\xfc][\x40-\x5b\x5d-\x7e\x80-\xfc])|([\x81-\x9f\xe0-\xfc]\\)\\(?![\\\]])"
    ),
}
"""A character whose second byte is a backslash, escaped by a program that knew bytes only; or
(first group) any other character."""


def simple_text(raw: bytes, encoding: str) -> str:
    """An SGF SimpleText value: escapes undone, line breaks and white space made single blanks."""
    if encoding in _DOUBLED and b"\\\\" in raw:
        raw = _DOUBLED[encoding].sub(lambda m: m[1] or m[2], raw)
    text = raw.decode(encoding, "replace")
    if "\\" in text:
        text = _ESCAPE.sub(lambda m: "" if m[1][0] in "\r\n" else m[1], text)
    return " ".join(text.replace("\x00", " ").split())
