"""Text of SGF files: finding the encoding, and reading names, ranks, results, dates and komi out of what people write.

A file may declare its encoding in `CA`, and may lie. The choice is made on all text bytes of the game at once: an encoding scores by how many
of the characters it yields are ordinary ones for it, and loses by what cannot be decoded or is rare. UTF-8 wins at a tie, since
other text hardly ever happens to be valid UTF-8; then what `CA` says.
"""

import contextlib
import re

ENCODINGS = ("utf-8", "gb18030", "shift_jis", "euc_kr", "latin-1")
_ALIASES = {"gbk": "gb18030", "gb2312": "gb18030", "cp932": "shift_jis", "sjis": "shift_jis", "cp949": "euc_kr", "ks_c_5601-1987": "euc_kr"}


def best_encoding(data: bytes, declared: str | None = None) -> str:
    """The most plausible of ENCODINGS for `data`; `declared` (what `CA` says) breaks near ties."""
    if data.isascii():
        return "utf-8"
    with contextlib.suppress(UnicodeDecodeError):
        data.decode("utf-8")
        return "utf-8"  # other encodings are hardly ever valid UTF-8 by chance
    if declared:
        declared = _ALIASES.get(declared.strip().lower(), declared.strip().lower().replace("iso-8859-1", "latin-1"))
    return max(ENCODINGS, key=lambda name: _plausibility(data, name) + (0.3 if name == declared else 0.0))


def _plausibility(data: bytes, encoding: str) -> float:
    """Weight of ordinary characters less that of odd ones, over the bytes above ASCII."""
    text = data.decode(encoding, "replace")
    high = sum(byte >= 128 for byte in data)
    good = 0.0
    for character in text:
        if character >= "\x80":
            good += _weight(character, encoding)
    return good / high + (0.1 if encoding == "utf-8" else 0.0)


def _weight(character: str, encoding: str) -> float:
    """Bytes that this character explains (1 each), or a penalty. Common means: in the first level of the encoding's own national table."""
    code = ord(character)
    if character == "\ufffd":
        return -1.0
    if encoding == "utf-8":
        return float(len(character.encode()))
    if encoding == "latin-1":
        return 0.6 if character.isalpha() else -0.5
    if encoding == "euc_kr":
        return 2.0 if 0xAC00 <= code <= 0xD7A3 else 0.5
    if encoding == "shift_jis":
        if 0x3040 <= code <= 0x30FF:
            return 2.2
        if 0xFF61 <= code <= 0xFF9F:
            return -0.5
        return 1.9 if b"\x88\x9f" <= character.encode("shift_jis", "replace") <= b"\x98\x72" else 0.8
    raw = character.encode("gb18030")
    if len(raw) != 2 or raw[1] < 0x80:
        return -1.0  # a lone accented letter before an ASCII one would look like this
    return 1.8 if 0xB0 <= raw[0] <= 0xD7 and raw[1] >= 0xA1 else 0.7


_ESCAPE = re.compile(r"\\(\r\n|\n\r|\n|\r|.)", re.DOTALL)


def simple_text(raw: bytes, encoding: str) -> str:
    """An SGF SimpleText value: escapes undone, line breaks and white space made single blanks."""
    text = raw.decode(encoding, "replace")
    if "\\" in text:
        text = _ESCAPE.sub(lambda m: "" if m[1][0] in "\r\n" else m[1], text)
    return " ".join(text.replace("\x00", " ").split())


_RANK = re.compile(r"(?i)^\s*(p?)\s*(\d{1,2})\s*(d|k|p|g|段|級|级|단|급|dan|kyu|pro)")
_CHINESE_DIGITS = str.maketrans("一二三四五六七八九", "123456789")

PRO = 10
"""Added to a professional's dan: rank 19 is 9p. Amateur dan are 1 to 9, kyu -1 to -30, unknown 0."""


def rank(text: str) -> int:
    """A rank as one number (see PRO): `9d`, `3 kyu`, `9p`, `P9段`, `初段`; 0 if it is none of these."""
    if not text:
        return 0
    text = text.translate(_CHINESE_DIGITS).replace("初段", "1段")
    match = _RANK.match(text)
    if not match:
        return 0
    number, unit = int(match[2]), match[3].lower()
    if unit in ("k", "kyu", "g", "級", "级", "급"):
        return -number if 1 <= number <= 30 else 0
    if not 1 <= number <= 9:
        return 0
    return number + PRO if match[1] or unit in ("p", "pro") else number


def rank_name(number: int) -> str:
    """The inverse of `rank`: `9d`, `3k`, `9p`, `?`."""
    if number == 0:
        return "?"
    return f"{-number}k" if number < 0 else (f"{number - PRO}p" if number > PRO else f"{number}d")


UNKNOWN, BLACK_WON, WHITE_WON, DRAWN = 0, 1, 2, 3
_RESULT = re.compile(r"^\s*([BbWw])[A-Za-z]*\s*\+\s*(.*)$")


def outcome(text: str) -> tuple[int, float]:
    """(winner, margin) of an `RE` value: margin in points, 0 if not counted (resignation, time, forfeit, unknown)."""
    match = _RESULT.match(text)
    if not match:
        return (DRAWN, 0.0) if text.strip().lower() in ("0", "draw", "jigo") else (UNKNOWN, 0.0)
    number = re.match(r"\d{1,3}(\.\d+)?", match[2])
    return BLACK_WON if match[1] in "Bb" else WHITE_WON, float(number[0]) if number else 0.0


_DATE = re.compile(r"(\d{4})(?:[-./年](\d{1,2}))?(?:[-./月](\d{1,2}))?")


def date(text: str) -> int:
    """The first date of a `DT` value as the number yyyymmdd (months and days not given are 00); 0 if there is none."""
    match = _DATE.search(text)
    if not match:
        return 0
    year, month, day = (int(part or 0) for part in match.groups())
    if not (1000 <= year <= 2999 and month <= 12 and day <= 31):
        return 0
    return year * 10000 + month * 100 + day


def komi(text: str) -> float:
    """Komi in points; servers that write hundredths (650, 750) are understood, and nonsense is 0."""
    match = re.match(r"\s*(-?\d{1,4}(?:\.\d+)?)(?!\d)", text)
    value = float(match[1]) if match else 0.0
    value = value / 100 if abs(value) >= 100 else value
    return value if abs(value) < 100 else 0.0
