"""The tree of a search as flat arrays, and what is done with it there: walking down, adding
positions, carrying answers up.

A position takes 64 bytes, and 10 for each of its moves that are kept. The moves of a position stand
in order of their prior, and of all that have not been tried only the first can be the next to be:
the tried ones are always the first, and so few moves are looked at. Of a new position no more are
kept than a search will usually come to (`MOST_KEPT`, `LEAST_KEPT`); once all those have been tried,
the network is asked again, for the rest.

Where several positions are looked at in one evaluation, each walk down must not go the way of the
one before. Until the answers are there it counts as a visit that came to less than those before it
(`VIRTUAL_LOSS`; Chaslot et al. 2008, "Parallel Monte-Carlo tree search").
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gocnn._jit import jit
from gocnn.board.coords import MOVES
from gocnn.policy.predictions import Floats

C_PUCT = 1.1
"""How much the prior P counts against Q, what visits have shown."""

LEAST_PRIOR = 1e-9

MOST_KEPT, LEAST_KEPT = 32, 0.002
"""Of a new position at most so many moves are kept, and those that have at least this prior."""

VIRTUAL_LOSS = 0.5
"""How much less than the mean a visit is taken to have come to whose answer is not there yet (a
probability to win)."""

DEEPEST = 1000
"""Plies below the root at which a walk ends, whatever is there."""

NODE = np.dtype(
    [
        ("W_win", "f8"),
        ("W", "f8"),
        ("W2", "f8"),
        ("W_lead", "f8"),
        ("N", "i4"),
        ("first", "i4"),
        ("V_win", "f4"),
        ("V", "f4"),
        ("V_lead", "f4"),
        ("V_spread", "f4"),
        ("kept", "i2"),
        ("tried", "i2"),
        ("sensible", "i2"),
        ("pending", "i2"),
    ]
)
"""A position, in the paper's notation (`gocnn.engine.mcts`).

