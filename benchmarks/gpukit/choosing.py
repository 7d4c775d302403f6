"""Which games go along: a seeded draw, spread over where they come from, strong players first."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gocnn.errors import UserError
from gocnn.games.selection import GameFilter
from gocnn.games.store import Store
from gpukit.gamepack import Selected


@dataclass(frozen=True)
class Candidates:
    """All games that may go, in the order in which they are taken: int64 `(G,)` numbers of their
    stores and in these, and how many games were left out because they are validation games."""

    stores: tuple[Store, ...]
    store: npt.NDArray[np.int64]
    game: npt.NDArray[np.int64]
    held: int

    def __len__(self) -> int:
        return len(self.game)

    def first(self, count: int) -> Selected:
        """The first `count` of them, in the order of the stores."""
        parts = []
        for number, source in enumerate(self.stores):
            games = np.sort(self.game[:count][self.store[:count] == number])
            if len(games):
                parts.append((source, games))
        return Selected(tuple(parts))


def candidates(
    stores: Sequence[Store],
    game_filter: GameFilter,
    held: npt.NDArray[np.int64],
    seed: int,
    labelled_first: bool = False,
) -> Candidates:
    """The games of the stores that pass the filter, each once, without those whose key is in
    `held`, int64.

    They are taken from each source (archive or folder) in turn, so that a small one is taken whole
    before a large one fills what is left; in each, those first whose weaker player is the
    strongest, those of unknown rank last, and among equals by the seed. With `labelled_first` those
    that have a label (`gocnn.games.labels`) go before all others of their source. Raises UserError
    if none is left.
    """
    rng = np.random.default_rng(seed)
    seen = np.zeros(0, np.int64)
    names: dict[str, int] = {}
    columns: list[list[npt.NDArray[np.int64]]] = [[np.zeros(0, np.int64)] for _ in range(5)]
    left_out = passed = 0
    for number, source in enumerate(stores):
        records = source.records()
        chosen = game_filter.choose(source, records)
        passed += len(chosen)
        keys = records["key"][chosen]
        leaks = np.isin(keys, held)
        left_out += int(leaks.sum())
        chosen = chosen[~leaks & ~np.isin(keys, seen)]
        seen = np.concatenate([seen, records["key"][chosen]])
        texts, table = source.column("source")
        origin = np.array([names.setdefault(text, len(names)) for text in table], np.int64)[
            texts[chosen]
        ]
        ranks = np.stack([records["black_rank"][chosen], records["white_rank"][chosen]]).astype(
            np.int64
        )
        strength = (
            np.where((ranks != 0).all(0), ranks.min(0), -128)
            if len(chosen)
            else np.zeros(0, np.int64)
        )
        unlabelled = (source.labels()[chosen] < 0).astype(np.int64)
        for column, values in zip(
            columns,
            (np.full(len(chosen), number), chosen, origin, strength, unlabelled),
            strict=True,
        ):
            column.append(values)
    where, game, origin, strength, unlabelled = (np.concatenate(column) for column in columns)
    if not len(game):
        paths = ", ".join(str(s.path) for s in stores)
        why = (
            "every game is also a validation game; give others with --valid"
            if passed
            else "no game passes the filters; loosen them"
        )
        raise UserError(f"{paths}: {why}")
    first = unlabelled if labelled_first else np.zeros(len(game), np.int64)
    order = np.lexsort((rng.random(len(game)), -strength, first, origin))
    ends = np.flatnonzero(np.diff(origin[order], append=-1)) + 1
    begins = np.concatenate([[0], ends[:-1]])
    rank = np.arange(len(order)) - np.repeat(begins, ends - begins)  # in its source
    turn = order[np.lexsort((origin[order], rank))]
    return Candidates(tuple(stores), where[turn], game[turn], left_out)
