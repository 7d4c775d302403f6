"""Looking ahead in a review: who leads in each position of a game by a search of it, and what that
would have played."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gocnn.board import Board
from gocnn.engine.mcts import Search
from gocnn.engine.ownership import sensible_moves
from gocnn.errors import UserError
from gocnn.policy.suggestion import Evaluator, evaluate

LINE = 6
"""Most moves of a line that is told."""


class Sight(NamedTuple):
    """What a search saw of a position, from the side to play: its probability to win; lead and
    spread, the mean and the standard deviation of its margin in points, komi counted (nan if the
    network says no score); and the moves that follow if both sides play what was visited most, flat
    indices, at least one."""

    win: float
    lead: float
    spread: float
    line: tuple[int, ...]

    def turned(self, played: int, kept: Sequence[npt.NDArray[np.int16]]) -> "Sight":
        """The same with a line that begins with the move that was played, if one of the symmetries
        of the position (`gocnn.board.symmetry.keeping`) makes it that: then it is no other move."""
        for moved in kept if self.line[0] != played else ():
            if moved[self.line[0]] == played:
                return self._replace(line=tuple(int(moved[index]) for index in self.line))
        return self


class Lookahead:
    """Searches the positions of a game one after another, each with so many visits; what was seen
    of a position before its turn came is kept. Raises UserError for a network that does not foresee
    the winner."""

    def __init__(self, evaluator: Evaluator, visits: int, conditioning: int = 0) -> None:
        if not evaluator.has_value_head:
            raise UserError(
                f"visits: {evaluator.name} does not say who wins, so that it cannot look ahead;"
                " leave them out"
            )
        self._evaluator, self._visits, self._conditioning = evaluator, visits, conditioning
        self._search: Search | None = None

    def look(self, board: Board, komi: float) -> Sight:
        """What is seen of a position; `komi`: what black must lead by in area to win."""
        search = self._searched(board.copy(), komi)
        search.run(self._visits - search.count)
        best = search.best
        line = search.action_stats(best, LINE).line
        return Sight(search.win, search.lead, search.spread, tuple(move for move, _ in line))

    def _searched(self, board: Board, komi: float) -> Search:
        """The search from this position; the one before goes on if its moves have led here."""
        said = evaluate(self._evaluator, board, self._conditioning)
        keep = sensible_moves(board, board.to_play)
        before = self._search
        if before is not None and before.follow(board, komi, keep, said=said):
            return before
        self._search = Search(
            self._evaluator, board, komi, keep, conditioning=self._conditioning, said=said
        )
        return self._search
