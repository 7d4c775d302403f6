"""What both heads do alike in a training run: read what was asked, resume, join the processes, load
the data, check that they are those of the run, open its folder, and hand the trainer its Runtime.

A head adds its own fields to `RunConfig`, and trains within `session`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import torch

from gocnn.errors import UserError
from gocnn.structs import from_json, to_json
from gocnn.training import eventfiles, range_run
from gocnn.training.config import TrainConfig
from gocnn.training.distributed import Processes, joined
from gocnn.training.inputs import Runtime
from gocnn.training.names import DESCRIPTION
from gocnn.training.outcome import Outcome
from gocnn.training.run import ANEW, RunFolder, need_free, open_run
from gocnn.training.schedule import Deadline
from gocnn.training.trainer import Trainer
from gocnn.versions import unreadable

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """All that was asked of a run, as run.json has it (under `wishes`). Each head has a subclass
    with its data and its network; `kind` is that of its model files, `command` what trains it."""

    kind: ClassVar[str]
    command: ClassVar[str]

    train: TrainConfig

    def to_json(self) -> dict[str, Any]:
        """The value of `wishes` in run.json: plain dicts, lists, numbers and strings."""
        return to_json(self)

    @classmethod
    def from_json(
        cls, values: dict[str, Any], file: object = DESCRIPTION, program: object = None
    ) -> Self:
        """The inverse of to_json. Raises UserError if `values` are not those of such a run: it
        names the `file`, and the version of the program that wrote it (None: not recorded)."""
        try:
            return from_json(values, cls)
        except ValueError as error:
            why = f"it does not describe {cls.command}: {error}"
            raise unreadable(file, why, program, ANEW) from error

    @classmethod
    def of_run(cls, out: Path, changes: dict[str, Any]) -> Self:
        """What was asked of the run in `out`, with other settings of training where they are in
        `changes` and not None (see `TrainConfig.changed`). Raises UserError if there is no such
        run."""
        description = RunFolder.read_description(out)
        values = RunFolder.read_config(out, cls.kind)
        config = cls.from_json(values, out / DESCRIPTION, description.get("program"))
        return replace(config, train=config.train.changed(changes))


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How a run is started.

    out: its folder; resume: whether it goes on; device: as `--device` names it; jobs: threads or
    processes that read the data (None: as many as there are cores); quiet: no bars, and nothing is
    said; say: shows a line; options: those of the command line, for run.json; deadline: see
    `gocnn.training.schedule.Deadline`; find_rate: instead of a training, so many steps of a
    learning-rate range test (`gocnn.training.range_test`), 0: a training; try_compiling: nobody
    asked for torch.compile, so a run that would use it does without where it does not work, today
    and when it is resumed.
    """

    out: Path
    resume: bool
    device: str
    jobs: int | None = None
    quiet: bool = False
    say: Callable[[str], None] = print
    options: dict[str, Any] | None = None
    deadline: Deadline | None = None
    find_rate: int = 0
    try_compiling: bool = False


class Session:
    """One process of a run that is being prepared. As with `Processes`, all processes must call its
    methods, in the same order.

    before: run.json of the run that goes on, empty for a new one.
    """

    def __init__(
        self, launch: Launch, processes: Processes, device: torch.device, train: TrainConfig
    ) -> None:
        """Raises UserError, before any data are read, if the folder holds another run, holds none
        to resume, or if a package is missing."""
        self.launch, self.processes, self.device = launch, processes, device
        self.quiet = launch.quiet or not processes.first
        with processes.together():
            self.before = RunFolder.read_description(launch.out) if launch.resume else {}
            if not launch.resume and not launch.find_rate:
                need_free(launch.out)
            if train.tensorboard and not launch.find_rate:
                eventfiles.need()

    def say(self, line: str) -> None:
        """Show a line, unless the run is quiet or this is not the first process."""
        if not self.quiet:
            self.launch.say(line)

    def load(self, make: Callable[[], T]) -> T:
        """What `make` returns, which may be slow and leave something in the machine's cache: one
        process of each machine calls it first."""
        return self.processes.one_by_machine(make)

    def need_same_data(self, key: str, fingerprint: str, what: str, ones: str) -> None:
        """Refuse to go on with other data. Raises UserError if the `fingerprint` of the data is not
        the one that run.json has under `key`; `what` and `ones` are the words for the data in its
        sentence."""
        if self.before.get(key, fingerprint) != fingerprint:
            raise UserError(
                f"the {what} are not those that the run in {self.launch.out} began with; give the"
                f" same {ones}, or start a new run"
            )

    @contextmanager
    def folder(self, config: RunConfig, facts: dict[str, Any]) -> Iterator[RunFolder]:
        """Within: the run's folder. Its run.json holds what was asked and `facts`; a range test
        leaves nothing there. Raises UserError as RunFolder does."""
        description = {"kind": config.kind, "wishes": config.to_json(), **facts}
        if self.launch.find_rate:
            yield open_run(self.launch.out, False, description, first=False)
            return
        # what was asked at first stays, also where the run has hardly begun and is begun again
        resumed = self.launch.resume
        description["options"] = self.before.get("options") if resumed else self.launch.options
        with self.processes.together():
            run = open_run(self.launch.out, self.launch.resume, description, self.processes.first)
        try:
            yield run
        finally:
            run.close()

    def fit(self, trainer: Trainer) -> Outcome:
        """Train, or test the rates and leave what they say in the folder of the launch. Raises
        UserError as `Trainer.fit` and `gocnn.training.range_run.run` do."""
        if not self.launch.find_rate:
            return trainer.fit(self.launch.resume)
        found = range_run.run(trainer, self.launch.find_rate)
        found.save(self.launch.out)
        return Outcome(0, 0, {}, 0.0, 0.0, False, self.processes.first, found)

    def runtime(self, try_compiling: bool = False) -> Runtime:
        """The trainer's Runtime in this process."""
        return Runtime(
            self.device,
            self.processes,
            self.quiet,
            deadline=self.launch.deadline,
            try_compiling=try_compiling,
        )


@contextmanager
def session(launch: Launch, train: TrainConfig) -> Iterator[Session]:
    """A session of this process, one of all that torchrun started (see
    `gocnn.training.distributed.joined`, which says what is raised, and `Session`)."""
    with joined(launch.device) as (processes, device):
        yield Session(launch, processes, device, train)
