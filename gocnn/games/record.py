"""What the store keeps of a game: one record of 56 bytes, its words, and its texts."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RECORD = np.dtype(
    [
        ("start", "<u8"),  # first word of the game: setup stones, then moves
        ("key", "<i8"),  # 63-bit hash of setup and moves, the same for a rotated or mirrored game
        ("setup", "<u2"),  # number of setup stones
        ("moves", "<u2"),  # number of moves, passes included
        ("winner", "u1"),  # 0 unknown, 1 black, 2 white, 3 drawn
        ("to_play", "u1"),  # what PL says: 0 nothing, 1 black, 2 white
        ("black_rank", "i1"),  # see gocnn.games.text.rank
        ("white_rank", "i1"),
        ("handicap", "u1"),
        ("flags", "u1"),  # see KOMI_STATED, OWN_PLAY
        # with OWN_PLAY: how many of the game's first moves people played; else 0, and people played
        # all of them
        ("reserved", "<u2"),
        ("date", "<u4"),  # yyyymmdd, 0 unknown
        ("komi", "<f4"),  # points, nan unknown: read it with komi_of
        ("margin", "<f4"),  # points, 0 if not counted
        ("black", "<u4"),  # the rest are numbers of texts in the same segment
        ("white", "<u4"),
        ("place", "<u4"),  # PC
        ("source", "<u4"),  # the file, folder or archive the game came from
    ],
    align=False,
)
assert RECORD.itemsize == 56

TEXTS = ("black", "white", "place", "source")

KOMI_STATED = 1
"""Bit of `flags`: the komi is what the record states. Stores made before there was this bit have 0
where no komi was stated."""

OWN_PLAY = 2
"""Bit of `flags`: from move `reserved` on a network chose the moves."""


def komi_of(records: npt.NDArray[np.void]) -> npt.NDArray[np.float32]:
    """float32 `(G,)`: the komi of each game in points, nan where it is not known, whichever version
    made the store."""
    komi = records["komi"]
    known = ((records["flags"] & KOMI_STATED) > 0) | (komi != 0)
    return np.where(known, komi, np.float32(np.nan)).astype(np.float32)


@dataclass(frozen=True)
class Note:
    """Something a reader had to decide about a game that was taken: what, in words that are the
    same for all such games, and the details."""

    what: str
    detail: str


@dataclass
class ReadGame:
    """One good game: its record (texts not yet numbered), its words (setup stones, then moves;
    uint16), its texts, its file and where it stands there (bytes), what had to be decided, and its
    rules as it names them (`RU`)."""

    record: npt.NDArray[np.void]
    words: npt.NDArray[np.uint16]
    black: str
    white: str
    place: str
    name: str
    span: tuple[int, int] = (0, 0)
    notes: tuple[Note, ...] = ()
    rules: str = ""
