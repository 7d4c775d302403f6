"""Jobs: work that takes longer than a request should, done in a thread, with progress for whoever
listens, and what it has found kept for a while.

    def start(jobs: Jobs, data: bytes, asked: Asked) -> Started:
        return Started(jobs.start("review", partial(work, data)).id)

    def work(data: bytes, job: Job) -> None:
        for number, game in enumerate(games):
            job.check()                              # raises Cancelled: let it pass
            ...
            job.keep(game, game.nbytes)
            job.report(Progress(number, len(games)))

    jobs.routes("/api/jobs")   # GET .../{job}/events, DELETE .../{job}
"""

import asyncio
import contextlib
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct
from starlette.routing import BaseRoute

from gocnn.serve import failures
from gocnn.serve.endpoints import delete, events
from gocnn.serve.failures import Refusal

MOST_AT_WORK = 2
"""Jobs that are worked on at once; more wait in turn."""

MOST_WAITING = 16
"""Jobs that may wait; more are refused."""

MOST_KEPT = 64
"""Jobs whose findings are kept; the one that was asked for longest ago goes first."""

MOST_BYTES = 256 << 20
"""Bytes that all findings kept may take together, as the jobs count them; the oldest go first, but
never the one that was used last."""

ABANDONED = 120.0
"""Seconds without anybody listening, or asking for it, after which a job that is not done is
cancelled."""

FORGOTTEN = 3600.0
"""Seconds after which what a job has found is forgotten, if nobody asks for it."""


class Cancelled(Exception):
    """The job is to end; nobody waits for it any more."""


class Done(Struct, tag="done"):
    """The job is done; everything that it has found can be asked for."""


class Failed(Struct, tag="error"):
    """The job has ended early, and why."""

    error: str


def _nothing(_job: "Job") -> None:
    """The work of a job that has begun, or never will."""


@dataclass
class Job:
    """A job. id: what a client calls it; kind: what is done; found: what it has found so far, to be
    filled by the work and read by anybody; bytes: what that takes; state: waiting, working, done,
    failed or cancelled."""

    id: str
    kind: str
    work: Callable[["Job"], None]
    found: list[Any] = field(default_factory=list)
    bytes: int = 0
    state: str = "waiting"
    error: str = ""
    used: float = field(default_factory=time.monotonic)
    listeners: int = 0
    _last: Struct | None = None
    _count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ("done", "failed", "cancelled")

    def check(self) -> None:
        """To be called often by the work. Raises Cancelled if it is to end."""
        if self.state == "cancelled":
            raise Cancelled
        with self._lock:
            quiet = self.listeners == 0 and time.monotonic() - self.used > ABANDONED
        if quiet:
            self.cancel()
            raise Cancelled

    def touch(self) -> None:
        """Somebody has asked for it, and may do so again."""
        self.used = time.monotonic()

    def keep(self, finding: Any, size: int) -> None:
        """Add to what is found something that takes so many bytes."""
        self.found.append(finding)
        self.bytes += size

    def report(self, progress: Struct) -> None:
        """Say how far it is: a struct with a tag. Who listens slowly gets the latest only. Raises
        Cancelled."""
        self.check()
        with self._lock:
            self._last, self._count = progress, self._count + 1

    def cancel(self) -> None:
        """End it, as soon as the work looks."""
        with self._lock:
            if not self.over:
                self.state, self.error = "cancelled", "the job was cancelled"
                self.work = _nothing  # where it waits for its turn, nobody comes to it any more

    def _run(self) -> None:
        try:
            self.check()
            with self._lock:
                if not self.over:
                    self.state = "working"
            # let go of when it is done: it may hold a network, and what it has found is kept longer
            work, self.work = self.work, _nothing
            work(self)
            ended, error = "done", ""
        except Cancelled:
            ended, error = "cancelled", "the job was cancelled, since nobody listened any more"
        except Exception as raised:  # noqa: BLE001 - told to whoever listens
            ended, error = "failed", failures.sentence(raised, f"the job {self.kind}")
        with self._lock:
            if not self.over:
                self.state, self.error = ended, error
            self.used = time.monotonic()

    async def listen(self) -> AsyncIterator[Struct]:
        """Yield what the job reports: its progress from now on, always the latest, and at its end
        Done or Failed."""
        with self._lock:
            self.listeners += 1
        seen = 0
        try:
            while True:
                with self._lock:
                    count, last, over = self._count, self._last, self.over
                if last is not None and count != seen:
                    yield last
                seen = count
                if over:
                    yield Done() if self.state == "done" else Failed(self.error)
                    return
                await self._wait(seen)
        finally:
            with self._lock:
                self.listeners -= 1
                self.used = time.monotonic()

    async def _wait(self, seen: int) -> None:
        # looks again rather than keeping a thread for each listener
        while self._count == seen and not self.over:
            await asyncio.sleep(0.05)


