"""How well the end of games is foreseen: whose each point is, the score, and who wins, by value, by
score and by both."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn.games.words import is_white
from gocnn.policy.predictions import Floats, PolicyPredictions, mean_owner, winrate
from gocnn.policy.samples import UNDECIDED, UNKNOWN_OWNER, Games
from gocnn.statistics import calibration, mean_interval, wilson

LOPSIDED = 20.0
"""Points, komi counted, from which on a game is not close."""

SHARES = tuple(round(0.1 * i, 1) for i in range(11))
"""Shares of the value, beside the score, that are tried."""


@dataclass(frozen=True)
class Ending:
    """What was said of N positions, and what came of them; arrays are `(N,)` unless said otherwise,
    and seen by the side to play. sure and right, float32 and bool `(P,)`: for each of the P points
    of these positions whose owner is known, the probability given to the likelier owner, and
    whether that one owns it. win, lead, spread: as in `gocnn.policy.predictions.PolicyPredictions`.
    margin: the label's, in points, nan without a whole label. komi: the points that the side to
    play gets, nan if unknown. won: as in `gocnn.policy.samples.fill`. owned: how many points have a
    known owner; foreseen: for how many of them that owner was the likelier. nats: the sum of the
    log-likelihoods of the labelled points; points: how many those are."""

    sure: Floats
    right: npt.NDArray[np.bool_]
    win: Floats
    lead: Floats
    spread: Floats
    margin: Floats
    komi: Floats
    won: npt.NDArray[np.int8]
    owned: npt.NDArray[np.int64]
    foreseen: npt.NDArray[np.int64]
    nats: npt.NDArray[np.float64]
    points: npt.NDArray[np.int64]


def mean_of(parts: list[PolicyPredictions]) -> PolicyPredictions:
    """The mean of what was said of turned boards, part `s` after symmetry `s`, turned back; logits
    are those of the first."""
    owner = mean_owner(np.stack([part.owner for part in parts]), range(len(parts)))
    win, lead, spread = (
        np.stack([getattr(part, key) for part in parts]).mean(0, dtype=np.float32)
        for key in ("win", "lead", "spread")
    )
    return PolicyPredictions(parts[0].logits, win, owner, lead, spread)


def ending(
    said: PolicyPredictions, owners: npt.NDArray[np.int8], won: npt.NDArray[np.int8], komi: Floats
) -> Ending:
    """What was said beside what came: owners, int8 `(N, 361)`, as `gocnn.policy.samples.fill`
    writes them; komi, of `komi_of_sides`."""
    known = (owners != UNKNOWN_OWNER) & ~np.isnan(said.owner)
    owned = known & (owners != 0)
    mine = np.clip((1 + said.owner.astype(np.float64)) / 2, 1e-6, 1 - 1e-6)
    target = (1 + np.where(known, owners, 0)) / 2
    nats = np.where(known, target * np.log(mine) + (1 - target) * np.log(1 - mine), 0)
    right = (mine > 0.5) == (owners > 0)
    whole = (owners != UNKNOWN_OWNER).all(1)
    margin = np.where(whole, owners.sum(1, dtype=np.int64), np.nan).astype(np.float32)
    return Ending(
        np.maximum(mine, 1 - mine)[owned].astype(np.float32),
        right[owned],
        said.win,
        said.lead,
        said.spread,
        margin,
        komi,
        won,
        owned.sum(1),
        (owned & right).sum(1),
        nats.sum(1),
        known.sum(1),
    )


def komi_of_sides(
    games: Games, komi: Floats, which: npt.NDArray[np.int64], plies: npt.NDArray[np.int64]
) -> Floats:
    """float32 `(N,)`: the points that the side to play gets at ply `plies[i]` of game `which[i]`;
    komi: of the games, `(G,)`, nan unknown."""
    words = games.words[games.start[which] + games.setup[which] + plies]
    return np.where(is_white(words), komi[which], -komi[which]).astype(np.float32)


def joined(parts: list[Ending]) -> Ending:
    """The positions of several as those of one, in turn."""
    return Ending(
        *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Ending))
    )


def figures(end: Ending, keep: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Figures over the positions where `keep`, bool `(N,)`, is true. `owner`: the share of points
    whose owner was foreseen; `owner_log_likelihood`: nats a point. `score_error`: the mean absolute
    error in points, with its interval, and beside it `score_error_even`, that of always saying 0.
    `leader`: how often the side that the label lets win was said to lead, where komi is known.
    `winner_by`: for each of `value`, `score` and `both` (`gocnn.policy.predictions.winrate`) how
    often the winner was foreseen, its log-likelihood in nats, and the `share` of the value that
    gives the best one. A figure is left out where nothing is known for it."""
    result: dict[str, Any] = {}
    points, owned = int(end.points[keep].sum()), int(end.owned[keep].sum())
    if points and owned:
        result |= {
            "owner": int(end.foreseen[keep].sum()) / owned,
            "owner_log_likelihood": float(end.nats[keep].sum()) / points,
        }
    scored = keep & ~np.isnan(end.margin) & ~np.isnan(end.lead)
    if scored.any():
        margin, lead, komi = (
            part[scored].astype(np.float64)
            for part in (end.margin, end.lead, np.nan_to_num(end.komi))
        )
        result["scored"] = len(margin)
        result["score_error"], *result["score_error_interval"] = mean_interval(
            np.abs(lead - margin)
        )
        result["score_error_even"] = float(np.abs(margin + komi).mean())
        decided = ~np.isnan(end.komi[scored]) & (margin + komi != 0)
        if n := int(decided.sum()):
            right = int(((lead + komi > 0) == (margin + komi > 0))[decided].sum())
            result["leader"], result["leader_interval"] = right / n, list(wilson(right, n))
    said = (
        keep
        & (end.won != UNDECIDED)
        & ~np.isnan(end.lead)
        & ~np.isnan(end.komi)
        & ~np.isnan(end.win)
    )
    if said.any():
        won = end.won[said] == 1
        parts = {
            share: winrate(
                end.win[said], end.lead[said], end.spread[said], end.komi[said], share=share
            )
            for share in SHARES
        }
        both = winrate(end.win[said], end.lead[said], end.spread[said], end.komi[said])
        likelihoods = {share: _likelihood(p, won) for share, p in parts.items()}
        result["winner_by"] = {
            "positions": len(won),
            "share": max(likelihoods, key=lambda share: likelihoods[share]),
        }
        for name, p in (("value", parts[1.0]), ("score", parts[0.0]), ("both", both)):
            result["winner_by"][name] = {
                "winner": float(((p > 0.5) == won).mean()),
                "log_likelihood": _likelihood(p, won),
            }
    return result


