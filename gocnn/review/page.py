"""A review as one HTML page without any other file: the board to step through, the choices, the
strip, the tables."""

import json
from importlib import resources
from pathlib import PurePath
from typing import Any

from gocnn.board import Board
from gocnn.board.coords import SIZE
from gocnn.games.sgf_tree import position_before
from gocnn.review.review import Review, table


def page(review: Review) -> str:
    """The whole page."""
    template = resources.files("gocnn.review").joinpath("page.html").read_text(encoding="utf-8")
    text = json.dumps(content(review), ensure_ascii=False, separators=(",", ":"))
    # Inside a script element only this could end it; JSON may write any character as an escape.
    return template.replace("/*DATA*/", text.replace("<", "\\u003c"))


def content(review: Review) -> dict[str, Any]:
    """What the page's script reads: each move with the points that it changes (flat index, 0 empty,
    1 black, 2 white)."""
    board = Board(SIZE)
    moves = []
    for move, step in zip(review.moves, review.record.steps, strict=True):
        before = board.stones().ravel()
        position_before(board, step)
        ready = board.stones().ravel()
        board.play(step.index, step.colour)
        after = board.stones().ravel()
        moves.append(
            {
                "colour": move.colour,
                "index": move.index,
                "p": round(move.probability, 5),
                "rank": move.rank,
                "legal": move.legal,
                "choices": [[index, round(p, 4)] for index, p in move.choices],
                "setup": [[int(i), int(ready[i])] for i in (ready != before).nonzero()[0]],
                "change": [[int(i), int(after[i])] for i in (after != before).nonzero()[0]],
            }
        )
    names = [name or "?" for name in (review.record.black, review.record.white)]
    return {
        "title": f"{names[0]} (Black) - {names[1]} (White)",
        "about": (
            f"{PurePath(review.name).name}, {len(moves)}"
            f" moves{', ' + review.record.result if review.record.result else ''}"
        ),
        "trouble": (
            f"The review ends early: {review.record.trouble}" if review.record.trouble else ""
        ),
        "moves": moves,
        "course": _course(review),
        "least": [move.number - 1 for move in review.least_expected()],
        "agreement": [
            [
                f"{side}, {phase}",
                a.moves,
                f"{a.top1:.0%}",
                f"{a.top5:.0%}",
                f"{a.log_likelihood:.2f}",
            ]
            for (side, phase), a in table(review.moves).items()
        ],
    }


def _course(review: Review) -> dict[str, Any] | None:
    """Black's lead and probability to win before each move and at the end, and the moves that lost
    most points."""
    if review.course is None:
        return None
    terms = review.course.terms
    return {
        "komi": f"{terms.komi:g}{'' if terms.stated else ', not in the record: assumed'}",
        "lead": [round(float(value), 1) for value in review.course.lead],
        "wins": [round(float(value), 3) for value in review.course.black_winrate],
        "costly": [[move.number - 1, round(lost, 1)] for move, lost in review.costliest(10)],
    }
