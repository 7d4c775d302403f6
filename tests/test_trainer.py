"""The trainer: learns, repeats, survives kills, interrupts and full disks, and does the same in several processes."""

import json
import math
import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from gocnn import files
from gocnn.errors import UserError
from gocnn.training import Batch, Feeder, Identity, RunFolder, TrainConfig, devices, distributed, modelfile, optim, precision, schedule, trainer
from gocnn.training.ema import Ema
from tests import toy
from tests.conftest import ROOT


def weights(run: Path, name: str = "last.safetensors") -> dict[str, torch.Tensor]:
    return modelfile.load(run / name, "toy").tensors


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def written(run: Path) -> int:
    """When the run's checkpoint was written, in nanoseconds; 0 before the first that a resumed run can go on from."""
    return (run / "checkpoint.pt").stat().st_mtime_ns if (run / "run.json").exists() else 0


def spawn(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "tests.toy", *arguments], cwd=ROOT, text=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                            env={**os.environ, **environment})  # fmt: skip


@pytest.mark.parametrize("optimiser", ["muon", "adamw", "sgd"])
def test_it_learns_and_leaves_everything_in_the_folder(tmp_path: Path, optimiser: str) -> None:
    outcome = toy.train(tmp_path / "run", steps=60, optimiser=optimiser, ema=0.9, curves=True)
    assert outcome.best["accuracy"] > 0.8
    assert (outcome.steps, outcome.samples, outcome.interrupted) == (60, 60 * 32, False)
    assert {p.name for p in (tmp_path / "run").iterdir()} == {
        ".lock", "run.json", "checkpoint.pt", "metrics.jsonl", "best.safetensors", "last.safetensors", "curves.png"}  # fmt: skip
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["kind"] == "valid"] == [15, 30, 45, 60]
    assert {"loss", "accuracy", "samples_per_second", "share_waited", "seconds"} <= lines[0].keys()
    provenance = modelfile.load(tmp_path / "run", "toy").provenance
    assert provenance["data"] == "made up"
    assert provenance["validation"]["accuracy"] == outcome.best["accuracy"]


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        toy.train(tmp_path / name, steps=12, seed=seed)
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not same(weights(tmp_path / "a"), weights(tmp_path / "c"))


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_with_the_same_bits(tmp_path: Path) -> None:
    """SIGKILL while training, validating, saving: whatever it hits, the resumed run ends as the one that was never killed. (A kill comes some
    steps after the run has begun or gone on, by what its checkpoint says: a clock would kill a busy machine's run before it has done anything.)"""
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
        process.wait()
    assert torch.load(run / "checkpoint.pt", weights_only=True)["step"] < 150
    assert spawn(str(run), "150", *options, "--resume").wait() == 0
    for name in ("last.safetensors", "best.safetensors"):
        assert same(weights(tmp_path / "whole", name), weights(tmp_path / "killed", name))

    def valid_lines(run: str) -> list[tuple[int, float]]:
        lines = map(json.loads, (tmp_path / run / "metrics.jsonl").read_text().splitlines())
        return [(line["step"], line["loss"]) for line in lines if line["kind"] == "valid"]

    assert valid_lines("whole") == valid_lines("killed")


def test_ctrl_c_saves_and_resumes_to_the_same_bits(tmp_path: Path) -> None:
    """Between two validations, in a process of its own; then, in this one, in the first step."""
    assert spawn(str(tmp_path / "cut"), "40", "interrupt=12").wait() == 130
    assert torch.load(tmp_path / "cut" / "checkpoint.pt", weights_only=True)["step"] == 12
    assert spawn(str(tmp_path / "cut"), "40", "--resume").wait() == 0
    assert toy.train(tmp_path / "early", steps=40, task=toy.Interrupting(1)).interrupted
    toy.train(tmp_path / "early", resume=True, steps=40)
    toy.train(tmp_path / "whole", steps=40)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "cut"))
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "early"))


def test_accumulated_parts_equal_the_whole_batch_without_batch_norm(tmp_path: Path) -> None:
    class Whole(toy.ToySource):
        def batch(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            parts = [toy.ToySource(16, self.seed).batch(2 * index + k) for k in range(2)]
            return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def plain() -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 4))

    toy.train(tmp_path / "parts", model=plain(), steps=20, accumulate=2, optimiser="sgd")
    toy.train(tmp_path / "whole", model=plain(), source=Whole(32, 1), steps=20, optimiser="sgd")
    a, b = weights(tmp_path / "parts"), weights(tmp_path / "whole")
    assert all(torch.allclose(a[key], b[key], atol=1e-5) for key in a)


