"""Reading whether a chain that random playouts lose can be taken at all: they move into a seki
where neither side would."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, Board, rules
from gocnn.board.rules import COLOUR, EMPTY, HEAD, KO, META, NO_KO, STEPS, State

MOST_EMPTY = 9
"""Empty points of a fight that is still read."""

MOST_POSITIONS = 6000

SURE, FEW_LIBERTIES = 0.9, 4
"""From this ownership on a chain is no party to the fight, if it has more liberties than those."""


ROOM = 7
"""Whoever takes so many stones at once has room for two eyes: no shape of seven points or more is
killed by one move."""


class _TooLarge(Exception):
    """More positions than are worth reading."""


def holds(
    board: Board, chain: Sequence[int], owner: npt.NDArray[np.float32], safe: npt.NDArray[np.bool_]
) -> bool:
    """Whether a chain (flat indices) cannot be captured though the opponent moves first; False also
    where that is too much to read.

    owner: float32 `(361,)`, as in `gocnn.engine.ownership.OwnershipEstimate`; safe: bool
    `(361,)`, stones that stay whatever happens. Moves elsewhere, and a ko taken back after one,
    are not thought of.
    """
    points = [int(rules.field_point(index, board.size)) for index in chain]
    region = _fight(board, points, owner, safe)
    if region is None:
        return False
    state = board.state.copy()
    state[META, KO] = NO_KO
    try:
        return not _Reading(state, points[0], region).falls()
    except _TooLarge:
        return False


def _fight(
    board: Board, points: list[int], owner: npt.NDArray[np.float32], safe: npt.NDArray[np.bool_]
) -> list[int] | None:
    """Where the fight takes place, as field points: the chain and the empty points around it, then
    the chains beside those that are not sure to stay, with their liberties; None if there are too
    many empty points."""
    state, size = board.state, board.size
    queue, found, outside, empty, i = list(points), set(points), set(), 0, 0
    # the chain, and friends that have no ground: what they could run to counts
    running = set(points)
    while i < len(queue):
        p = queue[i]
        i += 1
        for n in (p + step for step in STEPS):
            colour = int(state[COLOUR, n])
            if n in found or n in outside or colour == rules.WALL:
                continue
            if colour == EMPTY:
                empty += 1
                if empty > MOST_EMPTY:
                    return None
                found.add(n)
                # beyond the liberties of other chains lies their own ground
                if state[COLOUR, p] == EMPTY or p in running:
                    queue.append(n)
                continue
            whole = [
                int(q)
                for q in np.flatnonzero((state[HEAD] == state[HEAD, n]) & (state[COLOUR] == colour))
            ]
            indices = [int(rules.flat_index(q, size)) for q in whole]
            liberties = {
                q + step for q in whole for step in STEPS if state[COLOUR, q + step] == EMPTY
            }
            mine = float(owner[indices].mean()) * (1 if colour == BLACK else -1)
            if safe[indices[0]] or (mine >= SURE and len(liberties) > FEW_LIBERTIES):
                outside |= set(whole)
            else:
                found |= set(whole)
                queue += whole
                if mine < 0 and colour == state[COLOUR, points[0]]:
                    running |= set(whole)
    return sorted(found)


class _Reading:
    """All that can happen in one place; `anchor`: a point of the chain that is attacked."""

    def __init__(self, state: State, anchor: int, region: list[int]) -> None:
        self.state, self.region, self.anchor, self.colour = (
            state,
            region,
            anchor,
            int(state[COLOUR, anchor]),
        )
        self._known: dict[tuple[bytes, int, int], bool] = {}
        self._read = 0

    def falls(self) -> bool:
        """Whether the attacker, to move, captures the chain. A position that comes again counts as
        no success while it is read, so what rests on that is read again, until nothing more is
        found to succeed."""
        while True:
            sure = {key: True for key, taken in self._known.items() if taken}
            self._known = dict(sure)
            if self.taken(self.state):
                return True
            if sum(self._known.values()) == len(sure):
                return False

    def taken(self, state: State, attacking: bool = True) -> bool:
        """Whether the chain is captured, as far as it is known, `attacking` telling whose turn it
        is."""
        key = (state[COLOUR, self.region].tobytes(), int(state[META, KO]), attacking)
        if key in self._known:
            return self._known[key]
        self._read += 1
        if self._read > MOST_POSITIONS:
            raise _TooLarge
        self._known[key] = False
        mover = 3 - self.colour if attacking else self.colour
        result = not attacking
        if not attacking:  # the defender may always pass
            after = state.copy()
            after[META, KO] = NO_KO
            result = self.taken(after)
        for point in self.region:
            if result == attacking:
                break
            if state[COLOUR, point] != EMPTY:
                continue
            after = state.copy()
            if rules.play_point(after, point, mover) != rules.LEGAL:
                continue
            prisoners = rules.CAPTURED_BY_BLACK + mover - 1
            if not attacking and after[META, prisoners] - state[META, prisoners] >= ROOM:
                result = False
            else:
                result = after[COLOUR, self.anchor] != self.colour or self.taken(
                    after, not attacking
                )
        self._known[key] = result
        return result
