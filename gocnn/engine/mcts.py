"""Looking ahead: Monte-Carlo tree search led by the network's prior and judged by its value,
without playouts.

PUCT in the notation of Silver et al. 2017, "Mastering the game of Go without human knowledge"
(https://doi.org/10.1038/nature24270). Of a move in a position: P, its prior, what the network
expects; N, its visits; W, the sum of the values of what was seen below it; Q = W / N. Of a position
by itself: V, the network's value. Each visit walks down by the largest

    Q + C_PUCT * P * sqrt(sum of N) / (1 + N)

(a move without visits counts as V - FPU_REDUCTION * sqrt(sum of the P of those with)), asks the
network about one new position, and adds its V, turned to the mover's side at each step, to W on the
way up. It needs a network that foresees the winner; one that foresees the score as well makes the
search like points a little. Several positions are asked about at a time, the more the more visits
there have been (`gocnn.engine.tree`, `gocnn.engine.tree_leaves`).
"""

import math
import time
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, Board
from gocnn.board.coords import MOVES, POINTS
from gocnn.engine import root_stats, tree, tree_leaves, tree_positions
from gocnn.engine.limits import MOST_VISITS
from gocnn.engine.root_stats import ActionStats
from gocnn.features import planes
from gocnn.policy.predictions import Floats, winrate_with
from gocnn.policy.suggestion import Evaluation, Evaluator, evaluate, recent_moves

FPU_REDUCTION = 0.15
"""How much worse than its parent a move is taken to be before it has been tried (a probability to
win), scaled as the tried ones have more prior."""

MOST_AT_ONCE, VISITS_EACH = 16, 16
"""Most positions in one evaluation, and how many visits there must have been for each of them: a
small search loses nothing by it."""

PATIENCE = 0.25
"""Seconds that one evaluation of an analysis takes about at most, if it is for several positions:
so soon it can be stopped."""

SCORE_SHARE = 0.05
"""Most that points can add to the probability to win (`gocnn.engine.tree.worth`)."""

Until = Mapping[int, npt.NDArray[np.int64]]
"""For a colour, int64 `(362,)`: the ply of a search, counted from 0, from which it may choose each
move."""


