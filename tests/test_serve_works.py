"""What takes longer, done once for each classifier: what is kept of it, and what is not."""

import gc
import time
import weakref
from functools import partial
from pathlib import Path

from gocnn.serve.jobs import Job, Jobs
from imagecls.serve import works
from imagecls.serve.models import Named, Opened


def opened(stamp: int) -> Opened:
    """A classifier, whose network is never asked."""
    return Opened(Named("run", Path("run"), True), (stamp, 0), None)  # type: ignore[arg-type]


def test_models_of_a_run_that_goes_on_are_let_go() -> None:
    """It has a better one after each validation, and a page that measures each."""
    found = works.Works(Jobs())
    alive = []
    for stamp in range(works.MOST_RESULTS + 4):
        one = opened(stamp)

        def work(one: Opened, _job: Job) -> int:
            return one.stamp[0]

        while (result := found.get("evaluation", one, partial(work, one))[0]) is None:
            time.sleep(0.001)
        assert result == stamp
        assert found.found("evaluation", one) == stamp
        alive.append(weakref.ref(one))
    last = opened(works.MOST_RESULTS + 3)
    del one
    gc.collect()
    assert [number for number, each in enumerate(alive) if each() is not None] == []
    assert found.found("evaluation", last) == works.MOST_RESULTS + 3
    assert found.found("evaluation", opened(0)) is None  # only so many results are kept


def test_work_that_failed_is_begun_again() -> None:
    found, tries = works.Works(Jobs()), []

    def work(_job: Job) -> str:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("gone")
        return "measured"

    while (result := found.get("evaluation", opened(1), work)[0]) is None:
        time.sleep(0.001)
    assert (result, len(tries)) == ("measured", 2)
