"""Runs that are stopped: kills, interrupts, full disks, one process for a folder, and a budget of
time."""

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from gocnn.errors import UserError
from gocnn.training import Batch, RunFolder, TrainConfig, schedule
from gocnn.training.run import read_reports
from tests import toy
from tests.conftest import needs_posix
from tests.toyruns import same, spawn, weights


def written(run: Path) -> int:
    """When the run's checkpoint was written, in nanoseconds; 0 before the first that a resumed run
    can go on from."""
    return (run / "checkpoint.pt").stat().st_mtime_ns if (run / "run.json").exists() else 0


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_with_the_same_bits(tmp_path: Path) -> None:
    """SIGKILL while training, validating, saving: whatever it hits, the resumed run ends as the one
    that was never killed. (A kill comes some steps after the run has begun or gone on, by what its
    checkpoint says: a clock would kill a busy machine's run before it has done anything.)"""
    options = ["checkpoint_minutes=0.0", "validations=20"]
    toy.train(tmp_path / "whole", steps=150, validations=20)
    rng, run = random.Random(4), tmp_path / "killed"
    for kills in range(3):
        before = written(run)
        process = spawn(str(run), "150", *options, *(["--resume"] if kills else []))
        changes = rng.randrange(5, 40)
        while process.poll() is None and changes:
            changes -= written(run) != before
            before = written(run)
            time.sleep(rng.uniform(0.0, 0.02))
        process.kill()
        process.wait(300)
    assert torch.load(run / "checkpoint.pt", weights_only=True)["step"] < 150
    toy.train(run, resume=True, steps=150, validations=20, checkpoint_minutes=0.0)
    for name in ("last.safetensors", "best.safetensors"):
        assert same(weights(tmp_path / "whole", name), weights(tmp_path / "killed", name))

    def valid_lines(run: str) -> list[tuple[int, float]]:
        lines = map(json.loads, (tmp_path / run / "metrics.jsonl").read_text().splitlines())
        return [(line["step"], line["loss"]) for line in lines if line["kind"] == "valid"]

    assert valid_lines("whole") == valid_lines("killed")


@needs_posix
def test_ctrl_c_saves_and_resumes_to_the_same_bits(tmp_path: Path) -> None:
    """Between two validations, in a process of its own; then, in this one, in the first step."""
    assert spawn(str(tmp_path / "cut"), "40", "interrupt=12").wait(300) == 130
    assert torch.load(tmp_path / "cut" / "checkpoint.pt", weights_only=True)["step"] == 12
    toy.train(tmp_path / "cut", resume=True, steps=40)
    assert toy.train(tmp_path / "early", steps=40, task=toy.Interrupting(1)).interrupted
    toy.train(tmp_path / "early", resume=True, steps=40)
    toy.train(tmp_path / "whole", steps=40)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "cut"))
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "early"))


class StoppedWhileJudged(toy.ToyTask):
    """Ctrl-C comes while that batch is judged, by number from 1."""

    def __init__(self, batch: int) -> None:
        self.left = batch

    def judge(self, model: nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)
        return super().judge(model, batch)


@pytest.mark.parametrize(
    ("task", "step", "judged"),
    [
        (toy.Interrupting(20), 20, 1),
        (toy.Interrupting(40), 40, 3),
        (StoppedWhileJudged(3), 20, 1),
        (StoppedWhileJudged(7), 40, 3),
    ],
    ids=["where one is due", "in the last step", "in the second", "in the last"],
)
def test_a_validation_is_put_off_when_the_run_is_stopped(
    tmp_path: Path, task: toy.ToyTask, step: int, judged: int
) -> None:
    """Who stops a run may not have the time for one; it is made when the run goes on, and nothing
    differs in the end."""
    toy.train(tmp_path / "whole", steps=40, judged=512)
    outcome = toy.train(tmp_path / "cut", steps=40, task=task, judged=512)
    lines = [line for line in read_reports(tmp_path / "cut") if line["kind"] == "valid"]
    assert (outcome.interrupted, outcome.steps, len(lines)) == (True, step, judged)
    assert not toy.train(tmp_path / "cut", resume=True, steps=40, judged=512).interrupted
    for name in ("last.safetensors", "best.safetensors"):
        assert same(weights(tmp_path / "whole", name), weights(tmp_path / "cut", name))
    whole, cut = (
        [(r["step"], r["loss"]) for r in read_reports(tmp_path / run) if r["kind"] == "valid"]
        for run in ("whole", "cut")
    )
    assert whole == cut


def test_a_full_disk_keeps_the_checkpoint_before_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.train(tmp_path / "run", steps=8)
    before = (tmp_path / "run" / "checkpoint.pt").read_bytes()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device.*still the one written before"):
        toy.train(tmp_path / "run", resume=True, steps=16)
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == before
    assert not list((tmp_path / "run").glob("*.tmp"))
    monkeypatch.undo()
    assert toy.train(tmp_path / "run", resume=True, steps=16).steps == 16


def test_a_folder_is_one_run_at_a_time(tmp_path: Path) -> None:
    toy.train(tmp_path / "run", steps=4)
    with pytest.raises(UserError, match="--resume"):
        toy.train(tmp_path / "run", steps=4)
    with pytest.raises(UserError, match="no run to resume"):
        toy.train(tmp_path / "other", resume=True, steps=4)
    holder = RunFolder(tmp_path / "run", True, {})
    with pytest.raises(UserError, match="another process"):
        RunFolder(tmp_path / "run", True, {})
    holder.close()
    (tmp_path / "run" / "checkpoint.pt").write_bytes(b"PK garbage")
    with pytest.raises(UserError, match="damaged"):
        toy.train(tmp_path / "run", resume=True, steps=8)


class Watch(toy.ToyTask):
    """A task and a clock that only its steps move, by three seconds each; perhaps Ctrl-C comes in a
    step."""

    def __init__(self, interrupt: int = 0) -> None:
        self.now, self.ending = 1000.0, toy.Interrupting(interrupt)

    def __call__(self) -> float:
        return self.now

    def loss(self, model: nn.Module, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        self.now += 3.0 * model.training
        return self.ending.loss(model, batch)


def test_a_time_budget_finishes_its_schedule(tmp_path: Path) -> None:
    """Two minutes of three seconds a step are forty steps, whatever the real ones take; a resumed
    run has what is left of them."""

    def train(name: str, watch: Watch, resume: bool = False) -> tuple[int, float]:
        outcome = toy.train(
            tmp_path / name, resume, minutes=2.0, report_seconds=0.0, task=watch, clock=watch
        )
        return outcome.steps, outcome.seconds

    assert train("whole", Watch()) == (40, 120.0)
    assert train("cut", Watch(10)) == (10, 30.0)
    assert train("cut", Watch(), resume=True) == (40, 120.0)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "cut"))
    lines = [
        json.loads(line) for line in (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()
    ]
    assert lines[-1]["kind"] == "valid"
    config = TrainConfig(minutes=2.0)
    shown = {line["step"]: line["rate_factor"] for line in lines if line["kind"] == "train"}
    assert shown == {step: schedule.factor(config, (step - 1) / 40) for step in shown}
    assert shown[40] < 0.01
    assert {8, 16, 32} < shown.keys()
    assert max(shown.values()) > 0.9
