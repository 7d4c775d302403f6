"""go-review: what the network expected in a game, move by move."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gocnn.commands.options import model_option, threads_option
from gocnn.console.outputs import OutFile, Picture, keep_inputs
from gocnn.console.shared_options import count_option, of_another
from gocnn.engine.limits import MOST_VISITS
from gocnn.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gocnn.games.sources import Blob
    from gocnn.policy.suggestion import Evaluator
    from gocnn.review.files import FileReview, ReviewedRecords
    from gocnn.review.position import PositionReview
    from gocnn.review.review import Review


@click.command("go-review")
@click.argument("games", nargs=-1, required=True, metavar="GAME.sgf|FOLDER|ARCHIVE...")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The game record with marks and comments; a folder, if there are several files.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Leave out the files whose reviewed record, of as many --visits, the folder --out has.",
)
@click.option("--picture", type=Picture(), help="Strip chart of one game (.png, .jpg, .svg, .pdf).")
@click.option(
    "--html",
    type=OutFile(".html", ".htm"),
    help="One page to step through one game, with the choices on the board.",
)
@model_option
@count_option(
    "--visits",
    0,
    MOST_VISITS,
    "Judge who is ahead by a search of so many positions after each move, and say what would have"
    " been better (0: at a glance, in seconds; 16: in a minute or two a game).",
    default=0,
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, every move of it.")
@threads_option
@click.option("--quiet", is_flag=True, help="No bar.")
def command(
    *,
    games: tuple[str, ...],
    out: Path | None,
    resume: bool,
    picture: Path | None,
    html: Path | None,
    model: str | None,
    visits: int,
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
    keep_inputs([], out=out, picture=picture, html=html)
    of_another("--out", out is not None, "resume")
    from gocnn.files import write_text
    from gocnn.games import sources
    from gocnn.policy.runtime import open_evaluator
    from gocnn.review import text, values
    from gocnn.review.files import ReviewedRecords, read_file

    files = [blob for unit in sources.find_units(list(games)) for blob in sources.read(unit)]
    if len(files) > 1 and out is not None and (os.path.isfile(out) or out.suffix.lower() == ".sgf"):
        raise click.BadParameter(
            f"{out} must be a folder, since there are {len(files)} game records", param_hint="--out"
        )
    if len(files) > 1 and (picture is not None or html is not None):
        raise click.UsageError(
            f"--picture and --html show one game, but there are {len(files)} files; name one"
        )
    if picture is not None or html is not None:
        shown = sum(bool(record.steps) for blob in files for record in read_file(blob).records)
        if shown > 1:
            raise click.UsageError(
                f"--picture and --html show one game, but {files[0].name} holds {shown}; split it"
            )
    kept = None if out is None else ReviewedRecords(out, [blob.name for blob in files])
    if kept is not None:
        kept.check()
        if replaced := kept.replaced():
            raise click.BadParameter(
                f"{replaced} is a record that is read; choose another place", param_hint="--out"
            )
    if html is not None:
        from gocnn.review.page import template

        template()  # so that no work is done in vain where the page is not built
    left = list(enumerate(files))
    if resume and kept is not None:
        if not kept.is_folder:
            raise click.UsageError("--resume goes on with many records; --out is no folder of them")
        left = [(number, blob) for number, blob in left if not kept.has(number, blob, visits)]
        done = counted(len(files) - len(left), "file")
        click.echo(f"note: {out} has the reviewed records of {done}, left out", err=True)
    earlier = len(left) < len(files)
    evaluator = open_evaluator(model, threads=threads)
    reviews: list[Review] = []
    positions: list[PositionReview] = []
    trouble: list[str] = []
    try:
        for found in _reviewed(left, evaluator, kept, visits, quiet):
            reviews += found.reviews
            positions += found.positions
            trouble += found.skipped
    except KeyboardInterrupt:
        if kept is not None and kept.written:
            many = counted(len(kept.written), "reviewed record")
            click.echo(
                f"{out} has {many} of {counted(len(left), 'file')}; --resume goes on", err=True
            )
        raise
    for line in trouble:
        told = "skipped" if reviews or positions or earlier else "Error:"
        click.echo(f"{told} {line}", err=True)
    for line in text.notes([*reviews, *positions]):
        click.echo(f"note: {line}", err=True)
    if not as_json:
        for position in positions:
            click.echo(text.position_line(position))
    if not reviews:
        if as_json and (positions or earlier):
            click.echo(json.dumps([values.position_values(each) for each in positions]))
        if earlier:
            return
        unwritten = [str(target) for target in (out, picture, html) if target is not None]
        if positions and unwritten:
            click.echo(
                f"Error: not written: {', '.join(unwritten)}; they show moves, and there are none",
                err=True,
            )
        raise SystemExit(0 if positions and not unwritten else 1)
    if picture is not None:
        from gocnn.review.chart import draw_strip

        draw_strip(reviews[0], picture)
    if html is not None:
        from gocnn.review.page import page

        write_text(html, page(reviews[0]))
    if as_json:
        click.echo(
            json.dumps(
                [values.review_values(each) for each in reviews]
                + [values.position_values(each) for each in positions]
            )
        )
    elif len(reviews) == 1:
        click.echo("\n".join(text.report(reviews[0])))
    else:
        click.echo("\n".join(text.games_table(reviews)))
    if not as_json:
        written = [str(target) for target in kept.written] if kept is not None else []
        if len(written) > 1:
            written = [f"{counted(len(written), 'record')} in {out}"]
        written += [str(target) for target in (picture, html) if target is not None]
        if written:
            click.echo(f"written: {', '.join(written)}")


def _reviewed(
    files: "list[tuple[int, Blob]]",
    evaluator: "Evaluator",
    kept: "ReviewedRecords | None",
    visits: int,
    quiet: bool,
) -> "Iterator[FileReview]":
    """Review numbered files one after another, each written (if it has moves and there is a place
    to write to) before it is yielded."""
    from gocnn import bars
    from gocnn.review.files import read_file, review_files

    blobs = [blob for _, blob in files]
    shown = not quiet and (len(files) > 1 or visits > 0) and sys.stderr.isatty()
    records = (record for blob in blobs for record in read_file(blob).records)
    moves = sum(len(record.steps) for record in records) if shown else None
    with bars.bar(total=moves, unit=" moves", disable=not shown, leave=False) as bar:
        for (number, _), found in zip(
            files, review_files(blobs, evaluator, bar.update, visits=visits), strict=True
        ):
            if kept is not None and (annotated := found.annotated()) is not None:
                kept.write(number, annotated)
            yield found
