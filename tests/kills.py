"""Kills a run at each of its stages: before every step and before every file that it puts in place,
one after the other."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gocnn import modelfile
from gocnn.training import trainer
from gocnn.training.stepping import Stepper


class Killed(BaseException):
    """What nobody catches: the end of a process, as far as a test in one process can have it."""


class Stages:
    """Counts the stages of what runs; at number `fatal` (from 0) it is killed. `passed` are their
    names."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fatal: int | None = None
        self.passed: list[str] = []
        replace, step = os.replace, Stepper.step

        def replacing(source: str, target: Path) -> None:
            if Path(target).suffix in (".json", ".pt", ".safetensors", ".jsonl"):
                self._reach(Path(target).name)
            replace(source, target)

        def stepping(self_: Stepper, *arguments: Any, **options: Any) -> object:
            self._reach("step")
            return step(self_, *arguments, **options)

        monkeypatch.setattr(os, "replace", replacing)
        monkeypatch.setattr(Stepper, "step", stepping)
        # curves take longer than all the rest
        monkeypatch.setattr(trainer, "plot", lambda *_, **__: None)

    def _reach(self, name: str) -> None:
        if self.fatal == len(self.passed):
            raise Killed(f"before {name}")
        self.passed.append(name)

    def every(
        self, out: Path, begin: Callable[[Path], object], resume: Callable[[Path], object]
    ) -> Path:
        """Run whole, then killed at each stage in turn, and started again as a person would: with
        `resume` where the folder holds a run, else from the beginning. Each time both models must
        come out as in the whole run. Returns the folder of the whole run."""
        whole = out / "whole"
        begin(whole)
        names, expected = list(self.passed), models(whole)
        for number, name in enumerate(names):
            folder = out / f"{number}-{name}"
            self.fatal, self.passed = number, []
            with pytest.raises(Killed):
                begin(folder)
            self.fatal = None
            (resume if (folder / "run.json").exists() else begin)(folder)
            assert models(folder) == expected, f"killed before {name}, number {number}"
        return whole


def models(run: Path) -> dict[str, tuple[dict[str, bytes], dict[str, object]]]:
    """The bytes of all weights of a run's two models, and their provenance but for the time."""
    found = {}
    for name in (modelfile.BEST, modelfile.LAST):
        file = modelfile.load(run / name, modelfile.read_metadata(run / name)["kind"])
        provenance = {key: value for key, value in file.provenance.items() if key != "seconds"}
        found[name] = (
            {key: tensor.numpy().tobytes() for key, tensor in file.tensors.items()},
            provenance,
        )
    return found
