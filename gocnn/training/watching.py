"""Runs, seen from outside while they go on: what was asked, what is reported, how far they are.
Only what was appended is read. Needs no torch.

A run is read whichever version wrote it, as far as it can be.
"""

import hashlib
import json
import math
import os
import threading
import time
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from gocnn.locks import is_held
from gocnn.training import described, finding, ranking
from gocnn.training.config import DEFAULT_RATES
from gocnn.training.described import number, part, text
from gocnn.training.names import DESCRIPTION, LOCK, METRICS, PREDICTIONS

METRIC_NAMES = ("top1", "accuracy")
"""Figures by which runs choose their best model, where run.json does not say."""

MOST_METRICS = 64 << 20
"""Bytes of reports that are read."""

AT_ONCE = 8 << 20
"""Bytes of reports that are read at a time."""

LOOK_SECONDS, FIND_SECONDS = 0.25, 2.0
"""Seconds between two looks at what the runs have written, and at which runs there are."""


class Report(Struct):
    """A line of metrics.jsonl. kind: train or valid; step, samples, seconds: of the run until then;
    figures: loss and whatever else was measured."""

    kind: str
    step: int
    samples: int
    seconds: float
    figures: dict[str, float]


class Budget(Struct):
    """What a run was given: steps, epochs or minutes; the others are null."""

    steps: float | None = None
    epochs: float | None = None
    minutes: float | None = None


class RunState(Struct):
    """A run. id: what it is asked for by; name: its folder, from the folder of runs on; kind:
    go-policy, image-classifier or another; running: whether a process trains it now; changed: when
    it last wrote a report, in seconds since 1970; program: the version of gocnn that wrote it, or
    empty; device: what it is computed on; metric: the figure by which the best is chosen;
    learning_rate: the highest, null if it is not known; progress: 0 to 1 of its budget, null if
    that is not known; left: seconds that it will still take, null if it does not run; step,
    samples, seconds: until the last report; train, valid: the last report of each kind; best: the
    best validation; reports: how many there are; unread: lines that are no reports; rewritten: how
    often reports were taken back; described: which run.json this is; predicted: at which step
    samples were last predicted, -1 for never."""

    id: str
    name: str
    kind: str = ""
    running: bool = False
    changed: float = 0.0
    program: str = ""
    device: str = ""
    metric: str = ""
    learning_rate: float | None = None
    budget: Budget = field(default_factory=Budget)
    progress: float | None = None
    left: float | None = None
    step: int = 0
    samples: int = 0
    seconds: float = 0.0
    train: Report | None = None
    valid: Report | None = None
    best: Report | None = None
    reports: int = 0
    unread: int = 0
    rewritten: int = 0
    described: int = 0
    predicted: int = -1


class _File:
    """A file that is looked at now and then; nothing but a plain file counts."""

    def __init__(self, path: Path) -> None:
        self.path, self._seen = path, (0, 0, 0)

    def changed(self) -> bool:
        """Whether it is another than at the last call."""
        try:
            status = os.lstat(self.path)
            now = (status.st_ino, status.st_size, status.st_mtime_ns)
        except OSError:
            now = (0, 0, 0)
        before, self._seen = self._seen, now
        return now != before


