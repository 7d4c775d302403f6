"""Levels of play, from `20k` to `max`, as people's ranks are called: one number, the skill, and
what a player of that skill does.

Below skill 1 there is no search: a move is drawn from the network's distribution, flattened by a
temperature and cut to its likeliest moves, and some of the time from what a beginner sees
(`gocnn.engine.beginner`). From 1 on the player looks ahead, at twice as many positions with each
tenth; below 0 the beginner sees less and less of what the network does. What a skill is worth is
measured (`benchmarks/levels.py`), and the skill of each level follows from that: steps of about 100
Elo (docs/levels.md).

At no level are eyes filled, stones given away in what is settled, or moves made where the game is
over but for them.
"""

import json
import math
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn.board.coords import PASS
from gocnn.engine import beginner
from gocnn.engine.forecast import Estimator
from gocnn.engine.game import Game
from gocnn.engine.ownership import OwnershipEstimate
from gocnn.policy.predictions import Floats
from gocnn.wording import counted

TABLE = Path(__file__).parents[1] / "policy" / "weights" / "levels.json"
"""The skill of each level, and what was measured."""

MAX = "max"
"""The level above all others: as far as the clock allows."""

MOST_VISITS = 1_000_000
"""Positions that `max` looks ahead at on a clock, time permitting."""

UNHURRIED, UNHURRIED_SECONDS = 1600, 20.0
"""Positions that `max` looks ahead at where no clock runs, and the most seconds that it takes for
them."""

OBVIOUS = 0.75
"""Even a beginner mostly sees a move that the network is sure of: he misses it by so much less
often."""

GLIMPSE = 0.25
"""To this power the network's probabilities count among what a beginner sees."""

OPENING, OPENING_HEAT = 24, 0.7
"""Up to this ply moves are drawn with at least this temperature, so that no two games are the
same."""

FIRST_MOVES, FIRST_HEAT = 8, 0.5
"""The same for players that look ahead (of their visits)."""

COPIED = 0.9
"""By how much less often a beginner looks for himself in the first moves: he has seen others begin
in the corners. By half of that where he sees nothing of what the network does."""

MOST_HANDICAP = 9
"""With more stones than these and the first moves, what was set up is no opening."""

RESIGNS = (0.0, 0.6, 1.0), (0.002, 0.005, 0.03)
"""Skills, and the winrate below which they give up; beginners (below 0) never do, since who plays
with them may still throw the game away. Of 105 games of the skills 0, 0.2, 0.4 and 0.7 with
themselves that one side had for lost by 0.2 %, 6 were won by it."""

MANY_STONES = 80
"""From so many stones on the board it is looked at which areas are settled."""

LOOKS = 64
"""Playouts by which they are."""

OWNED = 0.8
"""From this ownership on a point is left alone, unless the network itself wants it."""

WANTED = 0.05
"""A move that the network gives this probability is never held back: it may see why an area is not
settled, or a stone is thrown in."""


class BadLevel(ValueError):
    """There is no such level; the text says which there are."""


@dataclass(frozen=True)
class Level:
    """A level's numbers. name: as it is asked for; skill: -1 to 2; beginner: how often, 0 to 1,
    a move is one that a beginner sees; temperature and top: what the network's moves are drawn
    with, and the share of its distribution, the likeliest first, that they are drawn from; visits:
    positions looked ahead at; resign: the winrate below which it gives up (0: never); hurried:
    whether the clock alone limits the visits; blindness: how little of what the network knows a
    beginner sees, 0 to 1."""

    name: str
    skill: float
    beginner: float
    temperature: float
    top: float
    visits: int
    resign: float
    hurried: bool = False
    blindness: float = 0.0

    def visits_within(self, seconds: float | None) -> int:
        """Positions to look ahead at for a move that may take so long."""
        return UNHURRIED if self.hurried and seconds is None else self.visits

    def seconds_within(self, seconds: float | None) -> float | None:
        """The most seconds for a move, of those that a clock leaves it; None: no limit."""
        return UNHURRIED_SECONDS if self.hurried and seconds is None else seconds

    def heat(self, ply: int, searched: bool) -> float:
        """The temperature of what `weights` gives, or of a search's visits, at this ply."""
        if not searched:
            return 1.0
        return FIRST_HEAT if ply < FIRST_MOVES and not self.hurried else 0.0


def of_skill(skill: float, name: str = "") -> Level:
    """The player of this skill, -1 to 2."""
    lack, blindness = min(max(1.0 - skill, 0.0), 1.0), min(max(-skill, 0.0), 1.0)
    # up: to the nearest, neighbouring levels of two or three positions would be one player
    visits = 0 if skill <= 1 else math.ceil(2 ** (1 + 10 * (skill - 1)) - 1e-9)
    resign = float(np.interp(skill, *RESIGNS)) if skill >= 0 else 0.0
    return Level(
        name or f"skill {skill:g}",
        skill,
        0.8 * lack**1.5 + 0.2 * blindness,
        0.1 + 0.9 * lack,
        1.0 - 0.4 * (1 - lack) ** 2,
        visits,
        resign,
        blindness=blindness,
    )


