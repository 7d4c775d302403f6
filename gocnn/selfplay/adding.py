"""What labelling adds to a store, a chunk at a time: only behind what is there, so that whoever
reads the store meanwhile is not disturbed."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gocnn.board.coords import POINTS
from gocnn.errors import UserError
from gocnn.games import labels
from gocnn.games.reader import Chunk
from gocnn.games.store import Store
from gocnn.games.store_writer import appending, write, writing
from gocnn.locks import locked
from gocnn.selfplay import own
from gocnn.selfplay.boards import JUDGED, SETTLED_EARLY
from gocnn.selfplay.playing import Ended


def _lock(path: Path) -> AbstractContextManager[None]:
    """Hold the store; an import that has it is waited for."""
    return locked(path, "", wait=f"{path} is being written by an import; waiting for it to end")


@contextmanager
def made(path: Path) -> Iterator[None]:
    """The store at `path` is there: an empty one, if it was not, which goes again if no game is
    added to it within. Raises UserError if it cannot be written."""
    if path.exists():
        yield
        return
    with writing(path):
        write(path, iter(()))
    try:
        yield
    finally:
        with suppress(UserError, OSError), writing(path):
            if not len(Store(path)):
                path.unlink()


def add_labels(
    path: Path,
    keys: npt.NDArray[np.int64],
    found: list[tuple[int, int, npt.NDArray[np.int8]]],
    text: str,
) -> None:
    """Label games: of each its number, kind and owners, int8 `(361,)`. keys: int64, of all games of
    the store as it was when the numbers were taken. Raises UserError if it has been made anew
    since."""
    if not found:
        return
    games = np.array([game for game, _, _ in found], np.int64)
    kinds = np.array([kind for _, kind, _ in found], np.uint8)
    owners = np.stack(
        [
            owner if kind != labels.TRIED else np.full(POINTS, labels.UNKNOWN, np.int8)
            for _, kind, owner in found
        ]
    )
    with _lock(path):
        there = Store(path).records()["key"]
        if len(there) < len(keys) or not np.array_equal(there[games], keys[games]):
            raise UserError(
                f"{path} has been made anew meanwhile, with other games; run this again"
            )
        with appending(path) as writer:
            writer.label(games, kinds, labels.pack(owners), text)


def add_games(path: Path, ended: list[Ended], chunk: Chunk, text: str, *, judge: str = "") -> None:
    """Add a network's games, `chunk`, to the store at `path`, with labels; those without a label
    are kept, so that they are not tried again. text: what made the labels; judge: the same where
    another engine did. Raises UserError."""
    if not ended:
        return
    status = np.array([game.status for game in ended])
    owners = np.where(
        np.isin(status, own.LABELLED)[:, None],
        np.stack([game.owner for game in ended]),
        np.int8(labels.UNKNOWN),
    )
    kinds = np.select(
        [status == SETTLED_EARLY, status == JUDGED], [labels.SELF_PLAY, labels.JUDGED], labels.TRIED
    )
    # an engine that refused a game has tried it
    engines = (kinds != labels.SELF_PLAY) & bool(judge)
    with _lock(path), appending(path) as writer:
        numbers = len(writer) + np.arange(len(ended))
        writer.add(chunk)
        for rows, made in ((~engines, text), (engines, judge)):
            if rows.any():
                writer.label(numbers[rows], kinds[rows], labels.pack(owners[rows]), made)
