"""Several processes train as one does, stop as one, and fail as one."""

import itertools
import json
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributed import HashStore  # type: ignore[attr-defined]  # documented, yet not in __all__

from gocnn import interrupts, modelfile
from gocnn.errors import UserError
from gocnn.training import (
    Batch,
    ModelProvenance,
    RunFolder,
    RunOutput,
    Runtime,
    TaskData,
    TrainConfig,
    distributed,
    evaluate,
    trainer,
)
from gocnn.training.agreement import Consensus, sync_norms
from tests import toy
from tests.conftest import once
from tests.toyruns import free_port, same, spawn, weights

JOBS = {
    "plain": ["20", "ema=0.9", "dropout=0.0"],
    "compiled": ["12", "accumulate=2", "ema=0.9", "dropout=0.0", "compile=1", "count"],
    "own-norms": ["20", "ema=0.9", "dropout=0.0", "sync_norms=0"],
    "stopped": ["40", "interrupt@1=12"],
    "cut": ["40", "interrupt@1=12"],
    "cut ": ["40", "--resume"],
    "terminated": ["40", "terminate@0=12"],
    "terminated ": ["40", "--resume"],
    "whole": ["40"],
    "judged": ["8", "judged=700", "sync_norms=0"],
    "many": ["4", "batch=256"],
    "many ": ["8", "batch=256", "--resume"],
    "paced": ["0", "minutes=0.03", "paced"],
    "ruined": ["16", "ruin@1=5", "survive"],
    "full": ["16", "full@0=5", "survive"],
    "lost": ["16", "kill@1=5", "wait@0=5"],
}
"""Runs that two processes train one after the other, and what happens in them; a name with a space
goes on with the run before."""


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run for each of the jobs: two processes, started once, have trained them one
    after the other."""
    return once(tmp_path_factory, "two", train_in_two)


def train_in_two(folder: Path) -> None:
    port = free_port()
    jobs = " then ".join(
        f"{folder / name.strip()} {' '.join(options)}" for name, options in JOBS.items()
    ).split(" ")
    processes = [
        spawn(
            *jobs,
            RANK=str(r),
            WORLD_SIZE="2",
            LOCAL_RANK=str(r),
            MASTER_ADDR="127.0.0.1",
            MASTER_PORT=port,
        )
        for r in (0, 1)
    ]
    ended = [process.ended(900) for process in processes]
    assert [code for code, _ in ended] == [1, -signal.SIGKILL], ended
    (folder / "said.txt").write_text(ended[0][1])


def alike(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> None:
    assert one
    for key in one:
        assert torch.allclose(one[key].float(), two[key].float(), atol=1e-4, rtol=1e-3), (
            key,
            (one[key] - two[key]).abs().max(),
        )


@pytest.mark.slow
@pytest.mark.parametrize(("name", "steps", "parts"), [("plain", 20, 1), ("compiled", 12, 2)])
def test_two_processes_give_the_result_of_one(
    tmp_path: Path, two: Path, name: str, steps: int, parts: int
) -> None:
    """Two Gloo processes with half of each batch each, batch norm included, against one process
    with the whole, or the whole in the same parts."""
    toy.train(tmp_path / "one", model=toy.network(0.0), steps=steps, accumulate=parts, ema=0.9)
    alike(weights(tmp_path / "one"), weights(two / name))


@pytest.mark.slow
def test_two_processes_with_norms_of_their_own_give_the_result_of_two_parts(
    tmp_path: Path, two: Path
) -> None:
    """Against one process that computes each batch in two parts, the same halves, which normalises
    each by itself too."""

    class Halves(toy.ToySource):
        def batch(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            return toy.ToySource(32, self.seed, rank=index % 2, world=2).batch(index // 2)

    toy.train(
        tmp_path / "parts",
        model=toy.network(0.0),
        source=Halves(16, 1),
        steps=20,
        accumulate=2,
        ema=0.9,
    )
    parts = weights(tmp_path / "parts")
    learnt = {name for name, _ in toy.network().named_parameters()}
    alike({key: value for key, value in parts.items() if key in learnt}, weights(two / "own-norms"))


@pytest.mark.slow
def test_gradients_of_parts_are_exchanged_once_a_step(two: Path) -> None:
    # compiling makes one step that is thrown away
    assert json.loads((two / "compiled" / "exchanges.json").read_text()) == 12 + 1


@pytest.mark.slow
def test_ctrl_c_in_one_process_stops_all_after_the_same_step(two: Path) -> None:
    """And SIGTERM, as often as it comes. The checkpoint goes on to the same bits as the run that
    nobody stopped."""
    assert 12 <= torch.load(two / "stopped" / "checkpoint.pt", weights_only=True)["step"] <= 20
    for name in ("cut", "terminated"):
        assert same(weights(two / name), weights(two / "whole")), name


@pytest.mark.slow
def test_two_processes_judge_as_one_does(two: Path) -> None:
    """Three batches, the last one smaller; running averages differ between processes with norms of
    their own, and those that are saved count."""
    file = modelfile.load(two / "judged" / "last.safetensors", "toy")
    model = toy.network()
    model.load_state_dict(file.tensors)
    figures = evaluate(model, toy.ToyTask(), toy.valid(700), torch.device("cpu"), "fp32")
    assert figures == pytest.approx(file.provenance["validation"], rel=1e-6)
    assert len(figures) == 2


@pytest.mark.slow
def test_large_shares_of_a_batch_are_normalised_alone(two: Path) -> None:
    """Unless the run says otherwise, and in a resumed run as before."""
    for name, shared in (("plain", True), ("own-norms", False), ("many", False)):
        assert json.loads((two / name / "run.json").read_text())["sync_norms"] == shared
        assert torch.load(two / name / "checkpoint.pt", weights_only=True)["sync_norms"] == shared
    assert [sync_norms(None, batch, 2, 4) for batch in (504, 512)] == [True, False]
    assert [sync_norms(wanted, 512, 2, 4) for wanted in (True, False)] == [True, False]
    assert TrainConfig(steps=1, sync_norms=True).sync_norms is True


@pytest.mark.slow
def test_stages_begin_in_all_processes_with_the_same_step(two: Path) -> None:
    """Also where the budget is time, of which each has a clock of its own."""
    told = [json.loads((two / "paced" / f"told-{rank}.json").read_text()) for rank in (0, 1)]
    assert told[0] == told[1] == sorted(told[0])
    assert len(set(told[0])) > 1


@pytest.mark.slow
def test_what_fails_in_one_process_fails_in_all(two: Path) -> None:
    ruined, full = (
        [(two / name / f"error-{rank}.txt").read_text() for rank in (0, 1)]
        for name in ("ruined", "full")
    )
    assert ruined[0] == ruined[1]
    assert ruined[0].startswith("the loss is not a number any more, at step 8: ")
    assert "No space left on device" in full[0]
    assert full[1] == f"process 0: {full[0]}"


@pytest.mark.slow
def test_a_process_that_is_gone_is_missed_by_one_that_hangs(two: Path) -> None:
    said = (two / "said.txt").read_text()
    assert said.splitlines()[-1].startswith("Error: another process of this run has ended (killed")
    assert "Traceback" not in said
    assert said.count("2 processes, each of which normalises over its own share of the batch") == 4


class Drawing(toy.ToyTask):
    """Writes down what it draws at random in each step, as augmentation would."""

    def __init__(self) -> None:
        self.drawn: list[list[float]] = []

    def loss(self, model: nn.Module, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        if model.training:
            self.drawn.append(torch.rand(3).tolist())
        return super().loss(model, batch)


def test_processes_draw_other_numbers_and_again_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "plot", lambda *_, **__: None)

    def drawn(rank: int, seed: int, name: str = "") -> list[list[float]]:
        out, device = tmp_path / f"{rank}-{seed}-{name}", torch.device("cpu")
        config = TrainConfig(
            steps=6, batch=32, validations=1, seed=seed, precision="fp32", accumulate=2
        )
        task = Drawing()
        run = RunFolder(out, False, {})
        processes = distributed.Processes(rank)
        step = trainer.Trainer(
            toy.network(),
            TaskData(task, toy.ToySource(16), toy.valid()),
            config,
            RunOutput(run, ModelProvenance("toy", {}, "")),
            Runtime(device, processes, quiet=True),
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
        toy.network(),
        TaskData(toy.ToyTask(), toy.ToySource(6), []),
        config,
        RunOutput(run, ModelProvenance("toy", {}, "")),
        Runtime(torch.device("cpu"), processes, quiet=True),
    )
    with pytest.raises(
        UserError,
        match="--batch 12 cannot be shared by 4 processes in 2 parts each; choose a multiple of 8",
    ):
        shared.begin()


def test_each_process_has_a_card_or_a_sentence() -> None:
    """By its number on its machine; where each was given one of its own, as by Slurm, that one."""
    plain, given = [("a", "")] * 4, [("a", str(i)) for i in range(4)] + [("b", "0")]
    assert [distributed.card(local, 4, plain[local], plain) for local in range(4)] == [0, 1, 2, 3]
    assert [distributed.card(local, 1, given[local], given) for local in range(4)] == [0, 0, 0, 0]
    with pytest.raises(
        UserError, match=r"a has 2 CUDA devices for 4 processes; .*--nproc-per-node 2"
    ):
        distributed.card(2, 2, plain[2], plain)
    with pytest.raises(UserError, match=r"a has 1 CUDA device for 4 processes"):
        distributed.card(1, 1, plain[1], plain)


def test_the_first_exchange_on_a_card() -> None:
    """There torch moves what a network is given to the card, which a network on the CPU never has
    done to it."""
    torch.distributed.init_process_group("gloo", store=HashStore(), rank=0, world_size=1)
    try:
        net = nn.parallel.DistributedDataParallel(nn.Linear(2, 3))
        net.device_ids, net.use_side_stream_for_tensor_copies = [0], False
        distributed._settle(net)
        assert all(p.grad is None for p in net.parameters())
        assert net(torch.ones(1, 2)).shape == (1, 3)
    finally:
        torch.distributed.destroy_process_group()


def test_a_process_with_other_data_is_refused() -> None:
    class Two(distributed.Processes):
        def gather(self, value: Any) -> list[Any]:
            return [value, {**value, "training_games": "others"}]

    Two(0, 1).must_share(options="same")
    with pytest.raises(
        UserError,
        match=(
            "process 1 has other training games than process 0; start all processes with the same"
            " training games"
        ),
    ):
        Two(1, 2).must_share(options="same", training_games="these")


def test_a_second_ctrl_c_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """But not the same one that comes twice, and not SIGTERM, which schedulers repeat."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    listening = interrupts.Interrupts()
    listening.listen()
    try:
        signal.raise_signal(signal.SIGTERM)
        assert listening.came
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.raise_signal(number)
        now[0] += interrupts.AGAIN
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        listening.restore()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_agreements_come_once_a_second_and_hold_for_all() -> None:
    """With the words of another process, which was told to stop, and with steps that take 0.3 s,
    then next to nothing."""
    now, told, asked = [0.0], [False], []

    class Two(distributed.Processes):
        def gather(self, value: Any) -> list[Any]:
            asked.append(step)
            return [value, (0.9, told[0], True, 5)]

    agreement = Consensus(Two(0, 2), lambda: now[0])
    for step in range(60):
        told[0] = step >= 50
        agreement.reach(step, step / 100, False, step == 10, last=step == 59)
        assert agreement.save == (step == 10)
        assert agreement.stop == any(at >= 50 for at in asked)
        now[0] += 0.3 if step < 20 else 1e-6
    assert asked[:6] == [0, 1, 4, 7, 10, 13]
    assert asked[-1] == 59
    assert max(b - a for a, b in itertools.pairwise(asked)) == 8
