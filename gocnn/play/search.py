"""Looking ahead: Monte-Carlo tree search led by the network's prior and judged by its value, without playouts.

PUCT as in Silver et al. 2017, "Mastering the game of Go without human knowledge" (https://doi.org/10.1038/nature24270): each visit walks down
by value plus prior, asks the network about one new position, and carries its answer up. It needs a network that foresees the winner.
"""

import math
import time
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, Board
from gocnn.board.coords import PASS
from gocnn.play.outlook import useful
from gocnn.policy.suggestion import Evaluator, Floats, foresee

EXPLORATION = 1.1
"""How much the prior counts against what visits have shown."""

LEAST_PRIOR = 1e-9

UNSEEN = 0.15
"""How much worse than its parent a move is taken to be before it has been tried (a probability to win), scaled as the tried ones have more prior."""


@dataclass
class Node:
    """A position: the probability that its side to play wins, and for each move its prior, visits, and sum of the mover's probabilities to win."""

    win: float
    moves: npt.NDArray[np.int64]
    prior: npt.NDArray[np.float64]
    visits: npt.NDArray[np.int64] = field(init=False)
    wins: npt.NDArray[np.float64] = field(init=False)
    children: dict[int, "Node"] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.visits, self.wins = np.zeros(len(self.moves), np.int64), np.zeros(len(self.moves))

    def choose(self) -> int:
        """Which move to visit next, a place in `moves`."""
        tried = self.visits > 0
        unseen = self.win - UNSEEN * float(self.prior[tried].sum()) ** 0.5
        value = np.where(tried, self.wins / np.maximum(self.visits, 1), unseen)
        total = int(self.visits.sum())
        return int((value + EXPLORATION * self.prior * (total + 1) ** 0.5 / (1 + self.visits)).argmax())

    def only(self, keep: npt.NDArray[np.bool_]) -> "Node":
        """This node with the moves of `keep`, bool `(362,)`, alone; those of them that it did not have get the least prior there is."""
        moves = np.flatnonzero(keep)
        mine = {int(index): place for place, index in enumerate(self.moves)}
        places = [mine.get(int(index)) for index in moves]
        prior = np.array([LEAST_PRIOR if place is None else self.prior[place] for place in places])
        node = Node(self.win, moves, prior / prior.sum())
        for new, old in enumerate(places):
            if old is not None:
                node.visits[new], node.wins[new] = self.visits[old], self.wins[old]
                if old in self.children:
                    node.children[new] = self.children[old]
        return node


class Search:
    """A search from one position, which must stay as it is. `keep`: bool `(362,)`, the moves to choose among; `komi` decides games that end in it."""

    def __init__(self, evaluator: Evaluator, board: Board, komi: float, keep: npt.NDArray[np.bool_], known: int = 0, symmetries: int = 1) -> None:
        assert evaluator.foresees
        self.evaluator, self.board, self.komi, self.known = evaluator, board, komi, known
        self.root = _node(*foresee(evaluator, board, known, symmetries), keep)

    def follow(self, board: Board, komi: float, keep: npt.NDArray[np.bool_]) -> bool:
        """Go on to a position that moves from here have led to, keeping what was seen of it; False, and nothing has changed, if it is no such
        position or was not seen. `keep` as for a new search."""  # fmt: skip
        past, node, mine = len(self.board.moves), self.root, self.board.copy()
        if komi != self.komi or board.moves[:past] != self.board.moves:
            return False
        for index, colour in board.moves[past:]:
            place = np.flatnonzero(node.moves == index)
            child = node.children.get(int(place[0])) if len(place) and colour == mine.to_play else None
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
        board, node, path = self.board.copy(), self.root, []
        while True:
            place = node.choose()
            board.play(int(node.moves[place]))
            path.append((node, place))
            child = node.children.get(place)
            if child is None or not len(child.moves):
                break
            node = child
        if child is None:
            child = node.children[place] = self._look(board)
        win = child.win
        for parent, place in reversed(path):
            win = 1 - win
            parent.visits[place] += 1
            parent.wins[place] += win

    def _look(self, board: Board) -> Node:
        """A new node. A game that two passes have ended is decided by area, as it stands, and goes nowhere."""
        if [index for index, _ in board.moves[-2:]] == [PASS, PASS]:
            margin = board.score(self.komi)
            won = margin > 0 if board.to_play == BLACK else margin < 0
            return Node(float(won), np.zeros(0, np.int64), np.zeros(0))
        prior, win = foresee(self.evaluator, board, self.known)
        keep = useful(board, board.to_play)
        keep[PASS] = not keep[:PASS].any()
        return _node(prior, win, keep)

    @property
    def count(self) -> int:
        """Visits so far."""
        return int(self.root.visits.sum())

    def told(self, index: int) -> tuple[int, float, list[int]]:
        """Of one move at the root: its visits, its mover's probability to win (the position's own before it has been visited), and the line of most
        visits from it."""  # fmt: skip
        place = int(np.flatnonzero(self.root.moves == index)[0])
        visits = int(self.root.visits[place])
        win = float(self.root.wins[place]) / visits if visits else self.root.win
        line, node = [index], self.root.children.get(place)
        while node is not None and node.visits.any():
            place = int(node.visits.argmax())
            line.append(int(node.moves[place]))
            node = node.children.get(place)
        return visits, win, line

    @property
    def visits(self) -> Floats:
        """How often each move was visited, float32 `(362,)`."""
        result = np.zeros(PASS + 1, np.float32)
        result[self.root.moves] = self.root.visits
        return result


def _node(prior: Floats, win: float, keep: npt.NDArray[np.bool_]) -> Node:
    moves = np.flatnonzero(keep)
    weights = np.maximum(prior[moves].astype(np.float64), LEAST_PRIOR)
    return Node(win, moves, weights / weights.sum())
