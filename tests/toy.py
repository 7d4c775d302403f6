"""A tiny task for the trainer's tests: tell which quarter of a picture is bright.

Also a program: `python -m tests.toy RUN STEPS [--resume] [OPTION=VALUE ...] [then RUN STEPS ...]`,
with what happens in the step of that number, from 1, in all processes or in one of them (`EVENTS`):
`interrupt=STEP`, `kill@RANK=STEP`; `count` to leave the number of exchanges of gradients in
`RUN/exchanges.json`; `paced` to leave in `RUN/told-RANK.json` how far the task was told that the
run is; and `survive` to leave in `RUN/error-RANK.txt` what a run ended with, and go on with the
next.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.nn import functional

from gocnn import files
from gocnn.errors import UserError
from gocnn.nn import ConvNormAct, ResidualBlock
from gocnn.training import (
    Batch,
    ModelProvenance,
    Outcome,
    RunOutput,
    Runtime,
    TaskData,
    TrainConfig,
    Trainer,
    distributed,
    pulse,
)
from gocnn.training.distributed import Processes, joined
from gocnn.training.run import open_run


class ToySource:
    block = 4

    def __init__(self, batch: int, seed: int = 0, rank: int = 0, world: int = 1) -> None:
        self.rows, self.seed, self.rank, self.world = batch, seed, rank, world
        self.batches_per_epoch = 8

    def batch(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng((self.seed, index))
        labels = rng.integers(0, 4, self.rows)
        pictures = rng.normal(0, 1, (self.rows, 1, 8, 8)).astype(np.float32)
        for i, label in enumerate(labels):
            pictures[
                i, 0, (label // 2) * 4 : (label // 2) * 4 + 4, (label % 2) * 4 : (label % 2) * 4 + 4
            ] += 0.7
        part = slice(self.rank * self.rows // self.world, (self.rank + 1) * self.rows // self.world)
        return pictures[part], labels[part]


class ToyTask:
    metric = "accuracy"

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        logits = model(batch[0]).float()
        return functional.cross_entropy(logits, batch[1]), (logits.argmax(1) == batch[1]).sum()

    def judge(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        loss, right = self.loss(model, batch)
        return {"count": torch.tensor(len(batch[1])), "right": right, "loss": loss * len(batch[1])}

    def summary(self, sums: dict[str, float]) -> dict[str, float]:
        return {"loss": sums["loss"] / sums["count"], "accuracy": sums["right"] / sums["count"]}


class Paced(ToyTask):
    """In three stages; it notes how far it was told that the run is."""

    stages = (0.0, 0.25, 0.5)

    def __init__(self) -> None:
        self.told: list[float] = []

    def advance(self, done: float) -> None:
        self.told.append(done)


class Eventful(ToyTask):
    """Something happens in the step of that number, from 1."""

    def __init__(self, step: int, event: Callable[[Tensor], Tensor]) -> None:
        self.left, self.event = step, event

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        self.left -= model.training
        loss, right = super().loss(model, batch)
        return (self.event(loss) if model.training and self.left == 0 else loss), right


def interrupt(loss: Tensor) -> Tensor:
    """Ctrl-C comes."""
    signal.raise_signal(signal.SIGINT)
    return loss


def terminate(loss: Tensor) -> Tensor:
    """SIGTERM comes, and again."""
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    return loss


def fill_disk(loss: Tensor) -> Tensor:
    """From now on nothing more can be written."""

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    files.os.fsync = full  # type: ignore[attr-defined]
    return loss


def wait(loss: Tensor) -> Tensor:
    """The step never ends."""
    time.sleep(3600)
    return loss


def kill(loss: Tensor) -> Tensor:
    """The process is gone."""
    os.kill(os.getpid(), signal.SIGKILL)
    return loss


def ruin(loss: Tensor) -> Tensor:
    """The loss is no number."""
    return loss * float("nan")


EVENTS = {
    "interrupt": interrupt,
    "terminate": terminate,
    "ruin": ruin,
    "full": fill_disk,
    "wait": wait,
    "kill": kill,
}


class Interrupting(Eventful):
    """Ctrl-C comes in the step of that number, from 1."""

    def __init__(self, step: int) -> None:
        super().__init__(step, interrupt)


def network(dropout: float = 0.1) -> nn.Module:
    torch.manual_seed(3)
    head = [nn.Linear(256, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4)]
    return nn.Sequential(
        ConvNormAct(1, 8), ResidualBlock(8, 16, 2), nn.Dropout(dropout), nn.Flatten(), *head
    )


def valid(count: int = 256) -> list[Batch]:
    """So many samples, in batches of 256 and what is left."""
    pictures, labels = (torch.from_numpy(a) for a in ToySource(count, seed=99).batch(0))
    return list(zip(pictures.split(256), labels.split(256), strict=True))


def train(
    out: Path,
    resume: bool = False,
    model: nn.Module | None = None,
    quiet: bool = True,
    source: Any = None,
    task: Any = None,
    clock: Any = time.perf_counter,
    curves: bool = False,
    processes: Processes | None = None,
    judged: int = 256,
    **options: Any,
) -> Outcome:
    """One run on this process's share, judged by `judged` samples; without curves, which take
    longer to draw than such a run takes."""
    processes, device = processes or Processes(), torch.device("cpu")
    config = TrainConfig(**{"batch": 32, "precision": "fp32", "validations": 4, **options})
    with processes.together():
        run = open_run(out, resume, {"kind": "toy"}, processes.first)
    source = source or ToySource(
        config.batch // config.accumulate, config.seed, processes.rank, processes.world
    )
    trainer = Trainer(
        model or network(),
        TaskData(task or ToyTask(), source, valid(judged)),
        config,
        RunOutput(run, ModelProvenance("toy", {}, "made up")),
        Runtime(device, processes, quiet, clock),
    )
    try:
        with nullcontext() if curves else patch("gocnn.training.trainer.plot"):
            return trainer.fit(resume)
    finally:
        run.close()


@contextmanager
def counted_exchanges(file: Path) -> Iterator[None]:
    """How often gradients are exchanged meanwhile, in that file afterwards."""
    count, plain = [0], distributed.wrap_model

    def counted(state, bucket):
        count[0] += 1
        world = torch.distributed.group.WORLD
        assert world is not None
        return allreduce_hook(world, bucket)

    def wrap(*arguments: Any, **options: Any) -> nn.Module:
        net: Any = plain(*arguments, **options)
        net.register_comm_hook(None, counted)
        return net

    with patch.object(distributed, "wrap_model", wrap):
        yield
    file.write_text(json.dumps(count[0]))


def main(words: list[str], processes: Processes) -> bool:
    """One run; returns whether it was interrupted."""
    extra: dict[str, Any] = {
        key: float(value) if "." in value else int(value)
        for key, value in (a.split("=") for a in words if "=" in a)
    }
    net, out = network(extra.pop("dropout", 0.1)), Path(words[0])
    steps = {name: extra.pop(name) for name in list(extra) if name.partition("@")[0] in EVENTS}
    tasks = [
        Eventful(step, EVENTS[name.partition("@")[0]])
        for name, step in steps.items()
        if name.partition("@")[2] in ("", str(processes.rank))
    ]
    paced = Paced() if "paced" in words else None
    with (
        patch.object(os, "fsync", os.fsync),
        counted_exchanges(out / "exchanges.json") if "count" in words else nullcontext(),
    ):
        try:
            return train(
                out,
                "--resume" in words,
                net,
                steps=int(words[1]) or None,
                quiet=False,
                task=next(iter(tasks), paced),
                processes=processes,
                **extra,
            ).interrupted
        except UserError as error:
            if "survive" not in words:
                raise
            (out / f"error-{processes.rank}.txt").write_text(str(error))
            return False
        finally:
            if paced:
                (out / f"told-{processes.rank}.json").write_text(json.dumps(paced.told))


def program(arguments: list[str]) -> None:
    """What `python -m tests.toy` does with those arguments; ends with SystemExit."""
    torch.set_num_threads(1)
    # Traced and differentiated as torch.compile does it, but not made into machine code, which
    # takes minutes and says nothing of our code.
    torch.compile = partial(torch.compile, backend="aot_eager")
    pulse.GRACE = 2.0
    try:
        with joined("cpu") as (everybody, _):
            interrupted = [
                main(words.split("\n"), everybody)
                for words in "\n".join(arguments).split("\nthen\n")
            ]
    except UserError as problem:
        sys.exit(f"Error: {problem}")
    sys.exit(130 if any(interrupted) else 0)


if __name__ == "__main__":
    program(sys.argv[1:])
