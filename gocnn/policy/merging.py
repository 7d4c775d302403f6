"""A board as pooling leaves it: squares of two by two points merged into one. Nothing here needs
torch."""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from gocnn.board.coords import SIZE

Merging = Literal["none", "max", "min", "mean", "every-second"]
MERGINGS: tuple[Merging, ...] = get_args(Merging)

MERGED = (SIZE + 1) // 2
"""The side of a merged board: 19 is odd, so that the last row and column are repeated."""

Floats = npt.NDArray[np.float32]


def merged(maps: npt.ArrayLike, merging: Merging) -> Floats:
    """Maps `(..., 19, 19)`, pooled by 2 (by maximum, minimum or mean; or every second row and
    column of them): float32 `(..., 10, 10)`; as they are for `none`. Raises ValueError for another
    name."""
    values = np.asarray(maps, np.float32)
    if merging == "none":
        return values
    if merging == "every-second":
        return np.ascontiguousarray(values[..., ::2, ::2])
    if merging not in MERGINGS:
        raise ValueError(f"merging must be one of {', '.join(MERGINGS)}, not {merging!r}")
    edge = [(0, 0)] * (values.ndim - 2) + [(0, 2 * MERGED - SIZE)] * 2
    padded = np.pad(values, edge, mode="edge")
    squares = padded.reshape(*values.shape[:-2], MERGED, 2, MERGED, 2)
    if merging == "max":
        result: Floats = squares.max((-3, -1))
    elif merging == "min":
        result = squares.min((-3, -1))
    else:
        result = squares.mean((-3, -1), dtype=np.float32)
    return result


def together(point: int) -> list[int]:
    """The points of the board that fall into the same merged one as this one, itself among them:
    flat indices."""
    row, column = divmod(point, SIZE)
    rows = range(row // 2 * 2, min(row // 2 * 2 + 2, SIZE))
    columns = range(column // 2 * 2, min(column // 2 * 2 + 2, SIZE))
    return [r * SIZE + c for r in rows for c in columns]
