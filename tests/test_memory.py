"""Memory that runs out is a sentence with the batch that fits; and devices that are not there, or
not for us."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gocnn import devices
from gocnn.errors import UserError
from gocnn.training import Batch, memory
from imagecls.classifier.task import ImageTask
from tests import toy
from tests.conftest import ROOT
from tests.typed import good, refused

SAID = [
    torch.OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 14.58 GiB"
    ),
    RuntimeError(
        "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported at some"
        " other API call"
    ),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError(
        "MPS backend out of memory (MPS allocated: 8.00 GB, other allocations: 1.00 GB, max"
        " allowed: 9.07 GB)"
    ),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory:"
        " you tried to allocate 4096 bytes."
    ),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:80] data. DefaultCPUAllocator: not enough memory: you tried"
        " to allocate 4096 bytes."
    ),
    MemoryError(),
    np._core._exceptions._ArrayMemoryError((1 << 40,), np.dtype(np.float32)),  # type: ignore[attr-defined]
]


@pytest.mark.parametrize("error", SAID, ids=[str(e)[:30] for e in SAID])
def test_all_ways_to_say_it(error: Exception) -> None:
    assert memory.ran_out(error)
    wrapped = RuntimeError("backend failed")
    wrapped.__cause__ = error
    assert memory.ran_out(wrapped)


def test_other_errors_are_others() -> None:
    for error in (
        None,
        RuntimeError("CUDA error: device-side assert triggered"),
        RuntimeError("shapes do not fit"),
        ValueError("out of memory"),
    ):
        assert not memory.ran_out(error)


@pytest.mark.parametrize(
    ("batch", "parts", "world", "expected"),
    [
        (256, 1, 1, [2, 4, 8, 16, 32, 64, 128]),
        (240, 2, 1, [3, 5, 8, 12, 20, 30, 48, 80, 120]),
        (32, 1, 4, [2, 4]),
        (7, 1, 1, []),
        (2, 1, 1, []),
        (9, 1, 1, [3]),
    ],
)
def test_parts_that_a_batch_has(batch: int, parts: int, world: int, expected: list[int]) -> None:
    assert list(memory.finer(batch, parts, world)) == expected
    assert all(
        batch % (number * world) == 0 and batch // (number * world) >= 2 for number in expected
    )


class Small(toy.ToyTask):
    """A device with room for so many samples in a step of training, or in judging."""

    def __init__(self, room: int, judging: int = 1 << 20, error: Exception = SAID[0]) -> None:
        self.room, self.judging, self.error = room, judging, error

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        if len(batch[1]) > (self.room if model.training else self.judging):
            raise self.error
        return super().loss(model, batch)


class Sized(toy.ToyTask):
    """Remembers how many samples came last."""

    rows = 0

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        self.rows = len(batch[1])
        return super().loss(model, batch)


@pytest.mark.slow
@pytest.mark.parametrize("error", SAID[:3], ids=["torch", "cuda", "cublas"])
def test_a_batch_that_does_not_fit(tmp_path: Path, error: Exception) -> None:
    """The sentence's advice works, and leads to the same as if it had been followed from the
    beginning."""
    words = (
        r"^a batch of 32 does not fit into the memory of cpu, but parts of 8 samples do: go on with"
        r" --resume --batch 32 --accumulate 4, which"
    )
    with pytest.raises(UserError, match=words):
        toy.train(tmp_path / "run", steps=6, task=Small(10, error=error))
    assert json.loads((tmp_path / "run" / "run.json").read_text())["kind"] == "toy"
    outcome = toy.train(tmp_path / "run", resume=True, steps=6, accumulate=4, task=Small(10))
    assert (outcome.steps, outcome.samples) == (6, 192)
    toy.train(tmp_path / "other", steps=6, accumulate=4)
    states = [
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["model"]
        for name in ("run", "other")
    ]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_it_may_come_late_and_the_checkpoint_is_kept(tmp_path: Path) -> None:
    class Later(Small):
        steps = 0

        def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
            self.steps += model.training
            self.room = 99 if self.steps <= 5 else 5
            return super().loss(model, batch)

    with pytest.raises(
        UserError, match="in 2 parts does not fit .* parts of 4 samples do: .* --accumulate 8,"
    ):
        toy.train(tmp_path / "run", steps=16, accumulate=2, batch=32, validations=8, task=Later(99))
    assert torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["step"] == 2


@pytest.mark.slow
def test_nothing_fits(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match="no smaller part of it does; choose a smaller network, or another --device"
    ):
        toy.train(tmp_path / "run", steps=6, task=Small(1))


def test_the_optimisers_states_do_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are made in the first step, after the gradients were unscaled: in fp16 the scaler is in
    the middle of a step then."""
    task, plain = Sized(), torch.optim.AdamW.step

    def step(self: torch.optim.AdamW, *arguments: object) -> object:
        if task.rows > 10:
            raise SAID[0]
        return plain(self, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    with pytest.raises(
        UserError, match="but parts of 8 samples do: go on with --resume --batch 32 --accumulate 4"
    ):
        toy.train(tmp_path / "run", steps=6, task=task, precision="fp16")


def test_judging_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match="judging does not fit into the memory of cpu; go on with --resume"
    ):
        toy.train(tmp_path / "run", steps=6, task=Small(99, 99))


