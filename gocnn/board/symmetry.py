"""The eight symmetries of the board: one table, used for planes and for moves alike.

Symmetry `s` (0 to 7) sends the point `(row, column)` to a new one: bit 0 mirrors the columns, bit 1
mirrors the rows, and bit 2 then swaps row and column. 0 is the identity; 5 and 6 are quarter turns,
each the inverse of the other; every other one is its own inverse.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from gocnn.board.coords import SIZE

SYMMETRIES = 8
INVERSE = (0, 1, 2, 3, 4, 6, 5, 7)


@cache
def permutation(symmetry: int, size: int = SIZE) -> npt.NDArray[np.int16]:
    """int16 `(size * size + 1,)`: entry `i` is the flat index that point `i` goes to; a pass stays
    a pass. Shared: it cannot be written."""
    rows, columns = np.divmod(np.arange(size * size), size)
    if symmetry & 1:
        columns = size - 1 - columns
    if symmetry & 2:
        rows = size - 1 - rows
    if symmetry & 4:
        rows, columns = columns, rows
    result = np.append(rows * size + columns, size * size).astype(np.int16)
    result.setflags(write=False)
    return result


def keeping(*position: npt.NDArray[np.generic]) -> list[npt.NDArray[np.int16]]:
    """The permutations, without the identity, that leave a position as it is, which is given by
    what it has on each point, arrays `(361,)`."""
    return [
        moved
        for moved in (permutation(s) for s in range(1, SYMMETRIES))
        if all(np.array_equal(each[moved[:-1]], each) for each in position)
    ]


def images(*position: npt.NDArray[np.generic]) -> npt.NDArray[np.int16] | None:
    """int16 `(362,)`: for each move the smallest of those that are the same one by a symmetry of
    the position (see `keeping`); a pass is itself. None if no symmetry leaves it as it is, as is
    soon so in every game."""
    kept = keeping(*position)
    return np.min([permutation(0), *kept], axis=0).astype(np.int16) if kept else None


def table(size: int = SIZE) -> npt.NDArray[np.int16]:
    """int16 `(8, size * size + 1)`: all eight permutations. It cannot be written either, since
    kernels would be compiled once for arrays that can be and once for those that cannot."""
    result = np.stack([permutation(s, size) for s in range(SYMMETRIES)])
    result.setflags(write=False)
    return result