class Run:
    """One run. state: what is known of it, replaced when it changes; version: grows with it;
    reports: all of them; description: run.json, empty if it cannot be read, which `trouble` says
    then."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.version, self.trouble = path, 0, ""
        self.reports: list[Report] = []
        self.description: dict[str, Any] = {}
        self.state = RunState(run_id(name), name)
        self._described, self._reported, self._predicted = (
            _File(path / file) for file in (DESCRIPTION, METRICS, PREDICTIONS)
        )
        self._file, self._offset, self._rest = 0, 0, b""

    def look(self) -> None:
        """Read what is new."""
        facts: dict[str, Any] = {}
        if self._described.changed():
            facts |= self._describe()
        if self._reported.changed() or self._offset < self._size:
            facts |= self._report()
        if self._predicted.changed():
            said = described.predictions(self.path)
            facts["predicted"] = said["step"] if said else -1
        facts["running"] = is_held(self.path / LOCK)
        if any(getattr(self.state, name) != value for name, value in facts.items()):
            now = {**{n: getattr(self.state, n) for n in RunState.__struct_fields__}, **facts}
            self.state = RunState(**now)
            self.state.progress, self.state.left = self._progress()
            self.version += 1

    _size = 0

    def _describe(self) -> dict[str, Any]:
        self.trouble, self.description = "", {}
        try:
            data, _ = described.read_bytes(
                self.path / DESCRIPTION, 0, described.MOST_DESCRIPTION + 1
            )
            found = json.loads(data) if len(data) <= described.MOST_DESCRIPTION else None
        except OSError as error:
            self.trouble = f"its {DESCRIPTION} cannot be read ({error.strerror})"
            return {}
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or not isinstance(found.get("kind"), str):
            self.trouble = f"its {DESCRIPTION} is damaged, or another program's"
            return {}
        self.description = found
        train = part(part(found, "wishes"), "train")
        rate = number(train.get("learning_rate")) or DEFAULT_RATES.get(str(train.get("optimiser")))
        return {
            "kind": found["kind"],
            "program": text(found.get("program")),
            "device": text(found.get("device")),
            "metric": self.metric(),
            "learning_rate": rate,
            "budget": Budget(*(number(train.get(name)) for name in Budget.__struct_fields__)),
            "described": self.state.described + 1,
        }

    def _report(self) -> dict[str, Any]:
        """Read what was appended to the reports, or all of them if they were written anew."""
        facts: dict[str, Any] = {"unread": self.state.unread}
        if self._offset >= MOST_METRICS:
            return {}
        try:
            data, status = described.read_bytes(self.path / METRICS, self._offset, AT_ONCE)
        except OSError:
            self._size = 0
            return {}
        if status.st_ino != self._file or status.st_size < self._offset:
            if self.reports:
                facts["rewritten"] = self.state.rewritten + 1
            self.reports, self._offset, self._rest, self._file = [], 0, b"", status.st_ino
            facts |= {"unread": 0, "best": None, "train": None, "valid": None}
            data, status = described.read_bytes(self.path / METRICS, 0, AT_ONCE)
        self._offset += len(data)
        self._size = min(status.st_size, MOST_METRICS)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > described.MOST_DESCRIPTION:
            self._rest = b""
        new = [report_of(line) for line in lines if line.strip()]
        facts["unread"] += sum(one is None for one in new)
        self.reports = [*self.reports, *(one for one in new if one is not None)]
        best = facts.get("best", self.state.best)
        metric = self.metric()
        for one in new:
            if one is None:
                continue
            facts[one.kind] = one
            known = best.figures if best is not None else None
            if one.kind == "valid" and ranking.better(one.figures, known, metric):
                best = one
        if self.reports:
            last = self.reports[-1]
            facts |= {"step": last.step, "samples": last.samples, "seconds": last.seconds}
        return facts | {
            "best": best,
            "metric": metric,
            "reports": len(self.reports),
            "changed": round(status.st_mtime, 3),
        }

    def metric(self) -> str:
        """The figure by which the best validation is chosen: what run.json says, or what such runs
        have; empty: the loss."""
        said = text(self.description.get("metric"))
        if said:
            return said
        known = {name for one in self.reports if one.kind == "valid" for name in one.figures}
        return next((name for name in METRIC_NAMES if name in known), "")

    def _progress(self) -> tuple[float | None, float | None]:
        """How far it is, and seconds left."""
        state, budget = self.state, self.state.budget
        steps = budget.steps or number(self.description.get("total_steps"))
        done = None
        if budget.minutes:
            done = min(1.0, state.seconds / (budget.minutes * 60))
        elif steps:
            done = min(1.0, state.step / steps)
        if done is None or not state.running or state.seconds <= 0 or done <= 0:
            return done, None
        return done, (1 - done) / done * state.seconds


def report_of(line: bytes) -> Report | None:
    """A line of metrics.jsonl; None if it is none."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict) or values.get("kind") not in ("train", "valid"):
        return None
    head = [number(values.get(name)) for name in ("step", "samples", "seconds")]
    if head[0] is None or not 0 <= head[0] < 1 << 53:
        return None
    figures = {
        name: value
        for name, said in values.items()
        if name not in ("kind", "step", "samples", "seconds")
        and (value := number(said)) is not None
    }
    samples = head[1] if head[1] is not None and 0 <= head[1] < 1 << 53 else 0
    return Report(values["kind"], int(head[0]), int(samples), head[2] or 0.0, figures)


def run_id(name: str) -> str:
    """What a run is asked for by: a text of 16 letters and digits, the same as long as its folder
    has that name."""
    return hashlib.blake2b(os.fsencode(name), digest_size=8).hexdigest()


class Watcher:
    """The runs in a folder. `look` may be called from any thread, at any rate; it works when it is
    time, and only if it is called. runs: by id; skipped: folders that hold none that can be read,
    by name, and why; full: whether there are more than are shown."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.runs: dict[str, Run] = {}
        self.skipped: dict[str, str] = {}
        self.full = False
        self._all: dict[str, Run] = {}
        self._strange: dict[str, str] = {}
        self._lock = threading.Lock()
        self._looked = self._found = -math.inf

    def look(self) -> None:
        """Bring `runs`, `skipped` and `full` up to date from the folders. Does nothing within
        LOOK_SECONDS of the last time."""
        with self._lock:
            now = time.monotonic()
            if now - self._looked < LOOK_SECONDS:
                return
            if now - self._found >= FIND_SECONDS:
                self._find()
                self._found = time.monotonic()
            for run in self._all.values():
                run.look()
            self.runs = {run.state.id: run for run in self._all.values() if not run.trouble}
            self.skipped = self._strange | {
                name: run.trouble for name, run in self._all.items() if run.trouble
            }
            self._looked = time.monotonic()

    def _find(self) -> None:
        found = finding.find_runs(self.root)
        self._strange, self.full = found.skipped, found.full
        self._all = {
            name: self._all.get(name) or Run(path, name) for name, path in found.runs.items()
        }
