"""Which precision a run computes in, here and where it goes on; and fp16, whose overflows change
nothing."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from gocnn.errors import UserError
from gocnn.training import Batch, TrainConfig, precision
from gocnn.training.batches import Again
from gocnn.training.checks import Diverged
from gocnn.training.scaling import Scaler
from gocnn.training.stepping import Stepper
from tests import toy
from tests.toyruns import same, weights

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)

CARDS = [
    ("NVIDIA H100 80GB HBM3", (9, 0), True, "bf16"),
    ("NVIDIA A100-SXM4-40GB", (8, 0), True, "bf16"),
    ("Tesla T4", (7, 5), False, "fp16"),
    ("Tesla V100-SXM2-16GB", (7, 0), False, "fp16"),
    ("NVIDIA GeForce GTX 1660 SUPER", (7, 5), False, "fp32"),
    ("Tesla P100-PCIE-16GB", (6, 0), False, "fp32"),
    ("NVIDIA GeForce GTX 1080", (6, 1), False, "fp32"),
    ("Tesla K80", (3, 7), False, "fp32"),
]


def card(
    monkeypatch: pytest.MonkeyPatch, name: str, capability: tuple[int, int], bf16: bool
) -> None:
    """Let torch say that CUDA device 0 is this one."""

    class Nothing:
        def __init__(self, device: Any) -> None: ...
        def __enter__(self) -> None: ...
        def __exit__(self, *arguments: object) -> None: ...

    monkeypatch.setattr(torch.cuda, "device", Nothing)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device=None: name)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: capability)
    monkeypatch.setattr(
        torch.cuda,
        "is_bf16_supported",
        lambda including_emulation=True: bf16 or including_emulation,
    )


@pytest.mark.parametrize(
    ("name", "capability", "bf16", "expected"), CARDS, ids=[c[0] for c in CARDS]
)
def test_a_card_computes_in_what_it_is_good_at(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    capability: tuple[int, int],
    bf16: bool,
    expected: str,
) -> None:
    card(monkeypatch, name, capability, bf16)
    assert precision.choose_precision(CUDA) == expected
    assert precision.choose_precision(CUDA, "fp16") == "fp16"
    if bf16:
        assert precision.choose_precision(CUDA, "bf16") == "bf16"
    else:
        with pytest.raises(UserError, match=f"--precision bf16: {name} cannot compute in it"):
            precision.choose_precision(CUDA, "bf16")


def test_a_run_keeps_its_precision_where_that_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: False)
    card(monkeypatch, *CARDS[0][:3])
    assert precision.choose_again(CUDA, "auto", "fp32", "cpu") == "bf16"
    assert precision.choose_again(CUDA, "auto", "fp16", "cuda") == "fp16"
    assert precision.choose_again(CUDA, "fp32", "bf16", "cuda") == "fp32"
    assert precision.choose_again(CPU, "auto", "bf16", "cuda") == "fp32"
    # another machine, without the instructions
    assert precision.choose_again(CPU, "auto", "bf16", "cpu") == "fp32"
    assert precision.choose_again(CPU, "auto", "fp16", None) == "fp32"
    card(monkeypatch, *CARDS[2][:3])
    assert precision.choose_again(CUDA, "auto", "bf16", "cuda") == "fp16"
    assert precision.choose_again(CUDA, "auto", "fp32", "cuda") == "fp32"
    assert precision.choose_again(torch.device("mps"), "auto", "bf16", "cuda") == "fp32"


def test_a_run_that_moves_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The checkpoint says that the run was on another kind of device; what is chosen now is on the
    screen and in run.json."""
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: False)
    out = tmp_path / "run"
    toy.train(out, steps=2, precision="fp16")
    state = torch.load(out / "checkpoint.pt", weights_only=True)
    torch.save(state | {"device": "cuda"}, out / "checkpoint.pt")
    description = json.loads((out / "run.json").read_text())
    assert (description["precision"], description["device"]) == ("fp16", "cpu")
    (out / "run.json").write_text(json.dumps(description | {"device": "Tesla T4"}))
    toy.train(out, resume=True, steps=4, precision="auto", quiet=False)
    assert "precision fp32 from now on (fp16 before, on cuda)" in capsys.readouterr().err
    description = json.loads((out / "run.json").read_text())
    assert (description["precision"], description["device"]) == ("fp32", "cpu")
    assert description["earlier"] == [
        {"precision": "fp16", "device": "Tesla T4", "compiled": False, "until_step": 2}
    ]
    toy.train(out, resume=True, steps=6, precision="auto", quiet=False)
    assert "precision fp32, as the run began" in capsys.readouterr().err
    assert len(json.loads((out / "run.json").read_text())["earlier"]) == 1


