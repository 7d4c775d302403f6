"""How a game went: who leads by how much before each of its moves and at its end, as a network
foresees it that says the score, or a search with it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, WHITE, Board
from gocnn.engine.rulesets import UNSTATED, Rules, of_record, parse
from gocnn.games.position import usual_komi
from gocnn.games.sgf_tree import Record
from gocnn.policy.predictions import PolicyPredictions, winrate_with
from gocnn.review.lookahead import Sight


@dataclass(frozen=True)
class RecordRules:
    """What a game was played under. komi: points that white gets; stated: whether the record says
    so; rules_name: the rules by which it is counted; rules_stated: whether the record names them;
    handicap: how many stones."""

    komi: float
    stated: bool
    rules_name: str
    rules_stated: bool
    handicap: int

    @property
    def rules(self) -> Rules:
        """The rules of that name."""
        return parse(self.rules_name)

    def __str__(self) -> str:
        """Komi and rules in words, and what of it the record does not say."""
        komi = f"komi {self.komi:g}{'' if self.stated else ' (not known from the record)'}"
        named = "" if self.rules_stated else " (the record names none that are known)"
        return f"{komi}, {self.rules_name} rules{named}"

    def area_komi(self, board: Board) -> float:
        """What black must lead by in area to win from this position (see
        `gocnn.engine.game.Game.area_komi`)."""
        komi = self.komi + self.rules.white_bonus(self.handicap)
        if not self.rules.territory:
            return komi
        stones, (black, white) = board.stones(), board.captured()
        put_down = int((stones == BLACK).sum()) + white - int((stones == WHITE).sum()) - black
        return komi + put_down + (0.5 if board.to_play == BLACK else -0.5)


def terms_of(record: Record) -> RecordRules:
    """Komi as the record has it, else the usual; rules if it names any that are known, else
    `gocnn.engine.rulesets.UNSTATED`."""
    stones, rules = record.handicap_stones, of_record(record.rules)
    return RecordRules(
        usual_komi(record.komi, stones),
        not math.isnan(record.komi),
        rules or UNSTATED,
        rules is not None,
        stones,
    )


@dataclass(frozen=True)
class Course:
    """How a game went, as the network sees it. lead, black_winrate and spread: float64 `(moves +
    1,)`, before each move and at the end: black's margin in points, komi counted; its probability
    to win, 0 to 1; and the margin's standard deviation in points. lead_after, winrate_after:
    float64 `(moves,)`, after each move, the other side to play: what is said before the next one,
    unless the record sets stones up or lets a side play twice. terms: what the game was played
    under."""

    terms: RecordRules
    lead: npt.NDArray[np.float64]
    black_winrate: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]
    lead_after: npt.NDArray[np.float64]
    winrate_after: npt.NDArray[np.float64]

    def lost(self, number: int, colour: int) -> float:
        """Points that a move (from 1) of `colour` lost; below 0: won."""
        change = float(self.lead[number - 1] - self.lead_after[number - 1])
        return change if colour == BLACK else -change


class Standing(NamedTuple):
    """Who is ahead in N positions, seen by black; float64 `(N,)`, nan for what is not said. win:
    its probability to win; lead and spread: the mean and the standard deviation of its margin in
    points, komi counted."""

    win: npt.NDArray[np.float64]
    lead: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]


def at_a_glance(
    said: Sequence[PolicyPredictions], komis: Sequence[float], to_play: Sequence[int]
) -> Standing:
    """What a network's answers about positions, in batches, say of who is ahead. komis: what black
    must lead by in each; to_play: whose turn it is in each."""
    win, lead, spread = (
        np.concatenate([getattr(part, name) for part in said]).astype(np.float64)
        for name in ("win", "lead", "spread")
    )
    black, komi = np.array(to_play) == BLACK, np.array(komis)
    if not np.isnan(lead).any():
        win = winrate_with(komi, black, win, lead, spread)
    return Standing(np.where(black, win, 1 - win), np.where(black, lead, -lead) - komi, spread)


def looking_ahead(seen: Sequence[Sight], to_play: Sequence[int]) -> Standing:
    """What searches of positions say of who is ahead; to_play as in `at_a_glance`."""
    win, lead, spread = np.array([sight[:3] for sight in seen], np.float64).T
    black = np.array(to_play) == BLACK
    return Standing(np.where(black, win, 1 - win), np.where(black, lead, -lead), spread)


def course_of(terms: RecordRules, standing: Standing, apart: Sequence[int]) -> Course:
    """The course of a game. standing: in all its positions, in order, and then in those after the
    moves `apart` (from 1), which differ from those before the next ones."""
    leads, lead_after = before_and_after(standing.lead, apart)
    wins, winrate_after = before_and_after(standing.win, apart)
    return Course(terms, leads, wins, standing.spread[: len(leads)], lead_after, winrate_after)


def before_and_after(
    values: npt.NDArray[np.float64], apart: Sequence[int]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """float64 `(moves + 1,)` before each move and at the end, and `(moves,)` after each move, of
    what is said of a game's positions and then of those after the moves `apart` (from 1)."""
    before = values[: len(values) - len(apart)]
    after = before[1:].copy()
    after[np.array(apart, np.int64) - 1] = values[len(before) :]
    return before, after
