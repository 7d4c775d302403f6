"""Checks of whole runs: steps, resuming, checkpoints that cross to the CPU and back, what is
written at the end."""

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gocnn import modelfile
from gocnn.policy import KIND, evaluation, export, model
from gocnn.policy.network import PolicyConfig, PolicyNetwork
from gocnn.policy.task import PolicyTask
from gocnn.policy.training import validation_batches
from gocnn.structs import to_json
from gocnn.training import (
    ModelProvenance,
    Outcome,
    RunFolder,
    RunOutput,
    Runtime,
    TaskData,
    TrainConfig,
    Trainer,
)
from gpukit import facts, go
from gpukit.check import Bench, LeftOut
from gpukit.check_steps import size


def trained(
    bench: Bench,
    folder: Path,
    resume: bool = False,
    device: torch.device | None = None,
    shape: PolicyConfig | None = None,
    **options: Any,
) -> tuple[Trainer, Outcome]:
    """A run of the trainer in `folder`, on the device of the bench unless another is given."""
    chosen, held = bench.games
    smoothing = options.get("label_smoothing", 0.0)
    config = TrainConfig(
        **{"batch": 16 if bench.tiny else 64, "validations": 2, "report_seconds": 0.0, **options}
    )
    shape = shape or size(bench)
    run = RunFolder(folder, resume, {"kind": KIND, "wishes": {}})
    try:
        torch.manual_seed(config.seed)
        source = go.source(chosen, config.batch // config.accumulate, config.seed)
        valid = validation_batches(held, go.GROUPS, 50 if bench.tiny else 700, score=True)
        trainer = Trainer(
            PolicyNetwork(shape),
            TaskData(PolicyTask(smoothing), source, valid),
            config,
            RunOutput(run, ModelProvenance(KIND, to_json(shape), "the kit's check")),
            Runtime(device or bench.device, quiet=True),
        )
        return trainer, trainer.fit(resume)
    finally:
        run.close()


def steps(bench: Bench) -> str:
    """Steps, resumed, on the CPU, on the device again."""
    folder = bench.scratch / "run"
    first, second, third, fourth = (2, 3, 4, 5) if bench.tiny else (24, 32, 34, 40)
    trainer, outcome = trained(bench, folder, steps=first)
    precision = trainer.precision
    expect(outcome, first)
    expect(trained(bench, folder, True, steps=second)[1], second)
    expect(trained(bench, folder, True, torch.device("cpu"), steps=third)[1], third)
    trainer, outcome = trained(bench, folder, True, steps=fourth)
    expect(outcome, fourth)
    size = (folder / "checkpoint.pt").stat().st_size / 1e6
    return (
        f"{precision}, after the CPU {trainer.precision}; loss {outcome.best['loss']:.3f},"
        f" checkpoint {size:.1f} MB"
    )


def expect(outcome: Outcome, count: int) -> None:
    """Raises AssertionError unless a run ended as it should."""
    if outcome.steps != count or outcome.interrupted or not np.isfinite(outcome.best["loss"]):
        raise AssertionError(f"not {count} steps with a finite loss: {outcome}")


def learns(bench: Bench) -> str:
    """The loss falls: a run that sees games again and again gets better at them."""
    folder = bench.scratch / "learns"
    trained(bench, folder, steps=60 if bench.tiny else 120, validations=1, report_seconds=0.0)
    losses = [
        line["loss"] for line in RunFolder(folder, True, {}).reports() if line["kind"] == "train"
    ]
    if losses[-1] > losses[0] - 0.3:
        raise AssertionError(f"the loss went from {losses[0]:.2f} to {losses[-1]:.2f} only")
    return f"loss {losses[0]:.2f} to {losses[-1]:.2f}"


def ways(bench: Bench) -> str:
    """Accumulation, no average, label smoothing, patience, other schedules and precisions,
    sharpness-aware steps."""
    done = []
    ways: tuple[dict[str, Any], ...] = (
        {"accumulate": 2},
        {"ema": 0.0, "label_smoothing": 0.1},
        {"patience": 1, "validations": 4},
        {"schedule": "onecycle", "optimiser": "adamw"},
        {"precision": "fp32"},
        {"precision": "fp16"},
        {"sam": 0.5},
        {"sam": 0.5, "precision": "fp16", "accumulate": 2},
    )
    for number, options in enumerate(ways):
        trainer, outcome = trained(
            bench, bench.scratch / f"way{number}", steps=2 if bench.tiny else 6, **options
        )
        if not np.isfinite(outcome.best["loss"]):
            raise AssertionError(f"{options}: loss {outcome.best['loss']}")
        if trainer.precision != options.get("precision", trainer.precision):
            raise AssertionError(f"precision {options['precision']} became {trainer.precision}")
        done.append(", ".join(f"{key} {value}" for key, value in options.items()))
    return "; ".join(done)


def accumulation(bench: Bench) -> str:
    """Two halves of a batch give the gradient of the whole: the loss is a mean over equal parts."""
    # the statistics of norms are those of their batch otherwise
    net = PolicyNetwork(size(bench)).to(bench.device).eval()
    planes, moves, won, owners = go.dice(32, bench.device)
    gradients = []
    for parts in (1, 2):
        net.zero_grad()
        for part in range(parts):
            some = slice(part * 32 // parts, (part + 1) * 32 // parts)
            batch = planes[some], moves[some, 0], won[some], owners[some]
            loss, _ = PolicyTask().loss(net, batch)
            (loss / parts).backward()
        gradients.append(go.gradient(net))
    error = float((gradients[0] - gradients[1]).norm() / gradients[0].norm())
    if error > 1e-2:
        raise AssertionError(f"gradients differ by {error:.1e}")
    return f"gradients differ by {error:.1e}"


def repeats(bench: Bench) -> str:
    """With --deterministic the same run twice gives the same bits, and a resumed one too."""
    whole = 4 if bench.tiny else 12
    for name in ("once", "twice", "halves"):
        trained(
            bench,
            bench.scratch / name,
            steps=whole // 2 if name == "halves" else whole,
            deterministic=True,
            precision="fp32" if bench.tiny else "auto",
        )
    trained(
        bench,
        bench.scratch / "halves",
        True,
        steps=whole,
        deterministic=True,
        precision="fp32" if bench.tiny else "auto",
    )
    a, b, c = (
        modelfile.load(bench.scratch / name / modelfile.LAST, KIND).tensors
        for name in ("once", "twice", "halves")
    )
    differ = [name for name in a if not torch.equal(a[name], b[name])]
    if differ:
        raise AssertionError(
            f"{len(differ)} of {len(a)} tensors differ between two runs, {differ[0]} first"
        )
    # The rate of a run in halves is another one until it is told of twelve steps, so its bits may
    # differ; its shapes and finiteness may not.
    if a.keys() != c.keys():
        raise AssertionError("a resumed run has other tensors")
    return f"{len(a)} tensors, the same bits"


def file(bench: Bench) -> str:
    """The model file says the same on the device and on the CPU, and is judged the same."""
    folder = bench.scratch / "run"
    if not (folder / modelfile.BEST).exists():
        trained(bench, folder, steps=4)
    here, there = model.load(folder, str(bench.device)), model.load(folder, "cpu")
    difference = export.difference(here, there)
    if not difference < 0.02:
        raise AssertionError(f"log-probabilities differ by {difference:.1e}")
    count = 100 if bench.tiny else 600
    figures = [
        evaluation.figures(evaluation.judge(each, bench.games[1], count))["all"]["log_likelihood"]
        for each in (here, there)
    ]
    if abs(figures[0] - figures[1]) > 1e-2:
        raise AssertionError(
            f"log-likelihood {figures[0]:.4f} on the device, {figures[1]:.4f} on the CPU"
        )
    return (
        f"log-probabilities differ by {difference:.1e}, log-likelihood {figures[0]:.3f} and"
        f" {figures[1]:.3f}"
    )


def onnx(bench: Bench) -> str:
    """ONNX from a network on the device says what torch says; onnxruntime's CUDA provider, where
    there is one."""
    for package in ("onnx", "onnxruntime"):
        if not facts.there(package):
            raise LeftOut(f"needs {package}")
    folder = bench.scratch / "run"
    if not (folder / modelfile.BEST).exists():
        trained(bench, folder, steps=4)
    policy = model.load(folder, str(bench.device))
    said = []
    for precision in ("fp32", "fp16"):
        difference = export.export(policy, bench.scratch / f"{precision}.onnx", precision)
        said.append(f"{precision} differs by {difference:.1e}")
        if not difference < 0.05:
            raise AssertionError(said[-1])
    from gocnn.libraries import onnxruntime
    from gocnn.policy.runtime import OnnxPolicy

    if bench.cuda and "CUDAExecutionProvider" not in onnxruntime().get_available_providers():
        said.append("onnxruntime here has no CUDA provider")
    elif bench.cuda and "device" in inspect.signature(OnnxPolicy).parameters:
        other: Any = OnnxPolicy(bench.scratch / "fp32.onnx", device=str(bench.device))
        difference = export.difference(policy, other)
        said.append(f"its CUDA provider differs by {difference:.1e}")
        if not difference < 0.05:
            raise AssertionError(said[-1])
    return ", ".join(said)


CHECKS = (
    ("a run: steps, resumed, to the CPU and back", steps),
    ("a run learns", learns),
    ("a run: accumulate, ema 0, smoothing, patience, schedules, precisions, SAM", ways),
    ("accumulated gradients are those of the whole batch", accumulation),
    ("--deterministic gives the same bits twice", repeats),
    ("the model file on the device and on the CPU", file),
    ("ONNX", onnx),
)
