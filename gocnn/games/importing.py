"""Importing: units of work go to processes, chunks of games come back in order, duplicates drop
out, the rest goes to the store."""

import hashlib
import multiprocessing as mp
import os
import queue
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from gocnn import archives, bars
from gocnn.cores import cores
from gocnn.errors import UserError
from gocnn.files import write_text
from gocnn.games import counting, reader, sources, store, store_writer
from gocnn.games.reader import Chunk, Skipped
from gocnn.games.record import Note
from gocnn.locks import locked
from gocnn.processes import end_with_parent, ignore_interrupts, unheard

MOST_LISTED = 100_000
"""Skipped games that are listed one by one."""

SMALL = 2 << 20
"""Below this many bytes one process does it all: starting others costs more."""


@dataclass
class Report:
    """What an import did: games taken, moves, how many were counted and labelled, what was skipped,
    by reason and one by one, the file that lists those (if any were), and what had to be decided
    about games that were taken."""

    games: int = 0
    moves: int = 0
    counted: int = 0
    labelled: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    skipped: list[Skipped] = field(default_factory=list)
    listing: Path | None = None
    decided: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def decide(self, notes: Iterable[tuple[str, Note]]) -> None:
        """Count what had to be decided about games that were taken, and keep the first of each kind
        as an example."""
        for name, note in notes:
            self.decided[note.what] += 1
            self.examples.setdefault(note.what, f"{name}: {note.detail}")

    def note(self, skipped: Iterable[Skipped]) -> None:
        """Add to the list, up to MOST_LISTED (the counts by reason go on)."""
        self.skipped.extend(islice(skipped, MOST_LISTED - len(self.skipped)))

    def why(self) -> str:
        """What was skipped, by reason: `2 illegal move, 1 duplicate`."""
        return ", ".join(f"{count} {reason}" for reason, count in self.reasons.most_common())

    def skips(self) -> str:
        """How many were skipped, why, and where they are listed."""
        return f"skipped {sum(self.reasons.values())}: {self.why()} (see {self.listing})"

    def table(self) -> str:
        """The skipped list as tab-separated text with a header line."""
        lines = ["file\tgame\treason\tdetail"]
        lines += [
            f"{_one_line(s.name)}\t{s.game}\t{s.reason}\t{_one_line(s.detail)}"
            for s in self.skipped
        ]
        unlisted = sum(self.reasons.values()) - len(self.skipped)
        if unlisted > 0:
            lines.append(f"\t0\t(not listed)\t{unlisted} more")
        return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return (
        text.encode("utf-8", "replace")
        .decode()
        .replace("\t", " ")
        .replace("\n", " ")
        .replace("\r", " ")
    )


def _labelled(unit: sources.Unit, limit: int) -> Iterator[Chunk]:
    """The chunks of a unit, their counted games labelled."""
    for chunk in reader.chunks(unit, limit):
        found = counting.label_games(chunk.records, chunk.words)
        yield replace(chunk, labelled=found.games, labels=found.packed, made_by=counting.MADE_BY)


def _work(tasks: "mp.Queue[Any]", results: "mp.Queue[Any]", limit: int) -> None:
    """One process: units in, (unit number, chunk) out; (unit number, None) ends a unit, and an
    exception is sent as it is."""
    ignore_interrupts()
    end_with_parent()
    while (task := tasks.get()) is not None:
        number, unit = task
        try:
            for chunk in _labelled(unit, limit):
                results.put((number, chunk))
            results.put((number, None))
        except Exception as error:  # noqa: BLE001 - passed on, raised in the parent
            results.put((number, error))


def _parallel(units: list[sources.Unit], processes: int, limit: int) -> Iterator[Chunk]:
    """Chunks of all units, in the order of the units, whichever process is faster."""
    context = mp.get_context("spawn")
    tasks: mp.Queue[Any] = context.Queue()
    results: mp.Queue[Any] = context.Queue(maxsize=4 * processes)
    for task in enumerate(units):
        tasks.put(task)
    workers = [
        context.Process(target=_work, args=(tasks, results, limit), daemon=True)
        for _ in range(processes)
    ]
    try:
        with unheard():
            for worker in workers:
                tasks.put(None)
                worker.start()
        early: dict[int, list[Chunk | None]] = {}
        for current in range(len(units)):
            while True:
                waiting = early.setdefault(current, [])
                if waiting:
                    chunk = waiting.pop(0)
                    if chunk is None:
                        break
                    yield chunk
                    continue
                number, item = _next(results, workers)
                if isinstance(item, Exception):
                    raise item
                early.setdefault(number, []).append(item)
            del early[current]
    finally:
        # else this process would wait at its end for someone to read the units that are left
        tasks.cancel_join_thread()
        for worker in workers:
            if worker.pid is not None:
                worker.terminate()
                worker.join()


