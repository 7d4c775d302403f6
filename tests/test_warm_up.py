"""What is slow the first time is done before a run's budget begins, and leaves no trace in what is
learnt."""

import copy
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from gocnn.errors import UserError
from gocnn.training import TrainConfig, trainer, tuning, warming
from gocnn.training.batches import Again
from gocnn.training.progress import Progress
from gocnn.training.run import RunFolder
from gocnn.training.stepping import Stepper
from tests import toy

CPU = torch.device("cpu")


def everything(stepper: Stepper) -> list[Any]:
    """All that a step changes."""
    models = [stepper.model, *([stepper.ema.model] if stepper.ema else [])]
    return [
        [m.state_dict() for m in models],
        [[module.training for module in m.modules()] for m in models],
        [o.state_dict() for o in stepper.optimisers],
        stepper.scaler.state_dict() if stepper.scaler else None,
        stepper.number,
        torch.get_rng_state(),
    ]


def equal(a: Any, b: Any) -> bool:
    """Bit for bit, all the way down."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return (
            isinstance(b, dict) and a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
        )
    if isinstance(a, list | tuple):
        return isinstance(b, list | tuple) and len(a) == len(b) and all(map(equal, a, b))
    return bool(a == b)


@pytest.mark.parametrize("done", [0, 3])
@pytest.mark.parametrize(
    ("optimiser", "precision"), [("muon", "fp32"), ("adamw", "fp16"), ("sgd", "bf16")]
)
def test_a_step_that_is_thrown_away_leaves_no_trace(
    optimiser: str, precision: str, done: int
) -> None:
    config = TrainConfig(steps=9, batch=32, optimiser=optimiser, precision=precision)  # type: ignore[arg-type]
    stepper = Stepper(toy.network(), toy.ToyTask(), config, CPU)
    stepper.precision = precision
    pictures, labels = toy.ToySource(32).batch(0)
    prefetcher = Again((torch.from_numpy(pictures), torch.from_numpy(labels)))
    for _ in range(done):
        stepper.step(stepper.model, prefetcher, 1.0)
    before = copy.deepcopy(everything(stepper))
    with pytest.raises(KeyError), warming.thrown_away(stepper, CPU):
        stepper.step(stepper.model, prefetcher, 1.0)
        torch.rand(3)
        assert not equal(before, everything(stepper))
        raise KeyError  # also then
    assert equal(before, everything(stepper))
    assert all(p.grad is None for p in stepper.model.parameters())


def test_one_batch_of_each_shape_is_judged() -> None:
    batches = [(torch.zeros(n, 3), torch.full((n,), i)) for i, n in enumerate((8, 8, 8, 5))]
    assert [int(labels[0]) for _, labels in warming.one_of_each_shape(batches)] == [0, 3]


@pytest.fixture
def quick_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Traced and differentiated as torch.compile does it, but not made into machine code."""
    torch.compiler.reset()
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compiler")
def test_a_compiled_run_learns_what_it_would_without_a_warm_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every step, since there is a checkpoint after each; and where it goes on."""
    seen: dict[str, list[Any]] = {}

    def run(name: str) -> None:
        states = seen.setdefault(name, [])

        def kept(self: RunFolder, state: dict[str, Any]) -> None:
            states.append(copy.deepcopy(state))
            save(self, state)

        monkeypatch.setattr(RunFolder, "save_checkpoint", kept)
        options: dict[str, Any] = {"compile": True, "checkpoint_minutes": 0.0, "accumulate": 2}
        toy.train(tmp_path / name, steps=3, quiet=False, **options)
        toy.train(tmp_path / name, resume=True, steps=6, quiet=False, **options)

    save = RunFolder.save_checkpoint
    run("warm")
    said = capsys.readouterr().err
    assert said.count("s; the budget starts now") == 2
    assert "compiled in " in said
    monkeypatch.setattr(trainer.Trainer, "_rehearse", lambda self, net: None)
    run("cold")
    assert len(seen["warm"]) >= 7
    for warm, cold in zip(seen["warm"], seen["cold"], strict=True):
        assert equal({**warm, "elapsed": 0}, {**cold, "elapsed": 0}), warm["step"]


def test_a_budget_in_time_begins_after_the_warm_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compiling takes an hour here, a step 6 seconds; the two minutes are all for steps, also when
    it goes on."""

    class Clock(toy.ToyTask):
        now = 0.0

        def __call__(self) -> float:
            return self.now

        def loss(self, model: nn.Module, batch: Any) -> Any:
            self.now += 6 * model.training
            return super().loss(model, batch)

    def rehearse(self: trainer.Trainer, net: nn.Module) -> None:
        clock.now += 3600.0

    clock, shown = Clock(), []
    monkeypatch.setattr(trainer.Trainer, "_rehearse", rehearse)
    monkeypatch.setattr(torch, "compile", lambda net, **options: net)
    monkeypatch.setattr(
        Progress, "show", lambda self, done, step, figures, rate, left: shown.append((rate, left))
    )
    outcome = toy.train(tmp_path / "run", minutes=2.0, task=clock, clock=clock, compile=True)
    assert (outcome.steps, outcome.seconds) == (20, 120.0)
    outcome = toy.train(
        tmp_path / "run", resume=True, minutes=4.0, task=clock, clock=clock, compile=True
    )
    assert (outcome.steps, outcome.seconds) == (40, 240.0)
    assert all(rate == pytest.approx(32 / 6) and left <= 240 for rate, left in shown)


