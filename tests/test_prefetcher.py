"""The prefetcher: the same batches in the same order with any number of threads, ahead of time, within
bounds, and none left behind."""

import copy
import json
import random
import sys
import threading
import time
from collections.abc import Iterator, Sized
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
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
from gocnn.training import Prefetcher, batches, copies, feeding, trainer
from imagecls.photos.data import PhotoSource
from imagecls.photos.sets import PhotoSet
from imagecls.photos.store import ImageStore
from tests import toy
from tests.toyruns import same, weights

CPU, ELSEWHERE = torch.device("cpu"), torch.device("meta")
PATIENCE = 60.0
"""Seconds after which a test that waits for something gives up; nothing waits that long where all
is well."""


class Numbers:
    """Batch `i` says `i`, after a moment that differs from batch to batch; each copy serves one
    thread alone."""

    batches_per_epoch = 10

    def __init__(self, block: int, seed: int = 0) -> None:
        self.block, self.seed, self.thread = block, seed, 0
        self.begun: list[int] = []  # shared by all copies

    def batch(self, index: int) -> tuple[np.ndarray, ...]:
        self.thread = self.thread or threading.get_ident()
        assert self.thread == threading.get_ident()
        self.begun.append(index)
        for _ in range(random.Random(f"{self.seed} {index}").randrange(4)):
            time.sleep(0)
        return np.full((2, 3), index), np.full(2, -index)


class Held(Numbers):
    """Batches from `first_held` on are not ready before `free` is set."""

    def __init__(self, block: int, first_held: int) -> None:
        super().__init__(block)
        self.first_held, self.free = first_held, threading.Event()
        self.given_up: list[int] = []  # shared by all copies

    def batch(self, index: int) -> tuple[np.ndarray, ...]:
        if index >= self.first_held and not self.free.wait(PATIENCE):
            self.given_up.append(index)
        return super().batch(index)


class Clock:
    """Time that passes when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def feeding_from(
    source: Any, first: int = 0, device: torch.device = CPU, feeders: int | None = 1, **more: Any
) -> Iterator[Prefetcher]:
    prefetcher = Prefetcher(source, first, device, feeders=feeders, **more)
    try:
        yield prefetcher
    finally:
        if isinstance(source, Held):
            source.free.set()
        prefetcher.close()
        assert not any(thread.is_alive() for thread in prefetcher._threads)


def eventually(condition: Any) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.001)


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


# --- how many
# -----------------------------------------------------------------------------------------------------------------------


def test_one_more_is_wanted_where_more_than_one_per_cent_of_a_window_was_waited() -> None:
    clock = Clock()
    lookout = feeding.Lookout(clock)
    assert not lookout.wants_more(50.0)  # before the first batch
    for now, waited, wanted in [
        (1.9, 51.9, False),
        (2.0, 50.019, False),
        (4.0, 50.1, True),
        (5.9, 52.0, False),
        (6.1, 50.12, False),
        (16.1, 50.3, True),
    ]:
        clock.now = now
        assert lookout.wants_more(waited) == wanted, now


def test_feeders_are_added_while_data_are_waited_for() -> None:
    clock = Clock()

    def run(share: float, **how: Any) -> int:
        with feeding_from(Numbers(2), device=ELSEWHERE, clock=clock, **how) as prefetcher:
            for index in range(20):
                clock.now += 3.0
                prefetcher.waited += 3.0 * share
                assert prefetcher.next()[0].device == ELSEWHERE
                assert prefetcher._index == index + 1
            return prefetcher.feeders

    assert run(0.009, feeders=None, most=7) == 2
    assert run(0.02, feeders=None, most=7) == 7
    assert run(0.02, feeders=None, most=1) == 1
    assert run(0.9, feeders=3, most=7) == 3


def test_a_machine_without_threads_to_spare(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    clock = Clock()
    with feeding_from(
        Numbers(2), device=ELSEWHERE, feeders=None, most=7, clock=clock
    ) as prefetcher:
        monkeypatch.setattr(threading.Thread, "start", start)
        for _ in range(5):
            clock.now += 3.0
            prefetcher.waited += 3.0
            prefetcher.next()
        assert (prefetcher.feeders, prefetcher.most) == (2, 2)


def test_a_cpu_has_one_feeder_however_long_it_waits() -> None:
    clock = Clock()
    with feeding_from(Numbers(2), feeders=None, clock=clock, most=7) as prefetcher:
        for _ in range(20):
            clock.now += 3.0
            prefetcher.waited += 3.0
            prefetcher.next()
        assert (prefetcher.feeders, prefetcher.searching) == (1, False)


@pytest.mark.parametrize(
    ("cores", "here", "most"),
    [(16, None, 15), (2, None, 1), (1, None, 1), (16, "8", 1), (64, "8", 7), (4, "8", 1)],
)
def test_cores_are_shared_by_the_processes_of_a_machine(
    cores: int, here: str | None, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "cores", lambda: cores)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    if here:
        monkeypatch.setenv("LOCAL_WORLD_SIZE", here)
    assert feeding.most_feeders() == most


def test_torch_leaves_the_cores_to_the_feeders_where_another_device_computes() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        for device, wanted, during in [
            ("cuda", None, 1),
            ("mps", None, 1),
            ("cuda:1", 2, 2),
            ("cpu", None, 3),
            ("cpu", 2, 2),
        ]:
            with pytest.raises(KeyError), feeding.threads_for(torch.device(device), wanted):
                assert (
                    torch.get_num_threads()
                    == during
                    == feeding.computing_threads(torch.device(device), wanted)
                )
                raise KeyError
            assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_a_run_has_the_threads_it_was_told_and_then_those_of_before(tmp_path: Path) -> None:
    before, seen = torch.get_num_threads(), set()

    class Looking(toy.ToyTask):
        def loss(self, model: Any, batch: Any) -> Any:
            seen.add(torch.get_num_threads())
            return super().loss(model, batch)

    toy.train(tmp_path / "run", task=Looking(), steps=2, threads=before + 2)
    assert seen == {before + 2}
    assert torch.get_num_threads() == before
    assert json.loads((tmp_path / "run" / "run.json").read_text())["threads"] == before + 2


def test_a_run_says_how_many_feeders_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Searching(Prefetcher):
        searching = True

    monkeypatch.setattr(trainer, "Prefetcher", Searching)
    toy.train(tmp_path / "run", steps=2, feeders=3, quiet=False)
    assert f"feeders: 3 of at most {feeding.most_feeders()} were needed" in capsys.readouterr().err


# --- CUDA
# ---------------------------------------------------------------------------------------------------------------------------


def test_copies_to_cuda_are_pinned_on_their_own_stream_and_waited_for_by_the_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is asked of CUDA, in order, written down by stand-ins."""
    log: list[str] = []

    class Stream:
        def __init__(self, name: Any) -> None:
            self.name = name if isinstance(name, str) else "copies"

        def record_event(self) -> str:
            log.append(f"event on {self.name}")
            return "copied"

        def wait_event(self, event: str) -> None:
            log.append(f"{self.name} waits for {event}")

    @contextmanager
    def within(what: Any) -> Iterator[None]:
        log.append(f"in {getattr(what, 'name', what)}")
        yield
        log.append("out")

    def pinned(tensor: torch.Tensor) -> torch.Tensor:
        log.append("pin")
        return tensor

    plain = torch.Tensor.to

    def to(tensor: torch.Tensor, device: torch.device, non_blocking: bool = False) -> torch.Tensor:
        log.append("copy" if non_blocking else "copy, waiting")
        return plain(tensor, device)

    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", within)
    monkeypatch.setattr(torch.cuda, "device", within)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: Stream("compute"))
    monkeypatch.setattr(torch.Tensor, "pin_memory", pinned)
    monkeypatch.setattr(torch.Tensor, "to", to)
    monkeypatch.setattr(
        torch.Tensor, "record_stream", lambda tensor, stream: log.append(f"used by {stream.name}")
    )
    way = copies.CudaCopies(CPU)
    way.finish(way.start(way.hold(Numbers(1).batch(3))))
    assert log == [
        "in cpu",
        "pin",
        "pin",
        "out",
        "in copies",
        "copy",
        "copy",
        "event on copies",
        "out",
        "compute waits for copied",
        "used by compute",
        "used by compute",
    ]
    assert isinstance(copies.copies_for(torch.device("cuda", 1)), copies.CudaCopies)
    assert (
        type(copies.copies_for(torch.device("mps")))
        is type(copies.copies_for(CPU))
        is copies.Copies
    )


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_cuda_gets_what_the_source_gives() -> None:
    device, source = torch.device("cuda", torch.cuda.device_count() - 1), toy.ToySource(64)
    before = torch.cuda.memory_allocated(device)
    with feeding_from(source, 3, device, None) as prefetcher:
        for index in range(3, 60):
            if index % 20 == 0:
                prefetcher.add()
            got = prefetcher.next()
            for mine, true in zip(got, source.batch(index), strict=True):
                assert mine.device == device
                assert torch.equal(mine.cpu(), torch.from_numpy(true))
    del got, mine
    assert torch.cuda.memory_allocated(device) == before


