"""The games a command names, whether they are stores or raw records."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gocnn.errors import UserError
from gocnn.files import cache_folder
from gocnn.games import sources
from gocnn.games.importing import Report, cached_store
from gocnn.games.selection import GameFilter, is_validation
from gocnn.games.store import MAGIC, Store
from gocnn.policy.samples import Games, games_of, join


@dataclass(frozen=True)
class Chosen:
    """Games ready to draw from, and their keys (int64, one a game) for telling sets apart."""

    games: Games
    keys: npt.NDArray[np.int64]

    def fingerprint(self) -> str:
        """A short text that is the same for the same games in the same order."""
        return hashlib.sha256(self.keys.tobytes()).hexdigest()[:16]


def open_stores(arguments: Sequence[str], jobs: int | None = None, max_unpacked: int | None = None, quiet: bool = False
                ) -> tuple[list[Store], Report | None]:  # fmt: skip
    """The stores among the arguments, and one more of all raw games among them (imported into the cache, then with its report).

    Raises UserError for what cannot be read.
    """
    stores = [Store(a) for a in arguments if _is_store(a)]
    raw = [a for a in arguments if not _is_store(a)]
    report = None
    if raw:
        limit = max_unpacked << 20 if max_unpacked else sources.ARCHIVE_LIMIT
        path, report = cached_store(raw, cache_folder() / "games", jobs=jobs, limit=limit, quiet=quiet)
        stores.append(Store(path))
    return stores, report


def _is_store(argument: str) -> bool:
    try:
        with Path(argument).open("rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def choose(stores: Sequence[Store], game_filter: GameFilter) -> Chosen:
    """The games of the stores that pass the filter, each once. Raises UserError if none does."""
    parts: list[Games] = []
    keys: list[npt.NDArray[np.int64]] = []
    for store in stores:
        records = store.records()
        chosen = game_filter.choose(store, records)
        if keys:
            chosen = chosen[~np.isin(records["key"][chosen], np.concatenate(keys))]
        parts.append(games_of(store, chosen, records))
        keys.append(records["key"][chosen].astype(np.int64))
    result = Chosen(join(parts), np.concatenate(keys))
    if not len(result.games):
        raise UserError(f"no game of {', '.join(str(s.path) for s in stores)} passes the filters; loosen them")
    return result


def subset(chosen: Chosen, keep: npt.NDArray[np.bool_]) -> Chosen:
    """The games for which `keep`, bool `(G,)`, is true."""
    g = chosen.games
    return Chosen(Games(g.words, g.start[keep], g.setup[keep], g.moves[keep], g.known[keep]), chosen.keys[keep])


def split(chosen: Chosen, share: float) -> tuple[Chosen, Chosen]:
    """Training and validation games, by each game's key (see `gocnn.games.selection.is_validation`). Raises UserError if a side is empty."""
    records = np.zeros(len(chosen.keys), [("key", "<i8")])
    records["key"] = chosen.keys
    held = is_validation(records, share)
    if held.all() or not held.any():
        # Too few games for the hash to deal both sides some: take the last by key, which is as stable as can be.
        if len(held) < 2:
            raise UserError("one game is not enough to train on and to validate with; give more games, or others with --valid")
        held = np.zeros(len(held), np.bool_)
        held[np.argmax(chosen.keys)] = True
    return subset(chosen, ~held), subset(chosen, held)


def without(chosen: Chosen, other: Chosen) -> tuple[Chosen, int]:
    """`chosen` without the games that are also in `other` (rotated or mirrored too), and how many those were. Raises UserError if none is left."""
    both = np.isin(chosen.keys, other.keys)
    if both.all():
        raise UserError("every training game is also a validation game; give other games with --valid, or none")
    return subset(chosen, ~both), int(both.sum())