def test_on_a_cpu_nothing_is_rehearsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer.Trainer, "_rehearse", lambda self, net: pytest.fail("must not"))
    toy.train(tmp_path / "run", steps=1)


def broken(graph: Any, inputs: Any) -> Any:
    raise OSError("no working C++ compiler")


def test_where_there_is_no_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sentence; a run that comes from another kind of device goes on without; and whoever wants
    can say so."""
    torch.compiler.reset()
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=broken))
    out = tmp_path / "run"
    with pytest.raises(
        UserError,
        match=r"torch\.compile does not work here \(.*\); go on with --resume --no-compile",
    ):
        toy.train(out, steps=2, compile=True)
    assert toy.train(out, resume=True, steps=2, compile=False).steps == 2
    state = torch.load(out / "checkpoint.pt", weights_only=True)
    torch.save(state | {"device": "cuda"}, out / "checkpoint.pt")
    torch.compiler.reset()
    assert toy.train(out, resume=True, steps=4, compile=True, quiet=False).steps == 4
    assert "going on without it" in capsys.readouterr().err
    assert json.loads((out / "run.json").read_text())["compiled"] is False


def test_an_error_of_the_task_is_not_taken_for_one_of_the_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wrong(toy.ToyTask):
        def loss(self, model: nn.Module, batch: Any) -> Any:
            raise ZeroDivisionError("ours")

    monkeypatch.setattr(torch, "compile", lambda net, **options: net)
    with pytest.raises(ZeroDivisionError, match="ours"):
        toy.train(tmp_path / "run", steps=1, compile=True, task=Wrong())


def test_graphs_take_a_batch_whole() -> None:
    # it is not compiled
    assert TrainConfig(steps=1, compile_mode="reduce-overhead", accumulate=2).accumulate == 2
    with pytest.raises(ValueError, match="leave out --accumulate"):
        TrainConfig(steps=1, compile=True, compile_mode="reduce-overhead", accumulate=2)


def test_cuda_is_tuned_for_the_run_and_put_back() -> None:
    """The switches are there without a card."""
    before = torch.backends.cudnn.benchmark, torch.get_float32_matmul_precision()
    assert before == (False, "highest")
    with pytest.raises(KeyError), tuning.tuned(torch.device("cuda", 0), True):
        assert torch.backends.cudnn.benchmark
        assert torch.get_float32_matmul_precision() == "high"
        assert torch.backends.cuda.matmul.allow_tf32  # as torch.compile reads it: must not raise
        raise KeyError
    assert (torch.backends.cudnn.benchmark, torch.get_float32_matmul_precision()) == before
    for device, wanted in ((CPU, True), (torch.device("cuda", 0), False)):
        with tuning.tuned(device, wanted):
            assert (torch.backends.cudnn.benchmark, torch.get_float32_matmul_precision()) == before


def test_what_a_person_has_set_with_the_new_interface_stays() -> None:
    before = torch.backends.cuda.matmul.fp32_precision
    try:
        torch.backends.cuda.matmul.fp32_precision = "tf32"
        with tuning.tuned(torch.device("cuda", 0), True):
            assert torch.backends.cuda.matmul.fp32_precision == "tf32"
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"
    finally:
        torch.backends.cuda.matmul.fp32_precision = before
        torch.set_float32_matmul_precision("highest")
