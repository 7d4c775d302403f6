"""The careful path: one game read with sgfmill, for what the fast path hands back as unusual. Same result, same reasons."""

import numpy as np
import numpy.typing as npt
from sgfmill import sgf, sgf_grammar

from gocnn.board import rules
from gocnn.board.coords import PASS, SIZE, from_row_column
from gocnn.games import scan


def read(data: bytes, state: rules.State, words: npt.NDArray[np.uint16], result: npt.NDArray[np.int64]) -> dict[str, bytes]:
    """Read one game tree; fills `words` and `result` as `scan.scan` does and returns the root node's properties (first values, raw)."""
    result[:] = 0
    rules.clear(state, SIZE)
    try:
        coarse = sgf_grammar.parse_sgf_game(data)
        declared = coarse.sequence[0].get("CA", [b""])[0]
        # CA may name anything: the text is decoded later, by what it looks like, so here every byte may stand for itself.
        game = sgf.Sgf_game.from_coarse_game_tree(coarse, override_encoding="ISO-8859-1")
    except ValueError as error:
        result[scan.STATUS] = scan.OTHER_SIZE if "size" in str(error) or "SZ" in str(error) else scan.BROKEN
        return {}
    root = game.get_root()
    result[scan.STATUS] = _main_line(game, state, words, result)
    return {name: root.get_raw(name) for name in root.properties()} | {"CA": declared}


def _main_line(game: sgf.Sgf_game, state: rules.State, words: npt.NDArray[np.uint16], result: npt.NDArray[np.int64]) -> int:
    root = game.get_root()
    if game.get_size() != SIZE:
        return scan.OTHER_SIZE
    if root.has_property("GM") and root.get_raw("GM").strip() not in (b"1", b""):
        return scan.OTHER_GAME
    n_setup, n_moves, set_up = 0, 0, False
    for node in game.get_main_sequence():
        try:
            black, white, empty = node.get_setup_stones()
        except ValueError:
            return scan.BAD_SETUP
        if black or white or empty:
            if n_moves:
                return scan.LATE_SETUP
            for colour, points in ((1, black), (2, white), (0, empty)):
                for place in points:
                    rules.place(state, from_row_column(place), colour)
            set_up = True
        if node.has_property("PL") and not n_moves:
            value = node.get_raw("PL").strip().lower()[:1]
            result[scan.TO_PLAY] = {b"b": 1, b"1": 1, b"w": 2, b"2": 2}.get(value, 0)
        for name, colour in (("B", 1), ("W", 2)):
            if not node.has_property(name):
                continue
            result[scan.DETAIL] = n_moves + 1
            try:
                place = node.get(name)
            except ValueError:
                return scan.OFF_BOARD
            if set_up:
                if not rules.rebuild(state):
                    return scan.BAD_SETUP
                n_setup, set_up = int(scan._list_stones(state, words)), False
            if n_setup + n_moves >= scan.MAX_WORDS:
                return scan.TOO_LONG
            index = PASS if place is None else from_row_column(place)
            if rules.play_index(state, index, colour) != rules.LEGAL:
                return scan.ILLEGAL
            words[n_setup + n_moves] = index + (scan.WHITE_BIT if colour == 2 else 0)
            n_moves += 1
    if set_up:
        if not rules.rebuild(state):
            return scan.BAD_SETUP
        n_setup = int(scan._list_stones(state, words))
    result[scan.SETUP], result[scan.MOVES], result[scan.DETAIL] = n_setup, n_moves, 0
    return scan.GOOD if n_moves else scan.NO_MOVES
