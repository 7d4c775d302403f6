"""What a record's properties mean: the numbers and names of a game, out of the texts in its root
node."""

import math
import re
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from gocnn.board.coords import BLACK, PASS, WHITE
from gocnn.games import results, text
from gocnn.games.handicap import MOST, counted
from gocnn.games.record import KOMI_STATED, RECORD, Note
from gocnn.games.words import decode, is_white

KEPT = ("PB", "PW", "BR", "WR", "RE", "DT", "RD", "KM", "KO", "HA", "PC", "RU", "AP")
"""The properties whose texts are read."""

ODD_KOMI = "komi that cannot be one, left unknown"
ODD_HANDICAP = "handicap stated in an even game, not believed"
STONES_ADDED = "handicap stones put where the server puts them"
PLAYED_STONES = "Black's first moves taken for handicap stones"
OTHER_STONES = "another number of handicap stones stated than placed, the position taken as it is"

_FOX = re.compile(rb"AP\s*\[\s*fox", re.IGNORECASE)
_HEAD = 4096


def is_fox(raw: bytes, texts: Mapping[str, str]) -> bool:
    """Whether the Fox server exported this record (its bytes; the texts of its root).

    It signs `AP[foxwq]`, in earlier exports after, or instead of, `AP[GNU Go:3.8]`; GNU Go itself
    writes komi with a decimal point, Fox never does.
    """
    if _FOX.search(raw[:_HEAD]):
        return True
    return (
        texts.get("AP", "").startswith("GNU Go")
        and re.fullmatch(r"\d+", texts.get("KM", "")) is not None
    )


def other_program(raw: bytes, texts: Mapping[str, str]) -> bool:
    """Whether the record names a program that wrote it, and it is not Fox."""
    return bool(texts.get("AP", "")) and not is_fox(raw, texts)


def komi(texts: Mapping[str, str], fox: bool) -> tuple[float, Note | None]:
    """Komi in points, nan if it is not known; and a note if something is written that cannot be it.

    Sina's old exports have it in `KO`. Fox writes 0 in even games for which it kept no komi: all of
    1,365 such games with a counted result were won by whole points and a half, all of 323 with
    handicap stones or `HA[1]` by whole points.
    """
    written = texts.get("KM") or texts.get("KO", "")
    value = text.komi(written, fox)
    if fox and value == 0 and text.handicap(texts.get("HA", "")) == 0:
        return text.UNKNOWN_KOMI, None
    if math.isnan(value) and written.strip() and "KM" in texts:
        return value, Note(ODD_KOMI, f"KM[{written[:20]}]")
    return value, None


def handicap(
    texts: Mapping[str, str], words: npt.NDArray[np.uint16], n_setup: int
) -> tuple[int, Note | None]:
    """The number of handicap stones, 0 or at least 2; and a note if the record states some and
    none, or another number, were placed, or if it states none and Black begins with several moves.

    Stones may be set up, or be Black's first moves (between which White may pass).
    """
    stated = text.handicap(texts.get("HA", ""))
    if stated < 2 and not n_setup and (played := _played(words)):
        return played, Note(PLAYED_STONES, f"{played} of them, and no HA that says so")
    only_black = not is_white(words[:n_setup]).any()
    if n_setup or stated < 2 or len(words) == 0:
        placed = n_setup if only_black and 1 < n_setup <= MOST else 0
        stones = max(stated if stated > 1 else 0, placed)
        if stated > 1 and only_black and n_setup not in (0, stated):
            return stones, Note(OTHER_STONES, f"HA[{stated}], but {_stones(n_setup)} set up")
        return stones, None
    placed = 0
    for index, colour in decode(words):
        if colour == WHITE and index != PASS:
            break
        placed += colour == BLACK and index != PASS
    if placed > 1:
        few = Note(OTHER_STONES, f"HA[{stated}], but Black places {placed}")
        return min(placed, stated), few if placed < stated else None
    return 0, Note(
        ODD_HANDICAP,
        f"HA[{stated}], but no stones, and Black and White move in turn from the first move",
    )


def _played(words: npt.NDArray[np.uint16]) -> int:
    """How many handicap stones the moves begin with, 0 or at least 2."""
    first = decode(words[:2])
    if len(first) < 2 or first[0][1] == WHITE or (first[1][1] == WHITE and first[1][0] != PASS):
        return 0  # as nearly all games begin: there is no need to read on
    # each stone may have a pass beside it
    return counted(0, 0, decode(words[: 2 * MOST + 4]))


def _stones(count: int) -> str:
    return f"{count} stone{' is' if count == 1 else 's are'}"


def read_properties(
    raw: bytes, texts: Mapping[str, str], words: npt.NDArray[np.uint16], n_setup: int, to_play: int
) -> tuple[npt.NDArray[np.void], list[Note]]:
    """The record of a game (a 0-d array of RECORD; start, key and text numbers are left 0) and what
    had to be decided.

    raw: the game's bytes; texts: the decoded properties of its root (KEPT); words: its setup stones
    and moves; to_play: what PL says, or 0.
    """
    record = np.zeros((), RECORD)
    fox = is_fox(raw, texts)
    record["setup"], record["moves"], record["to_play"] = n_setup, len(words) - n_setup, to_play
    record["winner"], record["margin"] = results.outcome(
        texts.get("RE", ""), stones=fox and text.rules(texts.get("RU", "")) == "chinese"
    )
    record["black_rank"] = text.rank(texts.get("BR", ""))
    record["white_rank"] = text.rank(texts.get("WR", ""))
    record["date"] = text.date(texts.get("DT") or texts.get("RD", ""))
    record["komi"], odd_komi = komi(texts, fox)
    record["flags"] = 0 if np.isnan(record["komi"]) else KOMI_STATED
    record["handicap"], odd_handicap = handicap(texts, words, n_setup)
    return record, [note for note in (odd_komi, odd_handicap) if note]
