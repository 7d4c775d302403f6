"""The layout of a stored word: stores written long ago have it, so it is written out here."""

import numpy as np
import pytest

from gocnn._jit import jit
from gocnn.games import labels, words

LAYOUT = [(0, 1, 0), (360, 1, 360), (361, 1, 361), (0, 2, 512), (72, 2, 584), (361, 2, 873)]
"""Flat index, colour, the word."""


@jit
def _again(given: np.ndarray) -> np.ndarray:
    """Each word taken apart and put together, compiled."""
    found = np.empty_like(given)
    for i in range(len(given)):
        word = given[i]
        found[i] = words.word_of(words.index_of(word), words.colour_of(word))
    return found


@pytest.mark.parametrize(("index", "colour", "word"), LAYOUT)
def test_a_word_is_index_and_colour(index: int, colour: int, word: int) -> None:
    assert words.word_of(index, colour) == word
    assert (words.index_of(word), words.colour_of(word)) == (index, colour)
    assert words.white_bit(word) == (512 if colour == 2 else 0)


def test_arrays_and_kernels_read_words_alike() -> None:
    given = np.array([word for *_, word in LAYOUT], np.uint16)
    assert words.decode(given) == [(index, colour) for index, colour, _ in LAYOUT]
    assert words.stones_of(given) == ([0, 360, 361], [0, 72, 361])
    assert words.is_white(given).tolist() == [colour == 2 for _, colour, _ in LAYOUT]
    assert words.index_of(given).dtype == np.uint16
    assert _again(given).tolist() == given.tolist()


def test_one_point_of_a_label_is_what_unpacking_says() -> None:
    owner = np.random.default_rng(0).integers(0, 4, (2, 361)).astype(np.int8)
    packed = labels.pack(owner).ravel()
    for game in range(2):
        found = [labels.owner_of(packed, game * labels.LABEL_WORDS, point) for point in range(361)]
        assert found == owner[game].tolist()
