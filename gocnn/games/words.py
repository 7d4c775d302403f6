"""A stored word: one move, or one setup stone, in 16 bits. All who read or write one do it here.

    bits 0 to 8   the flat index of the point, 361 for a pass (`gocnn.board.coords`)
    bit 9         set for white
    bits 10 to 15 zero

Kernels and numpy use the same functions: a kernel compiles them into itself, everywhere else they
are plain Python.
"""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from gocnn._jit import inlined
from gocnn.board.coords import BLACK, WHITE

INDEX_BITS = 511
"""The bits of a word that are its flat index."""

WHITE_BIT = 512
"""The bit of a word that says white."""

Word = TypeVar("Word", int, np.uint16, npt.NDArray[np.uint16])


@inlined
def index_of(word: Word) -> Word:
    """The flat index in a word or in each word of an array, 0 to 361, in the words' own dtype."""
    return word & INDEX_BITS  # type: ignore[return-value]


@inlined
def white_bit(word: Word) -> Word:
    """WHITE_BIT where a word, or each word of an array, is white's, otherwise 0."""
    return word & WHITE_BIT  # type: ignore[return-value]


@inlined
def colour_of(word: int) -> int:
    """The colour in one word: 1 black, 2 white."""
    return WHITE if word & WHITE_BIT else BLACK


@inlined
def word_of(index: int, colour: int) -> int:
    """The word of a move or a stone: `index` 0 to 361, `colour` 1 or 2."""
    return index | (WHITE_BIT if colour == WHITE else 0)


def is_white(words: npt.NDArray[np.uint16]) -> npt.NDArray[np.bool_]:
    """bool, of the words' shape: whether each is white's."""
    return (words & WHITE_BIT) > 0


def decode(words: npt.NDArray[np.uint16]) -> list[tuple[int, int]]:
    """The words as `(flat index, colour)`, in order."""
    return [(index_of(word), colour_of(word)) for word in words.tolist()]


def stones_of(words: npt.NDArray[np.uint16]) -> tuple[list[int], list[int]]:
    """The words as the flat indices of black's and of white's stones."""
    white = is_white(words)
    return index_of(words[~white]).tolist(), index_of(words[white]).tolist()