@cache
def table() -> dict[str, Any]:
    """What was measured: see `benchmarks/levels.py`."""
    found: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    return found


def names() -> list[str]:
    """All levels, the weakest first."""
    return [*table()["skills"], MAX]


def parse(text: str) -> Level:
    """The level of that name, in either case, with or without a blank before its letter. Raises
    BadLevel."""
    name = re.sub(r"\s+", "", text).lower()
    name = re.sub(r"(?<=\d)(?:kyu|dan)$", lambda found: found.group()[0], name)
    if name == MAX:
        return replace(of_skill(2.0, MAX), visits=MOST_VISITS, hurried=True)
    skills = table()["skills"]
    if name not in skills:
        weakest, *_, strongest = skills
        raise BadLevel(
            f"there is no level {text.strip()[:20]!r}; there are {weakest} to 1k, 1d to"
            f" {strongest}, and {MAX}"
        )
    return of_skill(float(skills[name]), name)


def of_number(number: int) -> Level | None:
    """The level that a program means by GNU Go's level up to 9: 1 is the weakest of the kyu levels,
    9 the strongest; None from 10 on, which is where GNU Go begins."""
    kyu = [name for name in table()["skills"] if name.endswith("k")]
    return None if number >= 10 else parse(kyu[round((max(number, 1) - 1) / 8 * (len(kyu) - 1))])


def weights(
    level: Level,
    game: Game,
    colour: int,
    *,
    p: Floats,
    wanted: npt.NDArray[np.bool_],
    estimator: Estimator,
) -> npt.NDArray[np.float64]:
    """float64 `(362,)`: how often a player of this level without a search chooses each move,
    summing to 1; all 0 where nothing is left to do.

    p: the network's distribution; wanted: bool `(362,)`, the moves that can matter, the pass not
    among them; estimator: what estimates how the game ends.
    """
    does = beginner.move_effects(game.board, colour)
    stones = int((game.board.stones() != 0).sum())
    estimate = estimator.at_least(LOOKS) if stones >= MANY_STONES else None
    sensible = held_back(p, does, estimate)
    sensible &= wanted[:PASS]
    result = np.zeros(len(p))
    if not sensible.any():
        return result
    mine = np.where(sensible, np.maximum(p[:PASS].astype(np.float64), 1e-9), 0.0)
    ply = len(game.board.moves)
    sight = 1 - level.blindness
    seen = beginner.looks(game.board, does) * mine ** (GLIMPSE * sight) * sensible
    missed = level.beginner * (1 - OBVIOUS * sight * float(p[:PASS].max()))
    if ply < FIRST_MOVES and stones < FIRST_MOVES + MOST_HANDICAP:
        missed *= 1 - COPIED * (1 + sight) / 2
    heat = max(level.temperature, OPENING_HEAT) if ply < OPENING else level.temperature
    result[:PASS] = (1 - missed) * _drawn(
        mine / mine.sum(), heat, level.top
    ) + missed * seen / seen.sum()
    return result


def held_back(
    p: Floats, does: beginner.MoveEffects, estimate: OwnershipEstimate | None
) -> npt.NDArray[np.bool_]:
    """bool `(361,)`: False for moves that no level makes: into what is settled, and those that
    leave stones to be taken for nothing (one stone may be, before anything is settled), except
    where the network wants them."""
    exposed = (does.exposed >= (2 if estimate is None else 1)) & (does.taken == 0)
    settled = (
        np.zeros(len(exposed), np.bool_) if estimate is None else np.abs(estimate.owner) >= OWNED
    )
    sensible: npt.NDArray[np.bool_] = ~(exposed | settled) | (p[:PASS] >= WANTED)
    return sensible


def _drawn(p: npt.NDArray[np.float64], temperature: float, top: float) -> npt.NDArray[np.float64]:
    """The distribution cut to its likeliest moves, which have the share `top` together, and raised
    to `1 / temperature`."""
    order = np.argsort(-p, kind="stable")
    before = np.cumsum(p[order]) - p[order]
    kept = np.zeros_like(p)
    chosen = order[before < top]
    kept[chosen] = (p[chosen] / p[order[0]]) ** (1 / max(temperature, 0.02))
    whole: npt.NDArray[np.float64] = kept / kept.sum()
    return whole


def visits_text(level: Level) -> str:
    """What the level looks ahead at, for people."""
    if level.hurried:
        return "as far as the clock allows"
    return counted(level.visits, "position") if level.visits else "nothing"


def without_search(level: Level) -> str | None:
    """What becomes of the level with a network that does not foresee the winner, which searches
    need; None if it makes no difference."""
    if not level.visits:
        return None
    strongest = [name for name, skill in table()["skills"].items() if float(skill) <= 1][-1]
    return (
        f"it does not foresee the winner, so that nothing can be looked ahead at: {level.name}"
        f" plays hardly better than {strongest}"
    )


def elo(level: Level) -> float:
    """The measured strength of a level in Elo, relative to the anchor; nan for a level that was not
    measured."""
    found = table()["elo"].get(level.name)
    return float(found) if found is not None else math.nan
