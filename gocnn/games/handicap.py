"""Handicap stones that a record states and leaves out.

The Fox server's exports up to 2019 have some games (1 in 80 of professionals') with `HA[n]`, no
`AB` and White to move first: the stones stood on the board, and many moves are illegal without
them. Where they stood is known from the same server's games that do list them (5,500 with `AB`, one
order and no exception), and for records up to 2015 from the moves: all 15 games of six and seven
stones of those years replay with the middle stones at top and bottom, all 19 from 2018 on with them
at left and right, and no move of either kind falls on a stone.
"""

import re
from collections.abc import Sequence

from gocnn.board.coords import BLACK, PASS, WHITE

MOST = 30
"""More black stones than that, and no white ones, are a position, not a handicap."""

_CORNERS = ("pd", "dp", "dd", "pp")
_SIDES, _TOP_AND_BOTTOM, _CENTRE = ("dj", "pj"), ("jd", "jp"), ("jj",)

PLACES: dict[int, tuple[str, ...]] = {
    **{n: _CORNERS[:n] for n in (2, 3, 4)},
    5: _CORNERS + _CENTRE,
    6: _CORNERS + _SIDES,
    7: _CORNERS + _SIDES + _CENTRE,
    8: _CORNERS + _SIDES + _TOP_AND_BOTTOM,
    9: _CORNERS + _SIDES + _TOP_AND_BOTTOM + _CENTRE,
}
"""SGF points on 19x19: the order of Fox, Tygem and CyberOro, and of GTP's fixed handicaps."""

EARLIER_PLACES = PLACES | {6: _CORNERS + _TOP_AND_BOTTOM, 7: _CORNERS + _TOP_AND_BOTTOM + _CENTRE}
"""As Fox had them in records of 2013 to 2015."""

LAST_EARLIER, FIRST_LATER = 20151231, 20180101

_STATED = re.compile(rb"HA\s*\[\s*0*([1-9]\d?)\s*\]")
_ROOT = re.compile(rb"\([\x00-\x20]*;?")
_HEAD = 4096


def stated(record: bytes) -> int:
    """The number in a record's `HA`, read from its bytes; 0 if there is none near its beginning."""
    match = _STATED.search(record[:_HEAD])
    return int(match[1]) if match else 0


def counted(black: int, white: int, moves: Sequence[tuple[int, int]]) -> int:
    """How many handicap stones a game has that does not say it, 0 or 2 to MOST: the black stones it
    begins with, if there are no white ones, and black's moves before white's first (passes aside),
    since some programs play handicap stones.

    black, white: how many stones stand before the first move; moves: flat index and colour of each.
    """
    played = 0
    for ply, (index, colour) in enumerate(moves):
        if colour == BLACK:
            played += index != PASS
            continue
        # a position is being set up by moves
        if ply + 1 < len(moves) and moves[ply + 1][1] == WHITE:
            played = 0
            break
        if index != PASS:
            break
    count = 0 if white else black + played
    return count if 1 < count <= MOST else 0


def candidates(number: int, date: int = 0) -> list[tuple[str, ...]]:
    """Where `number` stones may have stood in a game of that date (yyyymmdd, 0 unknown): none, one,
    or two sets of points."""
    if number not in PLACES:
        return []
    if date >= FIRST_LATER:
        return [PLACES[number]]
    if 0 < date <= LAST_EARLIER:
        return [EARLIER_PLACES[number]]
    return list(dict.fromkeys((PLACES[number], EARLIER_PLACES[number])))


def with_stones(record: bytes, points: tuple[str, ...]) -> bytes:
    """The record with these black stones in its root node."""
    begin = _ROOT.match(record)
    root = begin.end() if begin else 0
    return (
        record[:root]
        + b"AB"
        + b"".join(b"[%s]" % point.encode() for point in points)
        + record[root:]
    )
