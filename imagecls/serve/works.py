"""What takes longer than a request should, done once for each classifier as a job."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from gocnn.serve.jobs import Job, Jobs
from imagecls.serve.models import Opened

MOST_RESULTS = 16
"""Results that are kept; the one that was asked for longest ago goes first."""


class Works:
    """Jobs by kind and classifier, and what they have found. May be used from several threads."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._under_way: dict[tuple[Any, ...], Job] = {}
        self._found: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(
        self, kind: str, one: Opened, work: Callable[[Job], Any]
    ) -> tuple[Any | None, str | None]:
        """What `work` has found for this classifier, and None; or None, and the id of the job that
        is finding it, begun now if there is none. Raises Refusal if too many jobs wait."""
        key = (kind, one.named.name, one.stamp)
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key], None
            job = self._under_way.get(key)
            if job is None or job.over:

                def working(job: Job) -> None:
                    found = work(job)
                    with self._lock:
                        self._found[key] = found
                        while len(self._found) > MOST_RESULTS:
                            self._found.popitem(last=False)

                self._under_way = {k: j for k, j in self._under_way.items() if not j.over}
                job = self._under_way[key] = self._jobs.start(kind, working)
            else:
                job.touch()
            return None, job.id

    def found(self, kind: str, one: Opened) -> Any | None:
        """The same without beginning anything."""
        with self._lock:
            return self._found.get((kind, one.named.name, one.stamp))
