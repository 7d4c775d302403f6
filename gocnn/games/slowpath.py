"""The careful path: one game read node by node, for what the fast path hands back as unusual. Same
result, same reasons."""

import numpy as np
import numpy.typing as npt

from gocnn.board import rules
from gocnn.board.coords import SIZE
from gocnn.games import nodes, scan
from gocnn.games.words import word_of


def read(
    raw: bytes,
    data: bytes,
    begin: int,
    end: int,
    *,
    state: rules.State,
    words: npt.NDArray[np.uint16],
    result: npt.NDArray[np.int64],
) -> tuple[dict[str, bytes], str]:
    """Read the game tree in `raw[begin:end]`, whose brackets are those of `data`
    (`gocnn.games.shield`); fills `words` and `result` as `scan.scan` does. Returns the first node's
    properties (first values, raw), and what there is to say of a game that cannot be used."""
    result[:] = 0
    rules.clear(state, SIZE)
    try:
        line = nodes.main_line(data, begin, end)
    except nodes.BadGrammar as error:
        result[scan.STATUS] = scan.BROKEN
        return {}, str(error)
    for status, found in (
        (scan.OTHER_GAME, nodes.other_game(raw, line)),
        (scan.OTHER_SIZE, nodes.other_size(raw, line)),
    ):
        if found:
            result[scan.STATUS] = status
            return {}, found
    detail = ""
    try:
        result[scan.STATUS] = _replay(raw, line, state, words, result)
    except nodes.OffBoard as error:
        result[scan.STATUS], detail = scan.OFF_BOARD, f"move {result[scan.DETAIL]}, {error}"
    except nodes.BadSetup as error:
        result[scan.STATUS], detail = scan.BAD_SETUP, str(error)
    return {name: values[0] for name, values in nodes.text_of(raw, line[0]).items()}, detail


def _replay(
    raw: bytes,
    line: list[nodes.Node],
    state: rules.State,
    words: npt.NDArray[np.uint16],
    result: npt.NDArray[np.int64],
) -> int:
    n_setup, n_moves, set_up = 0, 0, False
    for node in line:
        result[scan.DETAIL] = n_moves + 1
        change = nodes.change(raw, node)
        if change.setup:
            if n_moves:
                return scan.LATE_SETUP
            for colour, index in change.setup:
                rules.place(state, index, colour)
            set_up = True
        if change.to_play and not n_moves:
            result[scan.TO_PLAY] = change.to_play
        for colour, index in change.moves:
            result[scan.DETAIL] = n_moves + 1
            if set_up:
                if not rules.rebuild(state):
                    return scan.BAD_SETUP
                n_setup, set_up = int(scan._list_stones(state, words)), False
            if n_setup + n_moves >= scan.MAX_WORDS:
                return scan.TOO_LONG
            if rules.play_index(state, index, colour) != rules.LEGAL:
                return scan.ILLEGAL
            words[n_setup + n_moves] = word_of(index, colour)
            n_moves += 1
    if set_up:
        if not rules.rebuild(state):
            return scan.BAD_SETUP
        n_setup = int(scan._list_stones(state, words))
    result[scan.SETUP], result[scan.MOVES], result[scan.DETAIL] = n_setup, n_moves, 0
    return scan.GOOD if n_moves else scan.NO_MOVES
