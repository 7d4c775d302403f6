"""What a store holds, in figures: games, moves, lengths, openings, results, ranks, sources."""

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from gocnn.board.coords import PASS, to_gtp
from gocnn.games import labels, results, text
from gocnn.games.counting import counted_games
from gocnn.games.selection import GameFilter
from gocnn.games.store import Store
from gocnn.games.words import index_of

RESULTS = {
    results.UNKNOWN: "unknown",
    results.BLACK_WON: "black",
    results.WHITE_WON: "white",
    results.DRAWN: "drawn",
}


def summarise(store: Store, chosen: GameFilter) -> dict[str, Any]:
    """The figures of the games that are chosen (`gocnn.games.selection`), as `go-stats --json`
    prints them."""
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
