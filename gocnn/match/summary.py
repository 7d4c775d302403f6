"""What the games of a match come to: win rate, Elo difference, how games ended."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gocnn.match.game import GameResult
from gocnn.statistics import wilson


@dataclass(frozen=True)
class MatchSummary:
    """The first engine's side of a match: a drawn game is half a win. interval: 95 % of the win
    rate; elo: difference, with its interval."""

    games: int
    wins: int
    losses: int
    draws: int
    rate: float
    interval: tuple[float, float]
    elo: float
    elo_interval: tuple[float, float]


def summarise(games: Sequence[GameResult]) -> MatchSummary:
    """Count a match up, of one game at least. The Elo difference is `400 * log10(p / (1 - p))`
    (infinite where all or no games are won)."""
    wins, losses = sum(g.winner == 0 for g in games), sum(g.winner == 1 for g in games)
    n = len(games)
    points = wins + (len(games) - wins - losses) / 2
    low, high = wilson(points, n)
    return MatchSummary(
        len(games),
        wins,
        losses,
        len(games) - wins - losses,
        points / n,
        (low, high),
        _elo(points / n),
        (_elo(low), _elo(high)),
    )


def broken_off(games: Sequence[GameResult]) -> list[GameResult]:
    """Those that were not decided on the board: an engine died, hung, broke the protocol or the
    rules, or the game was too long."""
    return [game for game in games if game.how not in ("score", "resignation")]


def seconds_a_move(games: Sequence[GameResult]) -> tuple[float, float]:
    """How long each engine took for a move, on average over all games (half of a game's moves after
    its opening counted for each); nan without moves."""
    moves = sum(game.moves - game.given for game in games) / 2
    return tuple(
        sum(game.seconds[side] for game in games) / moves if moves else math.nan for side in (0, 1)
    )  # type: ignore[return-value]


def _elo(rate: float) -> float:
    if rate <= 0:
        return -math.inf
    return math.inf if rate >= 1 else 400 * math.log10(rate / (1 - rate))
