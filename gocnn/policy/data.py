"""The games a command names, whether they are stores or raw records."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn.errors import UserError
from gocnn.files import cache_folder
from gocnn.games import sources
from gocnn.games.importing import Report, cached_store
from gocnn.games.labels import LABEL_WORDS
from gocnn.games.record import OWN_PLAY, komi_of
from gocnn.games.selection import GameFilter, is_validation
from gocnn.games.store import Store, is_store
from gocnn.policy.samples import Games, games_of, join
from gocnn.wording import counted


@dataclass(frozen=True)
class GameSelection:
    """Games ready to draw from, their keys (int64, one a game) for telling sets apart, their komi
    (float32, points, nan unknown), and who judged them: int64, one a game, the number in `engines`
    of the other engine that its label is from, else -1."""

    games: Games
    keys: npt.NDArray[np.int64]
    komi: npt.NDArray[np.float32]
    judge: npt.NDArray[np.int64]
    engines: tuple[str, ...] = ()

    def fingerprint(self) -> str:
        """A short text that is the same for the same games in the same order. Neither labels nor
        games that a network played count: there may be more of them another day."""
        return _short(self.keys[~self.games.own])

    def labels(self) -> "LabelCounts":
        """What there is to learn of owners and scores."""
        own, label = self.games.own, self.games.label
        by = self.judge[self.judge >= 0]
        engines = tuple(sorted(self.engines[k] for k in np.unique(by)))
        return LabelCounts(
            int((label[~own] >= 0).sum()),
            int(own.sum()),
            _short(self.keys[own], *_words(self.games, label[label >= 0])),
            len(by),
            engines,
        )


@dataclass(frozen=True)
class LabelCounts:
    """How many of some chosen games have a label. people: games that people played; own: games that
    a network played with itself; judged: how many of all these labels are another engine's
    judgement; engines: the names of those. fingerprint: a short text, the same for the same labels
    of the same games."""

    people: int
    own: int
    fingerprint: str
    judged: int = 0
    engines: tuple[str, ...] = ()

    def of_engines(self) -> str:
        """Who judged how many of them, in words; nothing if nobody did."""
        return (
            f" ({self.judged} of these labels by another engine: {', '.join(self.engines)})"
            if self.judged
            else ""
        )


def _words(
    games: Games, label: npt.NDArray[np.int64], part: int = 4096
) -> Iterator[npt.NDArray[Any]]:
    for i in range(0, len(label), part):
        yield games.words[label[i : i + part, None] + np.arange(LABEL_WORDS)]


def _short(*arrays: npt.NDArray[Any]) -> str:
    total = hashlib.sha256()
    for array in arrays:
        total.update(array.tobytes())
    return total.hexdigest()[:16]


def open_stores(
    arguments: Sequence[str],
    jobs: int | None = None,
    max_unpacked: int | None = None,
    *,
    quiet: bool = False,
) -> tuple[list[Store], Report | None]:
    """The stores among the arguments, and one more of all raw games among them (imported into the
    cache, then with its report).

    Raises UserError for what cannot be read.
    """
    stores = [Store(a) for a in arguments if is_store(a)]
    raw = [a for a in arguments if not is_store(a)]
    report = None
    if raw:
        limit = max_unpacked << 20 if max_unpacked else sources.ARCHIVE_LIMIT
        path, report = cached_store(
            raw, cache_folder() / "games", jobs=jobs, limit=limit, quiet=quiet
        )
        stores.append(Store(path))
    return stores, report


def select_games(
    stores: Sequence[Store], game_filter: GameFilter, own: bool = False
) -> GameSelection:
    """The games of the stores that pass the filter, each once, and with `own` those that a network
    played, whatever the filter says of people's.

    Raises UserError if none of people's passes.
    """
    parts: list[Games] = []
    keys: list[npt.NDArray[np.int64]] = []
    komi: list[npt.NDArray[np.float32]] = []
    judge: list[npt.NDArray[np.int64]] = []
    engines: dict[str, int] = {}
    people, where = 0, ", ".join(str(store.path) for store in stores)
    for store in stores:
        records = store.records()
        networks = (records["flags"] & OWN_PLAY) > 0
        people += int((~networks).sum())
        chosen = game_filter.choose(store, records)
        chosen = chosen[~networks[chosen]]
        if own:
            chosen = np.union1d(chosen, np.flatnonzero(networks & (records["moves"] > 0)))
        if keys:
            chosen = chosen[~np.isin(records["key"][chosen], np.concatenate(keys))]
        parts.append(games_of(store, chosen, records))
        keys.append(records["key"][chosen].astype(np.int64))
        komi.append(komi_of(records[chosen]))
        numbers, names = store.judges()
        judge.append(
            np.array([*(engines.setdefault(name, len(engines)) for name in names), -1], np.int64)[
                numbers[chosen]
            ]
        )
    result = GameSelection(
        join(parts),
        np.concatenate(keys),
        np.concatenate(komi),
        np.concatenate(judge),
        tuple(engines),
    )
    if result.games.own.all():
        raise UserError(
            f"{where} holds only games that a network played with itself; give people's games"
            if people == 0
            else f"of {counted(people, 'game')} none passes the filters; loosen them"
        )
    return result


def subset(chosen: GameSelection, keep: npt.NDArray[np.bool_]) -> GameSelection:
    """The games for which `keep`, bool `(G,)`, is true."""
    return replace(
        chosen,
        games=chosen.games.subset(keep),
        keys=chosen.keys[keep],
        komi=chosen.komi[keep],
        judge=chosen.judge[keep],
    )


def split(chosen: GameSelection, share: float) -> tuple[GameSelection, GameSelection]:
    """Training and validation games, by each game's key (see
    `gocnn.games.selection.is_validation`); a network's are for training.

    Raises UserError if a side is empty.
    """
    records = np.zeros(len(chosen.keys), [("key", "<i8")])
    records["key"] = chosen.keys
    people = ~chosen.games.own
    held = is_validation(records, share) & people
    if not (people & ~held).any() or not held.any():
        # Too few games for the hash to deal both sides some: take the last by key, which is as
        # stable as can be.
        if people.sum() < 2:
            raise UserError(
                "one game is not enough to train on and to validate with; give more games, or"
                " others with --valid"
            )
        held = np.zeros(len(held), np.bool_)
        held[np.argmax(np.where(people, chosen.keys, np.iinfo(np.int64).min))] = True
    return subset(chosen, ~held), subset(chosen, held)


def without(chosen: GameSelection, other: GameSelection) -> tuple[GameSelection, int]:
    """`chosen` without the games that are also in `other` (rotated or mirrored too), and how many
    those were. Raises UserError if none is left."""
    both = np.isin(chosen.keys, other.keys)
    if (both | chosen.games.own).all():
        raise UserError(
            "every training game is also a validation game; give other games with --valid, or none"
        )
    return subset(chosen, ~both), int(both.sum())