@pytest.mark.parametrize(
    ("first", "second"), [("fp16", "fp32"), ("fp16", "bf16"), ("fp32", "fp16"), ("bf16", "fp16")]
)
def test_a_checkpoint_goes_on_in_another_precision(tmp_path: Path, first: str, second: str) -> None:
    toy.train(tmp_path / "run", steps=3, precision=first)
    assert toy.train(tmp_path / "run", resume=True, steps=6, precision=second).steps == 6
    state = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert state["precision"] == second
    assert (state["scaler"] is not None) == (second == "fp16")
    assert all(bool(t.isfinite().all()) for t in state["model"].values())


@pytest.mark.slow
@pytest.mark.parametrize("optimiser", ["muon", "sgd"])
def test_fp16_learns_and_is_resumed_to_the_same_bits(tmp_path: Path, optimiser: str) -> None:
    assert (
        toy.train(
            tmp_path / "whole", steps=40, precision="fp16", optimiser=optimiser, ema=0.9
        ).best["accuracy"]
        > 0.8
    )
    toy.train(
        tmp_path / "parts",
        steps=40,
        precision="fp16",
        optimiser=optimiser,
        ema=0.9,
        task=toy.Interrupting(13),
    )
    toy.train(
        tmp_path / "parts", resume=True, steps=40, precision="fp16", optimiser=optimiser, ema=0.9
    )
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    states = [
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)
        for name in ("whole", "parts")
    ]
    assert states[0]["scaler"] == states[1]["scaler"]


class Overflowing(toy.ToyTask):
    """In the steps of those numbers, from 1, the gradients are infinite, while the loss is not; or
    the loss is."""

    def __init__(self, *steps: int, loss: bool = False) -> None:
        self.steps, self.of_loss, self.number = steps, loss, 0

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        loss, right = super().loss(model, batch)
        self.number += model.training
        if model.training and self.number in self.steps:
            loss = loss * torch.inf if self.of_loss else loss + _Steep.apply(loss)
        return loss, right


class _Steep(torch.autograd.Function):
    """Zero, with an infinite gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.zeros_like(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return grads[0] * torch.inf


def stepper(task: toy.ToyTask, **options: Any) -> Stepper:
    made = Stepper(toy.network(), task, TrainConfig(**{"steps": 9, "batch": 32, **options}), CPU)
    made.precision = "fp16"
    return made


def batch() -> Batch:
    pictures, labels = toy.ToySource(32).batch(0)
    return torch.from_numpy(pictures), torch.from_numpy(labels)


@pytest.mark.parametrize("loss", [False, True], ids=["gradients", "loss"])
@pytest.mark.parametrize("optimiser", ["muon", "adamw", "sgd"])
def test_a_step_that_overflows_changes_nothing_but_the_scale(optimiser: str, loss: bool) -> None:
    for fatal in (1, 3):  # before there is any momentum, and after
        one = stepper(Overflowing(fatal, loss=loss), optimiser=optimiser, ema=0.0)
        for _ in range(fatal - 1):
            one.step(one.model, Again(batch()), 1.0)
        assert one.scaler is not None
        before = copy.deepcopy(
            (
                one.model.state_dict(),
                [o.state_dict()["state"] for o in one.optimisers],
                one.scaler.state_dict(),
            )
        )
        sums = one.step(one.model, Again(batch()), 1.0)
        assert bool(sums.isfinite().all())
        assert sums[2] == (0 if loss else 32)
        after = one.model.state_dict()
        assert all(
            torch.equal(before[0][key], after[key])
            for key in after
            if not key.endswith("num_batches_tracked")
        )
        for was, optimiser_ in zip(before[1], one.optimisers, strict=True):
            for number, values in optimiser_.state_dict()["state"].items():
                for name, value in values.items():
                    expected = was[number][name] if number in was else torch.zeros_like(value)
                    assert torch.equal(value, expected), (number, name)
        assert one.scaler.state_dict()["scale"] == before[2]["scale"] / 2
        assert one.number == fatal
        one.step(one.model, Again(batch()), 1.0)
        assert not same(before[0], one.model.state_dict())


def test_overflows_now_and_then_are_no_divergence(tmp_path: Path) -> None:
    task = Overflowing(1, 2, 9, 10, 30, loss=True)
    outcome = toy.train(tmp_path / "run", steps=48, precision="fp16", task=task, report_seconds=0.0)
    assert outcome.best["accuracy"] > 0.8
    assert outcome.steps == 48
    lines = [
        json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    ]
    assert all(line["loss"] > 0 for line in lines)


def test_overflows_without_end_are_one() -> None:
    with pytest.raises(
        Diverged,
        match="whatever they are scaled by, at step 24: go on with --resume --precision fp32",
    ):
        one = stepper(Overflowing(*range(1, 25)))
        for _ in range(24):
            one.step(one.model, Again(batch()), 1.0)
        assert one.scaler is not None
        one.scaler.check(one.number)


def test_overflows_without_end_end_a_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="overflow fp16"):
        toy.train(
            tmp_path / "run",
            steps=60,
            precision="fp16",
            task=Overflowing(*range(20, 99)),
            validations=4,
        )
    state = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert state["step"] == 30
    assert toy.train(tmp_path / "run", resume=True, steps=60, precision="fp32").steps == 60


class Calls(TorchDispatchMode):
    """Counts the calls of each operator."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[str, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(func.overloadpacket)
        self.counts[name] = self.counts.get(name, 0) + 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("optimiser", ["muon", "adamw", "sgd"])
