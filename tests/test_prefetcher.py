"""The prefetcher: the same batches in the same order with any number of threads as the source gives
by itself, ahead of time, within bounds, and no thread left behind."""

import threading
from collections.abc import Sized
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gocnn.errors import UserError
from gocnn.games.store import Store
from gocnn.policy import samples
from gocnn.policy.source import PositionSource
from gocnn.training import Prefetcher, batches, copies
from tests import toy
from tests.feeding import CPU, PATIENCE, Clock, Held, Numbers, eventually, feeding_from
from tests.toyruns import same, weights

# --- the same batches, whoever prepares them
# ---------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 5),
    st.integers(0, 12),
    st.integers(1, 3),
    st.lists(st.integers(0, 24), max_size=5),
    st.integers(0, 9),
)
def test_any_schedule_of_additions_gives_the_same_batches(
    block: int, first: int, feeders: int, additions: list[int], seed: int
) -> None:
    with feeding_from(Numbers(block, seed), first, feeders=feeders) as prefetcher:
        for step in range(25):
            for _ in range(additions.count(step)):
                prefetcher.add()
            planes, labels = prefetcher.next()
            assert torch.equal(planes, torch.full((2, 3), first + step))
            assert torch.equal(labels, torch.full((2,), -first - step))
        assert prefetcher.feeders == feeders + len(additions)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5), st.lists(st.integers(0, 29), max_size=4))
def test_every_batch_is_prepared_once(block: int, additions: list[int]) -> None:
    source = Numbers(block)
    with feeding_from(source) as prefetcher:
        for step in range(30):
            for _ in range(additions.count(step)):
                prefetcher.add()
            prefetcher.next()
    assert len(set(source.begun)) == len(source.begun)
    assert set(source.begun) >= set(range(30))


@pytest.mark.parametrize("feeders", [1, 2, 3])
def test_batches_of_a_source_that_draws(feeders: int) -> None:
    source = toy.ToySource(4)
    with feeding_from(source, 5, feeders=feeders) as prefetcher:
        for index in range(5, 40):
            assert torch.equal(prefetcher.next()[1], torch.from_numpy(source.batch(index)[1]))


def test_batches_of_positions(sample_store: Path) -> None:
    """A block at a time is drawn by each thread; what was handed out stays what it was while the
    next blocks are drawn."""
    store = Store(sample_store)
    games = samples.games_of(store, np.arange(len(store)))
    source = PositionSource(games, ["board", "history"], 32, seed=4, future=1, outcome=True)
    source.block = 3
    handed = []
    with feeding_from(source, 4, feeders=2) as prefetcher:
        for index in range(4, 24):
            if index in (7, 8, 15):
                prefetcher.add()
            handed.append(prefetcher.next())
    for index, batch in enumerate(handed, 4):
        assert all(
            torch.equal(mine, torch.from_numpy(true))
            for mine, true in zip(batch, source.batch(index), strict=True)
        )


def test_nothing_is_copied_on_a_cpu() -> None:
    rows = np.arange(24).reshape(4, 6)
    with feeding_from(
        SimpleNamespace(block=4, batch=lambda index: (rows[index % 4],))
    ) as prefetcher:
        for index in range(4):
            assert prefetcher.next()[0].data_ptr() == rows[index].ctypes.data


def test_a_run_learns_the_same_with_any_number_of_feeders(tmp_path: Path) -> None:
    for feeders in (None, 3):
        toy.train(tmp_path / str(feeders), steps=6, feeders=feeders)
    assert same(weights(tmp_path / "None"), weights(tmp_path / "3"))
    reports = {name: (tmp_path / name / "metrics.jsonl").read_text() for name in ("None", "3")}
    assert '"feeders": 1}' in reports["None"]
    assert '"feeders": 3}' in reports["3"]


# --- ahead of time, within bounds
# -------------------------------------------------------------------------------------------------------


class Ahead(copies.Copies):
    ahead = 2


def test_a_batch_is_handed_out_before_the_next_one_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batches, "copies_for", Ahead)
    source = Held(4, 3)
    with feeding_from(source) as prefetcher:
        for index in range(3):
            assert int(prefetcher.next()[0][0, 0]) == index
        assert not source.given_up
        source.free.set()
        assert int(prefetcher.next()[0][0, 0]) == 3


