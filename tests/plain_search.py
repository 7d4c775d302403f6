"""The search written plainly, an object for each position, one visit at a time: what the arrays and
kernels are held against."""

import math
import time
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, Board
from gocnn.board.coords import MOVES, PASS
from gocnn.engine.mcts import FPU_REDUCTION, SCORE_SHARE, Until
from gocnn.engine.ownership import sensible_moves
from gocnn.engine.tree import C_PUCT, LEAST_PRIOR, worth
from gocnn.policy.predictions import Floats, winrate_with
from gocnn.policy.suggestion import Evaluation, Evaluator, evaluate


@dataclass(slots=True)
class Node:
    """A position: V, the probability that its side to play wins, and for each move its prior P, its
    visits N, and W, the sum of its mover's probabilities to win."""

    V: float
    moves: npt.NDArray[np.int16]
    P: npt.NDArray[np.float64]
    N: npt.NDArray[np.int32] = field(init=False)
    W: npt.NDArray[np.float64] = field(init=False)
    children: dict[int, "Node"] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.N, self.W = np.zeros(len(self.moves), np.int32), np.zeros(len(self.moves))

    def count(self, place: int, visits: int, wins: float) -> None:
        """Add to what was seen of a move, a place in `moves`."""
        self.N[place] += visits
        self.W[place] += wins

    def choose(self, reduction: float = FPU_REDUCTION) -> int:
        """Which move to visit next, a place in `moves`. reduction: see `FPU_REDUCTION`."""
        tried = self.N > 0
        unseen = self.V - reduction * float(self.P[tried].sum()) ** 0.5
        value = np.where(tried, self.W / np.maximum(self.N, 1), unseen)
        total = int(self.N.sum())
        return int((value + C_PUCT * self.P * (total + 1) ** 0.5 / (1 + self.N)).argmax())

    def only(self, keep: npt.NDArray[np.bool_]) -> "Node":
        """This node with the moves of `keep`, bool `(362,)`, alone; those of them that it did not
        have get the least prior there is."""
        moves = np.flatnonzero(keep).astype(np.int16)
        mine = {int(index): place for place, index in enumerate(self.moves)}
        places = [mine.get(int(index)) for index in moves]
        prior = np.array([LEAST_PRIOR if place is None else self.P[place] for place in places])
        node = Node(self.V, moves, prior / prior.sum())
        for new, old in enumerate(places):
            if old is not None:
                node.count(new, int(self.N[old]), float(self.W[old]))
                if old in self.children:
                    node.children[new] = self.children[old]
        return node


