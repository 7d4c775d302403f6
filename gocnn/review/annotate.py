"""A review written into the game record, as marks and comments that board programs show.

    LB   on the position before a move: the first choices, with their percentages
    TR   there too: the move that was played
    C    at the move: its probability and rank, the first choices, and what a search would have
         played instead, if there was one; at the root: agreement by side
    V    at the move: black's lead after it, in points, if the network says the score (who leads is
         in the comment then, too)
    SBKV at the root and at each move: black's probability to win after it, in per cent, if the
         network says who wins; Sabaki draws its graph of it
    BM   at a glance, a move of less than 1 % where another had more than 60 %; after a search, one
         that lost so many points (`BAD`), or chances to win
    DO   the same where another had more than 30 %; after a search, one that lost less (`DOUBTFUL`)
    TE   the first choice where nothing was obvious (no move had 25 %), if a search agrees

What the record already has stays: comments are added to, points that carry a mark or label are left
alone, and so are nodes that are judged. Passes that close the game are not judged.
"""

import re

from gocnn.board.coords import PASS, to_gtp, to_sgf
from gocnn.engine.forecast import lead_in_words
from gocnn.games.sgf_tree import Properties, Record, side
from gocnn.review.course import Course
from gocnn.review.review import MoveReview, Review, table
from gocnn.review.text import line_of
from gocnn.wording import counted

LABELLED = 3
"""First choices that get a label."""

LEAST_LABEL = 0.03
MARKS = ("TR", "CR", "SQ", "MA", "SL")
BAD, DOUBTFUL = (6.0, 0.2), (3.0, 0.1)
"""What a bad move, and a doubtful one, lost by a search: points, or without a score the probability
to win."""

JUDGEMENTS = ("BM", "DO", "TE", "IT")


def annotate(review: Review) -> None:
    """Add marks and comments to the nodes of the review's record."""
    root = review.record.texts[0]
    judged = {move.number for move in review.judged}
    reached: list[tuple[Properties, int]] = []
    for move, step in zip(review.moves, review.record.steps, strict=True):
        if step.before is not None:
            _mark(step.before, move)
        _comment(
            step.node, move_comment(move) + _ahead(review, move, changed=move.number in judged)
        )
        if move.number in judged and (instead := _instead(review, move)):
            _comment(step.node, instead, apart="\n")
        reached.append((step.node, move.number - 1))
        judgement = annotation_of(review, move) if move.number in judged else ""
        if judgement and not any(name in step.node for name in JUDGEMENTS):
            step.node[judgement] = [b"1"]
    # of a node with several moves the last one says what the position after it is worth
    for node, k in reversed(reached):
        if review.course and "V" not in node:
            node["V"] = [f"{review.course.lead_after[k]:.1f}".encode()]
        if review.winrate_after is not None and "SBKV" not in node:
            node["SBKV"] = [f"{100 * review.winrate_after[k]:.2f}".encode()]
    if review.black_winrate is not None and "SBKV" not in root:
        root["SBKV"] = [f"{100 * review.black_winrate[0]:.2f}".encode()]
    _comment(root, game_comment(review))


def annotation_of(review: Review, move: MoveReview) -> str:
    """`BM`, `DO`, `TE` or nothing (see the module's text)."""
    first = move.choices[0][1]
    if review.lines:
        if review.preferred(move.number) == move.index:
            return "TE" if move.rank == 1 and first < 0.25 else ""
        if review.course is not None:
            by, lost = 0, review.course.lost(move.number, move.colour)
        else:
            by, lost = 1, review.chance_lost(move)
        return "BM" if lost >= BAD[by] else "DO" if lost >= DOUBTFUL[by] else ""
    if move.rank == 1:
        return "TE" if first < 0.25 else ""
    if move.probability < 0.01 and first > 0.3:
        return "BM" if first > 0.6 else "DO"
    return ""


def move_comment(move: MoveReview) -> str:
    """A line or two of ASCII about one move."""
    choices = ", ".join(
        f"{to_gtp(index)} {f'{p:.0%}' if p >= 0.005 else '<1%'}" for index, p in move.choices
    )
    expected = f"expected {_percent(move.probability)}, choice {move.rank} of {move.legal}"
    return f"{side(move.colour)} {to_gtp(move.index)}: {expected}.\nFirst choices: {choices}"


