"""Planes of what a move would do, and of what is settled, against sgfmill's board: every empty
point is played there, and looked at."""

from pathlib import Path

import numpy as np
import pytest
from sgfmill import boards

from gocnn.board import BLACK, WHITE, Board, symmetry
from gocnn.board.coords import from_gtp
from gocnn.features import planes
from gocnn.policy.suggestion import planes_of, recent_moves
from tests.conftest import main_line, play_randomly
from tests.slow_life import benson, neighbours

NEW = (
    "capture_size",
    "self_atari_size",
    "liberties_after",
    "eyes",
    "last_move",
    "many_liberties",
    "pass_alive",
    "black",
)
LETTER = {BLACK: "b", WHITE: "w"}


def named(board: Board, groups: tuple[str, ...] = NEW) -> dict[str, np.ndarray]:
    """Each group's planes, bool `(count, 361)`."""
    stack = planes_of(board, recent_moves(board), groups)[0].reshape(-1, 361).astype(bool)
    cuts = np.cumsum([planes.PLANES[name] for name in groups])[:-1]
    return dict(zip(groups, np.split(stack, cuts), strict=True))


def chain(board: boards.Board, point: tuple[int, int]) -> tuple[set, set]:
    """Stones and liberties of the chain at `point`, by flood fill."""
    colour, stones, liberties, todo = board.get(*point), {point}, set(), [point]
    while todo:
        for n in neighbours(*todo.pop(), 19):
            if board.get(*n) is None:
                liberties.add(n)
            elif board.get(*n) == colour and n not in stones:
                stones.add(n)
                todo.append(n)
    return stones, liberties


def one_hot(number: int, count: int, first: int = 1) -> list[bool]:
    """`count` flags, of which the one for `number` is set; the first is for `first`, the last for
    all that is more; none below `first`."""
    return [i == min(number - first, count - 1) for i in range(count)]


def is_true_eye(board: boards.Board, row: int, column: int, colour: str) -> bool:
    """The rule of playouts, with coordinates: three of four diagonals on the board's inside, all of
    fewer at its edge must not be the other's."""
    if board.get(row, column) is not None or any(
        board.get(*n) != colour for n in neighbours(row, column, 19)
    ):
        return False
    corners = [
        (row + i, column + j)
        for i in (-1, 1)
        for j in (-1, 1)
        if 0 <= row + i < 19 and 0 <= column + j < 19
    ]
    against = sum(board.get(*c) not in (None, colour) for c in corners)
    return against <= (1 if len(corners) == 4 else 0)


def check(board: Board) -> dict[str, int]:
    """Compare every new plane with sgfmill's board; returns how often each group was marked."""
    seen, me = named(board), board.to_play
    other = 3 - me
    stones = board.stones()
    twin = boards.Board(19)
    black, white = (
        [(int(r), int(c)) for r, c in np.argwhere(stones == colour)] for colour in (BLACK, WHITE)
    )
    assert twin.apply_setup(black, white, [])
    alive = [benson(stones, colour) for colour in (me, other)]
    theirs = int((stones == other).sum())
    for index in range(361):
        point = divmod(index, 19)
        captured = weak = free = 0
        if twin.get(*point) is None and index != board.ko():
            after = twin.copy()
            after.play(*point, LETTER[me])
            if after.get(*point) is not None:  # sgfmill plays suicide and takes it off
                captured = theirs - sum(
                    colour == LETTER[other] for colour, _ in after.list_occupied_points()
                )
                mine, liberties = chain(after, point)
                free = len(liberties)
                weak = len(mine) if free == 1 else 0
        assert list(seen["capture_size"][:, index]) == one_hot(captured, 4), (point, captured)
        assert list(seen["self_atari_size"][:, index]) == one_hot(weak, 4), (point, weak)
        assert list(seen["liberties_after"][:, index]) == one_hot(free, 4), (point, free)
        assert list(seen["eyes"][:, index]) == [
            is_true_eye(twin, *point, LETTER[colour]) for colour in (me, other)
        ], point
        many = [0, 0]
        if stones[point]:
            many[0 if stones[point] == me else 1] = len(chain(twin, point)[1])
        assert list(seen["many_liberties"][:, index]) == [
            *one_hot(many[0], 3, 5),
            *one_hot(many[1], 3, 5),
        ], point
        assert list(seen["pass_alive"][:, index]) == [point in area for area in alive], point
        ring = [False] * 6
        if board.moves and board.moves[-1][0] < 361 and board.moves[-1][0] != index:
            dx, dy = (
                abs(a - b) for a, b in zip(point, divmod(board.moves[-1][0], 19), strict=True)
            )
            distance = dx + dy + max(dx, dy)
            ring = [
                low < distance <= high
                for low, high in [(0, 3), (3, 6), (6, 9), (9, 14), (14, 22), (22, 99)]
            ]
            assert sum(ring) == 1
        assert list(seen["last_move"][:, index]) == ring, point
    assert seen["black"].all() if me == BLACK else not seen["black"].any()
    return {name: int(seen[name].sum()) for name in NEW}


