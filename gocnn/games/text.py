"""Values of SGF properties: ranks, dates, komi, handicap and rules read out of what people write.
Results are in `gocnn.games.results`."""

import re
import unicodedata

from gocnn.games.results import brief, numeral, points_in

PRO = 10
"""Added to a professional's dan: rank 19 is 9p. Amateur dan are 1 to 9, kyu -1 to -30, unknown
0."""

_NUMERALS = re.compile("[一二三四五六七八九十]+(?=\\s*[段级級단급])")
_RANK = re.compile(
    r"^(?P<before>[a-z."
    r" ]*|[^\d]{0,4}?)\s*(?P<number>\d{1,2})\s*-?\s*"
    r"(?P<unit>dan|kyu|gup|pro|d|k|g|p|段|級|级|단|급)(?P<after>.*)$"
)
_PROFESSIONAL = re.compile(r"^p(ro)?\b|^p$|profession|职业|職業|プロ|프로")


@brief
def rank(text: str) -> int:
    """A rank as one number (see PRO): `9d`, `3 kyu`, `9p`, `P9段`, `初段`, `9 dan pro`, `9DP`,
    `7D*`; 0 if it is none of these."""
    text = unicodedata.normalize("NFKC", text).strip().strip("()").casefold().replace("初段", "1段")
    match = _RANK.match(_NUMERALS.sub(lambda m: str(numeral(m[0])), text))
    if not match:
        return 0
    before, after = match["before"].strip(), match["after"].strip(" *?()")
    if before and not re.fullmatch(
        r"p|pro\.?|professional|ama|amateur|业余|業余|業餘|アマ|아마|准|职业|職業|プロ|프로", before
    ):
        return 0
    number, unit = int(match["number"]), match["unit"]
    if unit in ("k", "kyu", "g", "gup", "級", "级", "급"):
        return -number if 1 <= number <= 30 else 0
    if not 1 <= number <= 9:
        return 0
    return (
        number + PRO
        if unit in ("p", "pro") or _PROFESSIONAL.search(before) or _PROFESSIONAL.search(after)
        else number
    )


def rank_name(number: int) -> str:
    """The inverse of `rank`: `9d`, `3k`, `9p`, `?`."""
    if number == 0:
        return "?"
    return f"{-number}k" if number < 0 else (f"{number - PRO}p" if number > PRO else f"{number}d")


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ERAS = {"明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018}
_ERA = re.compile(f"({'|'.join(_ERAS)})\\s*(\\d{{1,2}}|元)\\s*年")
_DATE = re.compile(
    r"(?<!\d)(\d{4})(?:\s*[-./年 ]\s*(\d{1,2})(?!\d))?(?:\s*[-./月 ]\s*(\d{1,2})(?!\d))?"
)
_COMPACT = re.compile(r"(?<!\d)([12]\d{3})(\d\d)(\d\d)(?!\d)")
_NAMED = re.compile(
    rf"(?:(\d{{1,2}})(?:st|nd|rd|th)?\s*)?\b({'|'.join(_MONTHS)})[a-z]*\.?\s*(?:(\d{{1,2}})(?:st|nd|rd|th)?\b)?\s*,?\s*(\d{{4}})"
)


@brief
def date(text: str) -> int:
    """The first date of a `DT` value as the number yyyymmdd (months and days not given are 00); 0
    if there is none."""
    text = _ERA.sub(
        lambda m: f"{_ERAS[m[1]] + (1 if m[2] == '元' else int(m[2]))}年",
        unicodedata.normalize("NFKC", text).casefold(),
    )
    parts: tuple[str | int | None, ...]
    if match := _NAMED.search(text):
        parts = (match[4], _MONTHS.index(match[2]) + 1, match[1] or match[3])
    elif match := _COMPACT.search(text) or _DATE.search(text):
        parts = match.groups()
    else:
        return 0
    year, month, day = (int(part or 0) for part in parts)
    if not (1000 <= year <= 2999 and month <= 12 and day <= 31):
        return 0
    return year * 10000 + month * 100 + day


MOST_KOMI = 150.0
"""No komi is larger, to either side (KataGo's limit as well)."""

UNKNOWN_KOMI = float("nan")
_NO_KOMI = re.compile(r"no komi|none|コミなし|コミ無し|[无無不](?:贴|貼)目?|덤 ?없음")
_REVERSED = re.compile(
    r"倒[贴貼]|白[番棋方]?[贴貼]|逆コミ|白コミ|\breverse|^(?:minus|negative|[负負マ])"
)
"""Komi that White gives."""
_DASHES = re.compile("^[\u2010-\u2015\u2212\ufe63]")
_WHOLE_HUNDREDTHS = (500, 600, 700, 800)
_HUNDREDTHS = re.compile(r"^([+-]?)(\d{1,5})$")


@brief
def komi(text: str, fox: bool = False) -> float:
    """Komi in points; nan if the text gives none that can be (see MOST_KOMI).

    Understood besides a number: a decimal comma, `6目半`, `3又3/4子`, hundredths without a point
    (650, 700, 750), and stones as Chinese rules count them, which are worth two points each (3.75
    and 375 are 7.5 points: nobody counts quarters of a point). fox: the record is of the Fox
    server, which writes hundredths throughout (50 is half a point).
    """
    text = unicodedata.normalize("NFKC", text).casefold().strip()
    text = _DASHES.sub("-", text)
    if _NO_KOMI.fullmatch(text):
        return 0.0
    whole = _HUNDREDTHS.match(text)
    if whole:
        value = int(whole[2])
        hundredths = (
            value % 25 == 0
            if fox
            else value > MOST_KOMI and (value % 100 in (25, 50, 75) or value in _WHOLE_HUNDREDTHS)
        )
        points = points_in(f"{value / 100}") if hundredths else float(value)
        if hundredths and value == 350:  # stones, like 325 and 375 beside it
            points = 7.0
        sign = -1.0 if whole[1] == "-" else 1.0
    else:
        sign = -1.0 if text.startswith("-") or _REVERSED.search(text) else 1.0
        points = points_in(re.sub(r"^[^\d.,半반零一二三四五六七八九十]*", "", text))
    return sign * points if points <= MOST_KOMI else UNKNOWN_KOMI


@brief
def handicap(text: str) -> int:
    """The number of handicap stones that `HA` states: 0 if none or no number up to 99."""
    text = unicodedata.normalize("NFKC", text).strip()
    return int(text) if re.fullmatch(r"[0-9]{1,2}", text) else 0


_RULES = {
    "chinese": r"chin|cn$|zh|中",
    "japanese": r"jap|jp|nihon|nippon|日",
    "korean": r"kor|kr$|韓|韩|한",
    "aga": r"aga|american|usgo|美",
    "bga": r"bga|british",
    "french": r"french|fran[cç]|ffg",
    "new-zealand": r"nz|newz|新西蘭|新西兰|紐西蘭|纽西兰",
    "tromp-taylor": r"tromp|tt$",
    "ing": r"ing|goe$|應|应",
}
"""How what a record says of its rules begins, without blanks and signs, by the rules' name."""

WITH_SUICIDE = ("new-zealand", "tromp-taylor", "ing")
"""Those of them under which a chain of two or more stones may take itself off."""


@brief
def rules(text: str) -> str:
    """The name of the rules that `RU` states (those of `gocnn.engine.rulesets.RULES` that people
    play by): `Chinese`, `CN`, `中国规则`, `Japanese Rules`, `GOE`; empty if it
    states none that are known."""
    plain = re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text).casefold())
    return next((name for name, begins in _RULES.items() if re.match(begins, plain)), "")
