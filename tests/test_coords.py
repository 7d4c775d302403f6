"""Coordinates and symmetries: laws over the whole domain."""

import numpy as np
import pytest
from sgfmill import common

from gocnn.board import coords, symmetry


@pytest.mark.parametrize("size", [1, 2, 9, 13, 19])
def test_round_trips(size: int) -> None:
    for index in range(size * size + 1):
        assert coords.from_gtp(coords.to_gtp(index, size), size) == index
        assert coords.from_sgf(coords.to_sgf(index, size), size) == index
        assert coords.from_row_column(coords.to_row_column(index, size), size) == index


def test_the_table_of_the_docstring() -> None:
    for gtp, sgf, index, place in (
        ("A1", "as", 0, (0, 0)),
        ("T1", "ss", 18, (0, 18)),
        ("A19", "aa", 342, (18, 0)),
        ("T19", "sa", 360, (18, 18)),
    ):
        assert (
            coords.from_gtp(gtp) == coords.from_sgf(sgf) == coords.from_row_column(place) == index
        )
    assert coords.from_gtp("pass") == coords.from_sgf("") == coords.from_sgf("tt") == coords.PASS


def test_gtp_agrees_with_sgfmill() -> None:
    for index in range(361):
        assert coords.to_gtp(index) == common.format_vertex(divmod(index, 19))


@pytest.mark.parametrize(
    "vertex",
    ["I5", "A0", "A20", "U1", "", "5A", "A", "AA1", "A1x", "²", "A²", "-1", "A-1", "A 1 1"],
)
def test_bad_vertices(vertex: str) -> None:
    with pytest.raises(coords.BadVertex, match="not a point"):
        coords.from_gtp(vertex)


@pytest.mark.parametrize("value", ["t", "ta", "at", "AA", "abc", "a1", "é"])
def test_bad_sgf_points(value: str) -> None:
    with pytest.raises(coords.BadVertex):
        coords.from_sgf(value)


def test_symmetries_are_the_group_of_the_square() -> None:
    table = symmetry.table().astype(int)
    assert len({row.tobytes() for row in table}) == 8
    assert (table[:, 361] == 361).all()
    for s, row in enumerate(table):
        assert sorted(row) == list(range(362))
        assert (row[table[symmetry.INVERSE[s]]] == np.arange(362)).all()
        for other in table:
            assert any((row[other] == third).all() for third in table)


def test_symmetries_match_numpy_on_a_picture() -> None:
    board = np.arange(361).reshape(19, 19)
    quarter = symmetry.permutation(5)
    turned = np.empty(361, int)
    turned[quarter[:361]] = board.ravel()
    assert any((turned.reshape(19, 19) == np.rot90(board, k)).all() for k in (1, 3))
