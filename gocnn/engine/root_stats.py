"""What a search's tree says of the root's moves: how often each was visited, what came of it, and
which is best by its lower confidence bound."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gocnn.board.coords import MOVES
from gocnn.engine.tree import Arrays
from gocnn.policy.predictions import Floats

DEVIATIONS = 5.0
"""Standard errors from the mean to the lower confidence bound: what is seen below a move is far
from independent."""

IMAGINED, IMAGINED_DEVIATION = 2, 0.15
"""So many values with this deviation from the mean are taken to have been seen beside the real
ones: one alone tells nothing of chance."""

LEAST_SHARE = 0.15
"""A move with fewer visits than this share of the most is not chosen for its lower confidence
bound."""


class ActionStats(NamedTuple):
    """What is known of one of the root's moves, seen by the side that makes it. visits: how many;
    win: the mean probability to win, 0 to 1; line: flat indices, each with the visits of the
    position after it; lcb: the lower confidence bound of win; lead, spread: the mean margin in
    points, komi counted, and what the network says is the standard deviation (nan if it says no
    score); utility: Q, the mean of what the search makes large."""

    visits: int
    win: float
    line: list[tuple[int, int]]
    lcb: float
    lead: float
    spread: float
    utility: float


def below(tree: Arrays, node: int) -> dict[int, int]:
    """For each move that has been tried in a position (flat index), the position after it."""
    first, tried = int(tree.nodes["first"][node]), int(tree.nodes["tried"][node])
    moves, children = tree.move[first : first + tried], tree.child[first : first + tried]
    return dict(zip(moves.tolist(), children.tolist(), strict=True))


def action_stats(tree: Arrays, index: int, longest: int, scores: bool) -> ActionStats:
    """What is known of one of the root's moves (the root's own numbers before it has been visited),
    and the line of most visits that begins with it, cut to `longest` moves; the last move of it may
    be one that the network expects and nobody visited. scores: whether the network says a score."""
    node, nodes = below(tree, 0).get(index), tree.nodes
    if node is None:
        root = nodes[0]
        lead, spread = (
            (float(root["V_lead"]), float(root["V_spread"])) if scores else (math.nan, math.nan)
        )
        win, utility = float(root["V_win"]), float(root["V"])
        return ActionStats(0, win, [(index, 0)], 0.0, lead, spread, utility)
    stats = nodes[node]
    N, Q, win = int(stats["N"]), float(stats["W"] / stats["N"]), float(stats["W_win"] / stats["N"])
    line = [(index, N)]
    at: int | None = node
    while at is not None and nodes[at]["kept"] and len(line) < longest:
        first, tried = int(nodes[at]["first"]), int(nodes[at]["tried"])
        seen = nodes["N"][tree.child[first : first + tried]]
        best = int(seen.argmax()) if tried else 0
        line.append((int(tree.move[first + best]), int(seen[best]) if tried else 0))
        at = int(tree.child[first + best]) if tried else None
    lead, spread = (
        (float(stats["W_lead"]) / N, float(stats["V_spread"])) if scores else (math.nan, math.nan)
    )
    lcb = max(0.0, win - radius(N, Q, float(stats["W2"])))
    return ActionStats(N, win, line, lcb, lead, spread, Q)


def visits(tree: Arrays) -> Floats:
    """N of each of the root's moves, float32 `(362,)`."""
    result = np.zeros(MOVES, np.float32)
    children = below(tree, 0)
    result[list(children)] = tree.nodes["N"][list(children.values())]
    return result


def weights(tree: Arrays) -> npt.NDArray[np.float64]:
    """What to choose a move by, float64 `(362,)`: its visits, but of those with enough of them
    (`LEAST_SHARE`) the one with the best lower confidence bound comes first."""
    found = visits(tree).astype(np.float64)
    most = float(found.max())
    if most:
        enough = [int(i) for i in np.flatnonzero(found >= LEAST_SHARE * most)]
        children, nodes = below(tree, 0), tree.nodes
        bounds = {
            i: bound(*(nodes[children[i]][name].item() for name in ("N", "W", "W2")))
            for i in enough
        }
        best = max(enough, key=lambda i: (bounds[i], found[i]))
        if (found >= found[best]).sum() > 1:
            found[best] = most + 2  # a player adds priors to break ties
    return found


def radius(N: int, Q: float, W2: float) -> float:
    """How far below Q, the mean of a move's N values, its lower confidence bound is. W2: the sum of
    the values' squares."""
    seen = max(W2 - N * Q * Q, 0.0) + IMAGINED * IMAGINED_DEVIATION**2
    return DEVIATIONS * math.sqrt(seen / (N + IMAGINED) / N)


def bound(N: int, W: float, W2: float) -> float:
    """The lower confidence bound of a move's N values, given the sums of them (W) and of their
    squares (W2)."""
    return W / N - radius(N, W / N, W2)
