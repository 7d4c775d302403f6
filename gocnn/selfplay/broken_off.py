"""Games that another engine judges where they stand after a while: resigned ones that the network
plays on, or such as it plays against that engine. Between people a game is over once a great group
is dead, so that positions in which one has been dead for long are hardly in their records; a
network that plays games to their end meets them.
"""

import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from gocnn.board.coords import MOVES, PASS
from gocnn.features.conditioning import HANDICAP
from gocnn.games.store import Store
from gocnn.selfplay import judged, own
from gocnn.selfplay.boards import JUDGED, SETTLED_EARLY
from gocnn.selfplay.engine import AnalysisEngine, EnginePosition, by_index, query
from gocnn.selfplay.own import komi_of_task
from gocnn.selfplay.playing import Ended, GameToPlay

PLAYED_ON, AGAINST = "played-on", "opposed"
"""What a store calls games that were played on, and those against the engine."""

FEWEST, MOST = 10, 180
"""Moves that a game is played on for."""

FROM_ITS_END = 0.75
"""Share of the games that go on from the last position; others from an earlier one."""

EARLIEST = 40
"""The first move that a game goes on after."""

FEWEST_AGAINST, MOST_AGAINST = 60, 300
"""Moves of a game against the engine."""

LEAST = 1e-9
"""The probability that moves have at least (the protocol gives illegal ones -1)."""

MOST_LIKELY = 1.001
"""What the likeliest move has at most: rounded, it may be more than 1."""

NEVER = -1e9
"""The logit of all moves of a game about which the engine was not asked to the end."""


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


def task_against(
    number: int,
    seed: int,
    store: Store,
    records: npt.NDArray[np.void],
    from_: npt.NDArray[np.int64],
) -> GameToPlay:
    """Game `number` of a seed against the engine; it begins as `gocnn.selfplay.own`'s do."""
    rng = np.random.default_rng((seed, number, 2))
    _, beginning = own.begin(rng, store, records, from_)
    return GameToPlay(
        number,
        **beginning._asdict(),
        seed=int(rng.integers(2**62)),
        most=int(rng.integers(FEWEST_AGAINST, MOST_AGAINST + 1)),
        temperature=(float(rng.uniform(0.05, 0.4)), float(rng.uniform(0.05, 0.4))),
        other=int(rng.integers(1, 3)),
    )


class Opponent:
    """An engine as the other player of `gocnn.selfplay.playing`: its network's word on each move,
    without a search; it passes where it refuses. Several threads may ask it. Raises UserError if it
    gives no such word, or refuses all that it is asked first."""

    def __init__(self, engine: AnalysisEngine) -> None:
        self._engine, self._lock, self._heard = engine, threading.Lock(), judged.Heard()

    def __call__(
        self, played: list[npt.NDArray[np.uint16]], tasks: list[GameToPlay]
    ) -> npt.NDArray[np.float32]:
        logits = np.full((len(tasks), MOVES), NEVER, np.float32)
        asked = (
            query(
                position_of(task, moves),
                judged.RULES,
                komi_of_task(task),
                includePolicy=True,
                whiteHandicapBonus="0",
            )
            for task, moves in zip(tasks, played, strict=True)
        )
        with self._lock:
            for number, answer in self._engine.answers(asked, refusals=True):
                if judged.refused(self._engine, answer, self._heard):
                    logits[number, PASS] = 0.0
                    continue
                try:
                    policy = by_index(answer["policy"])
                except (KeyError, TypeError, ValueError):
                    policy = np.zeros(0)
                if policy.shape != (MOVES,) or not LEAST < policy.max() <= MOST_LIKELY:
                    raise self._engine.nonsense(
                        "answered without the policy of 362 moves; choose an engine that gives it"
                    )
                self._heard.judged += 1
                logits[number] = np.log(np.maximum(policy, LEAST))
        return logits


def judge(engine: AnalysisEngine, ended: list[Ended], heard: judged.Heard) -> Iterator[Ended]:
    """The same games, those that were not settled as JUDGED by the engine, with their owners; what
    it refuses stays as it was. A game that it gives no answer about, since it was stopped, is left
    out. Raises UserError as `judged.hear` does."""
    open_ = [game for game in ended if game.status != SETTLED_EARLY]
    yield from (game for game in ended if game.status == SETTLED_EARLY)
    asked = (
        judged.question(position_of(game.task, game.moves), komi_of_task(game.task))
        for game in open_
    )
    for number, answer in engine.answers(asked, refusals=True):
        game = open_[number]
        judgement = judged.hear(engine, answer, komi_of_task(game.task), heard)
        if judgement is None:
            yield game
        else:
            yield replace(game, status=JUDGED, owner=judged.settled(judgement))


def position_of(task: GameToPlay, moves: npt.NDArray[np.uint16]) -> EnginePosition:
    """Where a game stands after `moves`, uint16, those of the record included."""
    setup = task.setup
    return EnginePosition.of_words(
        np.concatenate([task.words[:setup], moves]).astype(np.uint16), setup
    )
