"""go-review: what the network expected in a game, move by move."""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gocnn.console.outputs import OutFile, Picture, keep_inputs
from gocnn.errors import UserError

if TYPE_CHECKING:
    from gocnn.review.review import Review, Start


@click.command("go-review")
@click.argument("games", nargs=-1, required=True, metavar="GAME.sgf|FOLDER|ARCHIVE...")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The game record with marks and comments; a folder, if there are several files.",
)
@click.option("--picture", type=Picture(), help="Strip chart of one game (.png, .jpg, .svg, .pdf).")
@click.option(
    "--html",
    type=OutFile(".html", ".htm"),
    help="One page to step through one game, with the choices on the board.",
)
@click.option(
    "--model",
    help=(
        "A model file (.safetensors or .onnx), or the folder of a training run.  [default: the"
        " model that ships]"
    ),
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, every move of it.")
@click.option(
    "--threads", type=click.IntRange(1), help="Threads of the network.  [default: the cores]"
)
@click.option("--quiet", is_flag=True, help="No bar.")
def command(
    games: tuple[str, ...],
    out: Path | None,
    picture: Path | None,
    html: Path | None,
    model: str | None,
    as_json: bool,
    threads: int | None,
    quiet: bool,
) -> None:
    """Compare what was played with what the network expected: the ten least expected moves,
    agreement by side and phase; for several games, a table with a line for each.

    With --out the record comes back with all that was in it (variations, comments, encoding) and
    labels, marks and comments added.
    """
    keep_inputs([Path(name) for name in games], picture=picture, html=html)
    from gocnn import bars
    from gocnn.files import check_folder, check_writable, write_bytes, write_text
    from gocnn.games import sgf_tree, sources
    from gocnn.policy.runtime import open_evaluator
    from gocnn.review import annotate
    from gocnn.review.review import expected_at, review

    files = [blob for unit in sources.find(list(games)) for blob in sources.read(unit)]
    if len(files) > 1 and out is not None and (os.path.isfile(out) or out.suffix.lower() == ".sgf"):
        raise click.BadParameter(
            f"{out} must be a folder, since there are {len(files)} game records", param_hint="--out"
        )
    if len(files) > 1 and (picture is not None or html is not None):
        raise click.UsageError(
            f"--picture and --html show one game, but there are {len(files)} files; name one"
        )
    if out is not None:
        check = check_writable if len(files) == 1 and not os.path.isdir(out) else check_folder
        check(out)
        _keep_records(out, [blob.name for blob in files])
    evaluator = open_evaluator(model, threads=threads)
    reviews: list[Review] = []
    positions: list[Start] = []
    trouble: list[str] = []
    written: set[Path] = set()
    with bars.bar(
        total=len(files),
        unit=" files",
        disable=quiet or len(files) < 2 or not sys.stderr.isatty(),
        leave=False,
    ) as bar:
        for blob in files:
            bar.update()
            try:
                if blob.trouble:
                    raise UserError(f"{blob.name}: {blob.trouble}")
                records = sgf_tree.parse(blob.data, blob.name)
            except UserError as error:
                trouble.append(str(error))
                continue
            for number, record in enumerate(records, 1):
                name = blob.name if len(records) == 1 else f"{blob.name} (game {number})"
                if not record.steps and record.setup and not record.trouble:
                    positions.append(expected_at(record, name, evaluator))
                    continue
                if not record.steps:
                    trouble.append(
                        f"{name}: {record.trouble or 'it holds no moves'}; there is nothing to"
                        " review"
                    )
                    continue
                reviews.append(review(record, name, evaluator))
                annotate.annotate(reviews[-1])
            if out is not None and any(record.steps for record in records):
                write_bytes(
                    _target(out, blob.name, len(files), written), sgf_tree.serialise(records)
                )
    for line in trouble:
        click.echo(f"skipped {line}" if reviews or positions else f"error: {line}", err=True)
    if not as_json:
        for position in positions:
            click.echo(_position(position))
    if not reviews:
        if as_json and positions:
            click.echo(json.dumps([_position_values(each) for each in positions]))
        unwritten = [str(target) for target in (out, picture, html) if target is not None]
        if positions and unwritten:
            click.echo(
                f"error: not written: {', '.join(unwritten)}; they show moves, and there are none",
                err=True,
            )
        raise SystemExit(0 if positions and not unwritten else 1)
    if (picture is not None or html is not None) and len(reviews) > 1:
        raise click.UsageError(
            f"--picture and --html show one game, but there are {len(reviews)}; name one"
        )
    if picture is not None:
        from gocnn.review.chart import draw_strip

        draw_strip(reviews[0], picture)
    if html is not None:
        from gocnn.review.page import page

        write_text(html, page(reviews[0]))
    if as_json:
        click.echo(
            json.dumps(
                [_values(each) for each in reviews] + [_position_values(each) for each in positions]
            )
        )
    elif len(reviews) == 1:
        click.echo("\n".join(_report(reviews[0])))
    else:
        click.echo("\n".join(_table(reviews)))


def _keep_records(out: Path, names: list[str]) -> None:
    """Raises click.BadParameter if a reviewed record would replace one that is read."""
    read = {os.path.realpath(name) for name in names if os.path.isfile(name)}
    targets = (
        [out / f"{_stem(name)}.sgf" for name in names]
        if len(names) > 1 or os.path.isdir(out)
        else [out]
    )
    for target in targets:
        if os.path.realpath(target) in read:
            raise click.BadParameter(
                f"{target} is a record that is read; choose another place", param_hint="--out"
            )


def _stem(name: str) -> str:
    return Path(name.rpartition(":")[2]).stem or "game"


def _target(out: Path, name: str, files: int, written: set[Path]) -> Path:
    """Where the reviewed record goes; in a folder no two of one run take the same name."""
    from gocnn.files import make_folder

    if files == 1 and not os.path.isdir(out):
        return out
    make_folder(out)
    stem = _stem(name)
    target, number = out / f"{stem}.sgf", 2
    while target in written:
        target, number = out / f"{stem}-{number}.sgf", number + 1
    written.add(target)
    return target


def _report(review: "Review") -> Iterator[str]:
    from gocnn.board.coords import to_gtp
    from gocnn.engine.foreseen import told
    from gocnn.games.sgf_tree import side
    from gocnn.review.review import table

    record = review.record
    yield (
        f"{review.name}: {record.black or '?'} (black) - {record.white or '?'}"
        f" (white){', ' + record.result if record.result else ''}"
    )
    yield f"{'':16}{'moves':>6}{'first choice':>14}{'one of five':>13}{'log-likelihood':>16}"
    for (who, phase), a in table(review.moves).items():
        yield (
            f"{who + ', ' + phase:16}{a.moves:6}{a.top1:14.1%}{a.top5:13.1%}"
            f"{a.log_likelihood:16.2f}"
        )
    yield "least expected:"
    for move in review.least_expected():
        first, probability = move.choices[0]
        yield (
            f"  move {move.number:3} {side(move.colour):5} {to_gtp(move.index):>4} "
            f" {move.probability:7.2%}, choice {move.rank} of {move.legal}; first choice"
            f" {to_gtp(first)} {probability:.0%}"
        )
    if review.course:
        terms = review.course.terms
        komi = f"komi {terms.komi:g}{'' if terms.stated else ' (the record states none)'}"
        yield f"score as the network sees it, {komi}: at the end {told(review.course.lead[-1])}"
        yield "most points lost:"
        for move, lost in review.costliest():
            place = f"  move {move.number:3} {side(move.colour):5} {to_gtp(move.index):>4}"
            yield (
                f"{place}  {lost:5.1f} points; {told(review.course.lead[move.number - 1])}, after"
                f" it {told(review.course.lead[move.number])}"
            )
    if record.trouble:
        yield f"reviewed up to move {len(review.moves)}: {record.trouble}"


def _table(reviews: list["Review"]) -> Iterator[str]:
    from gocnn.review.review import agreement

    width = max(4, min(60, max(len(each.name) for each in reviews)))
    yield (
        f"{'game':{width}} {'moves':>6}  {'black: first, five':>20}  {'white: first, five':>20} "
        f" {'log-likelihood':>14}"
    )
    for each in reviews:
        sides = [agreement([m for m in each.moves if m.colour == colour]) for colour in (1, 2)]
        shown = [f"{a.top1:6.1%} {a.top5:6.1%}" if a else "-" for a in sides]
        both = agreement(each.moves)
        assert both is not None
        early = (
            f"  (up to move {len(each.moves)}: {each.record.trouble})"
            if each.record.trouble
            else ""
        )
        yield (
            f"{each.name[-width:]:{width}} {len(each.moves):6}  {shown[0]:>20}  {shown[1]:>20} "
            f" {both.log_likelihood:14.2f}{early}"
        )
    total = agreement([move for each in reviews for move in each.moves])
    assert total is not None
    shares = (
        f"first choice {total.top1:.1%}, one of five {total.top5:.1%}, log-likelihood"
        f" {total.log_likelihood:.2f}"
    )
    yield f"{len(reviews)} games, {total.moves} moves: {shares}"


def _values(review: "Review") -> dict[str, Any]:
    from gocnn.board.coords import to_gtp
    from gocnn.review.review import table

    record = review.record
    moves = [
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
    agreements = [
        {"side": who, "phase": phase} | asdict(a) for (who, phase), a in table(review.moves).items()
    ]
    return {
        "game": review.name,
        "black": record.black,
        "white": record.white,
        "result": record.result,
        "trouble": record.trouble,
        "agreement": agreements,
        "moves": moves,
    } | _course_values(review, moves)


def _course_values(review: "Review", moves: list[dict[str, Any]]) -> dict[str, Any]:
    """What is said of the score, if the network says it: added to each move, and returned of the
    game. All seen by black, komi counted."""
    course = review.course
    if course is None:
        return {}
    for values, move in zip(moves, review.moves, strict=True):
        before = move.number - 1
        values |= {
            "lead": float(course.lead[before]),
            "winrate": float(course.black_wins[before]),
            "spread": float(course.spread[before]),
            "lost": course.lost(move.number, move.colour),
        }
    return {
        "komi": course.terms.komi,
        "komi_stated": course.terms.stated,
        "rules": course.terms.rules.to_json(),
        "lead": float(course.lead[-1]),
        "winrate": float(course.black_wins[-1]),
        "spread": float(course.spread[-1]),
    }


def _position(position: "Start") -> str:
    from gocnn.board.coords import to_gtp
    from gocnn.engine.foreseen import told
    from gocnn.games.sgf_tree import side

    ahead = f"; {told(position.outlook.lead)}" if position.outlook else ""
    choices = ", ".join(f"{to_gtp(index)} {p:.0%}" for index, p in position.choices)
    return (
        f"{position.name}: a position without moves to review; {side(position.to_play)} to play,"
        f" first choices {choices}{ahead}"
    )


def _position_values(position: "Start") -> dict[str, Any]:
    from gocnn.board.coords import COLOUR_NAMES, to_gtp

    record = position.record
    choices = [{"move": to_gtp(index), "probability": p} for index, p in position.choices]
    return {
        "game": position.name,
        "black": record.black,
        "white": record.white,
        "result": record.result,
        "trouble": record.trouble,
        "agreement": [],
        "moves": [],
        "to_play": COLOUR_NAMES[position.to_play],
        "choices": choices,
    } | (
        {"lead": position.outlook.lead, "winrate": position.outlook.black_wins}
        if position.outlook
        else {}
    )
