"""The fast path: one game of SGF bytes to moves, compiled.

`scan` walks the main line of one game tree (the first child at each branch) and checks every move
by the rules. It reads what nearly all files consist of; anything unusual (compressed point lists,
white space inside a point, two moves in one node, old lower-case property names, variations) it
hands back as UNUSUAL, and `gocnn.games.slowpath` reads that game node by node. Both give the same
result (a test compares them, and sgfmill, on real and on mutated games). Grammar: SGF FF[4],
https://www.red-bean.com/sgf/sgf4.html
"""

import numpy as np
import numpy.typing as npt

from gocnn._jit import inlined, jit
from gocnn.board import rules
from gocnn.board.coords import PASS, SIZE
from gocnn.games.words import index_of, white_bit, word_of

Bytes = npt.NDArray[np.uint8]

# What became of a game. The order is that of REASONS in gocnn.games.reader.
(
    GOOD,
    BROKEN,
    OTHER_SIZE,
    OTHER_GAME,
    NO_MOVES,
    ILLEGAL,
    LATE_SETUP,
    BAD_SETUP,
    OFF_BOARD,
    TOO_LONG,
    UNUSUAL,
) = range(11)

MAX_WORDS = 2048
"""Most setup stones and moves a game may have; the longest real games have about 500 moves."""

# Entries of the int64 result array.
STATUS, END, SETUP, MOVES, TO_PLAY, PROPERTIES, DETAIL, RESULTS = 0, 1, 2, 3, 4, 5, 6, 7
MAX_PROPERTIES = 64

_SPACE, _OPEN, _CLOSE, _SEMICOLON, _LEFT, _RIGHT, _BACKSLASH, _COLON = (
    32,
    40,
    41,
    59,
    91,
    93,
    92,
    58,
)
_B, _W, _AB, _AW, _AE, _PL, _SZ, _GM = 0x42, 0x57, 0x4142, 0x4157, 0x4145, 0x504C, 0x535A, 0x474D


def property_code(name: str) -> int:
    """The number `scan` gives to a property name: its letters as base-256 digits."""
    return int.from_bytes(name.encode("ascii"), "big")


@jit
def game_start(data: Bytes, begin: int) -> int:
    """Where the next game tree opens at or after `begin`: `(`, white space, then `;` or one or two
    capitals and `[` (some servers leave the first `;` out); -1 if none does."""
    n = len(data)
    i = begin
    while i < n:
        if data[i] == _OPEN:
            j = i + 1
            while j < n and data[j] <= _SPACE:
                j += 1
            if j < n and data[j] == _SEMICOLON:
                return i
            name = j
            while j < n and j < name + 2 and 65 <= data[j] <= 90:
                j += 1
            if j > name and j < n and data[j] == _LEFT:
                return i
        i += 1
    return -1


@jit
def game_end(data: Bytes, begin: int) -> int:
    """One past the bracket that closes the game tree opened at `begin`; -1 if the data end
    first."""
    depth = 0
    i = begin
    n = len(data)
    while i < n:
        c = data[i]
        if c == _LEFT:
            i += 1
            while i < n and data[i] != _RIGHT:
                i += 2 if data[i] == _BACKSLASH else 1
        elif c == _OPEN:
            depth += 1
        elif c == _CLOSE:
            depth -= 1
            if depth == 0:
                return i + 1
        i += 1
    return -1


@inlined
def _point(data: Bytes, start: int, stop: int) -> int:
    """Flat index of an SGF point on 19x19, PASS for empty or tt, -1 if off the board, -2 if
    unusual."""
    if stop == start:
        return PASS
    if stop - start != 2:
        return -2
    column, row = int(data[start]) - 97, int(data[start + 1]) - 97
    if column == SIZE and row == SIZE:
        return PASS
    if 0 <= column < SIZE and 0 <= row < SIZE:
        return (SIZE - 1 - row) * SIZE + column
    return -1 if 0 <= column < 26 and 0 <= row < 26 else -2