N: its visits. Sums over them, seen by the side that has moved to it: W of what the search is to
make large (see `worth`), W2 of its square, W_win of the probability to win, W_lead of the lead in
points; Q = W / N. What was said of the position itself, seen by the side to play: V, V_win, V_lead
likewise, V_spread the standard deviation of the lead. first: where its first move stands among the
moves, or one of the following; kept, tried: how many moves are there, and have been tried;
sensible: how many it has; pending: walks that go through it and whose answer is not there yet."""

NEW, WIDEN = -1, -2
"""Instead of `first`: nothing is known of the position yet. WIDEN less `first`: the position
waits for the rest of its moves."""

LEAF, MORE, KNOWN, TAKEN = 0, 1, 2, 3
"""How a walk ended: at a move that nobody has tried; at a position whose moves have all been tried,
with more to come; where there is nothing to ask; at a position that another walk is about to ask
about."""


class Arrays(NamedTuple):
    """The memory of a search tree. nodes: one `NODE` for each position, `(positions,)`. For each
    move that a position keeps there is a place in three arrays `(moves,)`: child, int32, the
    position after the move, -1 before its first visit; P, float32, its prior probability; move,
    int16, its flat index. used: int64 `(2,)`, how many positions and how many moves are in use."""

    nodes: npt.NDArray[np.void]
    child: npt.NDArray[np.int32]
    P: Floats
    move: npt.NDArray[np.int16]
    used: npt.NDArray[np.int64]


STEP = 1 << 14
"""Positions that the arrays grow by at least."""


def new_arrays(nodes: int = 64, edges: int = 4 * MOVES) -> Arrays:
    """Room for so many positions and moves."""
    return Arrays(
        np.zeros(nodes, NODE),
        np.zeros(edges, np.int32),
        np.zeros(edges, np.float32),
        np.zeros(edges, np.int16),
        np.zeros(2, np.int64),
    )


def make_room(tree: Arrays, nodes: int, edges: int) -> None:
    """Enlarge the arrays if `nodes` more positions or `edges` more moves do not fit. They grow in
    place by an eighth; where they are large the system moves them without copying."""
    have, want = len(tree.nodes), int(tree.used[0]) + nodes
    if want > have:
        tree.nodes.resize(max(want, have + min(max(have // 8, STEP), 16 * STEP)), refcheck=False)
    have, want = len(tree.move), int(tree.used[1]) + edges
    if want > have:
        for part in (tree.child, tree.P, tree.move):
            part.resize(
                max(want, have + min(max(have // 8, 16 * STEP), 256 * STEP)), refcheck=False
            )


def size(tree: Arrays) -> int:
    """Bytes that positions and moves take."""
    return int(tree.used[0]) * NODE.itemsize + int(tree.used[1]) * (4 + 4 + 2)


@jit
def worth(win: float, lead: float, centre: float, share: float) -> float:
    """What a search is to make large: the probability to win, and a little for each point that the
    lead is above `centre`, the less the further away (Wu 2019, "Accelerating self-play learning in
    Go", https://arxiv.org/abs/1902.10565, on maximising the score). share: the most that points can
    make."""
    value: float = win + share * (2 / np.pi) * np.arctan((lead - centre) / 38.0)
    return value


@jit
def select_move(tree: Arrays, node: int, reduction: float) -> int:
    """Where the move to visit next stands among the moves: the first of equals in their order."""
    nodes = tree.nodes
    first, tried, kept = nodes[node]["first"], nodes[node]["tried"], nodes[node]["kept"]
    explore = C_PUCT * (nodes[node]["N"] + nodes[node]["pending"]) ** 0.5
    seen = 0.0
    for edge in range(first, first + tried):
        seen += tree.P[edge]
    unseen = nodes[node]["V"] - reduction * seen**0.5
    best, most = -1, -np.inf
    for edge in range(first, first + tried):
        below = tree.child[edge]
        visits, pending = nodes[below]["N"], nodes[below]["pending"]
        value = nodes[below]["W"] / visits if visits else unseen
        if pending:
            value -= VIRTUAL_LOSS * pending / (visits + pending)
        score = value + explore * tree.P[edge] / (1 + visits + pending)
        if score > most:
            best, most = edge, score
    if tried < kept:
        score = unseen + explore * tree.P[first + tried]
        if score > most:
            best = first + tried
    return best


@jit
def walk(
    tree: Arrays,
    root: int,
    reduction: float,
    narrow: float,
    path: npt.NDArray[np.int32],
    moves: npt.NDArray[np.int16],
) -> tuple[int, int]:
    """Walk down from the root to a position to ask about; its depth, and how the walk ended. path,
    moves: `(DEEPEST + 1,)`, filled with the positions from the root and the moves between them. A
    move that is tried for the first time gets its position. reduction: for the root's moves;
    narrow: for others'. Nothing is pending yet."""
    nodes = tree.nodes
    node, depth = root, 0
    path[0] = root
    while True:
        if nodes[node]["first"] < 0:
            return depth, TAKEN
        if nodes[node]["sensible"] == 0 or depth == DEEPEST:
            return depth, KNOWN
        if nodes[node]["tried"] == nodes[node]["kept"] < nodes[node]["sensible"]:
            return depth, MORE
        edge = select_move(tree, node, narrow if depth else reduction)
        moves[depth] = tree.move[edge]
        depth += 1
        if edge == nodes[node]["first"] + nodes[node]["tried"]:
            new = tree.used[0]
            tree.used[0] += 1
            nodes[new]["N"] = 0
            nodes[new]["pending"] = 0
            nodes[new]["W_win"] = 0.0
            nodes[new]["W"] = 0.0
            nodes[new]["W2"] = 0.0
            nodes[new]["W_lead"] = 0.0
            nodes[new]["first"] = NEW
            tree.child[edge] = new
            nodes[node]["tried"] += 1
            path[depth] = new
            return depth, LEAF
        node = tree.child[edge]
        path[depth] = node


@jit
def mark(tree: Arrays, path: npt.NDArray[np.int32], depth: int, sign: int) -> None:
    """Count a walk as pending, or no longer (`sign` -1)."""
    for i in range(depth + 1):
        tree.nodes[path[i]]["pending"] += sign


@jit
def carry(tree: Arrays, path: npt.NDArray[np.int32], depth: int) -> None:
    """Carry what is known of a walk's last position up to the root: one visit of each position on
    the way."""
    nodes = tree.nodes
    last = path[depth]
    win, value, lead = (
        float(nodes[last]["V_win"]),
        float(nodes[last]["V"]),
        float(nodes[last]["V_lead"]),
    )
    for i in range(depth, -1, -1):
        win, value, lead = 1 - win, 1 - value, -lead
        node = path[i]
        nodes[node]["N"] += 1
        nodes[node]["W_win"] += win
        nodes[node]["W"] += value
        nodes[node]["W2"] += value * value
        nodes[node]["W_lead"] += lead


@jit
def tell(tree: Arrays, node: int, win: float, value: float, lead: float, spread: float) -> None:
    """What is said of a position by itself."""
    nodes = tree.nodes
    nodes[node]["V_win"], nodes[node]["V"], nodes[node]["V_lead"], nodes[node]["V_spread"] = (
        win,
        value,
        lead,
        spread,
    )


@jit
def finish(tree: Arrays, node: int) -> None:
    """A new position that has no moves: the game is over."""
    nodes = tree.nodes
    nodes[node]["first"], nodes[node]["kept"], nodes[node]["tried"], nodes[node]["sensible"] = (
        0,
        0,
        0,
        0,
    )


@jit
def priors(
    logits: Floats,
    legal: npt.NDArray[np.bool_],
    keep: npt.NDArray[np.bool_],
    prior: npt.NDArray[np.float64],
) -> None:
    """Fill float64 `(362,)`: the prior of the moves to keep, which sums to 1, and -1 elsewhere,
    from logits."""
    most = -np.inf
    for i in range(len(legal)):
        if legal[i] and logits[i] > most:
            most = logits[i]
    total = 0.0
    for i in range(len(legal)):
        prior[i] = np.exp(float(logits[i]) - most) if legal[i] else 0.0
        total += prior[i]
    kept = 0.0
    for i in range(len(legal)):
        prior[i] = max(prior[i] / total, LEAST_PRIOR) if keep[i] else -1.0
        if keep[i]:
            kept += prior[i]
    for i in range(len(legal)):
        if keep[i]:
            prior[i] /= kept


@jit
def add_moves(
    tree: Arrays, node: int, prior: npt.NDArray[np.float64], most: int, least: float
) -> None:
    """Give a position its moves: those it has, in their order and with their prior, then those of
    at least `least`, in the order of `prior`, float64 `(362,)`, negative for what is no move of it;
    at most `most` in all. There must be room for 362."""
    nodes = tree.nodes
    old = nodes[node]["kept"] if nodes[node]["first"] >= 0 else 0
    before, first = nodes[node]["first"], tree.used[1]
    sensible = 0
    for i in range(len(prior)):
        if prior[i] >= 0:
            sensible += 1
    for k in range(old):
        edge = before + k
        tree.child[first + k], tree.P[first + k], tree.move[first + k] = (
            tree.child[edge],
            tree.P[edge],
            tree.move[edge],
        )
        prior[tree.move[edge]] = -1.0
    count = old
    for i in range(len(prior)):
        p = np.float32(prior[i])
        if p < least:
            continue
        edge = first + count
        # sorted as they come: few are not small
        while edge > first + old and tree.P[edge - 1] < p:
            tree.P[edge], tree.move[edge] = tree.P[edge - 1], tree.move[edge - 1]
            edge -= 1
        tree.P[edge], tree.move[edge] = p, i
        count += 1
    count = min(count, max(most, old))
    for k in range(old, count):
        tree.child[first + k] = -1
    tree.used[1] = first + count
    nodes[node]["first"], nodes[node]["kept"], nodes[node]["sensible"] = (
        first,
        count,
        max(sensible, count),
    )
    if old == 0:
        nodes[node]["tried"] = 0


@jit
def copy_below(old: Arrays, root: int, new: Arrays) -> None:
    """Copy a position with all below it into empty arrays, the position first and each before those
    below it."""
    new.nodes[0] = old.nodes[root]
    new.used[0], new.used[1] = 1, 0
    node = 0
    while node < new.used[0]:
        before, first = new.nodes[node]["first"], new.used[1]
        kept, tried = new.nodes[node]["kept"], new.nodes[node]["tried"]
        for k in range(kept):
            edge = first + k
            new.P[edge], new.move[edge] = old.P[before + k], old.move[before + k]
            new.child[edge] = -1
            if k < tried:
                below = new.used[0]
                new.nodes[below] = old.nodes[old.child[before + k]]
                new.child[edge] = below
                new.used[0] += 1
        new.used[1] += kept
        new.nodes[node]["first"] = first
        node += 1


@jit
def sum_up(tree: Arrays, count: int, own: bool, centre: float, share: float) -> None:
    """Work the sums of positions out anew from what is below them, for the first `count` positions,
    each of which comes before those below it, after `centre` (the first one's; see `worth`) has
    changed. own: the first one has no more visits than itself and its moves."""
    nodes = tree.nodes
    depth = np.zeros(count, np.int8)  # whether a position's side to play is the other one
    for node in range(count):
        for edge in range(nodes[node]["first"], nodes[node]["first"] + nodes[node]["tried"]):
            if tree.child[edge] < count:
                depth[tree.child[edge]] = 1 - depth[node]
    for node in range(count - 1, -1, -1):
        value = worth(
            nodes[node]["V_win"], nodes[node]["V_lead"], -centre if depth[node] else centre, share
        )
        nodes[node]["V"] = value
        visits, wins, values, squares, leads = 0, 0.0, 0.0, 0.0, 0.0
        for edge in range(nodes[node]["first"], nodes[node]["first"] + nodes[node]["tried"]):
            below = tree.child[edge]
            n = nodes[below]["N"]
            visits += n
            wins += n - nodes[below]["W_win"]
            values += n - nodes[below]["W"]
            squares += n - 2 * nodes[below]["W"] + nodes[below]["W2"]
            leads -= nodes[below]["W_lead"]
        mine = 1 if node == 0 and own else nodes[node]["N"] - visits
        value = float(nodes[node]["V"])
        nodes[node]["N"] = visits + mine
        nodes[node]["W_win"] = wins + mine * (1 - float(nodes[node]["V_win"]))
        nodes[node]["W"] = values + mine * (1 - value)
        nodes[node]["W2"] = squares + mine * (1 - value) ** 2
        nodes[node]["W_lead"] = leads - mine * float(nodes[node]["V_lead"])