def lopsided(end: Ending) -> npt.NDArray[np.bool_]:
    """bool `(N,)`: whether the label gives the game to one side by more than LOPSIDED points."""
    return np.abs(end.margin + np.nan_to_num(end.komi)) > LOPSIDED


def owner_calibration(end: Ending) -> tuple[list[dict[str, float]], float]:
    """How sure of the likelier owner, against how often it is, as
    `gocnn.statistics.calibration`."""
    return calibration(end.sure, end.right)


def _likelihood(p: npt.NDArray[np.float64], won: npt.NDArray[np.bool_]) -> float:
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return float(np.log(np.where(won, p, 1 - p)).mean())


def lines(figures: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    """Such figures as lines of text, of the parts with those names (`all`, `opening`, ...)."""
    found = []
    there = [(name, figures[name]) for name in names if name in figures]
    scored = [
        f"{name} {p['score_error']:.1f} [{p['score_error_interval'][0]:.1f},"
        f" {p['score_error_interval'][1]:.1f}] (even: {p['score_error_even']:.1f})"
        + (f", {p['leader']:.1%}" if "leader" in p else "")
        for name, p in there
        if "scored" in p
    ]
    if scored:
        found.append(
            f"points that the score is off, and the leader foreseen: {'; '.join(scored)}"
            f" ({figures['all']['scored']} labelled positions)"
        )
    owned = [
        f"{name} {p['owner']:.1%} {p['owner_log_likelihood']:.3f}"
        for name, p in there
        if "owner" in p
    ]
    if owned:
        found.append(f"owners foreseen, and log-likelihood a point: {'; '.join(owned)}")
        found.append(f"owners' calibration error {figures['owner_calibration_error']:.3f}")
    by = [f"{name} {_by(part['winner_by'])}" for name, part in there if "winner_by" in part]
    return [*found, f"winner by value, by score, by both: {'; '.join(by)}"] if by else found


def _by(part: dict[str, Any]) -> str:
    said = ", ".join(
        f"{part[key]['winner']:.1%} {part[key]['log_likelihood']:.3f}"
        for key in ("value", "score", "both")
    )
    return f"{said} ({part['share']:.0%} value were likeliest)"
