"""What a review says, as lines for people to read."""

from collections import Counter
from collections.abc import Iterator, Sequence

from gocnn.board import BLACK, WHITE
from gocnn.board.coords import to_gtp
from gocnn.engine.forecast import lead_in_words
from gocnn.games.sgf_tree import side
from gocnn.review.position import PositionReview
from gocnn.review.review import Review, agreement, table
from gocnn.wording import counted


def report(review: Review) -> Iterator[str]:
    """One game: agreement by side and phase, the least expected moves, and who led."""
    record = review.record
    yield (
        f"{review.name}: {record.black or '?'} (black) - {record.white or '?'}"
        f" (white){', ' + record.result if record.result else ''}"
    )
    yield f"{'':16}{'moves':>6}{'first choice':>14}{'one of five':>13}{'log-likelihood':>16}"
    for (who, phase), a in table(review.judged).items():
        yield (
            f"{who + ', ' + phase:16}{a.moves:6}{a.top1:14.1%}{a.top5:13.1%}"
            f"{a.log_likelihood:16.2f}"
        )
    yield _heading("least expected", review.least_expected())
    for move in review.least_expected():
        first, probability = move.choices[0]
        yield (
            f"  move {move.number:3} {side(move.colour):5} {to_gtp(move.index):>4} "
            f" {move.probability:7.2%}, choice {move.rank} of {move.legal}; first choice"
            f" {to_gtp(first)} {probability:.0%}"
        )
    if review.course:
        terms = review.course.terms
        lead = [lead_in_words(value) for value in review.course.lead.tolist()]
        yield f"score {_judge_of(review)}, {terms}: at the end {lead[-1]}"
        if review.visits and (each := _each_lost(review)):
            yield f"points lost a move: {each}"
        costliest = review.costliest()
        yield _heading("most points lost", costliest)
        for move, lost in costliest:
            row = f"  move {move.number:3} {side(move.colour):5} {to_gtp(move.index):>4}"
            after = lead_in_words(float(review.course.lead_after[move.number - 1]))
            told = (
                f"better {line_of(review.lines[move.number - 1])}"
                if review.lines
                else f"expected {move.probability:.2%}, choice {move.rank}"
            )
            yield f"{row}  {lost:5.1f} points; {lead[move.number - 1]}, after it {after}; {told}"
        if costliest and not review.visits:
            yield "  (jumps of the score after its own first choices are its mistakes: not listed;"
            yield "  each position was judged at a glance: --visits 16 looks ahead)"
    elif review.black_winrate is not None and review.winrate_after is not None:
        winrate, winrate_after = review.black_winrate, review.winrate_after
        yield _heading(
            f"largest drops of winrate (of black, {_judge_of(review)})", review.setbacks()
        )
        for move, _ in review.setbacks():
            row = f"  move {move.number:3} {side(move.colour):5} {to_gtp(move.index):>4}"
            before, after_it = winrate[move.number - 1], winrate_after[move.number - 1]
            better = f"; better {line_of(review.lines[move.number - 1])}" if review.lines else ""
            yield f"{row}  {before:4.0%}, after it {after_it:4.0%}{better}"
    if record.trouble:
        yield f"reviewed up to move {len(review.moves)}: {record.trouble}"


def _each_lost(review: Review) -> str:
    """What the moves of each side lost on average. At a glance that would be its errors, mostly."""
    lost = [(side(colour), review.mean_lost(colour)) for colour in (BLACK, WHITE)]
    return ", ".join(f"{name} {points:.2f}" for name, points in lost if points is not None)


def _both_lost(review: Review) -> str:
    """The same as columns of a table."""
    lost = [review.mean_lost(colour) for colour in (BLACK, WHITE)]
    return " ".join("-" if points is None else f"{points:.2f}" for points in lost)


def _judge_of(review: Review) -> str:
    if review.visits:
        return f"by searches of {counted(review.visits, 'visit')}"
    return "as the network sees it"


def line_of(line: Sequence[int]) -> str:
    """What a search would have played and how it goes on, flat indices, in words."""
    return " ".join(to_gtp(index) for index in line)


def _heading(words: str, rows: Sequence[object]) -> str:
    """What stands above rows, or in their place."""
    return f"{words}:" if rows else f"{words}: none"


def notes(found: Sequence[Review | PositionReview]) -> Iterator[str]:
    """What readers had to decide about the games: of several games a line for each kind, with how
    many they are and the first."""
    told = [(each.name, note) for each in found for note in each.record.notes]
    if len(found) == 1:
        yield from (f"{name}: {note.what} ({note.detail})" for name, note in told)
        return
    for what, count in Counter(note.what for _, note in told).items():
        name, first = next((name, note) for name, note in told if note.what == what)
        yield f"{counted(count, 'game')}: {what} (first: {name}: {first.detail})"


def games_table(reviews: Sequence[Review]) -> Iterator[str]:
    """Several games: a line for each, and one for all of them."""
    width = max(4, min(60, max(len(each.name) for each in reviews)))
    searched = any(each.visits and each.course for each in reviews)
    lost_by = f"  {'lost a move: black, white':>25}" if searched else ""
    yield (
        f"{'game':{width}} {'moves':>6}  {'black: first, five':>20}  {'white: first, five':>20} "
        f" {'log-likelihood':>14}{lost_by}"
    )
    for each in reviews:
        sides = [agreement([m for m in each.judged if m.colour == colour]) for colour in (1, 2)]
        shown = [f"{a.top1:6.1%} {a.top5:6.1%}" if a else "-" for a in sides]
        both = agreement(each.judged)
        likelihood = f"{both.log_likelihood:.2f}" if both else "-"
        early = (
            f"  (up to move {len(each.moves)}: {each.record.trouble})"
            if each.record.trouble
            else ""
        )
        yield (
            f"{each.name[-width:]:{width}} {len(each.moves):6}  {shown[0]:>20}  {shown[1]:>20} "
            f" {likelihood:>14}{f'  {_both_lost(each):>25}' if searched else ''}{early}"
        )
    total = agreement([move for each in reviews for move in each.judged])
    shares = (
        f"first choice {total.top1:.1%}, one of five {total.top5:.1%}, log-likelihood"
        f" {total.log_likelihood:.2f}"
        if total
        else "nothing but closing passes"
    )
    moves = counted(sum(len(each.moves) for each in reviews), "move")
    yield f"{counted(len(reviews), 'game')}, {moves}: {shares}"


def position_line(position: PositionReview) -> str:
    """A record without moves: the first choices in its position."""
    ahead = f"; {lead_in_words(position.estimate.score_mean)}" if position.estimate else ""
    if position.line:
        visits = counted(position.visits, "visit")
        ahead += f"; a search of {visits} would play {line_of(position.line)}"
    choices = ", ".join(f"{to_gtp(index)} {p:.0%}" for index, p in position.choices)
    return (
        f"{position.name}: a position without moves to review; {side(position.to_play)} to play,"
        f" first choices {choices}{ahead}"
    )
