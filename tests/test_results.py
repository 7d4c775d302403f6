"""Results in the words of servers, papers and four languages."""

# ruff: noqa: RUF001

import pytest

from gocnn.games import text
from gocnn.games.results import BLACK_WON, DRAWN, UNKNOWN, WHITE_WON, outcome

TABLE = [
    # the standard's forms, and what servers make of them
    ("B+R", BLACK_WON, 0),
    ("W+3.5", WHITE_WON, 3.5),
    ("B+Resign", BLACK_WON, 0),
    ("W+T", WHITE_WON, 0),
    ("W+Time", WHITE_WON, 0),
    ("B+F", BLACK_WON, 0),
    ("B+Forfeit", BLACK_WON, 0),
    ("W+Offline", WHITE_WON, 0),
    ("0", DRAWN, 0),
    ("Draw", DRAWN, 0),
    ("draw", DRAWN, 0),
    ("Jigo", DRAWN, 0),
    ("Void", UNKNOWN, 0),
    ("?", UNKNOWN, 0),
    ("", UNKNOWN, 0),
    ("Black+2", BLACK_WON, 2),
    ("B+", BLACK_WON, 0),
    ("W + 0.5", WHITE_WON, 0.5),
    ("W+0,5", WHITE_WON, 0.5),
    ("B+1/2", BLACK_WON, 0.5),
    ("B+2 1/2", BLACK_WON, 2.5),
    ("B+2½", BLACK_WON, 2.5),
    ("b+12.5", BLACK_WON, 12.5),
    ("W+.5", WHITE_WON, 0.5),
    ("B+358.5", BLACK_WON, 358.5),
    ("W+3.50", WHITE_WON, 3.5),
    ("B+3.5 points", BLACK_WON, 3.5),
    ("Ｂ＋Ｒ", BLACK_WON, 0),
    ("Ｗ＋２．５", WHITE_WON, 2.5),
    ("B+0.02", BLACK_WON, 0),
    ("W+0.03", WHITE_WON, 0),
    ("W+0.0", WHITE_WON, 0),
    ("B+999", BLACK_WON, 0),
    ("B+R (201 moves)", BLACK_WON, 0),
    ("B", BLACK_WON, 0),
    ("white", WHITE_WON, 0),
    # English sentences
    ("White wins by resign!", WHITE_WON, 0),
    ("Black wins by 0.5!", BLACK_WON, 0.5),
    ("White loses on time ", BLACK_WON, 0),
    ("Black resigns", WHITE_WON, 0),
    ("White 19Win  >> White(83):Black(64)", WHITE_WON, 19),
    ("Black Win 6.5 >> White(50):Black(63)", BLACK_WON, 6.5),
    ("W by resignation", WHITE_WON, 0),
    ("Black won by 2.5 points", BLACK_WON, 2.5),
    ("white 4.5 win", WHITE_WON, 4.5),
    ("White won on time", WHITE_WON, 0),
    ("Both lost", UNKNOWN, 0),
    ("Black by half a point", BLACK_WON, 0.5),
    ("No result", UNKNOWN, 0),
    ("game in progress", UNKNOWN, 0),
    ("White by 2 1/2", WHITE_WON, 2.5),
    # Chinese: stones (子) above half the board are worth two points each
    ("黑中盘胜", BLACK_WON, 0),
    ("白中盤勝", WHITE_WON, 0),
    ("黑胜1又3/4子", BLACK_WON, 3.5),
    ("白胜2又3/4子", WHITE_WON, 5.5),
    ("白胜3/4子", WHITE_WON, 1.5),
    ("黑胜2.75子", BLACK_WON, 5.5),
    ("B+3.75子", BLACK_WON, 7.5),
    ("B+3.75", BLACK_WON, 7.5),
    ("W+0.25", WHITE_WON, 0.5),
    ("黑胜四分之三子", BLACK_WON, 1.5),
    ("黑胜一又四分之三子", BLACK_WON, 3.5),
    ("白胜半目", WHITE_WON, 0.5),
    ("黑胜三目半", BLACK_WON, 3.5),
    ("白胜十一目半", WHITE_WON, 11.5),
    ("黑胜两子半", BLACK_WON, 5),
    ("白棋12子 >> 白方(94):黑方(82)", WHITE_WON, 24),
    ("白11目胜", WHITE_WON, 11),
    ("黑超时胜", BLACK_WON, 0),
    ("白超时负", BLACK_WON, 0),
    ("黑棋超时", WHITE_WON, 0),
    ("白认输", BLACK_WON, 0),
    ("黑方认输，白中盘胜", WHITE_WON, 0),
    ("因白超时黑胜", BLACK_WON, 0),
    ("黑胜(白超时)", BLACK_WON, 0),
    ("和棋", DRAWN, 0),
    ("和局", DRAWN, 0),
    ("平局", DRAWN, 0),
    ("无胜负", UNKNOWN, 0),
    ("胜方:黑", BLACK_WON, 0),
    ("黑胜 共201手", BLACK_WON, 0),
    ("黑中盘胜 2018-04-24", BLACK_WON, 0),
    ("黑胜2又1/2子", BLACK_WON, 5),
    ("黑＋３．５目", BLACK_WON, 3.5),
    ("白勝１目半", WHITE_WON, 1.5),
    ("黑不战胜", BLACK_WON, 0),
    ("白贏3.5目", WHITE_WON, 3.5),
    ("黑不计点胜", BLACK_WON, 0),
    ("白胜2¾子", WHITE_WON, 5.5),
    # Japanese
    ("黒中押し勝ち", BLACK_WON, 0),
    ("白半目勝ち", WHITE_WON, 0.5),
    ("黒2目半勝ち", BLACK_WON, 2.5),
    ("232手完、黒2目半勝ち", BLACK_WON, 2.5),
    ("197手完、黒中押し勝ち", BLACK_WON, 0),
    ("白時間切れ勝ち！", WHITE_WON, 0),
    ("黒時間切れ負け", WHITE_WON, 0),
    ("白投了", BLACK_WON, 0),
    ("黒番3目半勝", BLACK_WON, 3.5),
    ("黒5.5目勝！ >> 白(64):黒(76)", BLACK_WON, 5.5),
    ("持碁", DRAWN, 0),
    ("ジゴ", DRAWN, 0),
    ("両者負け", UNKNOWN, 0),
    ("無勝負", UNKNOWN, 0),
    ("白3目勝", WHITE_WON, 3),
    # Korean
    ("흑 불계승", BLACK_WON, 0),
    ("백불계승", WHITE_WON, 0),
    ("흑 1.5집 승", BLACK_WON, 1.5),
    ("백 반집승", WHITE_WON, 0.5),
    ("흑 3집반 승", BLACK_WON, 3.5),
    ("흑 시간승", BLACK_WON, 0),
    ("백 시간패", BLACK_WON, 0),
    ("흑 기권", WHITE_WON, 0),
    ("무승부", DRAWN, 0),
    ("빅", DRAWN, 0),
    ("대국 무효", UNKNOWN, 0),
    ("백 3호반승", WHITE_WON, 3.5),
    ("흑 3목반 승", BLACK_WON, 3.5),
    ("판빅", DRAWN, 0),
    ("持ち碁", DRAWN, 0),
    ("W+3zi", WHITE_WON, 6),
    ("White by 2 and a half points", WHITE_WON, 2.5),
    ("W-3.5", UNKNOWN, 0),
    ("B-R", UNKNOWN, 0),
    ("Black – 3.5", UNKNOWN, 0),
    # Thai, as CyberOro writes it; and no result at all
    ("ดำชนะด้วยแต้ม!7.5 >> ขาว(63):ดำ(77)", BLACK_WON, 7.5),
    ("hello", UNKNOWN, 0),
    ("3.5", UNKNOWN, 0),
    ("\x00\ufffd", UNKNOWN, 0),
]


