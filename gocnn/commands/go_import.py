"""go-import: game records into a store."""

import time
from pathlib import Path

import click

from gocnn.commands.options import importing
from gocnn.console.outputs import OutFile
from gocnn.games.importing import import_games
from gocnn.games.store import Store, is_store
from gocnn.wording import counted


@click.command("go-import")
@click.argument("games", nargs=-1, required=True)
@click.option(
    "--out", required=True, type=OutFile(), help="The store to make, or with --append to add to."
)
@click.option(
    "--append",
    is_flag=True,
    help="Add to the store that is there; games it already holds are skipped.",
)
@click.option("--replace", is_flag=True, help="Replace the store that is there.")
@importing
def command(
    *,
    games: tuple[str, ...],
    out: Path,
    append: bool,
    replace: bool,
    jobs: int | None,
    max_unpacked: int,
) -> None:
    """Read GAMES into a store: SGF files, folders (searched through), zip and tar archives, packed
    files (.sgf.gz), or - for standard input.

    Only 19x19 games whose moves are all legal are taken; what is skipped is counted by reason and
    listed in OUT.skipped.tsv. Games that are there already, also rotated or mirrored, count as
    duplicates.
    """
    if append and replace:
        raise click.UsageError("--append and --replace exclude each other")
    if out.exists() and not (append or replace):
        raise click.UsageError(
            f"{out} exists; add --append to add games to it, or --replace to make it anew"
        )
    if append and not out.exists():
        raise click.UsageError(f"{out} does not exist; leave out --append to make it")
    if replace and out.is_file() and out.stat().st_size and not is_store(out):
        raise click.UsageError(
            f"{out} is no store, and --replace is for stores; choose another --out"
        )
    began = time.perf_counter()
    report = import_games(
        list(games), out, append=append, replace=replace, jobs=jobs, limit=max_unpacked << 20
    )
    seconds = time.perf_counter() - began
    click.echo(
        f"{counted(report.games, 'game')}, {counted(report.moves, 'move')} in {seconds:.1f} s"
        f" ({report.games / max(seconds, 1e-9):.0f} games/s)"
    )
    if report.reasons:
        click.echo(report.skips())
    if report.counted:
        off = report.counted - report.labelled
        click.echo(
            f"counted {report.counted}: {counted(report.labelled, 'label')} kept,"
            f" {off} disagree{'s' if off == 1 else ''} with the record (not used)"
        )
    for what, count in report.decided.most_common():
        click.echo(f"{count} {what} (first: {_plain(report.examples[what])})")
    store = Store(out)
    click.echo(
        f"{out}: {counted(len(store), 'game')}, {store.size} bytes,"
        f" {store.size / len(store):.0f} bytes a game"
    )


def _plain(text: str) -> str:
    """As it can be printed: names of files may hold bytes that are no text."""
    return text.encode("utf-8", "replace").decode()
