"""What `RE` says: who won and by how many points, as people and servers write it in English,
Chinese, Japanese and Korean.

The standard's form is `B+3.5`, `W+R`, `0`, `Void` (SGF FF[4],
https://www.red-bean.com/sgf/properties.html#RE). Servers and papers also write sentences:
`黑中盘胜`, `白胜1又3/4子`, `黒2目半勝ち`, `흑 반집승`, `White wins by resign!`.
A sentence is read by its verdict: a word for winning or losing, and the last side named before it.
Chinese results count stones (子) above half the board, so one stone is two points.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Concatenate, ParamSpec, TypeVar

UNKNOWN, BLACK_WON, WHITE_WON, DRAWN = 0, 1, 2, 3

MOST_POINTS = 400.0
"""No margin is larger: a board of one colour and komi."""

_FRACTIONS = {"½": " 1/2", "¼": " 1/4", "¾": " 3/4", "⅓": " 1/3", "⅔": " 2/3"}
_PLAIN = re.compile(r"^(b[a-z]*\.?|w[a-z]*\.?|[黑黒흑白백]\w?)\s*\+\s*(.*)$")
_SIDE = re.compile(r"black|white|\b[bw]\b|黑|黒|흑|白|백|ด\u0e4d\u0e32|ขาว")
_BOTH = re.compile(r"both|双方|雙方|両者|兩者|쌍방|양측")
_NOBODY = re.compile(
    r"void|no result|無勝負|无胜负|无效|無效|무효|作废|打挂|打掛|未完|中断|in"
    r" progress|progressing|unfinished|suspended"
)
_DRAW = re.compile(
    r"^0(\.0+)?$|^=$|\bdraw|\bjigo\b|\btie\b|和棋|和局|平局|持ち?碁|持棋|ジゴ|引き?分け|무승부|비김|비겼|판?빅$|和了?$"
)
_WON = r"\b(?:win|won)s?\b|\d+wins?\b|\bwinner\b|胜|勝|贏|赢|승|이김|ชนะ|^(?:black|white|b|w) by\b"
_LOST = r"\blos[te]s?\b|负|負|敗|败|输|輸|패|แพ้"
_VERDICT = re.compile(f"(?P<won>{_WON})|(?P<lost>{_LOST})")
_GAVE_UP = re.compile(
    r"resign|forfeit|time|投了|投子|投降|弃权|棄権|棄權|超时|超時|时间|時間|시간|기권"
)
_UNCOUNTED = re.compile(
    rf"{_GAVE_UP.pattern}|认输|認輸|中盘|中盤|中押|불계|不计点|不計點|不戦|不战|不戰|반칙|反則|犯规"
)

_DASHES = ("-", "\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2212")
_DIGITS = "零一二三四五六七八九"
_NUMERAL = f"[{_DIGITS}〇两兩十百]+"
_STONES = re.compile(r"子|(?<![a-z])zi\b")
_POINTS = re.compile(r"目|집|호|목|점|点|點|point|\bpts?\b|moku")
_NUMBER = r"(?<![\d.,])(?:\d{1,3}(?:[.,]\d+)?|[.,]\d+)(?![\d.,]*\d)"
_NUMBER += r"(?!\s*(?:手|수|moves|年|月|日|년|월|일|/))"
_UNIT = r"(?:子|目|집|호|목|점|点|點|个|points?)"
_LATIN_UNIT = re.compile(r"(?:points?|pts?|moku|zi)\b")
_MARGIN = re.compile(
    rf"(?:(?P<whole>\d{{1,3}})\s*{_UNIT}?\s*(?:又|と|and|-)?\s*)?(?<!/)(?P<up>\d)/(?P<down>\d)(?![\d/])"
    rf"|(?P<number>{_NUMBER})(?P<half>\s*{_UNIT}?\s*(?:半|반|and a half\b))?"
    rf"|(?P<only_half>半|반|\bhalf)"
)


P = ParamSpec("P")
T = TypeVar("T")

MOST_CHARACTERS = 120
"""Of a value are looked at: nobody needs more to say who won, and a hostile file could hold
megabytes."""


def brief(read: Callable[Concatenate[str, P], T]) -> Callable[Concatenate[str, P], T]:
    """Reads a value by its beginning, and the same value once: most recur in thousands of games."""
    remembered = lru_cache(4096)(read)

    @wraps(read)
    def wrapper(text: str, /, *arguments: P.args, **options: P.kwargs) -> T:
        return remembered(text[:MOST_CHARACTERS], *arguments, **options)  # type: ignore[arg-type]

    return wrapper


@brief
def outcome(text: str, stones: bool = False) -> tuple[int, float]:
    """(winner, margin) of an `RE` value: margin in points, 0 if not counted (resignation, time,
    forfeit, unknown).

    stones: whether a number counts stones above half the board, which are worth two points each,
    where the text does not say what it counts.
    """
    text = _folded(text)
    if not text or _NOBODY.search(text):
        return UNKNOWN, 0.0
    if _DRAW.search(text):
        return DRAWN, 0.0
    text = text.split(">>")[0]  # points and prisoners of both sides follow
    plain = _PLAIN.match(text)
    if plain:
        return _winner(plain[1]), _margin(plain[2], stones, anywhere=False)
    sides = list(_SIDE.finditer(text))
    if not sides or _BOTH.search(text):
        return UNKNOWN, 0.0
    verdict = _VERDICT.search(text)
    named = [side for side in sides if verdict and side.end() <= verdict.end()] or sides[:1]
    side = named[-1] if verdict else sides[0]
    winner, rest = _winner(side[0]), text[side.end() :]
    margin = 0.0 if _UNCOUNTED.search(text) else _margin(rest, stones)
    if verdict:
        return winner if verdict["won"] else _other(winner), margin
    if _GAVE_UP.search(rest):
        return _other(winner), 0.0
    if rest.lstrip().startswith(_DASHES):  # a side less some points may have lost by them
        return UNKNOWN, 0.0
    return (winner, margin) if margin or not rest.strip() else (UNKNOWN, 0.0)


def _folded(text: str) -> str:
    """Full-width letters and digits as plain ones, lower case, Chinese fractions and numerals
    before a unit as digits."""
    for sign, plain in _FRACTIONS.items():
        text = text.replace(sign, plain)
    text = unicodedata.normalize("NFKC", text).replace("\u2044", "/").casefold().strip()
    text = re.sub(
        rf"({_NUMERAL})分之({_NUMERAL})", lambda m: f" {numeral(m[2])}/{numeral(m[1])}", text
    )
    return re.sub(rf"({_NUMERAL})(?=\s*(?:子|目|点|點|个|又))", lambda m: str(numeral(m[1])), text)


def numeral(text: str) -> int:
    """A Chinese numeral below a thousand."""
    total, digit = 0, 0
    for character in text.replace("两", "二").replace("兩", "二").replace("\u3007", "零"):
        if character == "百":
            total, digit = total + 100 * (digit or 1), 0
        elif character == "十":
            total, digit = total + 10 * (digit or 1), 0
        else:
            digit = _DIGITS.index(character)
    return total + digit


def _winner(side: str) -> int:
    return BLACK_WON if side[0] in "b黑黒흑ด" else WHITE_WON


def _other(winner: int) -> int:
    return BLACK_WON + WHITE_WON - winner


def _margin(text: str, stones: bool, anywhere: bool = True) -> float:
    """The number of points in what follows the side; 0 if there is none, or one that no count
    gives."""
    match = _MARGIN.search(text) if anywhere else _MARGIN.match(text)
    if not match:
        return 0.0
    points = _points(match, bool(_STONES.search(text)) or (stones and not _POINTS.search(text)))
    # 0.02 is a server's code for a forfeit
    return points if points <= MOST_POINTS and points * 2 == round(points * 2) else 0.0


def points_in(text: str) -> float:
    """The number that the text begins with, in points: `6.5`, `6,5`, `6目半`, `3又3/4子`, `3.75`
    (stones, see above); nan if it does not."""
    text = _folded(text)
    match = _MARGIN.match(text)
    rest = text[match.end() :] if match else ""
    if not match or (re.match(r"[a-z\d]", rest) and not _LATIN_UNIT.match(rest)):
        return float("nan")
    return _points(match, bool(_STONES.search(text)))


def _points(match: "re.Match[str]", stones: bool) -> float:
    if match["up"]:
        value = int(match["whole"] or 0) + int(match["up"]) / max(int(match["down"]), 1)
    elif match["only_half"]:
        value = 0.5
    else:
        value = float(match["number"].replace(",", ".")) + (0.5 if match["half"] else 0.0)
    # Nobody counts quarters of a point, but stones against half of 361 have them.
    return 2 * value if stones or value * 4 % 2 == 1 else value
