"""A review of a record that has a position and no moves."""

from dataclasses import dataclass, replace

import numpy as np

from gocnn.board import BLACK
from gocnn.engine.forecast import estimate_of
from gocnn.engine.ownership import OwnershipEstimate
from gocnn.features.conditioning import HANDICAP
from gocnn.games.sgf_tree import Record, position_after
from gocnn.policy.suggestion import Evaluator, evaluate
from gocnn.review.course import looking_ahead, terms_of
from gocnn.review.lookahead import Lookahead
from gocnn.review.review import SHOWN


@dataclass(frozen=True)
class PositionReview:
    """A record without moves: the side to play in its position, the first choices there with their
    probabilities, how it ends (None if the network says no score), black's probability to win (None
    if it does not say who wins), the network's name, and the visits and the line of a search as in
    `gocnn.review.review.Review` (0 and empty: a glance)."""

    name: str
    record: Record
    to_play: int
    choices: tuple[tuple[int, float], ...]
    estimate: OwnershipEstimate | None = None
    black_winrate: float | None = None
    network: str = ""
    visits: int = 0
    line: tuple[int, ...] = ()


def expected_at(
    record: Record, name: str, evaluator: Evaluator, *, visits: int = 0
) -> PositionReview:
    """What the network expects in the position of a record without moves; visits, and what it
    raises, as for `gocnn.review.review.review`."""
    board, conditioning = position_after(record, 0), HANDICAP if record.handicap else 0
    said, komi = evaluate(evaluator, board, conditioning), terms_of(record).area_komi(board)
    p = said.probabilities
    best = np.argsort(-p, kind="stable")[:SHOWN]
    estimate = estimate_of(said, board.to_play, komi) if evaluator.scores else None
    win = None
    if estimate is not None:
        win = estimate.black_winrate
    elif evaluator.has_value_head:
        win = float(said.win if board.to_play == BLACK else 1 - said.win)
    line: tuple[int, ...] = ()
    if visits:
        sight = Lookahead(evaluator, visits, conditioning).look(board, komi)
        standing, line = looking_ahead([sight], [board.to_play]), sight.line
        win = float(standing.win[0])
        if estimate is not None:
            lead = float(standing.lead[0])
            estimate = replace(estimate, black_winrate=win, score_mean=lead)
    return PositionReview(
        name,
        record,
        board.to_play,
        tuple((int(k), float(p[k])) for k in best if p[k] > 0),
        estimate,
        win,
        evaluator.name,
        visits,
        line,
    )
