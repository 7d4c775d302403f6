"""Games of a network with itself that end far apart: at unequal strength, with handicap, with moves
nobody would play, from openings and from the middle of people's games. What such games teach is
life and death: great captures, and dead stones that stay on the board for long."""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gocnn.board import symmetry
from gocnn.board.coords import from_sgf
from gocnn.features.conditioning import HANDICAP
from gocnn.games import results
from gocnn.games.handicap import PLACES
from gocnn.games.reader import Chunk
from gocnn.games.record import KOMI_STATED, OWN_PLAY, RECORD
from gocnn.games.scan import game_key
from gocnn.games.store import Store
from gocnn.selfplay.boards import JUDGED, SETTLED_EARLY
from gocnn.selfplay.judged import Heard
from gocnn.selfplay.playing import Ended, GameToPlay
from gocnn.selfplay.resigned import margin

KOMI, HANDICAP_KOMI = 7.5, 0.5

MOST = 600

KIND = "own"
"""What a store calls these games."""

EMPTY, STONES, OPENING, MIDDLE = range(4)
BEGINNINGS = (0.15, 0.2, 0.3, 0.35)
"""Shares of games that begin on the empty board, with handicap stones, in a recorded opening, in
the middle of a recorded game."""

_PERMUTATIONS = symmetry.table()


LABELLED = (SETTLED_EARLY, JUDGED)
"""How games end that are labelled."""


@dataclass
class Own:
    """What came of such games: how many were settled, or judged, and kept, how many were
    neither; of the first the margins (points) and the stones captured; and
    what the engine said that judged, if one did."""

    kept: int = 0
    unsettled: int = 0
    margins: list[float] = field(default_factory=list)
    captured: int = 0
    heard: Heard = field(default_factory=Heard)

    def note(self, ended: list[Ended]) -> None:
        """Count games."""
        kept = [game for game in ended if game.status in LABELLED]
        self.kept, self.unsettled = self.kept + len(kept), self.unsettled + len(ended) - len(kept)
        self.margins += [abs(margin(game.owner, 0.0)) for game in kept]
        self.captured += sum(sum(game.captured) for game in kept)


class Beginning(NamedTuple):
    """Where a game begins: the columns of `GameToPlay` of the same names."""

    words: npt.NDArray[np.uint16]
    setup: int
    moves: int
    to_play: int
    conditioning: int


def sources(records: npt.NDArray[np.void]) -> npt.NDArray[np.int64]:
    """int64: games of people, long enough to begin in."""
    return np.flatnonzero(
        ((records["flags"] & OWN_PLAY) == 0) & (records["moves"] >= 60) & (records["moves"] <= 500)
    )


def begin(
    rng: np.random.Generator,
    store: Store,
    records: npt.NDArray[np.void],
    from_: npt.NDArray[np.int64],
) -> tuple[int, Beginning]:
    """How a game begins: on the empty board, with handicap stones, or in one of the games numbered
    `from_`."""
    kind = int(rng.choice(len(BEGINNINGS), p=BEGINNINGS))
    if kind in (OPENING, MIDDLE) and not len(from_):
        kind -= 2
    words, setup, moves, to_play, conditioning = np.zeros(0, np.uint16), 0, 0, 1, 0
    if kind == STONES:
        points = PLACES[int(rng.integers(2, 10))]
        words, setup, to_play, conditioning = (
            np.array([from_sgf(point) for point in points], np.uint16),
            len(points),
            2,
            HANDICAP,
        )
    elif kind != EMPTY:
        record = records[int(rng.choice(from_))]
        start, setup = int(record["start"]), int(record["setup"])
        moves = (
            int(rng.integers(4, 40))
            if kind == OPENING
            else int(rng.integers(40, min(int(record["moves"]), 220)))
        )
        words, to_play, conditioning = (
            store.words[start : start + setup + moves],
            0,
            HANDICAP if record["handicap"] > 0 else 0,
        )
    return kind, Beginning(words, setup, moves, to_play, conditioning)


