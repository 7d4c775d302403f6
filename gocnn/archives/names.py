"""Names of files as people read them, whatever encoding they were written in.

A name that is not UTF-8 reaches Python with its bytes hidden in surrogates, which can be neither
printed nor stored. Names inside old archives carry no encoding at all: it is guessed from all of
them together, by how many of the characters it yields are ordinary ones for it.
"""

import re
import unicodedata
from collections.abc import Sequence

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Those that turn the direction of a line are among them; spaces of all widths are not."""

WIDE = ("gb18030", "cp932", "big5", "cp949", "euc_jp")
PC, UNIX = ("cp437", "cp866", "cp1252", "cp1251"), ("cp1252", "cp1251")
"""Encodings of one byte a character: those that old packers on PCs wrote, and what else is met; the
first is taken when nothing fits."""


def readable(name: str) -> str:
    """A name from the file system or a tar archive, fit to be printed and stored: bytes that are
    not UTF-8 decoded by a guess, control characters (line breaks too) replaced. A plain name comes
    back as it is."""
    if name.isascii() and name.isprintable():
        return name
    try:
        name.encode()
    except UnicodeEncodeError:
        raw = (
            name.encode("utf-8", "surrogateescape")
            if _escaped(name)
            else name.encode("utf-8", "replace")
        )
        name = decode([raw])[0]
    return _CONTROLS.sub("\ufffd", name)


def _escaped(name: str) -> bool:
    return all(not 0xD800 <= ord(c) <= 0xDFFF or 0xDC80 <= ord(c) <= 0xDCFF for c in name)


def decode(names: Sequence[bytes], single: tuple[str, ...] = UNIX) -> list[str]:
    """The names of one archive, paths with `/`, all in the same encoding: UTF-8 if all of them are,
    else the most plausible of WIDE and `single`. Where most of what is not ASCII is UTF-8, a few
    steps that are not do not change the others."""
    steps = dict.fromkeys(step for name in names for step in name.split(b"/") if not step.isascii())
    known = {step for step in steps if _fits(step, "utf-8")}
    strange = [step for step in steps if step not in known]
    if not strange:
        return [name.decode() for name in names]
    if sum(map(_high, known)) <= sum(map(_high, strange)):
        known, strange = set(), list(steps)
    high = b"\n".join(strange)
    encoding = _best(high[:20_000].rpartition(b"\n")[0] or high[:20_000], single)
    return [
        "/".join(
            step.decode("utf-8" if step in known else encoding, "replace")
            for step in name.split(b"/")
        )
        for name in names
    ]


def _high(data: bytes) -> int:
    """How many bytes are not ASCII."""
    return sum(byte >= 0x80 for byte in data)


def _fits(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _best(data: bytes, single: tuple[str, ...]) -> str:
    candidates = [*(name for name in WIDE if _fits(data, name)), *single]
    return max(candidates, key=lambda name: _plausibility(data.decode(name, "replace"), name))


def _plausibility(text: str, encoding: str) -> float:
    """How many bytes above ASCII are explained by ordinary characters, less a penalty for odd
    ones."""
    if encoding in WIDE:
        # one such character inside a word is an accent, misread
        text = re.sub("(?<=[a-z])[^\\x00-\\x7f](?=[a-z])", "\ufffd", text)
        return sum(_weight(c, encoding) for c in text if c >= "\x80")
    cyrillic = encoding in ("cp866", "cp1251")
    total = 0.0
    for before, c, after in zip(" " + text, text, text[1:] + " ", strict=False):
        if c >= "\x80":
            fits = (
                c.isalpha()
                and unicodedata.name(c, "").startswith("CYRILLIC" if cyrillic else "LATIN")
                and not (before.islower() and c.isupper())
            )
            if cyrillic:  # whole words
                fits = fits and not any(
                    beside.isascii() and beside.isalpha() for beside in (before, after)
                )
            # accents mostly stand alone
            total += -0.5 if not fits else 0.7 if cyrillic or before < "\x80" else 0.4
    return total


def _weight(character: str, encoding: str) -> float:
    """Bytes that a character of an encoding for a large script explains (two), less what makes it
    rare there, or a penalty."""
    raw = character.encode(encoding, "replace")
    if len(raw) != 2 or character == "\ufffd":
        return -1.0
    kana = 0x3041 <= ord(character) <= 0x30FF
    common = 0.6 if character in _HANZI else 0.0
    if encoding == "gb18030":
        return (
            -1.0
            if raw[1] < 0x80
            else common + (1.8 if 0xB0 <= raw[0] <= 0xD7 and raw[1] >= 0xA1 else 0.7)
        )
    if encoding == "big5":
        return common + (1.7 if 0xA4 <= raw[0] <= 0xC6 else 0.6)
    if encoding == "cp949":
        return (
            2.4
            if character in _HANGUL
            else 1.6
            if 0xB0 <= raw[0] <= 0xC8 and raw[1] >= 0xA1
            else 0.5
        )
    if encoding == "euc_jp":
        return 2.1 if kana else common + (1.6 if 0xB0 <= raw[0] <= 0xCF else 0.5)
    return 2.2 if kana else common + (1.7 if b"\x88\x9f" <= raw <= b"\x98\x72" else 0.5)


_HANZI = frozenset(
    "的一是不了人我在有他这這中大来來上国國个個到说說们們为為子和你地出道也时時年得就那要下以生会會自着去之过過家学學对對可她"
    "里后後小么麼心多天而能好都然没日于於起还還发發成事只作当當想看文无無开開手十用主行方又如前所本见見经經头頭面公同三已老从"
    "從动動两兩长長新第二四五六七八九百千万月分名水山高李王张張陈陳林黄吴吳刘劉周赵趙金马馬古江南北东東西京海外白黑红紅花猫貓"
    "狗鸟鳥鱼魚车車食米汤湯肉棋谱譜围圍局段级級届屆杯盃赛賽决決胜勝负負战戰戦因坊圣聖聂聶卫衛平曹石田武宫宮藤泽澤村木川井治勋"
    "勲际際职職业業选選士先番练練测測试試"
)
_HANGUL = frozenset(
    "이가다는을의에고지기하한로도사인대자어서리시그나아수전정보부일제국해주상조원장과만구선성경동공소연신무비모오계미생여민안"
    "유세바둑김박최강윤임창호훈현진명왕위회결승배단판번"
)
"""Characters that are common in texts, and in names of games and of kinds of things: what tells
short names apart."""