@jit
def scan(
    data: Bytes,
    begin: int,
    end: int,
    state: rules.State,
    words: npt.NDArray[np.uint16],
    properties: npt.NDArray[np.int64],
    result: npt.NDArray[np.int64],
) -> None:
    """Read the game tree in `data[begin:end]` (as `game_end` bounds it), replaying it on `state`.

    words: uint16 `(MAX_WORDS,)`, filled with setup stones, then moves; properties: int64
    `(MAX_PROPERTIES, 3)`, filled with (code, start, stop) of the root node's first values; result:
    int64 `(RESULTS,)`: STATUS, counts SETUP, MOVES, PROPERTIES (0 if the status is an error), the
    side to play first (TO_PLAY, 0 if no PL says), and for an illegal or impossible move its number
    in DETAIL.
    """
    rules.clear(state, SIZE)
    result[:] = 0
    status = _read_tree(data, begin, end, state, words, properties, result)
    result[STATUS] = status
    if status != GOOD and status != NO_MOVES:
        result[PROPERTIES] = 0


@jit
def _read_tree(
    data: Bytes,
    begin: int,
    end: int,
    state: rules.State,
    words: npt.NDArray[np.uint16],
    properties: npt.NDArray[np.int64],
    result: npt.NDArray[np.int64],
) -> int:
    """The status of the game; arguments as for `scan`."""
    n_setup, n_moves = 0, 0
    nodes, opened, moved_here, set_up = 0, True, False, False
    i = begin
    while i < end and data[i] != _CLOSE:
        c = data[i]
        if c <= _SPACE or c == _OPEN or c == _SEMICOLON:
            if c == _OPEN:
                opened = True
            elif c == _SEMICOLON:
                nodes += 1
                moved_here, opened = False, False
            i += 1
            continue
        code, i = _name(data, i, end)
        if opened or code < 0:
            return UNUSUAL
        first = True
        while i < end and data[i] == _LEFT:
            start = i + 1
            stop = _value_end(data, start, end)
            i = _skip_space(data, stop + 1, end)
            status = GOOD
            if code == _B or code == _W:
                point = _point(data, start, stop)
                if moved_here or not first or point == -2:
                    return UNUSUAL
                moved_here = True
                if point == -1:
                    result[DETAIL] = n_moves + 1
                    return OFF_BOARD
                if set_up:
                    n_setup, set_up = _count_stones(state, words), False
                if n_setup < 0 or n_setup + n_moves >= MAX_WORDS:
                    return BAD_SETUP if n_setup < 0 else TOO_LONG
                colour = 1 if code == _B else 2
                if rules.play_index(state, point, colour) != rules.LEGAL:
                    result[DETAIL] = n_moves + 1
                    return ILLEGAL
                words[n_setup + n_moves] = word_of(point, colour)
                n_moves += 1
            elif code == _AB or code == _AW or code == _AE:
                if moved_here:
                    return UNUSUAL
                status = _stone(data, start, stop, code, state, n_moves)
                set_up = True
            elif code == _PL and not n_moves:
                status = _side(data, start, stop, result)
            elif code == _SZ and not (
                stop == start + 2 and data[start] == 49 and data[start + 1] == 57
            ):
                return UNUSUAL
            elif nodes == 1:
                status = _root_property(data, start, stop, code, first, properties, result)
            if status != GOOD:
                return status
            first = False
    # other variations: their grammar counts as well, so they are for the careful path
    while i < end:
        if data[i] > _SPACE and data[i] != _CLOSE:
            return UNUSUAL
        i += 1
    if set_up:
        n_setup = _count_stones(state, words)
        if n_setup < 0:
            return BAD_SETUP
    result[SETUP], result[MOVES] = n_setup, n_moves
    return GOOD if n_moves else NO_MOVES


@inlined
def _skip_space(data: Bytes, i: int, end: int) -> int:
    """Where the next byte stands, from `i` on, that is no white space; `end` if none does."""
    while i < end and data[i] <= _SPACE:
        i += 1
    return i


