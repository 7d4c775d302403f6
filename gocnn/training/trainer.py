"""The trainer: one loop for both heads."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch
from torch import nn

from gocnn import __version__
from gocnn.errors import UserError
from gocnn.training import checks, devices, distributed, feeding, interrupts, modelfile, repeatable, schedule
from gocnn.training.batches import Batch, BatchSource, Feeder
from gocnn.training.config import TrainConfig
from gocnn.training.curves import draw
from gocnn.training.judging import evaluate
from gocnn.training.precision import choose
from gocnn.training.progress import Progress
from gocnn.training.run import RunFolder
from gocnn.training.stepping import Stepper
from gocnn.training.task import Task

SHOW_STEPS = 8
"""Steps between two looks at the figures on the device (each look waits for it)."""

AGREE_STEPS = 8
"""Steps between two agreements of several processes on how much of a budget in time is spent (each waits for all of them)."""


@dataclass(frozen=True)
class Identity:
    """What to write into model files: the kind, the network's configuration, and where the data come from."""

    kind: str
    config: dict[str, Any]
    data: str


@dataclass(frozen=True)
class Outcome:
    """How a run ended: steps and samples seen, the best validation figures, seconds, share of time waited for data, and whether it was
    interrupted."""  # fmt: skip

    steps: int
    samples: int
    best: dict[str, float]
    seconds: float
    waited: float
    interrupted: bool


