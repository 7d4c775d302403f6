"""The trainer: learns, repeats, survives kills, interrupts and full disks, and does the same in several processes."""

import json
import math
import os
import random
import signal
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
from gocnn.training import Feeder, RunFolder, TrainConfig, modelfile, optim, precision, schedule
from gocnn.training.ema import Ema
from tests import toy
from tests.conftest import ROOT, needs_posix


def weights(run: Path, name: str = "last.safetensors") -> dict[str, torch.Tensor]:
    return modelfile.load(run / name, "toy").tensors


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def spawn(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "tests.toy", *arguments], cwd=ROOT, text=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                            env={**os.environ, **environment})  # fmt: skip


@pytest.mark.parametrize("optimiser", ["muon", "adamw", "sgd"])
def test_it_learns_and_leaves_everything_in_the_folder(tmp_path: Path, optimiser: str) -> None:
    outcome = toy.train(tmp_path / "run", steps=60, optimiser=optimiser, ema=0.9)
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
    """SIGKILL while training, validating, saving, starting: whatever it hits, the resumed run ends as the one that was never killed."""
    assert spawn(str(tmp_path / "whole"), "300").wait() == 0
    rng, kills = random.Random(4), 0
    while True:
        resume = ["--resume"] if (tmp_path / "killed" / "run.json").exists() else []
        process = spawn(str(tmp_path / "killed"), "300", *resume)
        try:
            process.wait(timeout=rng.uniform(2.0, 4.5) * (1 + kills / 8))  # longer and longer: a busy machine starts slowly
            assert process.returncode == 0, process.stderr.read() if process.stderr else ""
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
            assert kills < 60
    assert kills >= 1
    for name in ("last.safetensors", "best.safetensors"):
        assert same(weights(tmp_path / "whole", name), weights(tmp_path / "killed", name))

    def valid_lines(run: str) -> list[tuple[int, float]]:
        lines = map(json.loads, (tmp_path / run / "metrics.jsonl").read_text().splitlines())
        return [(line["step"], line["loss"]) for line in lines if line["kind"] == "valid"]

    assert valid_lines("whole") == valid_lines("killed")


@needs_posix
def test_ctrl_c_saves_and_resumes_to_the_same_bits(tmp_path: Path) -> None:
    toy.train(tmp_path / "whole", steps=40)
    process = spawn(str(tmp_path / "cut"), "40000")
    metrics = tmp_path / "cut" / "checkpoint.pt"
    for _ in range(2400):
        if metrics.exists():
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    state = torch.load(metrics, weights_only=True)
    assert state["step"] > 0
    outcome = toy.train(tmp_path / "cut", resume=True, steps=state["step"] + 5)
    assert outcome.steps == state["step"] + 5


def test_resume_in_the_same_process(tmp_path: Path) -> None:
    toy.train(tmp_path / "whole", steps=40)
    toy.train(tmp_path / "part", steps=40, patience=0)
    stopped = toy.train(tmp_path / "stop", steps=40, validations=8, patience=1, learning_rate=1e-9)
    assert stopped.steps < 40
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "part"))


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


def two_processes(out: Path, options: list[str]) -> None:
    port = str(20000 + os.getpid() % 20000)
    processes = [spawn(str(out), *options, RANK=str(r), WORLD_SIZE="2", LOCAL_RANK=str(r), MASTER_ADDR="127.0.0.1", MASTER_PORT=port) for r in (0, 1)]
    for process in processes:
        assert process.wait(timeout=120) == 0, process.stderr.read() if process.stderr else ""


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


def test_a_time_budget_finishes_its_schedule(tmp_path: Path) -> None:
    began = time.perf_counter()
    toy.train(tmp_path / "run", minutes=0.06, report_seconds=0.0)
    assert time.perf_counter() - began < 20
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    factors = [line["rate_factor"] for line in lines if line["kind"] == "train"]
    assert factors[-1] < 0.05
    assert max(factors) > 0.9
    assert lines[-1]["kind"] == "valid"


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
    for faster in (True, False):
        monkeypatch.setattr(precision, "_seconds", lambda bf16, faster=faster: 1.0 if bf16 == faster else 2.0)
        assert precision.choose(cpu) == ("bf16" if faster else "fp32")


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
    from gocnn.training import Identity, Trainer

    trainer = Trainer(toy.network(), toy.ToyTask(), toy.ToySource(32), toy.valid(), config, run, Identity("toy", {}, "x"), device, quiet=True)
    outcome = trainer.fit()
    assert outcome.best["accuracy"] > 0.8
    assert trainer.precision in ("bf16", "fp32")
