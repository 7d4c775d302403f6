"""Values of SGF properties: ranks, results, dates and komi read out of what people write."""

import re

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
