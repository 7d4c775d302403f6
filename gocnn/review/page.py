"""A review as one HTML page without any other file: the Review page of `gocnn.serve` with one game
in it. `make page` builds it."""

import json
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn import page as built
from gocnn.board import BLACK, WHITE
from gocnn.errors import UserError
from gocnn.games.sgf_tree import Record, codec_of, position_after, position_before
from gocnn.games.variations.texts import text as text_of
from gocnn.review.course import terms_of
from gocnn.review.position import PositionReview
from gocnn.review.review import Review, table

WORST = 10
"""Moves in each list of those worth a look."""


def page(review: Review) -> str:
    """The whole page. Raises UserError if it is not built."""
    return filled(json.dumps(content(review), ensure_ascii=False, separators=(",", ":")))


def filled(values: str) -> str:
    """The page with what `content` gave, as JSON, in it. Raises UserError if it is not built."""
    # Inside a script element only this could end it; JSON may write any character as an escape.
    return template().replace("/*DATA*/", values.replace("<", "\\u003c"))


def template() -> str:
    """The page without a game. Raises UserError if it is not built."""
    try:
        return built.asset("review.html").decode()
    except FileNotFoundError:
        raise UserError("the page is not built; run `make page` in the checkout") from None


def content(found: Review | PositionReview) -> dict[str, Any]:
    """What the page shows of a game, or of a position without moves, for JSON.

    Points are flat indices, 361 a pass; colours 1 black, 2 white; changes `[point, 0 to 2]`.
    moves: each with its probability `p`, its rank, the first choices, `line`, what a search of so
    many `visits` would have played, and `setup`, the points that the record changes before it (both
    left out where there are none). start: a position without moves,
    else null. comments: the record's own, `[moves before it, text]`. course: before each move and
    at the end black's probability to win (`wins`), its lead and the lead's standard deviation in
    points (null without a score), `lost`: points that each side's moves lost on average (null at a
    glance), `after`: `[move, win, lead]` of the moves after which another
    position follows than the one before the next move, the moves that lost most points (`costly`)
    or chances to win (`drops`), `[move, loss]`; null if the network says neither. least: the least
    expected moves. Moves count from 0 here.
    """
    record, terms = found.record, terms_of(found.record)
    common = {
        "name": name_of(found.name),
        "black": record.black,
        "white": record.white,
        "result": record.result,
        "network": found.network.rpartition("/")[2],
        "visits": found.visits,
        "trouble": record.trouble,
        "komi": terms.komi,
        "komi_stated": terms.stated,
        "rules": record.rules,
        "rules_name": terms.rules_name,
        "rules_stated": terms.rules_stated,
        "handicap": terms.handicap,
        "comments": [[ply, text] for ply, text in comments(record)],
    }
    if isinstance(found, PositionReview):
        nothing: dict[str, Any] = {"moves": [], "course": None, "least": [], "agreement": []}
        return common | nothing | {"start": _start(found)}
    return common | {
        "moves": _moves(found),
        "start": None,
        "course": _course(found),
        "least": [move.number - 1 for move in found.least_expected(WORST)],
        "agreement": _agreement(found),
    }


def name_of(name: str) -> str:
    """A file's name without the folders, or the archive, that it lies in."""
    return name.replace("\\", "/").rpartition("/")[2].rpartition(":")[2]


def comments(record: Record) -> list[tuple[int, str]]:
    """The comments of the main line as the record had them, each with the number of moves up to
    it."""
    codec = codec_of(record)
    found: dict[int, list[str]] = {}
    for ply, node in zip(_plies(record), record.line, strict=True):
        for each in node.properties:
            if each.name == "C":
                texts = [text_of(record.file.raw[start:stop], codec) for start, stop in each.values]
                found.setdefault(ply, []).extend(text.strip() for text in texts if text.strip())
    return [(ply, "\n\n".join(texts)) for ply, texts in sorted(found.items()) if texts]


def _plies(record: Record) -> list[int]:
    """For each node of the main line how many moves there are up to it and in it."""
    counts: dict[int, int] = {}
    for step in record.steps:
        counts[id(step.node)] = counts.get(id(step.node), 0) + 1
    return list(accumulate(counts.get(id(node), 0) for node in record.texts))


def _moves(review: Review) -> list[dict[str, Any]]:
    board = review.record.empty_board()
    moves = []
    lines = review.lines or ((),) * len(review.moves)
    for move, step, line in zip(review.moves, review.record.steps, lines, strict=True):
        before = board.stones().ravel()
        position_before(board, step)
        setup = _changes(before, board.stones().ravel())
        board.play(step.index, step.colour)
        values = {
            "colour": move.colour,
            "index": move.index,
            "p": round(move.probability, 5),
            "rank": move.rank,
            "legal": move.legal,
            "choices": _choices(move.choices),
        }
        told = {"line": list(line), "setup": setup}
        moves.append(values | {name: value for name, value in told.items() if value})
    return moves


def _start(position: PositionReview) -> dict[str, Any]:
    stones = position_after(position.record, 0).stones().ravel()
    return {
        "setup": _changes(np.zeros_like(stones), stones),
        "colour": position.to_play,
        "choices": _choices(position.choices),
        "win": None if position.black_winrate is None else round(position.black_winrate, 3),
        "lead": round(position.estimate.score_mean, 1) if position.estimate else None,
    }


def _choices(choices: Sequence[tuple[int, float]]) -> list[list[float]]:
    return [[index, round(p, 4)] for index, p in choices]


def _changes(before: npt.NDArray[np.int8], after: npt.NDArray[np.int8]) -> list[list[int]]:
    return [[int(i), int(after[i])] for i in (after != before).nonzero()[0]]


def _course(review: Review) -> dict[str, Any] | None:
    if review.black_winrate is None or review.winrate_after is None:
        return None
    course, after = review.course, review.winrate_after
    lead, spread = (course.lead, course.spread) if course else (None, None)
    return {
        "after": [
            [
                int(k),
                round(float(after[k]), 3),
                round(float(course.lead_after[k]), 1) if course else None,
            ]
            for k in np.flatnonzero(after != review.black_winrate[1:])
        ],
        "wins": np.round(review.black_winrate, 3).tolist(),
        "lead": None if lead is None else np.round(lead, 1).tolist(),
        "spread": None if spread is None else np.round(spread, 1).tolist(),
        "lost": (
            [review.mean_lost(colour) for colour in (BLACK, WHITE)] if review.visits else None
        ),
        "costly": [[move.number - 1, round(lost, 1)] for move, lost in review.costliest(WORST)],
        "drops": [[move.number - 1, round(lost, 3)] for move, lost in review.setbacks(WORST)],
    }


def _agreement(review: Review) -> list[dict[str, Any]]:
    return [
        {
            "side": side,
            "phase": phase,
            "moves": a.moves,
            "top1": round(a.top1, 4),
            "top5": round(a.top5, 4),
            "log_likelihood": round(a.log_likelihood, 3),
        }
        for (side, phase), a in table(review.judged).items()
    ]
