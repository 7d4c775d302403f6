"""The trainer: one loop for both heads."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from gocnn import __version__, devices, modelfile
from gocnn.errors import UserError
from gocnn.interrupts import Interrupts
from gocnn.training import (
    checks,
    convolution,
    distributed,
    feeding,
    memory,
    padding,
    repeatable,
    schedule,
    tuning,
    warming,
)
from gocnn.training.agreement import Agreement, sync_norms
from gocnn.training.batches import Again, BatchSource, Feeder
from gocnn.training.config import TrainConfig
from gocnn.training.curves import plot
from gocnn.training.judging import Batches, PutOff, Unless, evaluate, evaluate_together
from gocnn.training.precision import choose, choose_again
from gocnn.training.progress import Progress
from gocnn.training.run import RunFolder
from gocnn.training.stepping import Stepper
from gocnn.training.task import Task

SHOW_STEPS = 8
"""Steps between two looks at the figures on the device (each look waits for it)."""


@dataclass(frozen=True)
class Identity:
    """What to write into model files: the kind, the network's configuration, and where the data
    come from."""

    kind: str
    config: dict[str, Any]
    data: str


@dataclass(frozen=True)
class Outcome:
    """How a run ended: steps and samples seen, the best validation figures, seconds, share of time
    waited for data, whether it was interrupted, and whether this process is the one to speak of it
    (of several, the first)."""

    steps: int
    samples: int
    best: dict[str, float]
    seconds: float
    waited: float
    interrupted: bool
    first: bool = True


class Trainer:
    """Trains `model` on `source`, judging it on `valid` (the same batches each time), into the
    folder `run`.

    The network that is judged and saved is the average of the weights (`config.ema`), if there is
    one. After `fit` the model files and the checkpoint are in the folder. On a CPU, a run whose
    budget is in steps or epochs ends with the same bits however often it was killed, from its first
    second on: what it begins with is a checkpoint, of step 0, before run.json says that there is a
    run. `try_compiling`: a run that is to be compiled goes on without where that does not work.
    """

    def __init__(
        self,
        model: nn.Module,
        task: Task,
        source: BatchSource,
        valid: Batches,
        config: TrainConfig,
        run: RunFolder,
        identity: Identity,
        device: torch.device,
        processes: distributed.Processes | None = None,
        quiet: bool = False,
        clock: Callable[[], float] = time.perf_counter,
        deadline: schedule.Deadline | None = None,
        try_compiling: bool = False,
    ) -> None:
        self.task, self.source, self.valid, self.config, self.run = task, source, valid, config, run
        self.identity, self.device, self.processes = (
            identity,
            device,
            processes or distributed.Processes(),
        )
        self.quiet = quiet or not self.processes.first
        self.layout = devices.layout(device) if config.channels_last else torch.contiguous_format
        self.model = model.to(device=device, memory_format=self.layout)  # type: ignore[call-overload]
        if config.pad_planes:
            padding.pad_planes(self.model)
        self.stepper = Stepper(self.model, task, config, device, self.processes.rank)
        self.clock, self.deadline, self.try_compiling = clock, deadline, try_compiling
        self.budget = schedule.Budget(
            config, max(1, source.batches_per_epoch // config.accumulate), clock
        )
        self.best: dict[str, float] = {}
        self.bad_validations = 0
        self._owed = False  # whether a validation is due that an interrupt has put off
        self._begun = False
        self._before: dict[str, Any] = {}  # how a resumed run was computed
        self._first: Sequence[Any] = ()  # a batch to warm up with
        self.interrupts = Interrupts()
        self.agreement = Agreement(self.processes, clock)
        self.sync_norms: bool | None = None
        # the layers that are computed so; None before that is chosen
        self.winograd: list[str] | None = None

    @property
    def step(self) -> int:
        """How many steps the run has done."""
        return self.stepper.number

    @property
    def precision(self) -> str:
        """What the run computes in: fp32, bf16 or fp16; empty before it is chosen."""
        return self.stepper.precision

    # --- state
    # --------------------------------------------------------------------------------

    def _state(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "elapsed": self.budget.elapsed(),
            "best": self.best,
            "bad_validations": self.bad_validations,
            "owed": self._owed,
            "budget": self.config.budget(),
            "precision": self.precision,
            "device": self.device.type,
            "scaler": self.stepper.scaler.state_dict() if self.stepper.scaler else None,
            "sync_norms": self.sync_norms,
            "winograd": self.winograd,
            "model": self.model.state_dict(),
            # at first it equals the model
            "ema": self.stepper.ema.model.state_dict() if self.stepper.ema and self.step else None,
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
            raise UserError(
                f"the checkpoint in {self.run.path} is of another network or optimiser; resume with"
                " the options it began with"
            ) from error
        self.stepper.number, self.best, self.bad_validations = (
            state["step"],
            state["best"],
            state["bad_validations"],
        )
        self.sync_norms, self._owed = state.get("sync_norms"), state.get("owed", False)
        self._before = {"precision": state["precision"], "device": state.get("device")}
        chosen = choose_again(
            self.device,
            self.config.precision,
            state["precision"],
            state.get("device"),
            self.config.deterministic,
        )
        self.stepper.precision = self.processes.agree(chosen)
        if self.config.convolution == "auto" and self._before["device"] == self.device.type:
            self.winograd = state.get("winograd")  # so that a run that goes on rounds as it did
        if self.stepper.scaler and state.get("scaler"):
            self.stepper.scaler.load_state_dict(state["scaler"])
        self.budget.before = state["elapsed"]
        if state.get("budget", self.config.budget()) != self.config.budget():
            # who gives another budget wants to go on, also after an early stop
            self.bad_validations = 0

    def _checkpoint(self) -> None:
        with self.processes.together():
            if self.processes.first:
                checks.finite_weights(self.model, self.step, self.best)
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
        modelfile.save(
            self.run.path / name, self.identity.kind, self.identity.config, provenance, tensors
        )

    # --- the loop
    # --------------------------------------------------------------------------------

    def fit(self, resume: bool = False) -> Outcome:
        """Train until the budget is spent, early stopping, or an interrupt; returns how it went.

        Raises UserError if the disk is full, if the loss is no longer a number, or if memory runs
        out; the last checkpoint and the best model are kept then.
        """
        config = self.config
        with (
            feeding.threads_for(self.device, config.threads),
            repeatable.deterministic(self.device, config.deterministic),
            tuning.tuned(self.device, not config.deterministic),
        ):
            return self._fit(resume)

    def begin(self) -> None:
        """Write down what the run begins with: the checkpoint of step 0, then run.json. `fit` does
        it for a new run, if it was not done before.

        Raises UserError if the disk is full, or if the network cannot learn from batches as small
        as these.
        """
        self._choose_norms()
        self._check_batch()
        if not self.precision:
            self.stepper.precision = self.processes.agree(
                choose(self.device, self.config.precision, self.config.deterministic)
            )
        self._choose_convolution()
        with self.processes.together():
            if self.processes.first:
                self.run.cut_reports(-1)
        self._checkpoint()
        with self.processes.together():
            if self.processes.first:
                self.run.begin(
                    {
                        **self._facts(),
                        "threads": feeding.computing_threads(self.device, self.config.threads),
                    }
                )
        self._begun = True

    def _check_batch(self) -> None:
        batch, parts, world = self.config.batch, self.config.accumulate, self.processes.world
        if batch % (parts * world):
            raise UserError(
                f"--batch {batch} cannot be shared by {world} processes in {parts} parts each;"
                f" choose a multiple of {parts * world}"
            )
        if batch == parts * world and (world == 1 or not self.sync_norms):
            arrays = self.source.batch(0)
            sample = tuple(torch.as_tensor(a, device=self.device) for a in arrays)
            checks.need_more_than_one(
                checks.single_values(self.model, lambda net: self.task.loss(net, sample)),
                batch,
                parts,
                world,
            )

    def _choose_norms(self) -> None:
        """Whether several processes normalise over the batch of all: chosen once for a run."""
        if self.sync_norms is None and self.processes.world > 1:
            self.sync_norms = sync_norms(
                self.config.sync_norms,
                self.config.batch,
                self.config.accumulate,
                self.processes.world,
            )

    def _choose_convolution(self) -> None:
        """Which layers are computed Winograd's way: chosen once for a run, unless it moves or
        someone wants it otherwise."""
        if self.device.type != "cpu" or self.precision != "fp32":
            self.winograd = []
        elif self.winograd is None:
            sample = tuple(torch.as_tensor(a[:2]) for a in self.source.batch(0))
            wanted, by_stopwatch = (
                self.config.convolution,
                (self.config.minutes or 0) >= convolution.LEAST_MINUTES,
            )
            mine = convolution.choose(
                self.model, wanted, by_stopwatch, lambda net: self.task.loss(net, sample)
            )
            self.winograd = self.processes.agree(mine)
        convolution.use(self.model, self.winograd)

    def _facts(self) -> dict[str, Any]:
        """How the run is computed, for run.json."""
        facts = {
            "precision": self.precision,
            "device": devices.title(self.device),
            "compiled": self.config.compile,
        }
        if self.winograd:
            facts["winograd"] = len(self.winograd)
        return facts if self.sync_norms is None else facts | {"sync_norms": self.sync_norms}

    def _go_on(self) -> None:
        """Write down that the run goes on, and since which step it is computed otherwise, if it
        is."""
        facts = self._facts()
        if self.processes.first:
            before = self.run.read_description(self.run.path)
            earlier = {key: before[key] for key in facts if key in before}
            if any(facts[key] != value for key, value in earlier.items()):
                facts["earlier"] = [*before.get("earlier", []), earlier | {"until_step": self.step}]
        self.run.go_on(facts, self.step)

    def _fit(self, resume: bool) -> Outcome:
        self.interrupts.listen()
        try:
            if resume:
                self._restore(self.processes.from_first(self.run.load_checkpoint))
                self._choose_norms()
                self._choose_convolution()
                with self.processes.together():
                    self._go_on()
            elif not self._begun:
                self.begin()
            waited = self._train()
        finally:
            self.interrupts.restore()
        if self.processes.first and not self._stopping:
            plot(self.run.reports(), self.run.path / "curves.png", self.task.metric)
        seconds, samples = self.budget.elapsed(), self.step * self.config.batch
        return Outcome(
            self.step,
            samples,
            self.best,
            seconds,
            waited / max(seconds, 1e-9),
            self._stopping,
            self.processes.first,
        )

    def _train(self) -> float:
        """The loop with all that it needs; returns for how many seconds it waited for data."""
        net = distributed.wrap(self.model, self.processes, self.device, bool(self.sync_norms))
        mode = self.config.compile_mode if self.config.compile else None
        moved = self.try_compiling or self._before.get("device") not in (None, self.device.type)
        if self.config.compile or self.device.type != "cpu":
            self._first = self.source.batch(self.step * self.config.accumulate)
        progress = Progress("training", self.quiet)
        budget = next(f"{value:g} {name}" for name, value in self.config.budget().items() if value)
        progress.say(
            f"precision {self.precision}{self._why()}; seed {self.config.seed}; budget {budget}"
        )
        if self.winograd:
            progress.say(
                f"{len(self.winograd)} convolutions are computed Winograd's way (--convolution)"
            )
        if self.processes.world > 1:
            over = "the batch of all" if self.sync_norms else "its own share of the batch"
            progress.say(f"{self.processes.world} processes, each of which normalises over {over}")
        feeder = Feeder(
            self.source, self.step * self.config.accumulate, self.device, self.config.feeders
        )
        try:
            ready = warming.warm(net, self.device, mode, moved, self._rehearse, progress.say)
            if self.config.compile and ready is net:
                self.run.go_on({"compiled": False}, self.step)
            self.budget.start(self.budget.before)
            if self.deadline and self.deadline.fits:
                self.budget.fit(self.deadline)
            self._loop(ready, feeder, progress)
            if feeder.searching:
                progress.say(
                    f"feeders: {feeder.feeders} of at most {feeder.most} were needed (--feeders"
                    " fixes how many)"
                )
        except Exception as error:
            if isinstance(error, UserError) or not memory.ran_out(error):
                raise
        else:
            return feeder.waited
        finally:
            feeder.close()
            progress.close()
        # Here the exception is gone, and with it what the step had taken.
        raise UserError(memory.advice(self.stepper, self.source, self.device, self.processes.world))

    def _why(self) -> str:
        """Where the precision comes from, for the screen."""
        before, device = self._before.get("precision"), self._before.get("device")
        if before and before != self.precision:
            return f" from now on ({before} before, on {device or 'another machine'})"
        return (
            ""
            if self.config.precision == self.precision
            else ", as the run began"
            if before
            else ", chosen by this machine"
        )

    def _rehearse(self, net: nn.Module) -> None:
        """One step and a judged batch of each shape, and everything put back to what it was."""
        with warming.thrown_away(self.stepper, self.device):
            batch = tuple(
                torch.from_numpy(np.ascontiguousarray(a)).to(self.device) for a in self._first
            )
            self.stepper.step(net, Again(batch), 1.0, min(2, self.config.accumulate)).tolist()
            some, judged = warming.one_of_each_shape(self.valid), self.stepper.averaged
            self._judge(lambda: evaluate(judged, self.task, some, self.device, self.precision))

    @property
    def _stopping(self) -> bool:
        """Whether the run was told to stop: alone at once, with others as all have agreed."""
        return self.interrupts.came if self.processes.world == 1 else self.agreement.stop

    def _loop(self, net: nn.Module, feeder: Feeder, progress: Progress) -> None:
        config = self.config
        # loss, right answers, samples since the last report
        sums = torch.zeros(3, device=self.device)
        began = reported = saved = self.clock()
        first = self.step
        done = self._progress(saved)
        if self._owed or (done >= 1.0 and "samples" not in self.best):
            self._validate(progress)
            self._checkpoint()
        while done < 1.0 and not self._stopping and not self._stopped_early():
            rate_factor = schedule.factor(config, done)
            sums += self.stepper.step(net, feeder, rate_factor)
            before, done = done, self._progress(saved)
            now = self.clock()
            due = int(done * config.validations) > int(before * config.validations) or done >= 1.0
            if self.step % SHOW_STEPS == 0 or due:
                rate = (self.step - first) * config.batch / (now - began)
                left = (1 - done) * self.budget.elapsed() / max(done, 1e-9)
                (loss, right, count), report = self.agreement.figures(
                    sums.tolist(), due or now - reported >= config.report_seconds
                )
                checks.finite(loss, self.step, self.best)
                if self.stepper.scaler:
                    self.stepper.scaler.check(self.step)
                count = max(count, 1.0)  # in fp16 each of these steps may have overflowed
                progress.show(
                    done, self.step, {"loss": loss / count, "accuracy": right / count}, rate, left
                )
                if report:
                    self._report(
                        "train",
                        {
                            "loss": loss / count,
                            "accuracy": right / count,
                            "rate_factor": rate_factor,
                            "samples_per_second": rate,
                            "share_waited": feeder.waited / (now - began),
                            "feeders": feeder.feeders,
                        },
                    )
                    sums.zero_()
                    reported = now
            if due:
                self._validate(progress)
                self._checkpoint()
                saved = self.clock()
            elif self.agreement.save:
                self._checkpoint()
                saved = self.clock()
        if self._stopping:
            self._checkpoint()

    def _progress(self, saved: float) -> float:
        """How far the run is, as agreed by all, and with it whether to stop and to save (the last
        time was at `saved`)."""
        done = self.budget.progress(self.step)
        if self.deadline and self.deadline.over():
            self.interrupts.came = True
        save, counted = (
            self.clock() - saved >= self.config.checkpoint_minutes * 60,
            self.budget.seconds is None,
        )
        self.agreement.reach(
            self.step, done, self.interrupts.came, save, last=counted and done >= 1.0
        )
        return done if counted else self.agreement.done

    def _report(self, kind: str, figures: dict[str, float]) -> None:
        if self.processes.first:
            head = {
                "kind": kind,
                "step": self.step,
                "samples": self.step * self.config.batch,
                "seconds": round(self.budget.elapsed(), 2),
            }
            self.run.report(head | figures)

    def _stopped_early(self) -> bool:
        return 0 < self.config.patience <= self.bad_validations

    def _judge(self, judge: Callable[[], dict[str, float]]) -> dict[str, float]:
        """What `judge` returns. Raises UserError if memory runs out in it."""
        try:
            return judge()
        except (RuntimeError, MemoryError) as error:
            if not memory.ran_out(error):
                raise
            where = f"{devices.title(self.device)}{memory.gigabytes(self.device)}"
            raise UserError(
                f"judging does not fit into the memory of {where}; go on with --resume when there"
                " is more, or on another --device"
            ) from error

    def _validate(self, progress: Progress) -> None:
        """Judge, in all processes; report, save the latest and perhaps the best model. A run that
        is told to stop puts this off: who stops it may not wait for long, and it is what the run
        does first when it goes on."""
        self._owed = True
        if self._stopping:
            return
        judged = self.stepper.averaged
        batches = (
            Unless(lambda: self.interrupts.came, self.valid)
            if self.processes.world == 1
            else self.valid
        )
        try:
            figures = self._judge(
                lambda: evaluate_together(
                    judged, self.task, batches, self.device, self.precision, self.processes
                )
            )
        except PutOff:
            return
        self._owed = False
        checks.finite(figures["loss"], self.step, self.best)
        metric = self.task.metric
        better = not self.best or figures[metric] > self.best[metric]
        with self.processes.together():
            if self.processes.first:
                self._report("valid", figures)
                self._save_model(modelfile.LAST, figures)
                if better:
                    self._save_model(modelfile.BEST, figures)
        if better:
            self.best = {**figures, "step": self.step, "samples": self.step * self.config.batch}
        self.bad_validations = 0 if better else self.bad_validations + 1
        text = ", ".join(f"{key} {value:.4f}" for key, value in figures.items())
        progress.say(f"step {self.step}: validation {text}{' (best)' if better else ''}")