def _next(results: "mp.Queue[Any]", workers: list[Any]) -> tuple[int, Chunk | None | Exception]:
    while True:
        try:
            number, item = results.get(timeout=2.0)
            return number, item
        except queue.Empty:
            dead = [w for w in workers if w.exitcode not in (None, 0)]
            if dead:
                raise UserError(
                    "a process that read games was ended from outside (out of memory?); try again"
                    " with --jobs 1"
                ) from None


def _without_duplicates(
    chunks: Iterator[Chunk], known: set[int], report: Report, bar: Any
) -> Iterator[Chunk]:
    for chunk in chunks:
        keep = np.ones(len(chunk.records), np.bool_)
        for i, key in enumerate(chunk.records["key"].tolist()):
            if key in known:
                keep[i] = False
            known.add(key)
        report.note(chunk.skipped)
        report.decide(chunk.notes)
        report.reasons += chunk.reasons()
        if not keep.all():
            report.reasons[reader.DUPLICATE] += int((~keep).sum())
            for record in chunk.records[~keep]:
                players = " - ".join(
                    chunk.texts[record[side]] or "?" for side in ("black", "white")
                )
                date = f", {record['date']}" if record["date"] else ""
                report.note(
                    [
                        Skipped(
                            chunk.texts[record["source"]],
                            0,
                            reader.DUPLICATE,
                            f"{players}{date}, {record['moves']} moves",
                        )
                    ]
                )
            there, row_of = keep[chunk.labelled], np.cumsum(keep) - 1
            labelled = row_of[chunk.labelled[there]]
            chunk = Chunk(
                chunk.records[keep],
                chunk.words,
                chunk.texts,
                labelled=labelled,
                labels=chunk.labels[there],
                made_by=chunk.made_by,
            )
        report.games += len(chunk.records)
        report.moves += int(chunk.records["moves"].sum())
        report.counted += int(counting.counted_games(chunk.records).sum())
        report.labelled += len(chunk.labelled)
        bar.update(len(keep) + len(chunk.skipped))
        yield chunk


def import_games(
    arguments: list[str],
    out: Path,
    *,
    append: bool = False,
    replace: bool = True,
    jobs: int | None = None,
    limit: int = sources.ARCHIVE_LIMIT,
    quiet: bool = False,
) -> Report:
    """Read everything the arguments name into the store `out` (made new, or added to), and return
    what was done.

    A game that is in the store already, also rotated or mirrored, is a duplicate. Skipped games are
    listed in `OUT.skipped.tsv`. Raises UserError if nothing can be read, if no game is left, if
    another import is writing this store, if it is there and neither to be added to nor to be
    replaced, or if it cannot be written; then nothing has changed.
    """
    units = sources.find_units(arguments)
    if not out.parent.is_dir():
        raise UserError(
            f"cannot write {out}: there is no folder {out.parent}; make it, or choose another place"
        )
    # Held from before the store is looked into until it is written: what another import adds
    # meanwhile would be lost.
    with store_writer.writing(out):
        if out.exists() and not (append or replace):
            raise UserError(
                f"{out} has been made by another import meanwhile; add to it with --append, or"
                " choose another --out"
            )
        return _import(arguments, units, out, append=append, jobs=jobs, limit=limit, quiet=quiet)