def add(total: dict[str, int], more: dict[str, int]) -> dict[str, int]:
    return {name: total.get(name, 0) + count for name, count in more.items()}


def test_real_positions(sample_files: list[Path]) -> None:
    total: dict[str, int] = {}
    for number, path in enumerate(sample_files[:6]):
        board = Board()
        for ply, (index, colour) in enumerate(main_line(path.read_bytes())):
            board.play(index, colour)
            if ply % 60 == number:
                total = add(total, check(board))
                board.to_play = 3 - board.to_play  # and as the other side would see it
                total = add(total, check(board))
    assert min(total.values()) > 20, total


@pytest.mark.parametrize("moves", [150, 300, 700])
def test_random_positions(moves: int) -> None:
    """Full of long chains, big captures, chains in atari and eyes."""
    total: dict[str, int] = {}
    for seed in range(2):
        board = Board()
        for index, colour in play_randomly(seed, moves):
            board.play(index, colour)
        total = add(total, check(board))
    assert min(total[name] for name in NEW if name not in ("pass_alive", "eyes", "black")) > 0, (
        total
    )


def set_up(black: str, white: str, to_play: int = BLACK) -> Board:
    board = Board()
    board.set_up([from_gtp(v) for v in black.split()], [from_gtp(v) for v in white.split()])
    board.to_play = to_play
    return board


def marked(plane: np.ndarray) -> set[int]:
    return {int(i) for i in np.flatnonzero(plane)}


def points(text: str) -> set[int]:
    return {from_gtp(v) for v in text.split()}


def test_a_capture_of_several_chains_frees_the_chain() -> None:
    """Black at B1 captures one stone on its left and two on its right; its chain of five has those
    points for liberties then."""
    board = set_up("A2 B2 C2 D2 E1", "A1 C1 D1 A3 B3 C3 D3 E2")
    seen = named(board)
    assert marked(seen["capture_size"][2]) == points("B1")
    assert marked(seen["liberties_after"][2]) >= points("B1")  # A1, C1, D1
    check(board)


def test_a_capture_may_be_a_self_atari() -> None:
    """Black at A1 captures two stones in the corner and has one liberty then."""
    board = set_up("A4 B2 B3", "A2 A3 B1")
    seen = named(board)
    assert marked(seen["capture_size"][1]) == points("A1")
    assert marked(seen["self_atari_size"][0]) == points("A1")
    check(board)


def test_ko_and_suicide_are_no_moves() -> None:
    board = Board()
    for token in ["bB1", "bA2", "bB3", "wC1", "wC3", "wD2", "bC2", "wB2"]:
        board.play(from_gtp(token[1:]), BLACK if token[0] == "b" else WHITE)
    seen, ko = named(board), from_gtp("C2")
    assert board.to_play == BLACK
    assert not any(
        seen[name][:, ko].any() for name in ("capture_size", "self_atari_size", "liberties_after")
    )
    check(board)
    suicide = set_up("", "A2 B1")
    assert not any(
        named(suicide)[name][:, from_gtp("A1")].any()
        for name in ("capture_size", "self_atari_size", "liberties_after")
    )


def test_legal_moves_are_those_with_liberties(sample_files: list[Path]) -> None:
    board = Board()
    for index, colour in main_line(sample_files[3].read_bytes()):
        board.play(index, colour)
        seen = named(board, ("legal", "liberties_after", "capture_size", "self_atari_size"))
        assert (seen["liberties_after"].sum(0) == seen["legal"][0]).all()
        assert (seen["self_atari_size"].any(0) == seen["liberties_after"][0]).all()
        assert not (seen["capture_size"].any(0) & ~seen["legal"][0]).any()


def test_each_group_alone_equals_its_part_of_all(sample_files: list[Path]) -> None:
    board = Board()
    for index, colour in main_line(sample_files[5].read_bytes())[:180]:
        board.play(index, colour)
    together = named(board, tuple(planes.PLANES))
    for name in NEW:
        assert (named(board, (name,))[name] == together[name]).all()


def test_every_symmetry_turns_them(sample_files: list[Path]) -> None:
    board = Board()
    for index, colour in main_line(sample_files[2].read_bytes())[:201]:
        board.play(index, colour)
    stack = planes_of(board, recent_moves(board), NEW, symmetries=range(8)).reshape(8, -1, 361)
    for s in range(8):
        turned = np.empty_like(stack[0])
        turned[:, symmetry.permutation(s)[:361]] = stack[0]
        assert (turned == stack[s]).all()


def test_after_a_pass_no_move_is_near() -> None:
    board = Board()
    board.play(200)
    assert named(board)["last_move"].sum() == 360
    board.play(361)
    assert not named(board)["last_move"].any()