def test_scaling_never_asks_the_device(optimiser: str) -> None:
    """As many answers are waited for in fp16 as in fp32 (those of AdamW's counters, which lie on
    the CPU)."""
    asked = []
    for name in ("fp32", "fp16"):
        one = stepper(toy.ToyTask(), optimiser=optimiser)
        one.precision = name
        one.step(one.model, Again(batch()), 1.0)
        with Calls() as calls:
            one.step(one.model, Again(batch()), 1.0)
        asked.append(
            [
                calls.counts.get(f"aten.{operator}", 0)
                for operator in ("_local_scalar_dense", "nonzero", "is_nonzero", "equal")
            ]
        )
    assert asked[0] == asked[1]


class Fused(torch.optim.SGD):
    """Learns of an overflow as torch's fused optimisers do."""

    _step_supports_amp_scaling = True
    seen: Tensor | None = None

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        assert self.grad_scale is None  # type: ignore[attr-defined]
        self.seen = self.found_inf  # type: ignore[attr-defined]


def test_optimisers_that_skip_by_themselves_are_told() -> None:
    """And of an overflow in the gradients of one all are told."""
    layers = [nn.Linear(2, 2), nn.Linear(2, 2)]
    optimisers = [Fused(layer.parameters(), lr=0.1) for layer in layers]
    scaler = Scaler(CPU)
    for fatal in (False, True):
        loss = layers[0](torch.ones(1, 2)).sum() + layers[1](torch.ones(1, 2)).sum() * (
            torch.inf if fatal else 1.0
        )
        scaler.keep(layers[0])
        scaler.scale(loss).backward()
        scaler.unscale(optimisers)
        scaler.step(optimisers, torch.zeros(3))
        assert [float(o.seen) for o in optimisers if o.seen is not None] == [float(fatal)] * 2
        assert not any(hasattr(o, "found_inf") for o in optimisers)


def test_the_fused_adamw_of_torch_skips_as_the_plain_one() -> None:
    made = []
    for fused in (False, True):
        torch.manual_seed(1)
        layer = nn.Linear(4, 4)
        optimiser, scaler = torch.optim.AdamW(layer.parameters(), lr=0.1, fused=fused), Scaler(CPU)
        for step in range(4):
            scaler.keep(layer)
            scaler.scale(
                layer(torch.ones(1, 4)).square().sum() * (torch.inf if step in (0, 2) else 1.0)
            ).backward()
            scaler.unscale([optimiser])
            scaler.step([optimiser], torch.zeros(3))
            optimiser.zero_grad()
        made.append(layer)
    assert torch.allclose(made[0].weight, made[1].weight, atol=1e-6)
