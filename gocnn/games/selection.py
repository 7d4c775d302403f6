"""Choosing games of a store: filters, and the split into training and validation."""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gocnn.errors import UserError
from gocnn.games import results
from gocnn.games.store import Store


@dataclass(frozen=True)
class GameFilter:
    """Which games to use; the defaults use all.

    min_rank: both players at least this (`gocnn.games.text.rank`: 9d is 9, 1p is 11; unknown ranks
    fail); dates as yyyymmdd, inclusive; result: `known`, `black`, `white` or `scored` (counted, not
    resigned); handicap: `none` or `only`; source: a regular expression searched in the source or
    the place of each game.
    """

    min_rank: int | None = None
    date_from: int = 0
    date_to: int = 99999999
    result: str = "any"
    handicap: str = "any"
    min_moves: int = 1
    max_moves: int = 100000
    source: str = ""

    def choose(self, store: Store, records: npt.NDArray[np.void]) -> npt.NDArray[np.int64]:
        """int64: the numbers of the games that pass, ascending; `records` are the store's. Raises
        UserError if `source` is not a pattern."""
        keep = (records["moves"] >= self.min_moves) & (records["moves"] <= self.max_moves)
        if self.min_rank is not None:
            known = (records["black_rank"] != 0) & (records["white_rank"] != 0)
            keep &= (
                known
                & (records["black_rank"] >= self.min_rank)
                & (records["white_rank"] >= self.min_rank)
            )
        if self.date_from > 0:
            keep &= records["date"] >= self.date_from
        if self.date_to < 99999999:
            keep &= (records["date"] > 0) & (records["date"] <= self.date_to)
        winner = records["winner"]
        wanted = {
            "any": True,
            "known": winner != results.UNKNOWN,
            "black": winner == results.BLACK_WON,
            "white": winner == results.WHITE_WON,
            "scored": records["margin"] > 0,
        }
        keep &= wanted[self.result]
        if self.handicap != "any":
            keep &= (records["handicap"] > 0) == (self.handicap == "only")
        if self.source:
            keep &= self._source(store)
        return np.flatnonzero(keep)

    def _source(self, store: Store) -> npt.NDArray[np.bool_]:
        try:
            pattern = re.compile(self.source, re.IGNORECASE)
        except re.error as error:
            raise UserError(
                f"--source {self.source!r} is not a regular expression ({error}); write for example"
                " --source 'tygem|fox'"
            ) from error
        found = np.zeros(len(store), np.bool_)
        for key in ("source", "place"):
            numbers, names = store.column(key)
            found |= np.array([bool(pattern.search(name)) for name in names], np.bool_)[numbers]
        return found


def is_validation(records: npt.NDArray[np.void], share: float) -> npt.NDArray[np.bool_]:
    """bool: which games belong to validation when it takes `share` (0 to 1) of them.

    Decided by each game's key alone, so a game stays on its side whatever is added, and so do its
    rotated twins.
    """
    mixed = records["key"].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53 < share
