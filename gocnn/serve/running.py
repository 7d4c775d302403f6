"""Training runs, live: which there are, what was asked of them, and what they report."""

import asyncio
import re
from collections.abc import AsyncIterator
from functools import partial
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from starlette.routing import BaseRoute

from gocnn.serve.endpoints import events, get
from gocnn.serve.failures import Refusal, told
from gocnn.serve.state import ServeState
from gocnn.serve.threads import in_thread
from gocnn.training import described
from gocnn.training.watching import Report, Run, RunState, Watcher

LOOK_SECONDS = 0.5
"""Seconds between two looks for a client."""

MOST_WATCHED = 24
"""Runs whose reports a client can have sent."""

REPORTS_AT_ONCE = 4000
"""Reports in a message."""


class Skipped(Struct):
    """A folder that is not shown, and why."""

    name: str
    why: str


class Runs(Struct, tag="runs"):
    """The runs, by name; folders that are not shown; and whether there are more than are looked
    at. As an event it comes at first, and when there are others."""

    runs: list[RunState]
    skipped: list[Skipped]
    full: bool


class Changed(Struct, tag="run"):
    """A run of which something has changed."""

    run: RunState


class Reports(Struct, tag="reports"):
    """Reports of a run that is watched. begin: how many there were before these; where that is 0,
    those that came before no longer count."""

    id: str
    begin: int
    reports: list[Report]


class Candidate(Struct):
    """A move, and its probability (0 to 1)."""

    move: Annotated[str, Meta(max_length=8)]
    probability: float


class PositionSample(Struct):
    """A position of the validation games: stones, who plays, the last move, the move that was
    played then and what probability it had, the likeliest moves, and the winrate of the side to
    play."""

    black: Annotated[list[str], Meta(max_length=361)]
    white: Annotated[list[str], Meta(max_length=361)]
    to_play: str
    moves: Annotated[list[Candidate], Meta(max_length=32)]
    last: str | None = None
    played: str | None = None
    probability: float | None = None
    winrate: float | None = None


class Answered(Struct):
    """A class, and its probability (0 to 1)."""

    label: Annotated[str, Meta(max_length=200)]
    probability: float


class PictureSample(Struct):
    """A photograph of the validation part: as the address `data:image/...` of a small picture, the
    name of its file, its class and what probability that had, and the likeliest classes."""

    picture: Annotated[
        str, Meta(max_length=100_000, pattern=r"^data:image/(jpeg|png);base64,[A-Za-z0-9+/=]+$")
    ]
    label: Annotated[str, Meta(max_length=200)]
    answers: Annotated[list[Answered], Meta(max_length=32)]
    name: Annotated[str, Meta(max_length=300)] = ""
    probability: float | None = None


class Samples(Struct):
    """What the network said of a handful of samples at its last validation, at `step`."""

    step: int
    positions: list[PositionSample] = []
    pictures: list[PictureSample] = []


class Whole(Struct):
    """A run with all that is known of it. asked: what was asked of it, by the names of run.json
    (`train.batch`); chosen: what was chosen or found (device, precision, threads, ...); samples:
    null if it keeps none; reports: all of them, in order. Of files only the names are told."""

    run: RunState
    asked: dict[str, Any]
    chosen: dict[str, Any]
    samples: Samples | None
    reports: list[Report]


class Named(Struct):
    """A training run that is meant. run: its id."""

    run: Annotated[str, Meta(max_length=40)]


class Watched(Struct):
    """The training runs that are watched. watch: ids of those whose reports are wanted, at most 24,
    separated by commas."""

    watch: Annotated[str, Meta(max_length=1000)] = ""


def all_runs(watcher: Watcher) -> Runs:
    """The training runs of this server: how far they are, and their best."""
    watcher.look()
    return _listed(watcher)


def one_run(watcher: Watcher, asked: Named) -> Whole:
    """A run: configuration, all reports, and samples of the last validation."""
    watcher.look()
    run = _of(watcher, asked.run)
    wishes, chosen = described.configuration(run.description)
    return Whole(
        run.state,
        _shown(wishes),
        _shown(chosen),
        _samples(described.predictions(run.path)),
        run.reports,
    )


