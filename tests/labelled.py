"""Stores of toy games whose labels are known."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from gocnn.board import Board
from gocnn.games import labels, sources, store_writer
from gocnn.games.reader import chunks
from gocnn.games.record import OWN_PLAY
from gocnn.games.store import Store
from tests.conftest import sgf_text


def split_board(seed: int, moves: int = 60) -> tuple[list[tuple[int, int]], npt.NDArray[np.int8]]:
    """A game in which black plays on the upper rows and white on the lower ones, as far as they are
    in the same half: and who owns what, as a label has it. Who has more, and by how much, depends
    on the seed."""
    rng = np.random.default_rng(seed)
    border = int(rng.integers(6, 13))
    board = Board()
    for _ in range(moves):
        legal = np.flatnonzero(board.legal()[:361])
        upper = legal // 19 < border
        mine = legal[upper if board.to_play == 1 else ~upper]
        board.play(int(rng.choice(mine)))
    owner = np.where(np.arange(361) // 19 < border, labels.BLACK_OWNS, labels.WHITE_OWNS).astype(
        np.int8
    )
    return board.moves, owner


def toy_store(
    path: Path, people: int, own: int, moves: int = 60, first: int = 0, labelled: bool = True
) -> Path:
    """`people` games and `own` that a network played, all like those of `split_board`, with their
    labels."""
    made = path.parent / f"{path.stem}-records"
    made.mkdir()
    owners = []
    for i in range(people + own):
        line, owner = split_board(first + i, moves)
        (made / f"{i:04}.sgf").write_bytes(
            sgf_text(
                line, f"KM[6.5]RE[{'B' if (owner == labels.BLACK_OWNS).sum() > 183 else 'W'}+R]"
            )
            + b")"
        )
        owners.append(owner)
    (part,) = (chunk for unit in sources.find_units([str(made)]) for chunk in chunks(unit))
    assert len(part.records) == people + own
    part.records["flags"][people:] |= OWN_PLAY
    store_writer.write(path, iter([part]))
    if labelled:
        store_writer.add_labels(
            path,
            np.arange(people + own),
            [labels.COUNTED] * people + [labels.SELF_PLAY] * own,
            labels.pack(np.stack(owners)),
            "{}",
        )
    return path


def random_labels(path: Path, seed: int) -> npt.NDArray[np.int8]:
    """Label every game of the store anew, at random, and return what was written, int8 `(G,
    361)`."""
    owner = np.random.default_rng(seed).integers(0, 4, (len(Store(path)), 361)).astype(np.int8)
    store_writer.add_labels(path, np.arange(len(owner)), labels.COUNTED, labels.pack(owner), "{}")
    return owner
