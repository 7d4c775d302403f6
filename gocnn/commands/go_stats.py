"""go-stats: what a store holds."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import click
import numpy as np

from gocnn.board.coords import PASS, to_gtp
from gocnn.commands.options import filters, game_filter
from gocnn.console.streams import encodable
from gocnn.games import labels, results, text
from gocnn.games.counting import counted_games
from gocnn.games.store import Store
from gocnn.games.words import index_of

RESULTS = {
    results.UNKNOWN: "unknown",
    results.BLACK_WON: "black",
    results.WHITE_WON: "white",
    results.DRAWN: "drawn",
}


@click.command("go-stats")
@click.argument("store", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--verify", is_flag=True, help="Check every byte against the checksums as well.")
@filters
def command(store: Path, as_json: bool, verify: bool, **options: Any) -> None:
    """Show what STORE holds: games, moves, lengths, openings, results, ranks, sources, and what was
    skipped when it was made."""
    opened = Store(store)
    if verify:
        opened.verify()
    figures = collect(opened, game_filter(options))
    if as_json:
        text = json.dumps(figures, indent=1, ensure_ascii=False)
        click.echo(text if encodable(text) else json.dumps(figures, indent=1))
    else:
        click.echo(table(figures))


def collect(store: Store, chosen: Any) -> dict[str, Any]:
    """The figures, as they are printed with --json."""
    records = store.records()
    numbers = chosen.choose(store, records)
    records = records[numbers]
    kinds = store.label_kinds()[numbers]
    moves = records["moves"].astype(np.int64)
    sources, names = store.column("source")
    by_source = Counter(sources[numbers].tolist())
    dates = records["date"][records["date"] > 0]
    shares = [0, 5, 25, 50, 75, 95, 100]
    return {
        "store": str(store.path),
        "bytes": store.size,
        "games": len(records),
        "moves": int(moves.sum()),
        "handicap_games": int((records["handicap"] > 0).sum()),
        "length_percentiles": (
            {str(s): round(float(np.percentile(moves, s))) for s in shares} if len(moves) else {}
        ),
        "results": {RESULTS[k]: int((records["winner"] == k).sum()) for k in RESULTS},
        "counted": int((records["margin"] > 0).sum()),
        "labels": {name: int((kinds == kind).sum()) for kind, name in labels.KINDS.items()},
        "counted_without_label": (
            int((counted_games(records) & (kinds != labels.COUNTED)).sum()) if kinds.any() else 0
        ),
        "labels_made_by": sorted(set(store.label_texts())),
        "dates": [int(dates.min()), int(dates.max())] if len(dates) else [],
        "ranks": _ranks(records),
        "openings": _openings(store, records),
        "sources": {names[k]: n for k, n in by_source.most_common(20)},
        "skipped": _skipped(store.path),
    }


def _ranks(records: Any) -> list[dict[str, Any]]:
    pairs = Counter(
        (max(a, b), min(a, b))
        for a, b in zip(records["black_rank"].tolist(), records["white_rank"].tolist(), strict=True)
    )
    return [
        {"stronger": text.rank_name(a), "weaker": text.rank_name(b), "games": n}
        for (a, b), n in pairs.most_common(12)
    ]


def _openings(store: Store, records: Any) -> list[dict[str, Any]]:
    """First moves of even games, turned so that the move is in the upper right (all eight
    symmetries are one opening)."""
    even = records[records["setup"] == 0]
    firsts = (
        Counter(index_of(store.words[even["start"].astype(np.int64)]).tolist())
        if len(even)
        else Counter()
    )
    folded: Counter[str] = Counter()
    for index, count in firsts.items():
        if index == PASS:
            folded["pass"] += count
            continue
        row, column = divmod(index, 19)
        row, column = max(row, 18 - row), max(column, 18 - column)
        folded[to_gtp(max(row, column) * 19 + min(row, column))] += count
    return [{"first_move": move, "games": n} for move, n in folded.most_common(8)]


def _skipped(path: Path) -> dict[str, int]:
    listing = path.with_name(path.name + ".skipped.tsv")
    if not listing.exists():
        return {}
    with listing.open(newline="", errors="replace", encoding="utf-8") as stream:
        return dict(
            Counter(
                row["reason"]
                for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
                if row.get("reason")
            ).most_common()
        )


def table(figures: dict[str, Any]) -> str:
    """The figures as a person reads them."""
    games = max(figures["games"], 1)
    lines = [
        (
            f"{figures['store']}: {figures['games']} games, {figures['moves']} moves,"
            f" {figures['bytes']} bytes"
        ),
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
