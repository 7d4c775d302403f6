"""go-stats: what a store holds."""

import json
from pathlib import Path
from typing import Any

import click

from gocnn.commands.options import filter_options, game_filter
from gocnn.console.shared_options import json_option
from gocnn.console.streams import encodable
from gocnn.games.store import Store
from gocnn.games.summary import summarise
from gocnn.wording import counted


@click.command("go-stats")
@click.argument("store", type=click.Path(path_type=Path))
@json_option
@click.option("--verify", is_flag=True, help="Check every byte against the checksums as well.")
@filter_options
def command(store: Path, as_json: bool, verify: bool, **options: Any) -> None:
    """Show what STORE holds: games, moves, lengths, openings, results, ranks, sources, and what was
    skipped when it was made."""
    opened = Store(store)
    if verify:
        opened.verify()
    figures = summarise(opened, game_filter(options))
    if as_json:
        text = json.dumps(figures, indent=1, ensure_ascii=False)
        click.echo(text if encodable(text) else json.dumps(figures, indent=1))
    else:
        click.echo(table(figures))


def table(figures: dict[str, Any]) -> str:
    """The figures as a person reads them."""
    lines = [
        (
            f"{figures['store']}: {counted(figures['games'], 'game')},"
            f" {counted(figures['moves'], 'move')},"
            f" {figures['bytes']} bytes"
        )
    ]
    if figures["games"]:
        lines += _of_games(figures)
    if figures["dates"]:
        first, last = (f"{d // 10000}-{d // 100 % 100:02d}-{d % 100:02d}" for d in figures["dates"])
        lines.append(f"dates: {first} to {last}")
    sections = [
        (
            "ranks (stronger - weaker)",
            [(f"{r['stronger']} - {r['weaker']}", r["games"]) for r in figures["ranks"]],
        ),
        (
            "first move, symmetries folded",
            [(o["first_move"], o["games"]) for o in figures["openings"]],
        ),
        ("sources", list(figures["sources"].items())),
        ("skipped at the last import", list(figures["skipped"].items())),
    ]
    for title, rows in sections:
        if rows:
            lines.append(f"{title}:")
            lines += [f"  {name:32} {count:>9}" for name, count in rows]
    return "\n".join(lines)


def _of_games(figures: dict[str, Any]) -> list[str]:
    """What there is to say if there are games."""
    games = figures["games"]
    return [
        f"moves a game: {figures['moves'] / games:.0f} on average; "
        + ", ".join(
            f"{share} % {length}" for share, length in figures["length_percentiles"].items()
        ),
        "results: "
        + ", ".join(
            f"{name} {count} ({count / games:.1%})"
            for name, count in figures["results"].items()
            if count
        )
        + f"; counted {figures['counted']}",
        "labels: "
        + (
            ", ".join(f"{count} {name}" for name, count in figures["labels"].items() if count)
            or "none"
        )
        + (
            f"; {figures['counted_without_label']} counted games have none that equals their record"
            if figures["counted_without_label"]
            else ""
        ),
        f"handicap games: {figures['handicap_games']}",
    ]