# --- sources that several threads draw from
# -----------------------------------------------------------------------------------------


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns far more often than usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def photo_set(folder: Path, count: int) -> PhotoSet:
    """A store of that many pictures, each of one value, written down without decoding any."""
    store = ImageStore(4, cache=folder)
    store._pixels_path.write_bytes(np.repeat(np.arange(count, dtype=np.uint8), 48).tobytes())
    store._keys_path.write_bytes(bytes(16 * count))
    return PhotoSet(store, np.arange(count), np.arange(count) % 3, ())


def photos_of(n: int, batch: int, seed: int, index: int, rank: int, world: int) -> list[int]:
    """Which photographs a batch holds, place by place."""
    places = range(index * batch, (index + 1) * batch)[rank::world]
    return [
        int(np.random.default_rng((seed, place // n)).permutation(n)[place % n]) for place in places
    ]


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("copied", [True, False])
def test_photographs_drawn_by_eight_threads(tmp_path: Path, copied: bool) -> None:
    photos = photo_set(tmp_path, 5)
    source = PhotoSource(photos, 120, seed=3, rank=1, world=2)  # a batch is 24 epochs
    wanted = [photos_of(5, 120, 3, index, 1, 2) for index in range(160)]

    def work(lane: int) -> None:
        mine = copy.copy(source) if copied else source
        for index in range(lane, 160, 8):
            pixels, labels = mine.batch(index)
            assert pixels[:, 0, 0, 0].tolist() == wanted[index]
            assert labels.tolist() == [photo % 3 for photo in wanted[index]]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


def test_pixels_are_read_from_the_map_that_was_made_for_them(tmp_path: Path) -> None:
    """Another thread that saw fewer rows, before a process added more, may put its map into the
    store at any moment."""

    class Shared(ImageStore):
        @property
        def _map(self) -> Any:
            return self.held

        @_map.setter
        def _map(self, value: Any) -> None:
            self.held = None if value is None else value[:1]

    store = photo_set(tmp_path, 9).store
    store.__class__ = Shared
    store._map = None
    for rows in ([3, 8], [0], [5, 2]):
        assert store.pixels(np.array(rows))[:, 2, 3, 3].tolist() == rows
