"""Games that nobody counted: they are played on from their last position, and labelled where the
recorded winner wins."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gocnn.features.conditioning import HANDICAP
from gocnn.games import labels, results
from gocnn.games.record import OWN_PLAY, komi_of
from gocnn.games.store import Store
from gocnn.selfplay.boards import SETTLED_EARLY
from gocnn.selfplay.playing import Ended, GameToPlay

LEAST_MOVES = 30
"""Shorter games were left, not lost: hardly anything is to be seen of who won."""

MOST = 500
"""Moves after which a game that is played on is given up."""

EVEN_KOMI, HANDICAP_KOMI = 6.5, 0.5
"""Where the record does not tell it."""

TEMPERATURE = 0.3


@dataclass
class Findings:
    """What came of games played on: how many agreed with the record, how many did not, how many
    were not settled; the margins of the first, in points of area, and the games that disagreed,
    with the margin found (black's, komi subtracted)."""

    agreed: int = 0
    disagreed: int = 0
    unsettled: int = 0
    margins: float = 0.0
    wrong: list[tuple[int, float]] = field(default_factory=list)

    @property
    def tried(self) -> int:
        return self.agreed + self.disagreed + self.unsettled


def uncounted(records: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    """bool `(G,)`: games that people played, whose winner is known, and that were not counted:
    resigned, or lost on time and the like."""
    won = (records["winner"] == results.BLACK_WON) | (records["winner"] == results.WHITE_WON)
    long_enough = (records["moves"] >= LEAST_MOVES) & (records["moves"] <= 700)
    chosen: npt.NDArray[np.bool_] = (
        won & long_enough & (records["margin"] == 0) & ((records["flags"] & OWN_PLAY) == 0)
    )
    return chosen


def waiting(store: Store, records: npt.NDArray[np.void], seed: int) -> npt.NDArray[np.int64]:
    """int64: the numbers of the uncounted games without label that were not tried, in an order of
    the seed's and each game's key."""
    return shuffled(np.flatnonzero(uncounted(records) & (store.label_kinds() == 0)), records, seed)


def shuffled(
    games: npt.NDArray[np.int64], records: npt.NDArray[np.void], seed: int
) -> npt.NDArray[np.int64]:
    """int64: the games numbered `games` in an order of the seed's and each game's key."""
    mixed = (records["key"][games].astype(np.uint64) + np.uint64(seed)) * np.uint64(
        0x9E3779B97F4A7C15
    )
    mixed ^= mixed >> np.uint64(29)
    ordered: npt.NDArray[np.int64] = games[
        np.argsort(mixed * np.uint64(0xBF58476D1CE4E5B9), kind="stable")
    ]
    return ordered


def tasks(
    store: Store, records: npt.NDArray[np.void], games: npt.NDArray[np.int64], seed: int
) -> Iterator[GameToPlay]:
    """The games numbered `games`, to be played on."""
    for game in games.tolist():
        record = records[game]
        start, setup, moves = int(record["start"]), int(record["setup"]), int(record["moves"])
        yield GameToPlay(
            game,
            store.words[start : start + setup + moves],
            setup,
            moves,
            seed=int(record["key"]) ^ seed,
            most=MOST,
            conditioning=HANDICAP if record["handicap"] > 0 else 0,
            temperature=(TEMPERATURE, TEMPERATURE),
        )


def komis(records: npt.NDArray[np.void]) -> npt.NDArray[np.float64]:
    """float64 `(G,)`: the recorded komi, or what servers take."""
    komi = komi_of(records).astype(np.float64)
    return np.where(
        np.isnan(komi), np.where(records["handicap"] > 1, HANDICAP_KOMI, EVEN_KOMI), komi
    )


def margin(owner: npt.NDArray[np.int8], komi: float) -> float:
    """Black's points of area less white's and komi."""
    return float((owner == labels.BLACK_OWNS).sum() - (owner == labels.WHITE_OWNS).sum()) - komi


def judge(ended: Ended, winner: int, komi: float, findings: Findings) -> int:
    """The kind of the game's label: PLAYED_ON where the recorded winner has won, else TRIED;
    counted in the findings."""
    if ended.status != SETTLED_EARLY:
        findings.unsettled += 1
        return labels.TRIED
    found = margin(ended.owner, komi)
    if (found > 0) if winner == results.BLACK_WON else (found < 0):
        findings.agreed += 1
        findings.margins += abs(found)
        return labels.PLAYED_ON
    findings.disagreed += 1
    findings.wrong.append((ended.task.number, found))
    return labels.TRIED