@inlined
def _name(data: Bytes, i: int, end: int) -> tuple[int, int]:
    """The property named at `i`, as `property_code` has it, and where the bracket of its first
    value stands; the code -1 if that is unusual."""
    code = 0
    while i < end and 65 <= data[i] <= 90:
        # a scalar of 8 bits would drop the letters before, where this runs as plain Python
        code = (code << 8) | int(data[i])
        i += 1
    named = 0 < code < 1 << 40
    i = _skip_space(data, i, end)
    return (code if named and i < end and data[i] == _LEFT else -1), i


@inlined
def _value_end(data: Bytes, i: int, end: int) -> int:
    """Where the bracket stands that ends the value begun before `i`; from `end` on if none does."""
    while i < end and data[i] != _RIGHT:
        i += 2 if data[i] == _BACKSLASH else 1
    return i


@jit
def _stone(data: Bytes, start: int, stop: int, code: int, state: rules.State, n_moves: int) -> int:
    """Set up a stone, or take one away."""
    point = _point(data, start, stop)
    if point < 0 or point == PASS:
        return UNUSUAL
    if n_moves:
        return LATE_SETUP
    rules.place(state, point, 1 if code == _AB else (2 if code == _AW else 0))
    return GOOD


@jit
def _side(data: Bytes, start: int, stop: int, result: npt.NDArray[np.int64]) -> int:
    """Note which side plays first."""
    if stop == start + 1 and (data[start] == _B or data[start] == _W):
        result[TO_PLAY] = 1 if data[start] == _B else 2
    elif stop > start:
        return UNUSUAL
    return GOOD


@jit
def _root_property(
    data: Bytes,
    start: int,
    stop: int,
    code: int,
    first: bool,
    properties: npt.NDArray[np.int64],
    result: npt.NDArray[np.int64],
) -> int:
    """Note where a property's first value stands; a game of another kind than Go is unusual, and so
    are more properties than are noted."""
    if code == _GM and not (stop == start + 1 and data[start] == 49):
        return UNUSUAL
    n = result[PROPERTIES]
    if first:
        if n == MAX_PROPERTIES:
            return UNUSUAL
        properties[n, 0], properties[n, 1], properties[n, 2] = code, start, stop
        result[PROPERTIES] += 1
    return GOOD


@jit
def _count_stones(state: rules.State, words: npt.NDArray[np.uint16]) -> int:
    """Write down the stones that were set up; how many they are, -1 if they cannot stand so."""
    return _list_stones(state, words) if rules.rebuild(state) else -1


@jit
def _list_stones(state: rules.State, words: npt.NDArray[np.uint16]) -> int:
    """Write the stones on the board as setup words; returns how many."""
    n = 0
    for index in range(SIZE * SIZE):
        c = state[rules.COLOUR, rules.field_point(index, SIZE)]
        if c:
            words[n] = word_of(index, c)
            n += 1
    return n


@jit
def game_key(
    words: npt.NDArray[np.uint16], n_setup: int, n_moves: int, permutations: npt.NDArray[np.int16]
) -> int:
    """A 63-bit number that is the same for the same game, also when rotated or mirrored: the least
    of eight hashes (FNV-1a, 64 bits).

    Setup stones are hashed as a set (they have no order), moves in order.
    """
    best = np.uint64(0xFFFFFFFFFFFFFFFF)
    for s in range(8):
        h = np.uint64(0xCBF29CE484222325)
        stones = np.uint64(0)
        for i in range(n_setup):
            w = words[i]
            v = np.uint64(permutations[s, index_of(w)] + white_bit(w) + 1) * np.uint64(
                0x9E3779B97F4A7C15
            )
            stones += v ^ (v >> np.uint64(29))
        h = (h ^ stones) * np.uint64(0x100000001B3)
        for i in range(n_setup, n_setup + n_moves):
            w = words[i]
            h = (h ^ np.uint64(permutations[s, index_of(w)] + white_bit(w) + 1)) * np.uint64(
                0x100000001B3
            )
        h ^= h >> np.uint64(32)
        h *= np.uint64(0xD6E8FEB86659FD93)
        h ^= h >> np.uint64(32)
        best = min(best, h)
    return int(best >> np.uint64(1))
