"""Resigned games that the network plays on for a while, and another engine judges where they stand
then. Between people a game is over once a great group is dead, so that positions in which one has
been dead for long are hardly in their records; a network that plays games to their end meets them.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from gocnn.features.conditioning import HANDICAP
from gocnn.games.store import Store
from gocnn.selfplay import judged
from gocnn.selfplay.boards import JUDGED, SETTLED_EARLY
from gocnn.selfplay.engine import AnalysisEngine, EnginePosition
from gocnn.selfplay.own import komi_of_task
from gocnn.selfplay.playing import Ended, GameToPlay

KIND = "played-on"
"""What a store calls these games."""

FEWEST, MOST = 10, 180
"""Moves that a game is played on for."""

FROM_ITS_END = 0.75
"""Share of the games that go on from the last position; others from an earlier one."""

EARLIEST = 40
"""The first move that a game goes on after."""


def task(
    number: int,
    seed: int,
    store: Store,
    records: npt.NDArray[np.void],
    resigned: npt.NDArray[np.int64],
) -> GameToPlay:
    """Game `number` of a seed: one of those numbered `resigned` in the store, played on."""
    rng = np.random.default_rng((seed, number, 1))
    record = records[int(rng.choice(resigned))]
    start, setup, moves = (int(record[key]) for key in ("start", "setup", "moves"))
    if rng.random() >= FROM_ITS_END:
        moves = int(rng.integers(min(EARLIEST, moves), moves + 1))
    return GameToPlay(
        number,
        store.words[start : start + setup + moves],
        setup,
        moves,
        int(rng.integers(2**62)),
        conditioning=HANDICAP if record["handicap"] > 0 else 0,
        most=int(rng.integers(FEWEST, MOST + 1)),
        temperature=(float(rng.uniform(0.05, 0.6)), float(rng.uniform(0.05, 0.6))),
    )


def judge(engine: AnalysisEngine, ended: list[Ended], heard: judged.Heard) -> Iterator[Ended]:
    """The same games, those that were not settled as JUDGED by the engine, with their owners; what
    it refuses stays as it was. A game that it gives no answer about, since it was stopped, is left
    out. Raises UserError as `judged.hear` does."""
    open_ = [game for game in ended if game.status != SETTLED_EARLY]
    yield from (game for game in ended if game.status == SETTLED_EARLY)
    asked = (judged.question(position_of(game), komi_of_task(game.task)) for game in open_)
    for number, answer in engine.answers(asked, refusals=True):
        game = open_[number]
        judgement = judged.hear(engine, answer, komi_of_task(game.task), heard)
        if judgement is None:
            yield game
        else:
            yield replace(game, status=JUDGED, owner=judged.settled(judgement))


def position_of(game: Ended) -> EnginePosition:
    """Where the game was broken off."""
    setup = game.task.setup
    words = np.concatenate([game.task.words[:setup], game.moves]).astype(np.uint16)
    return EnginePosition.of_words(words, setup)