async def follow(watcher: Watcher, asked: Watched) -> AsyncIterator[Runs | Changed | Reports]:
    """The runs as they go on: first all of them, then whatever changes; of those that are watched
    the reports, too, all that there are and then new ones."""
    wanted = [name for name in dict.fromkeys(asked.watch.split(",")) if name][:MOST_WATCHED]
    versions: dict[str, int] = {}
    shown: tuple[Any, ...] = ()
    sent: dict[str, tuple[int, int]] = {}
    while True:
        await in_thread(watcher.look)
        runs = watcher.runs
        now = (list(runs), watcher.skipped, watcher.full)
        if now != shown:
            shown, versions = now, {name: run.version for name, run in runs.items()}
            yield _listed(watcher)
        for name, run in runs.items():
            if run.version != versions.get(name):
                versions[name] = run.version
                yield Changed(run.state)
        for name in wanted:
            if name not in runs:
                sent.pop(name, None)  # another may get its name
                continue
            state, reports = runs[name].state, runs[name].reports
            before, count = sent.get(name, (-1, 0))
            if state.rewritten != before or len(reports) < count:
                count = -1  # nothing is sent yet; that there is nothing is told as well
            while count < len(reports):
                begin = max(count, 0)
                part = reports[begin : begin + REPORTS_AT_ONCE]
                yield Reports(name, begin, part)
                count = begin + len(part)
            sent[name] = (state.rewritten, count)
        await asyncio.sleep(LOOK_SECONDS)


def _listed(watcher: Watcher) -> Runs:
    skipped = [Skipped(name, told(why)) for name, why in sorted(watcher.skipped.items())[:100]]
    runs = sorted((run.state for run in watcher.runs.values()), key=lambda state: state.name)
    return Runs(runs, skipped, watcher.full)


def _of(watcher: Watcher, name: str) -> Run:
    try:
        return watcher.runs[name]
    except KeyError:
        raise Refusal(
            404, "there is no such run any more; GET /api/runs tells which there are"
        ) from None


def _samples(said: dict[str, Any] | None) -> Samples | None:
    """Those of the predictions that are what they should be."""
    if said is None:
        return None
    found = Samples(said["step"], [], [])
    for one in said["predictions"][:64]:
        try:
            if isinstance(one, dict) and "picture" in one:
                found.pictures.append(msgspec.convert(one, PictureSample))
            else:
                found.positions.append(msgspec.convert(one, PositionSample))
        except msgspec.ValidationError:
            continue
    return found if found.positions or found.pictures else None


_PATH = re.compile(r"(?<![\w.:/\\~-])(?:~?/|[A-Za-z]:[\\/]|\\\\|\.\.[\\/])[^\s'\",;:()\[\]]+")


def _shown(values: Any, depth: int = 0) -> Any:
    """Values of run.json as they are told: of files the names alone."""
    if isinstance(values, dict):
        return {_name(str(key)): _shown(value, depth + 1) for key, value in values.items()}
    if isinstance(values, list):
        return [_shown(value, depth + 1) for value in values[:1000]] if depth < 20 else "..."
    if isinstance(values, str):
        return _name(values)
    if isinstance(values, int) and not -(1 << 63) <= values < 1 << 63:
        return str(values)
    return values


def _name(said: str) -> str:
    """A text without the places of this machine."""
    said = said[:10_000]
    whole = PureWindowsPath(said)
    if said.startswith(("/", "~", "\\", "../", "..\\")) or whole.drive:
        return _last(said)
    return told(_PATH.sub(lambda match: _last(match[0]), said))


def _last(path: str) -> str:
    """The last part of a path, of whatever system."""
    return PurePosixPath(path.replace("\\", "/").rstrip("/")).name or "..."


def routes(state: ServeState) -> list[BaseRoute]:
    """Training runs."""
    if state.config.runs is None:
        return []
    watcher = Watcher(state.config.runs)
    return [
        get("/api/runs", partial(all_runs, watcher)),
        events("/api/runs/events", partial(follow, watcher)),
        get("/api/runs/{run}", partial(one_run, watcher)),
    ]
