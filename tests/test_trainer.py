"""The trainer: learns, repeats, feeds, and computes as it was told."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from gocnn import devices, modelfile
from gocnn.errors import UserError
from gocnn.training import (
    ModelProvenance,
    RunFolder,
    RunOutput,
    Runtime,
    TaskData,
    TrainConfig,
    choices,
    precision,
    schedule,
    trainer,
)
from tests import toy
from tests.toyruns import same, weights


@pytest.mark.parametrize("optimiser", ["muon", "adamw", "sgd"])
def test_it_learns_and_leaves_everything_in_the_folder(tmp_path: Path, optimiser: str) -> None:
    outcome = toy.train(tmp_path / "run", steps=60, optimiser=optimiser, ema=0.9, curves=True)
    assert outcome.best["accuracy"] > 0.8
    assert (outcome.steps, outcome.samples, outcome.interrupted) == (60, 60 * 32, False)
    assert {p.name for p in (tmp_path / "run").iterdir()} == {
        ".lock",
        "run.json",
        "checkpoint.pt",
        "metrics.jsonl",
        "best.safetensors",
        "last.safetensors",
        "curves.png",
    }
    lines = [
        json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    ]
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


def test_precision_by_capability(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    assert precision.choose_precision(cpu, "bf16") == "bf16"
    assert precision.choose_precision(cpu, "fp32") == "fp32"
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: False)
    monkeypatch.setattr(
        precision, "_seconds", lambda bf16: pytest.fail("must not measure without the instructions")
    )
    assert precision.choose_precision(cpu) == "fp32"
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: True)
    assert precision.choose_precision(cpu, by_capability=True) == "bf16"
    assert precision.choose_precision(cpu, "fp32", by_capability=True) == "fp32"
    for faster in (True, False):
        monkeypatch.setattr(
            precision, "_seconds", lambda bf16, faster=faster: 1.0 if bf16 == faster else 2.0
        )
        assert precision.choose_precision(cpu) == ("bf16" if faster else "fp32")


def test_what_the_stopwatch_said_is_written_down_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resumed run computes as it began, also if it was killed before its first step, whatever the
    stopwatch says now."""
    monkeypatch.setattr(choices, "choose_precision", lambda device, wanted, by_capability: "bf16")
    stop = toy.Interrupting(1)
    toy.train(tmp_path / "run", steps=6, precision="auto", task=stop)
    monkeypatch.setattr(
        precision,
        "choose_precision",
        lambda device, wanted, by_capability: pytest.fail("has chosen again"),
    )
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: True)
    toy.train(tmp_path / "run", resume=True, steps=6, precision="auto")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["precision"] == "bf16"
    assert modelfile.load(tmp_path / "run", "toy").provenance["precision"] == "bf16"


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert devices.resolve("auto") == devices.resolve("cpu") == torch.device("cpu")
    for name, words in (
        ("cuda", "no CUDA device"),
        ("cuda:0", "no CUDA device"),
        ("mps", "no Metal GPU"),
        ("banana", "is not a device"),
        ("cuda:x", "is not a device"),
        ("CPU", "is not a device"),
        ("", "is not a device"),
        ("mps:0", "is not a device"),
        ("cuda:²", "is not a device"),
    ):
        with pytest.raises(UserError, match=words):
            devices.resolve(name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert [str(devices.resolve(name)) for name in ("auto", "cuda", "cuda:1", "mps", "cpu")] == [
        "cuda:0",
        "cuda:0",
        "cuda:1",
        "mps",
        "cpu",
    ]
    with pytest.raises(UserError, match="has 2 CUDA devices"):
        devices.resolve("cuda:2")
    # Normalisations of channels-last maps have wrong gradients on Apple's GPUs.
    assert devices.layout(torch.device("mps")) is torch.contiguous_format
    assert devices.layout(torch.device("cpu")) is torch.channels_last


def test_budgets_exclude_each_other() -> None:
    for wrong in (
        {},
        {"steps": 1, "minutes": 1.0},
        {"steps": 0},
        {"steps": 5, "batch": 10, "accumulate": 3},
    ):
        with pytest.raises(ValueError):
            TrainConfig(**wrong)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_cuda_learns_too(tmp_path: Path) -> None:
    config = TrainConfig(steps=60, batch=32, validations=2)
    device = torch.device("cuda:0")
    run = RunFolder(tmp_path / "run", False, {"kind": "toy"})
    cuda = trainer.Trainer(
        toy.network(),
        TaskData(toy.ToyTask(), toy.ToySource(32), toy.valid()),
        config,
        RunOutput(run, ModelProvenance("toy", {}, "x")),
        Runtime(device, quiet=True),
    )
    outcome = cuda.fit()
    assert outcome.best["accuracy"] > 0.8
    assert cuda.precision in ("bf16", "fp32")


@pytest.mark.parametrize(
    ("epochs", "samples", "batch", "steps"),
    [(1, 45, 32, 2), (10, 180, 128, 15), (1, 10, 64, 1), (0.5, 3000, 128, 12), (3, 7, 7, 3)],
)
def test_epochs_are_passes_over_all_samples(
    epochs: float, samples: int, batch: int, steps: int
) -> None:
    """The fewest steps whose samples are so many passes: never a pass cut short."""
    budget = schedule.Budget(TrainConfig(epochs=epochs), samples / batch)
    assert budget.total_steps == steps
    assert (steps - 1) * batch < epochs * samples <= steps * batch