def free_port() -> str:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def two_processes(out: Path, options: list[str]) -> None:
    port = free_port()
    processes = [spawn(str(out), *options, RANK=str(r), WORLD_SIZE="2", LOCAL_RANK=str(r), MASTER_ADDR="127.0.0.1", MASTER_PORT=port) for r in (0, 1)]
    for process in processes:
        assert process.wait() == 0, process.stderr.read() if process.stderr else ""


def alike(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> None:
    assert one
    for key in one:
        assert torch.allclose(one[key].float(), two[key].float(), atol=1e-4, rtol=1e-3), (key, (one[key] - two[key]).abs().max())


@pytest.mark.slow
@pytest.mark.parametrize("compile", ["compile=0", "compile=1"])
def test_two_processes_give_the_result_of_one(tmp_path: Path, compile: str) -> None:
    """Two Gloo processes with half of each batch each, batch norm included, against one process with the whole."""
    options = ["20", "ema=0.9", "dropout=0.0"]
    assert spawn(str(tmp_path / "one"), *options).wait() == 0
    two_processes(tmp_path / "two", [*options, compile])
    alike(weights(tmp_path / "one"), weights(tmp_path / "two"))


@pytest.mark.slow
def test_two_processes_with_norms_of_their_own_give_the_result_of_two_parts(tmp_path: Path) -> None:
    """Against one process that computes each batch in two parts, the same halves, which normalises each by itself too."""

    class Halves(toy.ToySource):
        def batch(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            return toy.ToySource(32, self.seed, rank=index % 2, world=2).batch(index // 2)

    toy.train(tmp_path / "parts", model=toy.network(0.0), source=Halves(16, 1), steps=20, accumulate=2, ema=0.9)
    two_processes(tmp_path / "two", ["20", "ema=0.9", "dropout=0.0", "sync_norms=0"])
    parts, two = weights(tmp_path / "parts"), weights(tmp_path / "two")
    learnt = {name for name, _ in toy.network().named_parameters()}
    alike({key: value for key, value in parts.items() if key in learnt}, two)


@pytest.mark.slow
def test_gradients_of_parts_are_exchanged_once_a_step(tmp_path: Path) -> None:
    two_processes(tmp_path / "two", ["6", "accumulate=2", "dropout=0.0", "sync_norms=0", "compile=1", "exchanges=6"])


def test_a_full_disk_keeps_the_checkpoint_before_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.train(tmp_path / "run", steps=8)
    before = (tmp_path / "run" / "checkpoint.pt").read_bytes()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
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
    """A task and a clock that only its steps move, by three seconds each; perhaps Ctrl-C comes in a step."""

    def __init__(self, interrupt: int = 0) -> None:
        self.now, self.ending = 1000.0, toy.Interrupting(interrupt)

    def __call__(self) -> float:
        return self.now

    def loss(self, model: nn.Module, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        self.now += 3.0 * model.training
        return self.ending.loss(model, batch)


def test_a_time_budget_finishes_its_schedule(tmp_path: Path) -> None:
    """Two minutes of three seconds a step are forty steps, whatever the real ones take; a resumed run has what is left of them."""

    def train(name: str, watch: Watch, resume: bool = False) -> tuple[int, float]:
        outcome = toy.train(tmp_path / name, resume, minutes=2.0, report_seconds=0.0, task=watch, clock=watch)
        return outcome.steps, outcome.seconds

    assert train("whole", Watch()) == (40, 120.0)
    assert train("cut", Watch(10)) == (10, 30.0)
    assert train("cut", Watch(), resume=True) == (40, 120.0)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "cut"))
    lines = [json.loads(line) for line in (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["kind"] == "valid"
    config = TrainConfig(minutes=2.0)
    shown = {line["step"]: line["rate_factor"] for line in lines if line["kind"] == "train"}
    assert shown == {step: schedule.factor(config, (step - 1) / 40) for step in shown}
    assert shown[40] < 0.01
    assert {8, 16, 32} < shown.keys()
    assert max(shown.values()) > 0.9


@pytest.mark.parametrize("name", ["cosine", "onecycle", "constant"])
def test_schedules(name: str) -> None:
    config = TrainConfig(steps=100, schedule=name, warmup=0.1)  # type: ignore[arg-type]
    values = [schedule.factor(config, i / 100) for i in range(101)]
    assert values[0] <= 0.02
    assert max(values) <= 1.0
    assert max(values) == pytest.approx(1.0, abs=0.01)
    if name != "constant":
        assert values[-1] == pytest.approx(0, abs=1e-9)
    if name == "cosine":
        assert values[55] == pytest.approx(0.5 * (1 + math.cos(math.pi * 0.5)), abs=1e-9)


def test_no_decay_on_norms_and_biases() -> None:
    model = toy.network()
    for name in ("muon", "adamw", "sgd"):
        optimisers = optim.build(model, TrainConfig(steps=1, optimiser=name, weight_decay=0.5))  # type: ignore[arg-type]
        seen = {}
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                for p in group["params"]:
                    seen[p] = group["weight_decay"]
        assert set(seen) == set(model.parameters())
        assert all((decay > 0) == (p.ndim >= 2) for p, decay in seen.items())


def test_muon_steps_are_orthogonal_and_of_the_stated_size() -> None:
    torch.manual_seed(0)
    for shape in ((8, 72), (72, 8), (16, 16)):
        singular = torch.linalg.svdvals(optim.orthogonal(torch.randn(shape)))
        assert (singular > 0.5).all()
        assert (singular < 1.4).all()
    p = nn.Parameter(torch.zeros(8, 4, 3, 3))
    p.grad = torch.randn_like(p)
    optim.Muon([p], lr=1.0).step()
    size = p.detach().square().mean().sqrt()
    assert 0.1 < size < 0.3


def test_muon_takes_weights_of_one_shape_together_and_each_alone() -> None:
    torch.manual_seed(0)
    shapes = ((8, 4, 3, 3), (16, 8), (8, 4, 3, 3), (8, 36), (16, 8))
    together = [nn.Parameter(torch.randn(shape)) for shape in shapes]
    apart = [nn.Parameter(p.detach().clone()) for p in together]
    optimisers = [optim.Muon(together, lr=0.1, weight_decay=0.01), *(optim.Muon([p], lr=0.1, weight_decay=0.01) for p in apart)]
    for _ in range(3):
        for p, q in zip(together, apart, strict=True):
            p.grad = torch.randn_like(p)
            q.grad = p.grad.clone()
        for optimiser in optimisers:
            optimiser.step()
    for p, q in zip(together, apart, strict=True):
        assert torch.allclose(p, q, atol=1e-5)


def test_ema_follows_and_shares_nothing() -> None:
    model = toy.network()
    ema = Ema(model, 0.5)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(1.0)
    before = {k: v.clone() for k, v in ema.model.state_dict().items()}
    ema.update(model, 1000)
    key = "0.0.weight"
    assert torch.allclose(ema.model.state_dict()[key], before[key] + 0.5, atol=1e-6)


def test_the_feeder_keeps_the_order_with_any_number_of_threads() -> None:
    source = toy.ToySource(4)
    for threads in (1, 2, 3):
        feeder = Feeder(source, 5, torch.device("cpu"), threads)
        for index in range(5, 40):
            assert torch.equal(feeder.next()[1], torch.from_numpy(source.batch(index)[1]))
        feeder.close()


def test_an_error_in_the_data_reaches_the_trainer() -> None:
    class Broken(toy.ToySource):
        def batch(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            raise UserError("the data are gone")

    with pytest.raises(UserError, match="the data are gone"):
        Feeder(Broken(4), 0, torch.device("cpu")).next()


def test_precision_by_capability(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    assert precision.choose(cpu, "bf16") == "bf16"
    assert precision.choose(cpu, "fp32") == "fp32"
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: False)
    monkeypatch.setattr(precision, "_seconds", lambda bf16: pytest.fail("must not measure without the instructions"))
    assert precision.choose(cpu) == "fp32"
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: True)
    assert precision.choose(cpu, by_capability=True) == "bf16"
    assert precision.choose(cpu, "fp32", by_capability=True) == "fp32"
    for faster in (True, False):
        monkeypatch.setattr(precision, "_seconds", lambda bf16, faster=faster: 1.0 if bf16 == faster else 2.0)
        assert precision.choose(cpu) == ("bf16" if faster else "fp32")


def test_what_the_stopwatch_said_is_written_down_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resumed run computes as it began, also if it was killed before its first step, whatever the stopwatch says now."""
    monkeypatch.setattr(trainer, "choose", lambda device, wanted, by_capability: "bf16")
    stop = toy.Interrupting(1)
    toy.train(tmp_path / "run", steps=6, precision="auto", task=stop)
    monkeypatch.setattr(trainer, "choose", lambda device, wanted, by_capability: pytest.fail("has chosen again"))
    toy.train(tmp_path / "run", resume=True, steps=6, precision="auto")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["precision"] == "bf16"
    assert modelfile.load(tmp_path / "run", "toy").provenance["precision"] == "bf16"


class Drawing(toy.ToyTask):
    """Writes down what it draws at random in each step, as augmentation would."""

    def __init__(self) -> None:
        self.drawn: list[list[float]] = []

    def loss(self, model: nn.Module, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        if model.training:
            self.drawn.append(torch.rand(3).tolist())
        return super().loss(model, batch)


def test_processes_draw_other_numbers_and_again_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "draw", lambda *arguments: None)

    def drawn(rank: int, seed: int, name: str = "") -> list[list[float]]:
        out, device = tmp_path / f"{rank}-{seed}-{name}", torch.device("cpu")
        config = TrainConfig(steps=6, batch=32, validations=1, seed=seed, precision="fp32", accumulate=2)
        task = Drawing()
        run = RunFolder(out, False, {})
        processes = distributed.Processes(rank)
        step = trainer.Trainer(
            toy.network(), task, toy.ToySource(16), toy.valid(), config, run, Identity("toy", {}, ""), device, processes, quiet=True
        )
        step.fit()
        run.close()
        return task.drawn

    first, again, second, other = drawn(0, 1), drawn(0, 1, "again"), drawn(1, 1), drawn(0, 2)
    assert first == again
    everything = [tuple(row) for rows in (first, second, other) for row in rows]
    assert len(everything) == len(set(everything)) == 36


def test_a_batch_must_be_shared_by_all_processes(tmp_path: Path) -> None:
    config = TrainConfig(steps=1, batch=12, accumulate=2, precision="fp32")
    processes = distributed.Processes(0, 4)
    run = RunFolder(tmp_path / "run", False, {})
    shared = trainer.Trainer(
        toy.network(), toy.ToyTask(), toy.ToySource(6), [], config, run, Identity("toy", {}, ""), torch.device("cpu"), processes, True
    )
    with pytest.raises(UserError, match="--batch 12 cannot be shared by 4 processes in 2 parts each; choose a multiple of 8"):
        shared.begin()


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert devices.resolve("auto") == devices.resolve("cpu") == torch.device("cpu")
    for name, words in (("cuda", "no CUDA device"), ("cuda:0", "no CUDA device"), ("mps", "no Metal GPU"), ("banana", "is not a device"), ("cuda:x", "is not a device"),
                        ("CPU", "is not a device"), ("", "is not a device"), ("mps:0", "is not a device"), ("cuda:²", "is not a device")):  # fmt: skip
        with pytest.raises(UserError, match=words):
            devices.resolve(name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert [str(devices.resolve(name)) for name in ("auto", "cuda", "cuda:1", "mps", "cpu")] == ["cuda:0", "cuda:0", "cuda:1", "mps", "cpu"]
    with pytest.raises(UserError, match="has 2 CUDA devices"):
        devices.resolve("cuda:2")
    # Normalisations of channels-last maps have wrong gradients on Apple's GPUs.
    assert devices.layout(torch.device("mps")) is torch.contiguous_format
    assert devices.layout(torch.device("cpu")) is torch.channels_last


def test_budgets_exclude_each_other() -> None:
    for wrong in ({}, {"steps": 1, "minutes": 1.0}, {"steps": 0}, {"steps": 5, "batch": 10, "accumulate": 3}):
        with pytest.raises(ValueError):
            TrainConfig(**wrong)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_cuda_learns_too(tmp_path: Path) -> None:
    config = TrainConfig(steps=60, batch=32, validations=2)
    device = torch.device("cuda:0")
    run = RunFolder(tmp_path / "run", False, {"kind": "toy"})
    cuda = trainer.Trainer(toy.network(), toy.ToyTask(), toy.ToySource(32), toy.valid(), config, run, Identity("toy", {}, "x"), device, quiet=True)
    outcome = cuda.fit()
    assert outcome.best["accuracy"] > 0.8
    assert cuda.precision in ("bf16", "fp32")
