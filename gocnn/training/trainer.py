"""The trainer: one loop for both heads."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from gocnn import devices
from gocnn.errors import UserError
from gocnn.interrupts import Interrupts
from gocnn.training import (
    checks,
    distributed,
    eventfiles,
    feeding,
    memory,
    padding,
    repeatable,
    schedule,
    tuning,
    warming,
)
from gocnn.training.agreement import Consensus
from gocnn.training.batches import Again, Prefetcher
from gocnn.training.choices import Choices
from gocnn.training.config import TrainConfig
from gocnn.training.curves import plot
from gocnn.training.eventfiles import EventFiles
from gocnn.training.inputs import RunOutput, Runtime, TaskData
from gocnn.training.names import CURVES
from gocnn.training.outcome import Outcome
from gocnn.training.progress import Progress
from gocnn.training.stepping import Stepper
from gocnn.training.task import Guided, stages
from gocnn.training.validation import Validator

SHOW_STEPS = 8
"""Steps between two looks at the figures on the device (each look waits for it)."""

EARLY = 0.1
"""Share of a budget in time after which is said what it will be enough for."""

RESTORED = ("model", "ema", "optimisers", "elapsed", "precision", "best", "bad_validations")
"""What every version has put into its checkpoints, beside the step."""


class Trainer:
    """Trains `model` on `data` as `config` says, into `output`, on the devices of `runtime`.

    The network that is judged and saved is the average of the weights (`config.ema`), if there is
    one. After `fit` the model files and the checkpoint are in the folder. On a CPU, a run whose
    budget is in steps or epochs ends with the same bits however often it was killed, from its first
    second on: what it begins with is a checkpoint, of step 0, before run.json says that there is a
    run.
    """

    def __init__(
        self,
        model: nn.Module,
        data: TaskData,
        config: TrainConfig,
        output: RunOutput,
        runtime: Runtime,
    ) -> None:
        self.data, self.config, self.run = data, config, output.folder
        self.device, self.processes, self.clock = runtime.device, runtime.processes, runtime.clock
        self.deadline, self.try_compiling = runtime.deadline, runtime.try_compiling
        self.quiet = runtime.quiet or not self.processes.first
        layout = devices.layout(self.device) if config.channels_last else torch.contiguous_format
        self.model = devices.placed(model, self.device, layout)
        if config.tensorboard:
            eventfiles.need()
        if config.pad_planes:
            padding.pad_planes(self.model)
        self.stepper = Stepper(self.model, data.task, config, self.device, rank=self.processes.rank)
        per_epoch = data.source.batches_per_epoch / config.accumulate
        self.budget = schedule.Budget(config, per_epoch, self.clock)
        self.choices = Choices(self.stepper, data.source, self.processes)
        self.validator = Validator(self.stepper, data, output, runtime, self.budget)
        self.validator.owed = data.judge_first
        self.interrupts = Interrupts()
        self.consensus = Consensus(self.processes, self.clock)
        self._begun = False
        self._first: Sequence[Any] = ()  # a batch to warm up with

    @property
    def step(self) -> int:
        """How many steps the run has done."""
        return self.stepper.number

    @property
    def precision(self) -> str:
        """What the run computes in: fp32, bf16 or fp16; empty before it is chosen."""
        return self.stepper.precision

    # --- state

    def _state(self) -> dict[str, Any]:
        stepper = self.stepper
        return {
            "step": self.step,
            "elapsed": self.budget.elapsed(),
            "budget": self.config.budget(),
            "scaler": stepper.scaler.state_dict() if stepper.scaler else None,
            "model": self.model.state_dict(),
            # at first it equals the model
            "ema": stepper.ema.model.state_dict() if stepper.ema and self.step else None,
            "optimisers": [o.state_dict() for o in stepper.optimisers],
            **({"task": self.data.task.state()} if isinstance(self.data.task, Guided) else {}),
            **self.choices.state(),
            **self.validator.state(),
        }

    def _restore(self, state: dict[str, Any]) -> None:
        stepper = self.stepper
        for key in RESTORED:
            if key not in state:
                raise self.run.checkpoint_unreadable(f"it lacks {key}", state)
        try:
            self.model.load_state_dict(state["model"])
            if stepper.ema:
                stepper.ema.model.load_state_dict(state["ema"] or state["model"])
            for optimiser, saved in zip(stepper.optimisers, state["optimisers"], strict=True):
                optimiser.load_state_dict(saved)
            if isinstance(self.data.task, Guided):
                self.data.task.restore(state["task"])
        except (RuntimeError, ValueError, KeyError) as error:
            raise UserError(
                f"the checkpoint in {self.run.path} is of another network or optimiser; resume with"
                " the options it began with"
            ) from error
        stepper.number = state["step"]
        self.validator.restore(state)
        self.choices.restore(state)
        if stepper.scaler and state.get("scaler"):
            stepper.scaler.load_state_dict(state["scaler"])
        self.budget.before = state["elapsed"]
        if state.get("budget", self.config.budget()) != self.config.budget():
            # who gives another budget wants to go on, also after an early stop
            self.validator.bad = 0

    def _checkpoint(self) -> None:
        with self.processes.together():
            if self.processes.first:
                checks.finite_weights(self.model, self.step, self.validator.best)
                self.run.save_checkpoint(self._state())

    # --- the run

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
        self.choices.make()
        with self.processes.together():
            if self.processes.first:
                self.run.cut_reports(-1)
        self._checkpoint()
        with self.processes.together():
            if self.processes.first:
                threads = feeding.computing_threads(self.device, self.config.threads)
                facts = {
                    **self.choices.facts(),
                    "threads": threads,
                    "metric": self.data.task.metric,
                    "total_steps": self.budget.total_steps,
                }
                self.run.begin(facts)
        self._begun = True

    def _go_on(self) -> None:
        """Write down that the run goes on, and since which step it is computed otherwise, if it
        is."""
        facts = self.choices.facts()
        if self.processes.first:
            before = self.run.read_description(self.run.path)
            earlier = {key: before[key] for key in facts if key in before}
            if any(facts[key] != value for key, value in earlier.items()):
                facts["earlier"] = [*before.get("earlier", []), earlier | {"until_step": self.step}]
        self.run.go_on({**facts, "total_steps": self.budget.total_steps}, self.step)

    def _fit(self, resume: bool) -> Outcome:
        self.interrupts.listen()
        try:
            if resume:
                self._restore(self.processes.from_first(self.run.load_checkpoint))
                self.choices.complete()
                with self.processes.together():
                    self._go_on()
            elif not self._begun:
                self.begin()
            if self.config.tensorboard and self.processes.first:
                self.validator.event_files = EventFiles(self.run.path, self.step)
            waited = self._train()
        finally:
            self.interrupts.restore()
            if self.validator.event_files is not None:
                self.validator.event_files.close()
        if self.processes.first and not self._stopping:
            plot(
                self.run.reports(),
                self.run.path / CURVES,
                self.data.task.metric,
                rate=self.config.highest_rate,
            )
        seconds = self.budget.elapsed()
        return Outcome(
            self.step,
            self.step * self.config.batch,
            self.validator.best,
            seconds,
            waited / max(seconds, 1e-9),
            self._stopping,
            self.processes.first,
        )

    def _train(self) -> float:
        """The loop with all that it needs; returns for how many seconds it waited for data."""
        config, source = self.config, self.data.source
        net = distributed.wrap_model(
            self.model, self.processes, self.device, sync_norms=bool(self.choices.sync_norms)
        )
        first = self.step * config.accumulate
        if config.compile or self.device.type != "cpu":
            self._first = source.batch(first)
        progress = Progress("training", self.quiet)
        self.choices.tell(progress.say)
        prefetcher = Prefetcher(source, first, self.device, feeders=config.feeders)
        try:
            ready = self._warm(net, progress)
            self.budget.start(self.budget.before)
            if self.deadline and self.deadline.fits:
                self.budget.fit(self.deadline)
            self._loop(ready, prefetcher, progress)
            if first and first == self.step * config.accumulate and not self._stopping:
                progress.say(
                    "nothing was trained: the budget, which is the whole run's, was spent before;"
                    f" give a larger --{config.budget_name}"
                )
            if prefetcher.searching:
                progress.say(
                    f"feeders: {prefetcher.feeders} of at most {prefetcher.most} were needed"
                    " (--feeders fixes how many)"
                )
        except Exception as error:
            if isinstance(error, UserError) or not memory.ran_out(error):
                raise
        else:
            return prefetcher.waited
        finally:
            prefetcher.close()
            progress.close()
        # Here the exception is gone, and with it what the step had taken.
        raise UserError(
            memory.advice(self.stepper, source, self.device, world=self.processes.world)
        )

    def _warm(self, net: nn.Module, progress: Progress) -> nn.Module:
        """The network to train, compiled if it is to be and can be, after what is slow once."""
        mode = self.config.compile_mode if self.config.compile else None
        moved = self.try_compiling or self.choices.moved
        ready = warming.warm(
            net,
            self.device,
            mode=mode,
            fixed=len(stages(self.data.task)) > 1,
            moved=moved,
            rehearse=self._rehearse,
            say=progress.say,
        )
        if self.config.compile and ready is net:
            self.run.go_on({"compiled": False}, self.step)
        return ready

    def _rehearse(self, net: nn.Module) -> None:
        """One step of each stage and a judged batch of each shape, and everything put back to what
        it was. The last stage comes first: what it does not fit into is soon known."""
        with warming.thrown_away(self.stepper, self.device):
            batch = tuple(
                torch.from_numpy(np.ascontiguousarray(a)).to(self.device) for a in self._first
            )
            parts = min(2, self.config.accumulate)
            for done in reversed(stages(self.data.task)):
                self.stepper.step(net, Again(batch), 1.0, parts=parts, done=done).tolist()
            self.validator.rehearse(warming.one_of_each_shape(self.data.valid))

    # --- the loop

    @property
    def _stopping(self) -> bool:
        """Whether the run was told to stop: alone at once, with others as all have agreed."""
        return self.interrupts.came if self.processes.world == 1 else self.consensus.stop

    def _loop(self, net: nn.Module, prefetcher: Prefetcher, progress: Progress) -> None:
        config = self.config
        # loss, right answers, samples since the last report
        sums = torch.zeros(3, device=self.device)
        began = reported = saved = self.clock()
        first = self.step
        done = self._progress(saved)
        if self.validator.owed or (done >= 1.0 and "samples" not in self.validator.best):
            self._validate(progress)
            self._checkpoint()
        while done < 1.0 and not self._stopping and not self._stopped_early():
            rate_factor = schedule.factor(config, done)
            sums += self.stepper.step(net, prefetcher, rate_factor, done=done)
            before, done = done, self._progress(saved)
            if self.budget.seconds is not None and before < EARLY <= done < 1.0:
                said = self.data.foresee(round(self.step * config.batch / done))
                progress.say(said and f"note: {said}")
            now = self.clock()
            due = int(done * config.validations) > int(before * config.validations) or done >= 1.0
            if self.step % SHOW_STEPS == 0 or due:
                rate = (self.step - first) * config.batch / (now - began)
                left = (1 - done) * self.budget.elapsed() / max(done, 1e-9)
                (loss, right, count), report = self.consensus.figures(
                    sums.tolist(), due or now - reported >= config.report_seconds
                )
                checks.finite(loss, self.step, self.validator.best)
                if self.stepper.scaler:
                    self.stepper.scaler.check(self.step)
                count = max(count, 1.0)  # in fp16 each of these steps may have overflowed
                progress.show(
                    done,
                    self.step,
                    {"loss": loss / count, "accuracy": right / count},
                    rate=rate,
                    left=left,
                )
                if report:
                    self.validator.report(
                        "train",
                        {
                            "loss": loss / count,
                            "accuracy": right / count,
                            "rate_factor": rate_factor,
                            "samples_per_second": rate,
                            "share_waited": prefetcher.waited / (now - began),
                            "feeders": prefetcher.feeders,
                        },
                    )
                    sums.zero_()
                    reported = now
            if due:
                self._validate(progress)
                self._checkpoint()
                saved = self.clock()
            elif self.consensus.save:
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
        self.consensus.reach(
            self.step, done, self.interrupts.came, save, last=counted and done >= 1.0
        )
        return done if counted else self.consensus.done

    def _stopped_early(self) -> bool:
        return 0 < self.config.patience <= self.validator.bad

    def _validate(self, progress: Progress) -> None:
        said = self.validator.validate(lambda: self._stopping, lambda: self.interrupts.came)
        if said:
            progress.say(said)