class Search:
    """A search from one position, which must stay as it is. `keep`: bool `(362,)`, the moves to
    choose among; `komi` decides games that end in it.

    said: what `evaluate` says of the position, if it was asked already. power: the prior of the
    position's own moves is raised to it; below 1 the search is wider. reduction:
    `FPU_REDUCTION` for those moves. until: what each side may not choose yet in the first plies.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        board: Board,
        komi: float,
        keep: npt.NDArray[np.bool_],
        *,
        conditioning: int = 0,
        symmetries: int = 1,
        said: Evaluation | None = None,
        power: float = 1.0,
        reduction: float = FPU_REDUCTION,
        until: Until | None = None,
    ) -> None:
        assert evaluator.has_value_head
        self.evaluator, self.komi, self.conditioning, self.symmetries = (
            evaluator,
            komi,
            conditioning,
            symmetries,
        )
        self.reduction, self.until = reduction, until or {}
        said = said or evaluate(evaluator, board, conditioning, symmetries=symmetries)
        self._slots = tree_leaves.new_slots(
            MOST_AT_ONCE, planes.plane_count(evaluator.plane_groups)
        )
        self._share = SCORE_SHARE if evaluator.scores else 0.0
        self._tree = tree.new_arrays()
        self._tree.used[0] = 1
        self._seconds, self._least_seconds = 0.0, math.inf
        self._begin(board, said)
        win, lead, _ = self._judged(
            np.array([said.win]),
            np.array([said.lead]),
            np.array([said.spread]),
            np.array([board.to_play == BLACK]),
        )
        self._centre = float(lead[0])
        tree.tell(
            self._tree,
            0,
            float(win[0]),
            float(win[0]),
            float(lead[0]),
            float(said.spread) if evaluator.scores else 0.0,
        )
        self._tree.nodes["first"][0] = tree.NEW
        tree.add_moves(self._tree, 0, _prior(said.probabilities, keep, power), MOVES, 0.0)
        self._sum_up(1)

    def _begin(self, board: Board, said: Evaluation) -> None:
        """The root is this position."""
        self.board = board
        superko = (
            tree_positions.NO_REPETITION
            if not board.superko
            else tree_positions.SITUATIONAL
            if board.situational
            else tree_positions.POSITIONAL
        )
        seen = board.positions_seen() if board.superko else {}
        hashes = np.array(sorted(seen), np.uint64)
        recent = np.full(planes.HISTORY, planes.NO_MOVE, np.int16)
        last = recent_moves(board)
        recent[: len(last)] = last
        until = np.zeros((3, MOVES), np.int64)
        for colour, plies in self.until.items():
            until[colour] = plies
        self._root = tree_positions.Root(
            board.state,
            board.to_play,
            superko,
            self.conditioning,
            float(self.komi),
            recent,
            until,
            hashes,
            np.array([seen[int(value)] for value in hashes], np.uint8),
            planes.offsets(self.evaluator.plane_groups),
        )
        self._owner = said.owner
        self._owners = np.zeros((MOVES, POINTS)) if self.evaluator.scores else np.zeros((0, POINTS))
        self._owned = np.zeros(MOVES, np.int64)

    def _judged(
        self,
        win: npt.ArrayLike,
        lead: npt.ArrayLike,
        spread: npt.ArrayLike,
        black: npt.NDArray[np.bool_],
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Of positions where black is to play, or white: probability to win, lead with komi
        counted, spread; 0 for what the network does not say."""
        if not self.evaluator.scores:
            win = np.asarray(win, np.float64)
            return win, np.zeros_like(win), np.zeros_like(win)
        komi = np.where(black, -self.komi, self.komi)
        return (
            winrate_with(self.komi, black, win, lead, spread),
            np.asarray(lead, np.float64) + komi,
            np.asarray(spread, np.float64),
        )

    def _sum_up(self, count: int) -> None:
        tree.sum_up(self._tree, count, True, self._centre, self._share)

    def follow(
        self,
        board: Board,
        komi: float,
        keep: npt.NDArray[np.bool_],
        *,
        said: Evaluation | None = None,
    ) -> bool:
        """Go on to a position that moves from here have led to, keeping what was seen of it; False,
        and nothing has changed, if it is no such position or was not seen. `keep`, `said` as for a
        new search."""
        past, node, mine, nodes = len(self.board.moves), 0, self.board.copy(), self._tree.nodes
        if komi != self.komi or board.moves[:past] != self.board.moves:
            return False
        for index, colour in board.moves[past:]:
            below = root_stats.below(self._tree, node)
            if index not in below or colour != mine.to_play or not nodes[below[index]]["sensible"]:
                return False
            mine.play(index)
            node = below[index]
        if mine.to_play != board.to_play or (mine.stones() != board.stones()).any():
            return False
        said = said or evaluate(
            self.evaluator, board, self.conditioning, symmetries=self.symmetries
        )
        self._keep_below(node)
        self._begin(board.copy(), said)
        self._only(keep, said)
        centre = float(self._tree.nodes["V_lead"][0])
        moved, self._centre = centre != self._centre, centre
        self._sum_up(int(self._tree.used[0]) if moved and self._share else 1)
        return True

    def is_of(self, board: Board) -> bool:
        """Whether it goes on from this position, come about by the same moves."""
        mine = self.board
        same = mine.to_play == board.to_play and mine.moves == board.moves
        return same and bool((mine.stones() == board.stones()).all())

    def _keep_below(self, node: int) -> None:
        """Make a position the root; only what is below it is kept."""
        if not node:
            return
        nodes = min(int(self._tree.nodes["N"][node]) + 1, int(self._tree.used[0]))
        kept = tree.new_arrays(nodes, int(self._tree.used[1]) + MOVES)
        tree.copy_below(self._tree, node, kept)
        self._tree = kept

    def _only(self, keep: npt.NDArray[np.bool_], said: Evaluation) -> None:
        """Let the root have the moves of `keep` alone: first those that have been tried."""
        below = {
            index: node for index, node in root_stats.below(self._tree, 0).items() if keep[index]
        }
        tree.make_room(self._tree, 0, MOVES)
        prior = _prior(said.probabilities, keep, 1.0)
        order = sorted(below, key=lambda index: -prior[index])
        first = int(self._tree.used[1])
        self._tree.move[first : first + len(order)] = order
        self._tree.child[first : first + len(order)] = [below[index] for index in order]
        self._tree.P[first : first + len(order)] = prior[order]
        root = self._tree.nodes[0]
        root["first"], root["kept"], root["tried"] = first, len(order), len(order)
        tree.add_moves(self._tree, 0, prior, MOVES, 0.0)
        self._tree.nodes["tried"][0] = len(order)

    def run(
        self, visits: int, deadline: float = math.inf, stopped: Callable[[], bool] | None = None
    ) -> None:
        """So many more visits, several positions at a time; none begun after the deadline
        (`time.perf_counter()`), or once `stopped` says so."""
        end = min(self.count + visits, MOST_VISITS)
        now = time.perf_counter()
        while self.count < end and now < deadline and not (stopped and stopped()):
            # Of the time left an evaluation is to take half, so that it is over at the deadline
            # even if it takes twice as long as the one before.
            now = self._visit(min(self.at_once, end - self.count), now, (deadline - now) / 2)

    def look(self, visits: float = math.inf) -> None:
        """One evaluation: at most so many visits, and not so many that a client would wait for
        long. How many does not depend on the time but for networks that take `PATIENCE` for them,
        so the same question has the same answer, whatever else the machine does."""
        want = int(min(self.at_once, MOST_VISITS - self.count, visits))
        if want > 0:
            now = time.perf_counter()
            self._visit(_within(want, PATIENCE, self._least_seconds), now, math.inf)

    def _visit(self, want: int, begun: float, seconds: float) -> float:
        """At most so many visits, fewer if they would take more seconds, from the time `begun` on;
        the time when they are over."""
        want = _within(want, seconds, self._seconds)
        self._evaluate(want)
        end = time.perf_counter()
        self._seconds = (end - begun) / want
        self._least_seconds = min(self._least_seconds, self._seconds)
        return end

    def _evaluate(self, want: int) -> None:
        """Walk down so often, ask the network about what waits, and carry its answers up."""
        slots = self._slots
        tree.make_room(self._tree, want, MOVES * want)
        waiting, _ = tree_leaves.gather(
            self._tree,
            0,
            self._root,
            slots,
            want,
            self.reduction,
            FPU_REDUCTION,
            self._centre,
            self._share,
        )
        if not waiting:
            return
        try:
            tree_leaves.fill_planes(self._root, slots, waiting)
            said = self.evaluator.outputs(slots.planes[:waiting].reshape(waiting, -1, 19, 19))
        except BaseException:
            tree_leaves.forget(self._tree, slots, waiting)
            raise
        mine = slots.depth[:waiting] % 2 == 0
        win, lead, spread = self._judged(
            said.win, said.lead, said.spread, mine == (self.board.to_play == BLACK)
        )
        value = win + self._share * (2 / np.pi) * np.arctan(
            (lead - np.where(mine, self._centre, -self._centre)) / 38.0
        )
        tree_leaves.absorb(self._tree, slots, waiting, said.logits, win, value, lead, spread)
        if self.evaluator.scores:
            tree_leaves.add_owners(slots, waiting, said.owner, self._owners, self._owned)

    @property
    def at_once(self) -> int:
        """How many visits the next evaluation is for, if so many are wanted."""
        return min(1 + self.count // VISITS_EACH, MOST_AT_ONCE)

    @property
    def full(self) -> bool:
        """Whether no more visits are made."""
        return self.count >= MOST_VISITS

    @property
    def count(self) -> int:
        """Visits so far."""
        return int(self._tree.nodes["N"][0]) - 1

    @property
    def bytes(self) -> int:
        """How much memory the tree's positions take."""
        return tree.size(self._tree)

    @property
    def win(self) -> float:
        """The probability, 0 to 1, that the side to play wins: the mean of what the network says of
        this position and of every position that the search has visited below it, each seen by the
        same side."""
        return 1 - float(self._tree.nodes["W_win"][0]) / (self.count + 1)

    @property
    def lead(self) -> float:
        """By how many points the side to play leads, komi counted: a mean over the same positions
        as `win`. nan if the network says no score."""
        return (
            -float(self._tree.nodes["W_lead"][0]) / (self.count + 1)
            if self.evaluator.scores
            else math.nan
        )

    @property
    def spread(self) -> float:
        """The standard deviation of the score in points, as the network says of this position
        alone. nan if it says no score."""
        return float(self._tree.nodes["V_spread"][0]) if self.evaluator.scores else math.nan

    def owner(self) -> Floats:
        """Whose each point will be, float32 `(361,)`: +1 surely the side's that is to play, -1
        surely the opponent's; a mean over the same positions as `win`. nan if the network does not
        say."""
        if not self.evaluator.scores:
            return self._owner
        total: Floats = ((self._owner + self._owners.sum(0)) / (1 + self._owned.sum())).astype(
            np.float32
        )
        return total

    def owner_after(self, index: int) -> Floats:
        """The same over what was seen after one move; the position's own, if that was nothing."""
        if not self.evaluator.scores or not self._owned[index]:
            return self._owner
        mean: Floats = (self._owners[index] / self._owned[index]).astype(np.float32)
        return mean

    def action_stats(self, index: int, longest: int = MOVES) -> ActionStats:
        """What is known of one of the root's moves (`root_stats.action_stats`)."""
        return root_stats.action_stats(self._tree, index, longest, self.evaluator.scores)

    @property
    def visits(self) -> Floats:
        """How often each move was visited, float32 `(362,)`."""
        return root_stats.visits(self._tree)

    @property
    def weights(self) -> npt.NDArray[np.float64]:
        """What to choose a move by, float64 `(362,)` (`root_stats.weights`)."""
        return root_stats.weights(self._tree)

    @property
    def best(self) -> int:
        """The move to play, a flat index."""
        weights = self.weights
        return (
            int(weights.argmax())
            if weights.any()
            else int(self._tree.move[self._tree.nodes["first"][0]])
        )


def _within(want: int, seconds: float, each: float) -> int:
    """How many visits, at least one, fit into so many seconds if each takes `each`."""
    return want if each * want <= seconds else max(1, int(seconds / each))


def _prior(
    probabilities: Floats, keep: npt.NDArray[np.bool_], power: float
) -> npt.NDArray[np.float64]:
    """float64 `(362,)`: the prior of the moves to keep, which sums to 1; -1 elsewhere."""
    prior = np.where(keep, np.maximum(probabilities.astype(np.float64), tree.LEAST_PRIOR), 0.0)
    prior = (prior / prior.sum()) ** power
    return np.where(keep, prior / prior.sum(), -1.0)