class Search:
    """As `gocnn.engine.mcts.Search`."""

    def __init__(
        self,
        evaluator: Evaluator,
        board: Board,
        komi: float,
        keep: npt.NDArray[np.bool_],
        conditioning: int = 0,
        symmetries: int = 1,
        *,
        said: Evaluation | None = None,
        power: float = 1.0,
        reduction: float = FPU_REDUCTION,
        until: Until | None = None,
    ) -> None:
        assert evaluator.has_value_head
        self.evaluator, self.board, self.komi, self.conditioning = (
            evaluator,
            board,
            komi,
            conditioning,
        )
        self.reduction, self.until = reduction, until or {}
        said = said or evaluate(evaluator, board, conditioning, symmetries=symmetries)
        self.centre = said.lead + (-komi if board.to_play == BLACK else komi)
        self.root = _node(said.probabilities, self._value(said, board), keep)
        if power != 1.0:
            self.root.P = self.root.P**power / (self.root.P**power).sum()

    def follow(self, board: Board, komi: float, keep: npt.NDArray[np.bool_]) -> bool:
        """Go on to a position that moves from here have led to, keeping what was seen of it; False,
        and nothing has changed, if it is no such position or was not seen. `keep` as for a new
        search."""
        past, node, mine = len(self.board.moves), self.root, self.board.copy()
        if komi != self.komi or board.moves[:past] != self.board.moves:
            return False
        for index, colour in board.moves[past:]:
            place = np.flatnonzero(node.moves == index)
            child = (
                node.children.get(int(place[0])) if len(place) and colour == mine.to_play else None
            )
            if child is None or not len(child.moves):
                return False
            mine.play(index)
            node = child
        if mine.to_play != board.to_play or (mine.stones() != board.stones()).any():
            return False
        self.board, self.root = board.copy(), node.only(keep)
        return True

    def run(self, visits: int, deadline: float = math.inf) -> None:
        """So many more visits, none begun after the deadline (`time.perf_counter()`)."""
        for _ in range(visits):
            if time.perf_counter() >= deadline:
                return
            self._visit()

    def _visit(self) -> None:
        board, node = self.board.copy(), self.root
        path: list[tuple[Node, int]] = []
        while True:
            place = node.choose(FPU_REDUCTION if path else self.reduction)
            board.play(int(node.moves[place]))
            path.append((node, place))
            child = node.children.get(place)
            if child is None or not len(child.moves):
                break
            node = child
        if child is None:
            child = node.children[place] = self._look(board)
        win = child.V
        for parent, place in reversed(path):
            win = 1 - win
            parent.count(place, 1, win)

    def _look(self, board: Board) -> Node:
        """A new node. A game that two passes have ended is decided by area, as it stands, and goes
        nowhere."""
        if [index for index, _ in board.moves[-2:]] == [PASS, PASS]:
            margin = board.score(self.komi)
            won = margin > 0 if board.to_play == BLACK else margin < 0
            lead = margin if board.to_play == BLACK else -margin
            return Node(self._worth(float(won), lead, board), np.zeros(0, np.int16), np.zeros(0))
        said = evaluate(self.evaluator, board, self.conditioning)
        keep = sensible_moves(board, board.to_play)
        if board.to_play in self.until:
            keep &= self.until[board.to_play] <= len(board.moves) - len(self.board.moves)
        keep[PASS] = not keep[:PASS].any()
        return _node(said.probabilities, self._value(said, board), keep)

    def _value(self, said: Evaluation, board: Board) -> float:
        komi = -self.komi if board.to_play == BLACK else self.komi
        win = (
            float(winrate_with(self.komi, board.to_play == BLACK, said.win, said.lead, said.spread))
            if self.evaluator.scores
            else said.win
        )
        return self._worth(win, said.lead + komi, board)

    def _worth(self, win: float, lead: float, board: Board) -> float:
        centre = self.centre if board.to_play == self.board.to_play else -self.centre
        return worth(win, lead, centre, SCORE_SHARE) if self.evaluator.scores else win

    @property
    def count(self) -> int:
        """Visits so far."""
        return int(self.root.N.sum())

    @property
    def win(self) -> float:
        """The probability that the side to play wins: the mean of the network's own judgement and
        of what all visits came to."""
        return (self.root.V + float(self.root.W.sum())) / (1 + self.count)

    def action_stats(
        self, index: int, longest: int = MOVES
    ) -> tuple[int, float, list[tuple[int, int]]]:
        """Of one move at the root: its visits, its mover's probability to win (the position's own
        before it has been visited), and the line of most visits that begins with it, moves with
        their visits, cut to `longest`; the last may be one that the network expects and nobody
        visited."""
        place = int(np.flatnonzero(self.root.moves == index)[0])
        visits = int(self.root.N[place])
        win = float(self.root.W[place]) / visits if visits else self.root.V
        line, node = [(index, visits)], self.root.children.get(place)
        while node is not None and len(node.moves) and len(line) < longest:
            place = int((node.N if node.children else node.P).argmax())
            line.append((int(node.moves[place]), int(node.N[place])))
            node = node.children.get(place)
        return visits, win, line

    @property
    def visits(self) -> Floats:
        """How often each move was visited, float32 `(362,)`."""
        result = np.zeros(PASS + 1, np.float32)
        result[self.root.moves] = self.root.N
        return result


def _node(prior: Floats, win: float, keep: npt.NDArray[np.bool_]) -> Node:
    moves = np.flatnonzero(keep).astype(np.int16)
    weights = np.maximum(prior[moves].astype(np.float64), LEAST_PRIOR)
    return Node(win, moves, (weights / weights.sum()).astype(np.float32).astype(np.float64))