@pytest.mark.parametrize(
    ("written", "winner", "margin"), TABLE, ids=[row[0] or "empty" for row in TABLE]
)
def test_results(written: str, winner: int, margin: float) -> None:
    assert outcome(written) == (winner, margin)


@pytest.mark.parametrize("ending", ["+R", "+3.5", " + Resign", "+T", "+"])
@pytest.mark.parametrize(
    ("sides", "winner"),
    [
        ("B b Black BLACK Blk black. 黑 黒 黑方 黑棋 黒番 흑 흑방 Ｂ", BLACK_WON),
        ("W w White WHITE Wht white. 白 白方 白棋 白番 백 백방 Ｗ", WHITE_WON),
    ],
)
def test_a_plus_says_that_the_side_before_it_won(sides: str, winner: int, ending: str) -> None:
    """Also before the word for losing that the ending may hold."""
    for side in sides.split():
        assert outcome(side + ending) == (winner, 3.5 if "3.5" in ending else 0), side


def test_numbers_of_chinese_rules_count_stones() -> None:
    assert outcome("W+1.25", stones=True) == (WHITE_WON, 2.5)
    assert outcome("B+0.50", stones=True) == (BLACK_WON, 1.0)
    assert outcome("B+3.5目", stones=True) == (BLACK_WON, 3.5)
    assert outcome("B+R", stones=True) == (BLACK_WON, 0)


def test_megabytes_of_anything_are_read_by_their_beginning() -> None:
    for piece in ("9", "黑", "一", "1/2", "B+1", " ", "零子", "分之", "(", "a. ", "胜负"):
        value = piece * 500_000
        assert outcome(value)[0] in (UNKNOWN, BLACK_WON, WHITE_WON, DRAWN)
        for read in (text.komi, text.rank, text.date, text.handicap):
            read(value)
