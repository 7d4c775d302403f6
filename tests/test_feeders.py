"""How many threads prepare batches: by a clock that passes when a test says so, by the cores of a
machine and by what a person asked for."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from gocnn.training import Prefetcher, feeding, trainer
from tests import toy
from tests.feeding import ELSEWHERE, Clock, Numbers, feeding_from


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
