"""What only a card can prove: run with `pytest -m cuda`; skipped where there is none. The kit's
`gpu.py check` runs these too, and many more."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gocnn import devices
from gocnn.features.planes import DEFAULT_GROUPS, plane_count
from gocnn.policy.network import PolicyNetwork, preset
from gocnn.policy.task import PolicyTask
from gocnn.training import (
    ModelProvenance,
    Prefetcher,
    RunFolder,
    RunOutput,
    Runtime,
    TaskData,
    TrainConfig,
    Trainer,
)
from gocnn.training.config import Optimiser
from gocnn.training.outcome import Outcome
from gocnn.training.precision import autocast, choose_precision
from gocnn.training.stepping import Stepper

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine"),
]

GROUPS = DEFAULT_GROUPS
SHAPE = replace(preset("tiny"), future=2, value=True)


class Dice:
    """Batches of nothing in particular, the same for the same number."""

    block = 4
    batches_per_epoch = 8

    def __init__(self, batch: int) -> None:
        self.rows = batch

    def batch(self, index: int) -> tuple[np.ndarray, ...]:
        rng = np.random.default_rng(index)
        planes = rng.integers(0, 2, (self.rows, plane_count(GROUPS), 19, 19)).astype(np.uint8)
        return (
            planes,
            rng.integers(0, 362, (self.rows, 3)),
            rng.integers(0, 2, self.rows).astype(np.int8),
        )


def there() -> torch.device:
    return devices.take(torch.device("cuda:0"))


def batch(rows: int, device: torch.device) -> tuple[torch.Tensor, ...]:
    return tuple(torch.from_numpy(a).to(device) for a in Dice(rows).batch(0))


def gradient(
    net: PolicyNetwork, device: torch.device, precision: str
) -> tuple[float, torch.Tensor]:
    mine = devices.placed(copy.deepcopy(net), device).train()
    with autocast(device, precision):
        loss, _ = PolicyTask().loss(mine, batch(32, device))
    loss.backward()
    return float(loss.detach()), torch.cat(
        [p.grad.flatten().float().cpu() for p in mine.parameters() if p.grad is not None]
    )


def trained(
    folder: Path, device: torch.device, steps: int, resume: bool = False, **options: Any
) -> tuple[Trainer, Outcome]:
    torch.manual_seed(1)
    config = TrainConfig(steps=steps, batch=32, validations=1, **options)
    run = RunFolder(folder, resume, {"kind": "go-policy", "wishes": {}})
    valid = [tuple(t if t.ndim != 2 else t[:, 0] for t in batch(64, torch.device("cpu")))]
    try:
        trainer = Trainer(
            PolicyNetwork(SHAPE),
            TaskData(PolicyTask(), Dice(32), valid),
            config,
            RunOutput(run, ModelProvenance("go-policy", {}, "dice")),
            Runtime(device, quiet=True),
        )
        return trainer, trainer.fit(resume)
    finally:
        run.close()


@pytest.mark.parametrize("optimiser", ["muon", "adamw", "sgd"])
def test_a_step_waits_for_nothing(optimiser: Optimiser) -> None:
    device = there()
    net = devices.placed(PolicyNetwork(SHAPE), device, torch.channels_last)
    stepper = Stepper(
        net, PolicyTask(), TrainConfig(steps=1, batch=64, accumulate=2, optimiser=optimiser), device
    )
    stepper.precision = choose_precision(device)
    prefetcher = Prefetcher(Dice(32), 0, device, feeders=2)
    try:
        for _ in range(3):
            stepper.step(net, prefetcher, 1.0)
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("error")
        try:
            for _ in range(3):
                stepper.step(net, prefetcher, 0.5)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    finally:
        prefetcher.close()


def test_float32_agrees_with_the_cpu() -> None:
    torch.manual_seed(0)
    net = PolicyNetwork(SHAPE)
    (loss, mine), (other, theirs) = (
        gradient(net, torch.device("cpu"), "fp32"),
        gradient(net, there(), "fp32"),
    )
    assert abs(loss - other) < 1e-2
    assert float((mine - theirs).norm() / mine.norm()) < 1e-2  # TF32, where it is on, has ten bits


def test_half_precision_is_near() -> None:
    torch.manual_seed(0)
    net = PolicyNetwork(SHAPE)
    (loss, mine), (other, theirs) = gradient(net, there(), "fp32"), gradient(net, there(), "bf16")
    assert abs(loss - other) < 5e-2
    assert float((mine - theirs).norm() / mine.norm()) < 0.25


def test_runs_cross_between_devices(tmp_path: Path) -> None:
    for number, device in enumerate((there(), torch.device("cpu"), there()), 1):
        trainer, outcome = trained(tmp_path / "run", device, 4 * number, number > 1)
        assert outcome.steps == 4 * number
        assert np.isfinite(outcome.best["loss"])
        assert {p.device.type for p in trainer.model.parameters()} == {device.type}


def test_deterministic_runs_give_the_same_bits(tmp_path: Path) -> None:
    runs = [
        trained(tmp_path / name, there(), 6, deterministic=True)[0].model.state_dict()
        for name in "ab"
    ]
    assert all(torch.equal(runs[0][key], runs[1][key]) for key in runs[0])


def test_batches_arrive_as_they_were_drawn_while_the_card_is_busy() -> None:
    prefetcher, busy, kept = (
        Prefetcher(Dice(64), 3, there(), feeders=3),
        torch.randn(2048, 2048, device=there()),
        [],
    )
    try:
        for _ in range(24):
            busy = busy @ busy / busy.norm()
            kept.append([t.clone() for t in prefetcher.next()])
    finally:
        prefetcher.close()
    for number, arrived in enumerate(kept, 3):
        for got, want in zip(arrived, Dice(64).batch(number), strict=True):
            assert np.array_equal(got.cpu().numpy(), want), number


def test_onnxruntime_on_the_card_says_the_same(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    if "CUDAExecutionProvider" not in runtime.get_available_providers():
        pytest.skip("onnxruntime here has no CUDA provider")
    net = PolicyNetwork(replace(SHAPE, value=False)).eval()
    planes = batch(8, torch.device("cpu"))[0].float()
    torch.onnx.export(
        net,
        (planes,),
        str(tmp_path / "x.onnx"),
        input_names=["planes"],
        output_names=["logits"],
        opset_version=17,
        dynamo=False,
    )
    (got,) = runtime.InferenceSession(tmp_path / "x.onnx", providers=["CUDAExecutionProvider"]).run(
        None, {"planes": planes.numpy()}
    )
    with torch.no_grad():
        want = net(planes).numpy()
    assert np.abs(got - want).max() < 2e-2