def _ahead(review: Review, move: MoveReview, *, changed: bool) -> str:
    """A line about who is ahead before a move and after it, as far as the network says it;
    changed: and about what the move lost or won."""
    if review.course is not None:
        return _led(review.course, move, changed=changed)
    if review.black_winrate is None or review.winrate_after is None:
        return ""
    before, after = review.black_winrate[move.number - 1], review.winrate_after[move.number - 1]
    return f"\nWinrate of black {before:.0%}; after it {after:.0%}."


def _led(course: Course, move: MoveReview, *, changed: bool) -> str:
    """A line about who leads before a move and after it."""
    before, after, lost = (
        course.lead[move.number - 1],
        course.lead_after[move.number - 1],
        course.lost(move.number, move.colour),
    )
    by = f": {abs(lost):.1f} points {'lost' if lost > 0 else 'won'}" if changed else ""
    return (
        f"\n{lead_in_words(before)} (winrate of black"
        f" {course.black_winrate[move.number - 1]:.0%}); after it"
        f" {lead_in_words(after)}{by}."
    )


def _instead(review: Review, move: MoveReview) -> str:
    """A line with what a search would have played instead."""
    if not review.lines or review.preferred(move.number) == move.index:
        return ""
    return f"The search would play {line_of(review.lines[move.number - 1])}."


def game_comment(review: Review) -> str:
    """A few lines of ASCII about the whole game."""
    looked = f", each searched with {counted(review.visits, 'visit')}" if review.visits else ""
    rows = [f"Reviewed by a policy network, {counted(len(review.moves), 'move')}{looked}."]
    rows.append("Labels show what was expected next, a triangle what was played next.")
    found = table(review.judged)
    for name in ("black", "white"):
        if (name, "all") in found:
            a = found[name, "all"]
            rows.append(
                f"{name.capitalize()}: first choice {a.top1:.0%}, one of the first five"
                f" {a.top5:.0%} of {counted(a.moves, 'move')}."
            )
    if review.course:
        terms = review.course.terms
        rows.append(
            f"{str(terms).capitalize()}. At the end {lead_in_words(review.course.lead[-1])}."
        )
        rows += [
            f"Move {move.number} ({side(move.colour)} {to_gtp(move.index)}) lost {lost:.1f} points."
            for move, lost in review.costliest(3)
        ]
    if review.record.trouble:
        rows.append(f"The review ends early: {review.record.trouble}.")
    return "\n".join(rows)


def visits_of(record: Record) -> int:
    """Of the searches by which a record was reviewed, as the comment at its root says; 0 for
    glances, and for a record that was not reviewed."""
    said = b"\n".join(record.texts[0].get("C", []))
    found = re.findall(rb"^Reviewed by .* searched with (\d+) visits?\.$", said, re.MULTILINE)
    return int(found[-1]) if found else 0


def _percent(probability: float) -> str:
    return f"{probability:.1%}" if probability >= 0.001 else "less than 0.1%"


def _mark(node: Properties, move: MoveReview) -> None:
    taken = {value[:2] for name in MARKS for value in node.get(name, [])} | {
        value[:2] for value in node.get("LB", [])
    }
    played = to_sgf(move.index).encode()
    labels = list(node.get("LB", []))
    for index, probability in move.choices[:LABELLED]:
        point = to_sgf(index).encode()
        if index == PASS or point in taken or (probability < LEAST_LABEL and labels):
            continue
        labels.append(point + b":" + f"{probability * 100:.0f}".encode())
        taken.add(point)
    if labels:
        node["LB"] = labels
    if move.index != PASS and played not in taken:
        node["TR"] = [*node.get("TR", []), played]


def _comment(node: Properties, text: str, *, apart: str = "\n\n") -> None:
    # SGF text: only these two need escaping in ASCII.
    raw = text.replace("\\", "\\\\").replace("]", "\\]").encode("ascii", "replace")
    earlier = b"\n\n".join(value for value in node.get("C", []) if value.strip())
    node["C"] = [earlier + apart.encode() + raw if earlier else raw]
