"""From walks in a search's tree to what the network is asked about their ends, and from its answers
back to the tree. Several walks at a time, as compiled kernels."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gocnn._jit import jit
from gocnn.board import BLACK, rules, symmetry
from gocnn.board.coords import MOVES, POINTS
from gocnn.board.rules import STATE_SHAPE, State
from gocnn.engine.tree import (
    DEEPEST,
    KNOWN,
    LEAF,
    LEAST_KEPT,
    MORE,
    MOST_KEPT,
    NEW,
    TAKEN,
    WIDEN,
    Arrays,
    add_moves,
    carry,
    finish,
    mark,
    priors,
    tell,
    walk,
    worth,
)
from gocnn.engine.tree_positions import Root, look, over, replay
from gocnn.features import planes
from gocnn.policy.predictions import Floats

Mask = npt.NDArray[np.bool_]


class Slots(NamedTuple):
    """Up to B walks down the tree that wait for the network's answer. path: the positions of the
    tree on each walk, int32 `(B, DEEPEST + 1)`; moves: the moves between them, int16 of the same
    shape; depth: how many moves they are, int64 `(B,)`. The position at the end of a walk is in
    states, int16 `(B, 5, 441)`, colours (who is to play), int64 `(B,)`, and recent (the last
    moves), int16 `(B, 8)`; what the network is shown of it in planes, uint8 `(B, C, 361)`; which
    moves are legal and which the search considers in legal and keep, bool `(B, 362)`. The rest is
    working memory."""

    path: npt.NDArray[np.int32]
    moves: npt.NDArray[np.int16]
    depth: npt.NDArray[np.int64]
    states: State
    colours: npt.NDArray[np.int64]
    recent: npt.NDArray[np.int16]
    planes: npt.NDArray[np.uint8]
    legal: Mask
    keep: Mask
    memory: planes.Memory
    hashes: npt.NDArray[np.uint64]
    prior: npt.NDArray[np.float64]
    straight: npt.NDArray[np.int16]


def new_slots(count: int, channels: int) -> Slots:
    """Room for `count` walks, for a network that is shown `channels` planes."""
    return Slots(
        np.zeros((count, DEEPEST + 1), np.int32),
        np.zeros((count, DEEPEST + 1), np.int16),
        np.zeros(count, np.int64),
        np.zeros((count, *STATE_SHAPE), np.int16),
        np.zeros(count, np.int64),
        np.zeros((count, planes.HISTORY), np.int16),
        np.zeros((count, channels, POINTS), np.uint8),
        np.zeros((count, MOVES), np.bool_),
        np.zeros((count, MOVES), np.bool_),
        planes.new_memory(),
        np.zeros(DEEPEST + 1, np.uint64),
        np.zeros(MOVES),
        symmetry.permutation(0),
    )


@jit
def _decide(
    tree: Arrays, root: Root, node: int, state: State, colour: int, centre: float, share: float
) -> None:
    """A game that two passes have ended is decided by area, as it stands."""
    owner = np.zeros(POINTS, np.int8)
    rules.area(state, owner)
    margin = -root.komi
    for index in range(POINTS):
        if owner[index] == BLACK:
            margin += 1
        elif owner[index]:
            margin -= 1
    mine = margin if colour == BLACK else -margin
    win = 1.0 if mine > 0 else 0.0
    tell(
        tree,
        node,
        win,
        worth(win, mine, centre if colour == root.colour else -centre, share),
        mine,
        0.0,
    )
    finish(tree, node)


def fill_planes(root: Root, slots: Slots, waiting: int) -> None:
    """Fill the planes of the walks that wait. No kernel, since one that calls `planes.fill` would
    compile all of it once more: half a minute."""
    for slot in range(waiting):
        shown = planes.Shown(
            slots.states[slot], int(slots.colours[slot]), slots.recent[slot], root.conditioning
        )
        planes.fill(shown, root.at, slots.straight, slots.memory, slots.planes[slot])


@jit
def gather(
    tree: Arrays,
    node: int,
    root: Root,
    slots: Slots,
    want: int,
    reduction: float,
    narrow: float,
    centre: float,
    share: float,
) -> tuple[int, int]:
    """Walk down from the root's `node` until `want` walks are over or wait in slots, or one comes
    where another waits; how many wait, and how many visits were made, games over among them. There
    must be room for `want` positions."""
    waiting, visits = 0, 0
    for _ in range(want):
        path, moves, state = slots.path[waiting], slots.moves[waiting], slots.states[waiting]
        depth, end = walk(tree, node, reduction, narrow, path, moves)
        if end == TAKEN:
            break
        if end != KNOWN:
            colour = replay(root, moves, depth, state, slots.hashes)
            if end == LEAF and over(root, moves, depth):
                _decide(tree, root, path[depth], state, colour, centre, share)
                end = KNOWN
        if end == KNOWN:
            carry(tree, path, depth)
            visits += 1
            continue
        slots.depth[waiting], slots.colours[waiting] = depth, colour
        for i in range(planes.HISTORY):
            slots.recent[waiting, i] = moves[depth - 1 - i] if i < depth else root.recent[i - depth]
        look(root, state, colour, slots.hashes, depth, slots.legal[waiting], slots.keep[waiting])
        if end == MORE:
            tree.nodes[path[depth]]["first"] = WIDEN - tree.nodes[path[depth]]["first"]
        else:
            visits += 1
        mark(tree, path, depth, 1)
        waiting += 1
    return waiting, visits


@jit
def absorb(
    tree: Arrays,
    slots: Slots,
    waiting: int,
    logits: Floats,
    win: npt.NDArray[np.float64],
    value: npt.NDArray[np.float64],
    lead: npt.NDArray[np.float64],
    spread: npt.NDArray[np.float64],
) -> None:
    """Into the tree with the network's answers about the walks that wait, each seen by its side to
    play. There must be room for 362 moves of each."""
    for slot in range(waiting):
        path, depth = slots.path[slot], slots.depth[slot]
        node = path[depth]
        mark(tree, path, depth, -1)
        priors(logits[slot], slots.legal[slot], slots.keep[slot], slots.prior)
        if tree.nodes[node]["first"] == NEW:
            tell(tree, node, win[slot], value[slot], lead[slot], spread[slot])
            add_moves(tree, node, slots.prior, MOST_KEPT, LEAST_KEPT)
            carry(tree, path, depth)
        else:
            tree.nodes[node]["first"] = WIDEN - tree.nodes[node]["first"]
            add_moves(tree, node, slots.prior, MOVES, 0.0)


@jit
def forget(tree: Arrays, slots: Slots, waiting: int) -> None:
    """Nothing is to come of the walks that wait: the tree is as if they had not been made."""
    nodes = tree.nodes
    for slot in range(waiting - 1, -1, -1):
        path, depth = slots.path[slot], slots.depth[slot]
        node = path[depth]
        mark(tree, path, depth, -1)
        # the last move tried of the position above, since walks are taken back in turn
        if nodes[node]["first"] == NEW:
            nodes[path[depth - 1]]["tried"] -= 1
            tree.child[nodes[path[depth - 1]]["first"] + nodes[path[depth - 1]]["tried"]] = -1
        else:
            nodes[node]["first"] = WIDEN - nodes[node]["first"]


@jit
def add_owners(
    slots: Slots,
    waiting: int,
    owner: Floats,
    sums: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
) -> None:
    """Add ownership, float32 `(B, 361)`, each seen by its side to play, to that after each of the
    root's moves, float64 `(362, 361)`, as the root's side sees it; counts: int64 `(362,)`."""
    for slot in range(waiting):
        depth = slots.depth[slot]
        if depth:
            move, sign = slots.moves[slot, 0], 1 if depth % 2 == 0 else -1
            counts[move] += 1
            for point in range(POINTS):
                sums[move, point] += sign * owner[slot, point]