class Trainer:
    """Trains `model` on `source`, judging it on `valid` (the same batches each time), into the folder `run`.

    The network that is judged and saved is the average of the weights (`config.ema`), if there is one. After `fit` the model files and the
    checkpoint are in the folder. On a CPU, a run whose budget is in steps or epochs ends with the same bits however often it was killed, from its
    first second on: what it begins with is a checkpoint, of step 0, before run.json says that there is a run.
    """

    def __init__(self, model: nn.Module, task: Task, source: BatchSource, valid: Iterable[Batch], config: TrainConfig, run: RunFolder,
                 identity: Identity, device: torch.device, processes: distributed.Processes | None = None, quiet: bool = False,
                 clock: Callable[[], float] = time.perf_counter) -> None:  # fmt: skip
        self.task, self.source, self.valid, self.config, self.run = task, source, valid, config, run
        self.identity, self.device, self.processes = identity, device, processes or distributed.Processes()
        self.quiet = quiet or not self.processes.first
        self.layout = devices.layout(device) if config.channels_last else torch.contiguous_format
        self.model = model.to(device=device, memory_format=self.layout)  # type: ignore[call-overload]
        self.stepper = Stepper(self.model, task, config, device, self.processes.rank)
        self.clock = clock
        self.budget = schedule.Budget(config, max(1, source.batches_per_epoch // config.accumulate), clock)
        self.best: dict[str, float] = {}
        self.bad_validations = 0
        self._begun = False
        self._interrupted = False
        self._agreed: float | None = None

    @property
    def step(self) -> int:
        """How many steps the run has done."""
        return self.stepper.number

    @property
    def precision(self) -> str:
        """What the run computes in: fp32 or bf16; empty before it is chosen."""
        return self.stepper.precision

    # --- state -------------------------------------------------------------------------------------------------------------------

    def _state(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "elapsed": self.budget.elapsed(),
            "best": self.best,
            "bad_validations": self.bad_validations,
            "budget": self.config.budget(),
            "precision": self.precision,
            "model": self.model.state_dict(),
            "ema": self.stepper.ema.model.state_dict() if self.stepper.ema and self.step else None,  # at first it equals the model
            "optimisers": [o.state_dict() for o in self.stepper.optimisers],
        }

    def _restore(self, state: dict[str, Any]) -> None:
        try:
            self.model.load_state_dict(state["model"])
            if self.stepper.ema:
                self.stepper.ema.model.load_state_dict(state["ema"] or state["model"])
            for optimiser, saved in zip(self.stepper.optimisers, state["optimisers"], strict=True):
                optimiser.load_state_dict(saved)
        except (RuntimeError, ValueError, KeyError) as error:
            raise UserError(f"the checkpoint in {self.run.path} is of another network or optimiser; resume with the options it began with") from error
        self.stepper.number, self.best, self.bad_validations = state["step"], state["best"], state["bad_validations"]
        self.stepper.precision = state["precision"]
        self.budget.before = state["elapsed"]
        if state.get("budget", self.config.budget()) != self.config.budget():
            self.bad_validations = 0  # who gives another budget wants to go on, also after an early stop

    def _checkpoint(self) -> None:
        checks.finite_weights(self.model, self.step, self.best)
        if self.processes.first:
            self.run.save_checkpoint(self._state())

    def _save_model(self, name: str, figures: dict[str, float]) -> None:
        provenance = {
            "data": self.identity.data,
            "steps": self.step,
            "samples": self.step * self.config.batch,
            "seconds": round(self.budget.elapsed(), 1),
            "validation": figures,
            "program": __version__,
            "torch": torch.__version__,
            "device": devices.title(self.device),
            "precision": self.precision,
            "seed": self.config.seed,
        }
        tensors = self.stepper.averaged.state_dict()
        modelfile.save(self.run.path / name, self.identity.kind, self.identity.config, provenance, tensors)

    # --- the loop ----------------------------------------------------------------------------------------------------------------

    def fit(self, resume: bool = False) -> Outcome:
        """Train until the budget is spent, early stopping, or an interrupt; returns how it went.

        Raises UserError if the disk is full, or if the loss is no longer a number; the last checkpoint and the best model are kept then.
        """
        with feeding.threads_for(self.device, self.config.threads), repeatable.deterministic(self.device, self.config.deterministic):
            return self._fit(resume)

    def begin(self) -> None:
        """Write down what the run begins with: the checkpoint of step 0, then run.json. `fit` does it for a new run, if it was not done before.

        Raises UserError if the disk is full, or if the network cannot learn from batches as small as these.
        """
        self._check_batch()
        self._choose_precision()
        if self.processes.first:
            self.run.cut_reports(-1)
            self._checkpoint()
            self.run.begin({"precision": self.precision, "threads": feeding.computing_threads(self.device, self.config.threads)})
        self._begun = True

    def _check_batch(self) -> None:
        batch, parts, world = self.config.batch, self.config.accumulate, self.processes.world
        if batch % (parts * world):
            raise UserError(f"--batch {batch} cannot be shared by {world} processes in {parts} parts each; choose a multiple of {parts * world}")
        if batch == parts * world and (world == 1 or not self.config.sync_norms):
            arrays = self.source.batch(0)
            sample = tuple(torch.as_tensor(a, device=self.device) for a in arrays)
            checks.need_more_than_one(checks.single_values(self.model, lambda net: self.task.loss(net, sample)), batch, parts, world)

    def _choose_precision(self) -> None:
        """The run's precision, the same in all processes, said on the screen."""
        if not self.precision:
            chosen = choose(self.device, self.config.precision, self.config.deterministic)
            self.stepper.precision = "bf16" if self.processes.agree(float(chosen == "bf16")) else "fp32"

    def _fit(self, resume: bool) -> Outcome:
        previous = interrupts.on_interrupt(self._interrupt)
        try:
            if resume:
                self._restore(self.run.load_checkpoint())
                self._choose_precision()
                self.run.go_on({"precision": self.precision}, self.step)
            elif not self._begun:
                self.begin()
            waited = self._train()
        finally:
            interrupts.restore_interrupt(previous)
        if self.processes.first and not self._interrupted:
            draw(self.run.reports(), self.run.path / "curves.png", self.task.metric)
        seconds = self.budget.elapsed()
        return Outcome(self.step, self.step * self.config.batch, self.best, seconds, waited / max(seconds, 1e-9), self._interrupted)

    def _train(self) -> float:
        """The loop with all that it needs; returns for how many seconds it waited for data."""
        self.budget.start(self.budget.before)
        net = distributed.wrap(self.model, self.processes, self.device, self.config.sync_norms)
        if self.config.compile:
            net = torch.compile(net)  # type: ignore[assignment]
        progress = Progress("training", self.quiet)
        why = "" if self.config.precision == self.precision else ", as the run began" if self.step else ", chosen by this machine"
        budget = next(f"{value:g} {name}" for name, value in self.config.budget().items() if value)
        progress.say(f"precision {self.precision}{why}; seed {self.config.seed}; budget {budget}")
        feeder = Feeder(self.source, self.step * self.config.accumulate, self.device, self.config.feeders)
        try:
            self._loop(net, feeder, progress)
            if feeder.searching:
                progress.say(f"feeders: {feeder.feeders} of at most {feeder.most} were needed (--feeders fixes how many)")
        finally:
            feeder.close()
            progress.close()
        return feeder.waited

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._interrupted:
            raise KeyboardInterrupt
        self._interrupted = True

    def _loop(self, net: nn.Module, feeder: Feeder, progress: Progress) -> None:
        config = self.config
        sums = torch.zeros(3, device=self.device)  # loss, right answers, samples since the last report
        began = reported = saved = self.clock()
        first = self.step
        done = self._progress()
        if done >= 1.0 and "samples" not in self.best:
            self._validate(progress)
        while done < 1.0 and not self._interrupted and not self._stopped_early():
            rate_factor = schedule.factor(config, done)
            sums += self.stepper.step(net, feeder, rate_factor)
            before, done = done, self._progress()
            now = self.clock()
            due = int(done * config.validations) > int(before * config.validations) or done >= 1.0
            if self.step % SHOW_STEPS == 0 or due:
                rate = (self.step - first) * config.batch / (now - began)
                left = (1 - done) * self.budget.elapsed() / max(done, 1e-9)
                loss, right, count = sums.tolist()
                checks.finite(loss, self.step, self.best)
                progress.show(done, self.step, {"loss": loss / max(count, 1), "accuracy": right / max(count, 1)}, rate, left)
                if now - reported >= config.report_seconds or due:
                    self._report("train", {"loss": loss / count, "accuracy": right / count, "rate_factor": rate_factor,
                                           "samples_per_second": rate, "share_waited": feeder.waited / (now - began),
                                           "feeders": feeder.feeders})  # fmt: skip
                    sums.zero_()
                    reported = now
            if due:
                self._validate(progress)
                self._checkpoint()
                saved = self.clock()
                self.bad_validations = int(self.processes.agree(self.bad_validations))
            elif now - saved >= config.checkpoint_minutes * 60:
                self._checkpoint()
                saved = self.clock()
        if self._interrupted:
            self._checkpoint()

    def _progress(self) -> float:
        done = self.budget.progress(self.step)
        if self.budget.seconds is None or self.processes.world == 1:
            return done
        if self._agreed is None or self.step % AGREE_STEPS == 0:
            self._agreed = self.processes.agree(done)
        return self._agreed

    def _report(self, kind: str, figures: dict[str, float]) -> None:
        if self.processes.first:
            head = {"kind": kind, "step": self.step, "samples": self.step * self.config.batch, "seconds": round(self.budget.elapsed(), 2)}
            self.run.report(head | figures)

    def _stopped_early(self) -> bool:
        return 0 < self.config.patience <= self.bad_validations

    def _validate(self, progress: Progress) -> None:
        """Judge, report, save the latest and perhaps the best model."""
        if not self.processes.first:
            return
        figures = evaluate(self.stepper.averaged, self.task, self.valid, self.device, self.precision)
        checks.finite(figures["loss"], self.step, self.best)
        self._report("valid", figures)
        self._save_model(modelfile.LAST, figures)
        metric = self.task.metric
        better = not self.best or figures[metric] > self.best[metric]
        if better:
            self.best = {**figures, "step": self.step, "samples": self.step * self.config.batch}
            self._save_model(modelfile.BEST, figures)
        self.bad_validations = 0 if better else self.bad_validations + 1
        text = ", ".join(f"{key} {value:.4f}" for key, value in figures.items())
        progress.say(f"step {self.step}: validation {text}{' (best)' if better else ''}")