def _import(
    arguments: list[str],
    units: list[sources.Unit],
    out: Path,
    *,
    append: bool,
    jobs: int | None,
    limit: int,
    quiet: bool,
) -> Report:
    report = Report()
    known: set[int] = set(store.Store(out).records()["key"].tolist()) if append else set()
    processes = min(jobs or cores(), len(units))
    alone = (
        processes <= 1
        or any(u.kind in ("stdin", "pipe") for u in units)
        or sum(u.size for u in units) < SMALL
    )
    with bars.bar(desc="importing", unit=" games", disable=quiet or not sys.stderr.isatty()) as bar:
        raw = (
            (c for u in units for c in _labelled(u, limit))
            if alone
            else _parallel(units, processes, limit)
        )
        chunks = _without_duplicates(raw, known, report, bar)
        first = _first_with_games(chunks)
        if first is not None:
            (store_writer.append if append else store_writer.write)(out, _chain(first, chunks))
    listing = listing_of(out)
    if first is None and not (append and report.reasons[reader.DUPLICATE]):
        raise UserError(nothing_left(arguments, report))
    if report.skipped:
        write_text(listing, report.table())
        report.listing = listing
    else:
        listing.unlink(missing_ok=True)
    return report


def listing_of(store: Path) -> Path:
    """The file beside a store that lists the games which its import skipped."""
    return store.with_name(store.name + ".skipped.tsv")


def nothing_left(arguments: list[str], report: Report) -> str:
    """The sentence for an import that found no game."""
    first = report.skipped[0] if report.skipped else None
    if first and sum(report.reasons.values()) == 1 and first.reason == reader.UNREADABLE:
        return f"{first.name}: {first.detail}"
    detail = f"; the first: {first.name}: {first.detail or first.reason}" if first else ""
    return (
        f"no usable game in {' '.join(arguments)} ({report.why() or 'nothing found'}{detail});"
        " give 19x19 game records in SGF"
    )


def _first_with_games(chunks: Iterator[Chunk]) -> Chunk | None:
    return next((chunk for chunk in chunks if len(chunk.records)), None)


def _chain(first: Chunk, rest: Iterator[Chunk]) -> Iterator[Chunk]:
    yield first
    yield from rest


def cached_store(
    arguments: list[str],
    cache: Path,
    *,
    jobs: int | None = None,
    limit: int = sources.ARCHIVE_LIMIT,
    quiet: bool = False,
) -> tuple[Path, Report | None]:
    """The store of these games in the folder `cache`, imported now (then with its report) or found
    there by its content key: what is in the files, what they are called and the folders they lie in
    (of which styles and `--source` are told), and the limit.

    Another process that imports the same games is waited for. Raises UserError as `import_games`
    does, and if the folder cannot be written.
    """
    units = sources.find_units(arguments)
    if any(unit.kind in ("stdin", "pipe") for unit in units):
        return _piped_store(arguments, cache, jobs, limit, quiet)
    digest = hashlib.sha256(f"store {store.VERSION} {reader.EDITION} {limit}".encode())
    for unit in units:
        for path in unit.paths:
            names = f"{sources.folder_of(path) if unit.kind == 'files' else ''}/{path.name}"
            digest.update(os.fsencode(names) + f" {path.stat().st_size} ".encode())
            try:
                with path.open("rb") as stream:
                    digest.update(hashlib.file_digest(stream, "sha256").digest())
            except OSError as error:
                raise UserError(
                    f"cannot read {archives.readable(str(path))}: {error.strerror}; check its"
                    " permissions"
                ) from error
    target = cache / f"{digest.hexdigest()[:20]}.games"
    if target.exists():
        return _sound(target), None
    _make(cache)
    with locked(
        cache / f"{target.stem}.import",
        "",
        "another process is importing the same games; waiting for it",
        quiet=quiet,
    ):
        if target.exists():
            return _sound(target), None
        return target, import_games(arguments, target, jobs=jobs, limit=limit, quiet=quiet)


def _piped_store(
    arguments: list[str], cache: Path, jobs: int | None, limit: int, quiet: bool
) -> tuple[Path, Report]:
    """What comes through a pipe can be read only once: the store gets its name afterwards, by its
    own content."""
    _make(cache)
    made = cache / f"pipe-{os.getpid()}.games"
    report = import_games(arguments, made, jobs=jobs, limit=limit, quiet=quiet)
    with made.open("rb") as stream:
        target = cache / f"{hashlib.file_digest(stream, 'sha256').hexdigest()[:20]}.games"
    os.replace(made, target)
    listing = listing_of(made)
    if listing.exists():
        report.listing = listing_of(target)
        os.replace(listing, report.listing)
    return target, report


def _make(cache: Path) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot make the cache folder {cache}: {error.strerror}; set GOCNN_CACHE to a folder"
            " you can write"
        ) from error


def _sound(path: Path) -> Path:
    store.Store(path)
    return path
