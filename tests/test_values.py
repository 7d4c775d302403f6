"""Ranks, dates, komi and handicap as servers and people write them."""
# ruff: noqa: RUF001

import math

import pytest

from gocnn.games import text


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("9d", 9), ("9段", 9), ("P9段", 19), ("九段", 9), ("初段", 1), ("9p", 19), ("1 kyu", -1), ("30k", -30), ("7级", -7), ("", 0), ("?", 0), ("99d", 0),
        ("pro", 0), ("９段", 9), ("9 dan pro", 19), ("9dan professional", 19), ("Pro 9 dan", 19), ("9DP", 19), ("5段P", 15), ("7D*", 7), ("2k?", -2),
        ("9k*", -9), ("十级", -10), ("十一級", -11), ("18级", -18), ("3 gup", -3), ("アマ6段", 6), ("业余5段", 5), ("职业九段", 19), ("프로9단", 19),
        ("9단", 9), ("1급", -1), ("6-dan", 6), ("(4D)", 4), ("9P", 19), ("Gosei", 0), ("10d", 0), ("31k", 0), ("2400", 0), ("Lee 9p", 0),
    ],
)  # fmt: skip
def test_ranks(written: str, number: int) -> None:
    assert text.rank(written) == number
    if number:
        assert text.rank(text.rank_name(number)) == number


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("2011-05-03", 20110503), ("2011", 20110000), ("2011-05", 20110500), ("1996-05-06,07,08", 19960506), ("2011年5月3日", 20110503),
        ("May 2011", 20110500), ("0000-00-00", 0), ("2011-13-01", 0), ("20180424", 20180424), ("20170316 [09:37]", 20170316), ("3 May 2011", 20110503),
        ("May 3rd, 2011", 20110503), ("2016- 3-26-17-29-25", 20160326), ("2012年11月22日 下午 6:3", 20121122), ("平成23年5月3日", 20110503),
        ("昭和元年", 19260000), ("2019/03/08,22:09:00", 20190308), ("２０１１－０５－０３", 20110503), ("", 0), ("yesterday", 0), ("1846-07-21/25", 18460721),
    ],
)  # fmt: skip
def test_dates(written: str, number: int) -> None:
    assert text.date(written) == number


@pytest.mark.parametrize(
    ("written", "points"),
    [
        ("6.5", 6.5), ("6,5", 6.5), ("６.５", 6.5), ("0", 0), ("0.00", 0), ("-5.5", -5.5), ("−5.5", -5.5), ("+6.5", 6.5), ("650", 6.5), ("750", 7.5), ("550", 5.5),
        ("375", 7.5), ("3.75", 7.5), ("2.75", 5.5), ("325", 6.5), ("275", 5.5), ("225", 4.5), ("-375", -7.5), ("6目半", 6.5), ("3又3/4子", 7.5), ("3.75子", 7.5),
        ("黑贴3又3/4子", 7.5), ("贴6目半", 6.5), ("7½", 7.5), ("5 1/2", 5.5), ("6.5 points", 6.5), ("6집반", 6.5), ("コミ6目半", 6.5), ("七目半", 7.5), ("none", 0),
        ("コミなし", 0), ("150", 150), ("-150", -150), ("50", 50), ("0.5", 0.5), ("7.50", 7.5), ("半目", 0.5), ("倒贴5目半", -5.5), ("2子", 4),
        ("", None), ("abc", None), ("151", None), ("-151", None), ("99999", None), ("1e9", None), ("1e3", None), ("nan", None), ("inf", None), ("9" * 400, None),
        ("1000", None), ("200", None), ("6.5.5", None), ("0x10", None),
    ],
)  # fmt: skip
def test_komi(written: str, points: float | None) -> None:
    value = text.komi(written)
    assert math.isnan(value) if points is None else value == points


def test_komi_of_fox_is_written_in_hundredths() -> None:
    written = {"0": 0, "50": 0.5, "375": 7.5, "325": 6.5, "275": 5.5, "225": 4.5, "450": 4.5, "550": 5.5, "650": 6.5, "750": 7.5, "700": 7, "100": 1, "3.75": 7.5,
               "6.5": 6.5, "0.5": 0.5, "7": 7, "-650": -6.5}  # fmt: skip
    assert {k: text.komi(k, fox=True) for k in written} == written


def test_handicap() -> None:
    assert [text.handicap(h) for h in ("2", " 9 ", "09", "0", "", "x", "-2", "2.5", "100", "２", "²")] == [2, 9, 9, 0, 0, 0, 0, 0, 0, 2, 2]
