"""What a review says, as values for JSON (`go-review --json`)."""

from dataclasses import asdict
from typing import Any

from gocnn.board.coords import COLOUR_NAMES, to_gtp
from gocnn.review.position import PositionReview
from gocnn.review.review import Review, table


def review_values(review: Review) -> dict[str, Any]:
    """A game: players, result, agreement by side and phase, every move with its probability, rank
    and the first choices; if the network says who wins, each move's winrate; if it says a score,
    also each move's lead and lost points, and komi and rules of the game; if it was searched, the
    visits, and each move's `instead`: what would have been played, and how it goes on."""
    record = review.record
    moves: list[dict[str, Any]] = [
        {
            "number": m.number,
            "colour": "black" if m.colour == 1 else "white",
            "move": to_gtp(m.index),
            "probability": m.probability,
            "rank": m.rank,
            "legal": m.legal,
            "choices": [{"move": to_gtp(i), "probability": p} for i, p in m.choices],
        }
        for m in review.moves
    ]
    for values, line in zip(moves, review.lines, strict=False):
        values["instead"] = [to_gtp(index) for index in line]
    agreements = [
        {"side": who, "phase": phase} | asdict(a)
        for (who, phase), a in table(review.judged).items()
    ]
    return {
        "game": review.name,
        "black": record.black,
        "white": record.white,
        "result": record.result,
        "trouble": record.trouble,
        "notes": [f"{note.what}: {note.detail}" for note in record.notes],
        "agreement": agreements,
        "moves": moves,
        **(_searched(review) if review.visits else {}),
    } | _course_values(review, moves)


def _searched(review: Review) -> dict[str, Any]:
    """What is said of a review by searches alone."""
    lost = {name: review.mean_lost(colour) for colour, name in COLOUR_NAMES.items()}
    told = {name: points for name, points in lost.items() if points is not None}
    return {"visits": review.visits} | ({"lost_a_move": told} if told else {})


def _course_values(review: Review, moves: list[dict[str, Any]]) -> dict[str, Any]:
    """What is said of winner and score, if the network says it: added to each move, and returned of
    the game. All seen by black, komi counted."""
    course, winrate = review.course, review.black_winrate
    if winrate is not None:
        for values, move in zip(moves, review.moves, strict=True):
            values["winrate"] = float(winrate[move.number - 1])
    if course is None:
        return {} if winrate is None else {"winrate": float(winrate[-1])}
    for values, move in zip(moves, review.moves, strict=True):
        before = move.number - 1
        values |= {
            "lead": float(course.lead[before]),
            "spread": float(course.spread[before]),
            "lost": course.lost(move.number, move.colour),
        }
    return {
        "komi": course.terms.komi,
        "komi_stated": course.terms.stated,
        "rules": course.terms.rules.to_json(),
        "rules_stated": course.terms.rules_stated,
        "lead": float(course.lead[-1]),
        "winrate": float(course.black_winrate[-1]),
        "spread": float(course.spread[-1]),
    }


def position_values(position: PositionReview) -> dict[str, Any]:
    """A record without moves: the same keys, and whose turn it is with the first choices."""
    record = position.record
    choices = [{"move": to_gtp(index), "probability": p} for index, p in position.choices]
    return {
        "game": position.name,
        "black": record.black,
        "white": record.white,
        "result": record.result,
        "trouble": record.trouble,
        "notes": [f"{note.what}: {note.detail}" for note in record.notes],
        "agreement": [],
        "moves": [],
        "to_play": COLOUR_NAMES[position.to_play],
        "choices": choices,
        **_position_search(position),
    } | _position_course(position)


def _position_search(position: PositionReview) -> dict[str, Any]:
    line = [to_gtp(index) for index in position.line]
    return {"visits": position.visits, "instead": line} if position.visits else {}


def _position_course(position: PositionReview) -> dict[str, Any]:
    values = {} if position.black_winrate is None else {"winrate": position.black_winrate}
    return values | ({"lead": position.estimate.score_mean} if position.estimate else {})