@pytest.mark.slow
def test_through_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = ImageTask.loss
    monkeypatch.setattr(
        ImageTask,
        "loss",
        lambda self, model, batch: (
            Small(4).loss(model, batch) if len(batch[1]) > 4 else plain(self, model, batch)
        ),
    )
    run = tmp_path / "run"
    arguments = [
        "img-train",
        ROOT / "data" / "images",
        "--out",
        run,
        "--size",
        "16",
        "--widths",
        "4,8",
        "--hidden",
        "4",
        "--batch",
        "12",
        "--steps",
        "2",
        "--precision",
        "fp32",
        "--quiet",
    ]
    sentence = refused(1, *arguments)
    assert "parts of 4 samples do: go on with --resume --batch 12 --accumulate 3" in sentence
    good("img-train", "--out", run, "--resume", "--batch", "12", "--accumulate", "3", "--quiet")
    assert json.loads((run / "run.json").read_text())["wishes"]["train"]["accumulate"] == 3


def test_a_classifier_that_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    good(
        "img-train",
        ROOT / "data" / "images",
        "--out",
        run,
        "--size",
        "16",
        "--widths",
        "4,8",
        "--hidden",
        "4",
        "--batch",
        "4",
        "--steps",
        "1",
        "--precision",
        "fp32",
        "--quiet",
    )

    def full(*arguments: object) -> None:
        raise SAID[1]

    monkeypatch.setattr(nn.Conv2d, "forward", full)
    sentence = refused(
        1,
        "img-predict",
        next((ROOT / "data" / "images" / "validation" / "pizza").iterdir()),
        "--model",
        run,
    )
    assert "the memory of the device is full" in sentence


# --- devices
# -------------------------------------------------------------------------------------------------------------------------


def why(
    monkeypatch: pytest.MonkeyPatch,
    built: str | None,
    init: Exception | None,
    visible: str | None = None,
) -> str:
    def fails() -> None:
        if init is not None:
            raise init

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "init", fails)
    monkeypatch.setattr(torch.version, "cuda", built)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with pytest.raises(UserError) as caught:
        devices.resolve("cuda")
    return str(caught.value)


def test_why_there_is_no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    old = RuntimeError(
        "The NVIDIA driver on your system is too old (found version 11040). Please update your GPU"
        " driver by downloading it."
    )
    none = RuntimeError(
        "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and"
        " installed a driver from\nhttp"
    )
    card = RuntimeError("No CUDA GPUs are available")
    assert f"(torch {torch.__version__} was built without CUDA); leave the option out" in why(
        monkeypatch, None, None
    )
    assert (
        "(torch says: The NVIDIA driver on your system is too old (found version 11040)); leave"
        in why(monkeypatch, "13.0", old)
    )
    assert "(torch says: Found no NVIDIA driver on your system);" in why(monkeypatch, "13.0", none)
    assert "(torch says: No CUDA GPUs are available);" in why(monkeypatch, "13.0", card)
    assert "(CUDA_VISIBLE_DEVICES is '');" in why(monkeypatch, "13.0", card, "")
    assert "(CUDA_VISIBLE_DEVICES is '9');" in why(monkeypatch, "13.0", card, "9")


def test_a_card_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chip that this torch has no kernels for, or one that another program keeps; and a good one
    becomes this process's own."""
    chosen: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla K80")
    plain, words = (
        torch.ones,
        (
            "CUDA error: no kernel image is available for execution on the device\nCUDA kernel"
            " errors might"
        ),
    )

    def ones(*size: int, device: torch.device) -> Tensor:
        if device.index == 0:
            raise RuntimeError(words)
        return plain(*size)

    monkeypatch.setattr(torch, "ones", ones)
    with pytest.raises(
        UserError,
        match=(
            r"--device cuda:0: Tesla K80 cannot be used \(torch says: CUDA error: no kernel image"
            r" .* device\); choose"
        ),
    ):
        devices.take(torch.device("cuda", 0))
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    assert devices.take(torch.device("cuda", 1)) == torch.device("cuda", 1)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert chosen[-1] == torch.device("cuda", 1)
    chosen.clear()
    assert devices.take(torch.device("cpu")) == torch.device("cpu")
    assert not chosen


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device on this machine")
@pytest.mark.parametrize("command", ["go-train", "go-eval", "img-eval", "img-predict", "img-train"])
def test_commands_say_it(tmp_path: Path, sample_store: Path, command: str) -> None:
    data = sample_store if command.startswith("go") else ROOT / "data" / "images"
    extra = (
        ["--out", tmp_path / "run"]
        if command.endswith("train")
        else ["--model", tmp_path]
        if command.startswith("img")
        else []
    )
    assert "no CUDA device that torch can use" in refused(
        1, command, data, *extra, "--device", "cuda:3"
    )
    assert os.listdir(tmp_path) == []
