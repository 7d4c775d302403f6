"""What is decided once for a run by the machine that begins it: its precision, how several
processes normalise, and how convolutions are computed. A resumed run keeps to it unless it moves to
another kind of device."""

from collections.abc import Callable
from typing import Any

import torch

from gocnn import devices
from gocnn.errors import UserError
from gocnn.training import checks, convolution
from gocnn.training.agreement import sync_norms
from gocnn.training.batches import BatchSource
from gocnn.training.distributed import Processes
from gocnn.training.precision import choose_again, choose_precision
from gocnn.training.stepping import Stepper
from gocnn.training.task import advance, stages


class Choices:
    """The choices of one run, which are put into effect in `stepper` and in its model.

    `precision` is kept by the stepper. `sync_norms`: whether several processes normalise over the
    batch of all (None: one process, or not chosen). `winograd`: the layers that are computed
    Winograd's way (None: not chosen). `before`: how a resumed run was computed, by precision and
    kind of device; empty for a new one.
    """

    def __init__(self, stepper: Stepper, source: BatchSource, processes: Processes) -> None:
        self._stepper, self._source, self._processes = stepper, source, processes
        self._config, self._device = stepper.config, stepper.device
        self.sync_norms: bool | None = None
        self.winograd: list[str] | None = None
        self.before: dict[str, Any] = {}

    def make(self) -> None:
        """Choose for a new run. Raises UserError if the network cannot learn from batches as small
        as these, or if they cannot be shared by the processes."""
        self._choose_norms()
        self._check_batch()
        if not self._stepper.precision:
            chosen = choose_precision(
                self._device, self._config.precision, self._config.deterministic
            )
            self._stepper.precision = self._processes.broadcast(chosen)
        self._choose_convolution()

    def state(self) -> dict[str, Any]:
        """The choices that a checkpoint keeps, so that a resumed run computes as before."""
        return {
            "precision": self._stepper.precision,
            "device": self._device.type,
            "sync_norms": self.sync_norms,
            "winograd": self.winograd,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Choose as the run did that the checkpoint `state` is of, where this machine can."""
        self.sync_norms = state.get("sync_norms")
        self.before = {"precision": state["precision"], "device": state.get("device")}
        chosen = choose_again(
            self._device,
            self._config.precision,
            state["precision"],
            state.get("device"),
            by_capability=self._config.deterministic,
        )
        self._stepper.precision = self._processes.broadcast(chosen)
        if self._config.convolution == "auto" and self.before["device"] == self._device.type:
            self.winograd = state.get("winograd")  # so that a run that goes on rounds as it did

    def complete(self) -> None:
        """After `restore`: choose what the run had not chosen, or what this machine must choose
        anew."""
        self._choose_norms()
        self._choose_convolution()

    @property
    def moved(self) -> bool:
        """Whether a resumed run began on another kind of device (`cuda`, not `cpu`); False for a
        new one."""
        return self.before.get("device") not in (None, self._device.type)

    def facts(self) -> dict[str, Any]:
        """How the run is computed, for run.json."""
        facts = {
            "precision": self._stepper.precision,
            "device": devices.title(self._device),
            "compiled": self._config.compile,
        }
        if self.winograd:
            facts["winograd"] = len(self.winograd)
        return facts if self.sync_norms is None else facts | {"sync_norms": self.sync_norms}

    def tell(self, say: Callable[[str], None]) -> None:
        """Say what was chosen, and why."""
        budget = next(
            f"{value:g} {name.removesuffix('s') if value == 1 else name}"
            for name, value in self._config.budget().items()
            if value
        )
        say(
            f"precision {self._stepper.precision}{self._why()}; seed {self._config.seed}; budget"
            f" {budget}"
        )
        if self.winograd:
            say(f"{len(self.winograd)} convolutions are computed Winograd's way (--convolution)")
        if self._processes.world > 1:
            over = "the batch of all" if self.sync_norms else "its own share of the batch"
            say(f"{self._processes.world} processes, each of which normalises over {over}")

    def _why(self) -> str:
        """Where the precision comes from."""
        before, device = self.before.get("precision"), self.before.get("device")
        if before and before != self._stepper.precision:
            return f" from now on ({before} before, on {device or 'another machine'})"
        if self._config.precision == self._stepper.precision:
            return ""
        return ", as the run began" if before else ", chosen by this machine"

    def _check_batch(self) -> None:
        batch, parts, world = self._config.batch, self._config.accumulate, self._processes.world
        if batch % (parts * world):
            raise UserError(
                f"--batch {batch} cannot be shared by {world} processes in {parts} parts each;"
                f" choose a multiple of {parts * world}"
            )
        if batch == parts * world and (world == 1 or not self.sync_norms):
            arrays = self._source.batch(0)
            sample = tuple(torch.as_tensor(a, device=self._device) for a in arrays)
            task = self._stepper.task
            for done in stages(task):
                advance(task, done)
                single = checks.single_values(
                    self._stepper.model, lambda net: task.loss(net, sample)
                )
                checks.need_more_than_one(single, batch, parts, world)

    def _choose_norms(self) -> None:
        if self.sync_norms is None and self._processes.world > 1:
            self.sync_norms = sync_norms(
                self._config.sync_norms,
                self._config.batch,
                self._config.accumulate,
                self._processes.world,
            )

    def _choose_convolution(self) -> None:
        model = self._stepper.model
        if self._device.type != "cpu" or self._stepper.precision != "fp32":
            self.winograd = []
        elif self.winograd is None:
            sample = tuple(torch.as_tensor(a[:2]) for a in self._source.batch(0))
            by_stopwatch = (self._config.minutes or 0) >= convolution.LEAST_MINUTES
            mine = convolution.choose_layers(
                model,
                self._config.convolution,
                by_stopwatch,
                lambda net: self._stepper.task.loss(net, sample),
            )
            self.winograd = self._processes.broadcast(mine)
        convolution.use(model, self.winograd)