class NamedJob(Struct):
    """A job that is meant. job: the id that it was given when it was started."""

    job: str


class Jobs:
    """The jobs of a server. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._queue: list[Job] = []
        self._workers = 0
        self._lock = threading.Lock()

    def start(self, kind: str, work: Callable[[Job], None]) -> Job:
        """Begin a job, or have it wait for its turn. Raises Refusal if too many wait."""
        with self._lock:
            self._tidy()
            if len(self._queue) >= MOST_WAITING:
                raise Refusal(503, f"{MOST_WAITING} jobs are waiting already; try again later")
            job = Job(secrets.token_urlsafe(12), kind, work)
            self._jobs[job.id] = job
            self._queue.append(job)
            if self._workers < MOST_AT_WORK:
                self._workers += 1
                threading.Thread(target=self._work, daemon=True, name="job").start()
        return job

    def get(self, name: str, kind: str | None = None) -> Job:
        """The job of that id (and of that kind). Raises Refusal if there is none, or no more."""
        with self._lock:
            self._tidy()
            job = self._jobs.get(name)
            if job is None or kind not in (None, job.kind):
                raise Refusal(404, "there is no such job any more; start it again")
            job.touch()
            self._jobs[name] = self._jobs.pop(name)  # the last one used stands last
            return job

    def cancel_all(self) -> None:
        """End all jobs."""
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            job.cancel()

    def routes(self, path: str) -> list[BaseRoute]:
        """Endpoints below `path`: a job's events, and its end."""
        return [
            events(f"{path}/{{job}}/events", self._events),
            delete(f"{path}/{{job}}", self._end),
        ]

    async def _events(self, asked: NamedJob) -> AsyncIterator[Done | Failed]:
        """A job's progress, in events that the job defines, then `done` or `error`."""
        job = self.get(asked.job)
        async with contextlib.aclosing(job.listen()) as progress:  # type: ignore[type-var]
            async for event in progress:
                yield event  # type: ignore[misc]

    def _end(self, asked: NamedJob) -> None:
        """End a job that is not done, and forget what it has found."""
        job = self.get(asked.job)
        job.cancel()
        with self._lock:
            self._jobs.pop(job.id, None)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._queue:
                    self._workers -= 1
                    return
                job = self._queue.pop(0)
            job._run()

    def _tidy(self) -> None:
        """Forget what was not asked for in a long time, and end what nobody listens to."""
        now = time.monotonic()
        jobs = list(self._jobs.values())
        kept, last = sum(job.bytes for job in jobs), jobs[-1] if jobs else None
        for job in jobs:
            idle = now - job.used if job.listeners == 0 else 0.0
            if not job.over and idle > ABANDONED:
                job.cancel()
            many = len(self._jobs) > MOST_KEPT or kept > MOST_BYTES
            if job.over and (idle > FORGOTTEN or (many and job is not last)):
                del self._jobs[job.id]
                kept -= job.bytes
        self._queue = [job for job in self._queue if not job.over]
