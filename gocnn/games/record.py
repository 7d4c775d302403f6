"""What the store keeps of a game: one record of 56 bytes, its words, and its texts."""

import numpy as np

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
        ("flags", "u1"),
        ("reserved", "<u2"),
        ("date", "<u4"),  # yyyymmdd, 0 unknown
        ("komi", "<f4"),  # points
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