def test_copies_are_started_ahead_but_not_more_than_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []

    class Logged(Ahead):
        def start(self, batch: copies.Batch) -> copies.Batch:
            log.append(f"start {int(batch[0][0, 0])}")
            return super().start(batch)

        def finish(self, started: Any) -> copies.Batch:
            log.append(f"finish {int(started[0][0, 0])}")
            return super().finish(started)

    monkeypatch.setattr(batches, "copies_for", Logged)
    with feeding_from(Numbers(8)) as prefetcher:
        eventually(lambda: len(prefetcher._ready) >= 8)
        prefetcher.next()
        prefetcher.next()
    assert log == ["start 0", "start 1", "start 2", "finish 0", "start 3", "finish 1"]


@pytest.mark.parametrize(
    ("block", "feeders", "blocks"), [(16, 1, 2), (16, 3, 4), (4, 1, 2), (1, 1, 5), (1, 6, 7)]
)
def test_no_more_is_prepared_than_a_block_a_thread_or_a_few_batches(
    block: int, feeders: int, blocks: int
) -> None:
    source = Numbers(block)
    with feeding_from(source, 3 * block, feeders=feeders) as prefetcher:
        # nothing is taken, so this is all
        eventually(lambda: len(prefetcher._ready) == blocks * block)
        eventually(lambda: waiting(prefetcher) == feeders)  # and every thread waits
    assert max(source.begun) == (3 + blocks) * block - 1


def waiting(prefetcher: Prefetcher) -> int:
    """How many threads wait for the prefetcher."""
    waiters: Sized = vars(prefetcher._change)["_waiters"]  # threading.Condition keeps them there
    return len(waiters)


def test_every_thread_works_while_one_block_is_handed_out() -> None:
    """With two threads the second and the third block are prepared while the first is used; lanes
    taken in turn would leave one waiting."""
    source = Numbers(4)
    with feeding_from(source, feeders=2) as prefetcher:
        prefetcher.next()
        eventually(lambda: set(source.begun) == set(range(12)))


def test_time_that_is_waited_counts_and_no_other() -> None:
    clock, source = Clock(), Held(1, 1)
    with feeding_from(source, clock=clock) as prefetcher:
        eventually(lambda: 0 in prefetcher._ready)
        clock.now = 7.0
        prefetcher.next()
        assert prefetcher.waited == 0.0
        asked = ThreadPoolExecutor(1).submit(prefetcher.next)
        eventually(lambda: waiting(prefetcher) == 1)
        clock.now = 9.5
        source.free.set()
        asked.result(PATIENCE)
        assert prefetcher.waited == 2.5


# --- errors and ends
# --------------------------------------------------------------------------------------------------------------------


class Broken(Numbers):
    def batch(self, index: int) -> tuple[np.ndarray, ...]:
        if index == 9:
            raise UserError("the data are gone")
        return super().batch(index)


@pytest.mark.parametrize("feeders", [1, 2, 5])
@pytest.mark.parametrize("block", [1, 4])
def test_an_error_in_the_data_comes_where_its_batch_is_asked_for_and_again(
    block: int, feeders: int
) -> None:
    with feeding_from(Broken(block), 6, feeders=feeders) as prefetcher:
        assert [int(prefetcher.next()[0][0, 0]) for _ in range(3)] == [6, 7, 8]
        for _ in range(2):
            with pytest.raises(UserError, match="the data are gone"):
                prefetcher.next()


def test_what_fails_before_the_source_is_asked_is_heard_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class NoMemory(copies.Copies):
        def hold(self, arrays: Any) -> copies.Batch:
            raise RuntimeError("CUDA error: out of memory")

    monkeypatch.setattr(batches, "copies_for", NoMemory)
    with (
        feeding_from(Numbers(4), feeders=2) as prefetcher,
        pytest.raises(RuntimeError, match="out of memory"),
    ):
        prefetcher.next()


def feeder_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("prefetcher")]


def test_closing_ends_threads_that_wait_and_lets_go_of_their_batches() -> None:
    prefetcher = Prefetcher(Numbers(4), 0, CPU, feeders=3)
    eventually(lambda: waiting(prefetcher) == 3)
    prefetcher.close()
    assert not feeder_threads()
    assert not prefetcher._ready
    with pytest.raises(RuntimeError, match="closed"):
        prefetcher.next()


def test_a_run_that_fails_leaves_no_thread(tmp_path: Path) -> None:
    class Failing(toy.ToyTask):
        def loss(self, model: Any, batch: Any) -> Any:
            raise UserError("no")

    with pytest.raises(UserError):
        toy.train(tmp_path / "run", task=Failing(), steps=4, feeders=3)
    assert not feeder_threads()
