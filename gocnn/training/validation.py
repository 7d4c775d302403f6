"""Validations of a run: judge the network, save the latest and the best model, and count how many
were no better."""

from collections.abc import Callable
from typing import Any

import torch

from gocnn import __version__, devices, modelfile
from gocnn.errors import UserError
from gocnn.training import checks, memory, ranking
from gocnn.training.eventfiles import EventFiles
from gocnn.training.inputs import RunOutput, Runtime, TaskData
from gocnn.training.judging import PutOff, Unless, ValidationBatches, evaluate, evaluate_together
from gocnn.training.schedule import Budget
from gocnn.training.stepping import Stepper


class Validator:
    """Judges the network of `stepper` (the averaged one, if there is one).

    `best`: the best figures so far, with the step and the samples they were reached at; `bad`: how
    many validations since; `owed`: whether a validation is due that an interrupt has put off;
    `event_files`: where reports go, too, if anywhere.
    """

    def __init__(
        self, stepper: Stepper, data: TaskData, output: RunOutput, runtime: Runtime, budget: Budget
    ) -> None:
        self._stepper, self._data, self._output = stepper, data, output
        self._runtime, self._budget = runtime, budget
        self.best: dict[str, float] = {}
        self.bad = 0
        self.owed = False
        self.event_files: EventFiles | None = None

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of validations: the best figures, how many since were not better,
        and whether one is owed. See `restore`."""
        return {"best": self.best, "bad_validations": self.bad, "owed": self.owed}

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse of `state`, from a checkpoint."""
        self.best, self.bad = state["best"], state["bad_validations"]
        self.owed = state.get("owed", False)

    def rehearse(self, batches: list[Any]) -> None:
        """Judge some batches and drop the figures: what is slow the first time is done then."""
        stepper, runtime = self._stepper, self._runtime
        self._judge(
            lambda: evaluate(
                stepper.averaged, self._data.task, batches, runtime.device, stepper.precision
            )
        )

    def validate(self, stopping: Callable[[], bool], interrupted: Callable[[], bool]) -> str:
        """Judge in all processes, write a report, and save the latest and perhaps the best model;
        returns the line to show.

        If the run was told to stop, the validation is put off, and "" is returned: whoever stops a
        run may not wait for long. It is the first thing that the run does when it is resumed.
        `stopping`: whether the run is to stop, as all processes have agreed; `interrupted`: whether
        this process was told to, which a process alone heeds in the middle of a validation.

        Raises UserError if memory runs out, if the disk is full, or if the loss is no longer a
        number.
        """
        self.owed = True
        if stopping():
            return ""
        stepper, runtime, task = self._stepper, self._runtime, self._data.task
        batches: ValidationBatches = self._data.valid
        if runtime.processes.world == 1:
            batches = Unless(interrupted, batches)
        try:
            figures = self._judge(
                lambda: evaluate_together(
                    stepper.averaged,
                    task,
                    batches,
                    device=runtime.device,
                    precision=stepper.precision,
                    processes=runtime.processes,
                )
            )
        except PutOff:
            return ""
        self.owed = False
        checks.finite(figures["loss"], stepper.number, self.best)
        better = ranking.better(figures, self.best or None, task.metric)
        with runtime.processes.together():
            if runtime.processes.first:
                self.report("valid", figures)
                self._save(modelfile.LAST, figures)
                if better:
                    self._save(modelfile.BEST, figures)
                self._predict()
        if better:
            self.best = {**figures, "step": stepper.number, "samples": self._samples()}
        self.bad = 0 if better else self.bad + 1
        text = ", ".join(f"{key} {value:.4f}" for key, value in figures.items())
        return f"step {stepper.number}: validation {text}{' (best)' if better else ''}"

    def report(self, kind: str, figures: dict[str, float]) -> None:
        """A line in metrics.jsonl, by the first process."""
        if self._runtime.processes.first:
            head = {
                "kind": kind,
                "step": self._stepper.number,
                "samples": self._samples(),
                "seconds": round(self._budget.elapsed(), 2),
            }
            self._output.folder.report(head | figures)
            if self.event_files is not None:
                self.event_files.report(head | figures)

    def _predict(self) -> None:
        """Keep what the network says of a handful of samples."""
        predicting, stepper = self._data.predicting, self._stepper
        if predicting is None:
            return
        with torch.no_grad():
            said = predicting(stepper.averaged, self._runtime.device, stepper.precision)
        self._output.folder.keep_predictions(stepper.number, self._samples(), said)

    def _samples(self) -> int:
        return self._stepper.number * self._stepper.config.batch

    def _judge(self, judge: Callable[[], dict[str, float]]) -> dict[str, float]:
        """What `judge` returns. Raises UserError if memory runs out in it."""
        try:
            return judge()
        except (RuntimeError, MemoryError) as error:
            if not memory.ran_out(error):
                raise
            device = self._runtime.device
            raise UserError(
                "judging does not fit into the memory of"
                f" {devices.title(device)}{memory.gigabytes(device)}; go on with --resume when"
                " there is more, or on another --device"
            ) from error

    def _save(self, name: str, figures: dict[str, float]) -> None:
        stepper, given = self._stepper, self._output.provenance
        provenance = {
            "data": given.data,
            "steps": stepper.number,
            "samples": self._samples(),
            "seconds": round(self._budget.elapsed(), 1),
            "validation": figures,
            "program": __version__,
            "torch": torch.__version__,
            "device": devices.title(self._runtime.device),
            "precision": stepper.precision,
            "seed": stepper.config.seed,
            **given.more,
        }
        modelfile.save(
            self._output.folder.path / name,
            given.kind,
            given.config,
            provenance,
            stepper.averaged.state_dict(),
        )
