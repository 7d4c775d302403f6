"""How well a policy predicts: accuracy, log-likelihood and calibration, with confidence intervals,
by phase of the game."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn.features.conditioning import HANDICAP
from gocnn.policy import endings
from gocnn.policy.predictions import Floats
from gocnn.policy.samples import UNDECIDED, Games, choose_positions, positions
from gocnn.policy.suggestion import Evaluator, log_softmax, mean_over_symmetries
from gocnn.statistics import calibration, mean_interval, ranks, wilson

PHASES = (("opening", 0, 50), ("middle", 50, 150), ("end", 150, 10**9))
"""Name, first ply and one past the last ply (ply 0 is the position before the first move)."""

CHUNK = 512


@dataclass(frozen=True)
class MovePredictions:
    """Each judged position: its game, its ply, the rank (0 is best) and log-probability (nats) of
    the move played, the first choice's probability, the foreseen probability of the side to play to
    win (nan: not foreseen), whether it won (`gocnn.policy.samples.fill`), and the end of its game,
    if the network foresees the score."""

    game: npt.NDArray[np.int64]
    ply: npt.NDArray[np.int64]
    rank: npt.NDArray[np.int64]
    log_likelihood: Floats
    confidence: Floats
    foreseen: Floats
    won: npt.NDArray[np.int8]
    end: endings.Ending | None = None


def judge(
    policy: Evaluator,
    games: Games,
    count: int,
    *,
    symmetries: int = 1,
    seed: int = 0,
    tick: Callable[[int], Any] = lambda _: None,
    shown: int = HANDICAP,
    komi: Floats | None = None,
) -> MovePredictions:
    """Judge `count` positions drawn uniformly without replacement (all of them, if there are not
    more). Illegal moves are not masked.

    shown: which bits of the games' conditioning the network sees (`gocnn.features.conditioning`);
    komi: of the games, float32 `(G,)` in points, nan where it is unknown."""
    which, plies = choose_positions(games, count, seed)
    komi = np.full(len(games), np.nan, np.float32) if komi is None else komi
    turns, ends = range(symmetries), []
    parts: list[tuple[npt.NDArray[Any], ...]] = []
    for i in range(0, len(which), CHUNK):
        part = slice(i, i + CHUNK)
        answers = []
        for s in turns:
            batch, moves, won, owners = positions(
                games,
                policy.plane_groups,
                which[part],
                plies[part],
                symmetry_number=s,
                shown=shown,
                score=True,
            )
            answers.append(policy.outputs(batch))
            if s == 0:
                played, owned = moves, owners
        logits = [said.logits for said in answers]
        p = (
            log_softmax(logits[0])
            if symmetries == 1
            else mean_over_symmetries(np.stack(logits), turns)
        )
        mine = p[np.arange(len(played)), played]
        parts.append(
            (
                ranks(p, played),
                mine,
                np.exp(p.max(1)),
                np.mean([said.win for said in answers], 0),
                won,
            )
        )
        if policy.scores:
            ends.append(
                endings.ending(
                    endings.mean_of(answers),
                    owned,
                    won,
                    endings.komi_of_sides(games, komi, which[part], plies[part]),
                )
            )
        tick(len(played))
    rank, mine, confidence, foreseen, won = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    return MovePredictions(
        which, plies, rank, mine, confidence, foreseen, won, endings.joined(ends) if ends else None
    )


def figures(judged: MovePredictions) -> dict[str, Any]:
    """Everything that is reported: `all` and each phase with top-1, top-3, top-5 and
    log-likelihood, and how often and how well the winner was foreseen (where it is known, by a
    network that does), and the end of the game (`gocnn.policy.endings`), with 95 % intervals;
    calibration; and `lopsided`, the ends of games that one side wins by far."""
    result: dict[str, Any] = {"all": _part(judged, np.ones(len(judged.ply), np.bool_))}
    for name, first, stop in PHASES:
        result[name] = _part(judged, (judged.ply >= first) & (judged.ply < stop))
    result["calibration"], result["calibration_error"] = calibration(
        judged.confidence, judged.rank == 0
    )
    if judged.end is not None and len(judged.end.sure):
        result["owner_calibration"], result["owner_calibration_error"] = endings.owner_calibration(
            judged.end
        )
        result["lopsided"] = endings.figures(judged.end, endings.lopsided(judged.end))
    return result


def _part(judged: MovePredictions, keep: npt.NDArray[np.bool_]) -> dict[str, Any]:
    n = int(keep.sum())
    part: dict[str, Any] = {"positions": n}
    if not n:
        return part
    for k in (1, 3, 5):
        right = int((judged.rank[keep] < k).sum())
        part[f"top{k}"] = right / n
        part[f"top{k}_interval"] = list(wilson(right, n))
    part["log_likelihood"], *part["log_likelihood_interval"] = mean_interval(
        judged.log_likelihood[keep].astype(np.float64)
    )
    decided = keep & (judged.won != UNDECIDED) & ~np.isnan(judged.foreseen)
    n = int(decided.sum())
    if n:
        foreseen, won = (
            np.clip(judged.foreseen[decided].astype(np.float64), 1e-6, 1 - 1e-6),
            judged.won[decided] == 1,
        )
        right = int(((foreseen > 0.5) == won).sum())
        part["winner"], part["winner_interval"] = right / n, list(wilson(right, n))
        part["winner_log_likelihood"] = float(np.log(np.where(won, foreseen, 1 - foreseen)).mean())
    return part if judged.end is None else part | endings.figures(judged.end, keep)