def task(
    number: int,
    seed: int,
    store: Store,
    records: npt.NDArray[np.void],
    from_: npt.NDArray[np.int64],
) -> GameToPlay:
    """Own game `number` of a seed. Without games to begin in (`from_`, as `sources` finds them) it
    begins on the empty board or with stones."""
    rng = np.random.default_rng((seed, number))
    kind, beginning = begin(rng, store, records, from_)
    moves = beginning.moves
    temperature = [float(rng.uniform(0.1, 0.5)), float(rng.uniform(0.1, 0.5))]
    noise, noise_from, noise_to, passing = [0.0, 0.0], [0, 0], [0, 0], [0, 0]
    # handicap stones in the stronger hand go far
    weak = 1 if kind == STONES and rng.random() < 0.7 else int(rng.integers(2))
    how = rng.random()
    if how < 0.55:  # for a while, moves that are nearly random
        noise[weak] = float(rng.uniform(1.5, 4.0))
        noise_from[weak] = moves + int(rng.integers(0, 40))
        noise_to[weak] = noise_from[weak] + int(rng.integers(20, 100))
    elif how < 0.75:  # weaker throughout
        temperature[weak] = float(rng.uniform(0.8, 1.5))
    elif how < 0.85 and kind != MIDDLE:  # a start given away
        passing[weak] = moves + int(rng.integers(4, 24))
    return GameToPlay(
        number,
        beginning.words,
        beginning.setup,
        moves,
        int(rng.integers(2**62)),
        beginning.to_play,
        beginning.conditioning,
        MOST,
        (temperature[0], temperature[1]),
        (noise[0], noise[1]),
        (noise_from[0], noise_from[1]),
        (noise_to[0], noise_to[1]),
        (passing[0], passing[1]),
    )


def komi_of_task(task: GameToPlay) -> float:
    """The komi of an own game."""
    return HANDICAP_KOMI if task.setup and task.conditioning & HANDICAP else KOMI


def _place(seed: int, number: int, kind: str) -> str:
    return f"{kind} game {number} of seed {seed}"


def played(store: Store, seed: int, kind: str = KIND) -> set[int]:
    """The numbers of a seed's games of a kind that a store has."""
    numbers, places = store.column("place")
    pattern = re.compile(rf"{kind} game (\d+) of seed {seed}\Z")
    own = (store.records()["flags"] & OWN_PLAY) > 0
    return {int(match[1]) for k in np.unique(numbers[own]) if (match := pattern.match(places[k]))}


def chunk(
    ended: list[Ended], model: str, seed: int, *, kind: str = KIND, opponent: str = ""
) -> Chunk:
    """The games as a store takes them, with the result by area, which those without a label
    lack. opponent: another player's name."""
    records = np.zeros(len(ended), RECORD)
    texts: dict[str, int] = {}
    parts = []
    position = 0
    for record, game in zip(records, ended, strict=True):
        words = np.concatenate([game.task.words[: game.task.setup], game.moves]).astype(np.uint16)
        stones = game.task.setup if game.task.conditioning & HANDICAP else 0
        komi = komi_of_task(game.task)
        labelled, found = game.status in LABELLED, margin(game.owner, komi)
        record["start"], record["setup"], record["moves"] = (
            position,
            game.task.setup,
            len(game.moves),
        )
        if labelled:
            record["winner"], record["margin"] = (
                (results.BLACK_WON if found > 0 else results.WHITE_WON),
                abs(found),
            )
        record["komi"], record["flags"] = komi, KOMI_STATED | OWN_PLAY
        record["handicap"], record["reserved"], record["to_play"] = (
            stones,
            game.task.moves,
            2 if stones and not game.task.moves else 0,
        )
        record["key"] = game_key(words, game.task.setup, len(game.moves), _PERMUTATIONS)
        names = [
            f"{opponent if colour == game.task.other else model}, temperature {t:.2f}"
            for colour, t in enumerate(game.task.temperature, 1)
        ]
        for key, value in (
            ("black", names[0]),
            ("white", names[1]),
            ("place", _place(seed, game.task.number, kind)),
            ("source", f"go-label: {model} {f'against {opponent}' if opponent else 'with itself'}"),
        ):
            record[key] = texts.setdefault(value, len(texts))
        parts.append(words)
        position += len(words)
    return Chunk(records, np.concatenate(parts) if parts else np.zeros(0, np.uint16), list(texts))
