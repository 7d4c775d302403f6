"""A run's folder: what is in it, and how it survives being killed.

    checkpoint.pt       everything needed to go on: weights, optimisers, average, step, time; the
                        first, of step 0, before anything else
    run.json            what was asked: configuration, network, data; and what was chosen:
                        precision, threads; on which device, and how the steps before were computed,
                        if otherwise; the version of gocnn that last wrote it (`program`)
    metrics.jsonl       one JSON line a report
    predictions.json    what the network said of a handful of samples at the last validation
    best.safetensors    the best model by validation      last.safetensors    the latest one
    curves.png          drawn at the end

Every file is written beside its target and renamed over it; metrics.jsonl grows line by line and is
cut back to the checkpoint's step on resume. A folder holds a run from the moment that it has a
run.json.
"""

import io
import json
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from gocnn import __version__
from gocnn.errors import UserError
from gocnn.files import write_bytes, write_text
from gocnn.training.names import CHECKPOINT as CHECKPOINT
from gocnn.training.names import DESCRIPTION as DESCRIPTION
from gocnn.training.names import LOCK, OF_A_RUN, PREDICTIONS
from gocnn.training.names import METRICS as METRICS
from gocnn.versions import RUN_VERSION, unreadable

WRITTEN = {"version": RUN_VERSION, "program": __version__}
"""What run.json and a checkpoint say of who wrote them (`gocnn.versions`)."""

ANEW = "start a new run in another folder with --out"

LOOKED_AT = 0.3
"""Seconds that a lock is waited for: who looks whether a run is going on holds it for a moment."""


class RunFolder:
    """The folder of one run, held by one process at a time."""

    def __init__(self, path: Path, resume: bool, description: dict[str, Any]) -> None:
        """Open the folder for a new run, or for an earlier one with `resume`.

        Raises UserError if it holds another run, if there is nothing to resume, or if another
        process is training into it.
        """
        self.path = path
        self.description = description
        self._lock: FileLock | None = None
        if not resume:
            need_free(path)
        if path.exists() and not path.is_dir():
            raise UserError(f"{path} is a file; choose a folder with --out")
        if resume and not (path / DESCRIPTION).exists():
            raise UserError(f"{path} holds no run to resume; leave out --resume to start one")
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(path / LOCK, timeout=LOOKED_AT, thread_local=False)
            self._lock.acquire()
        except Timeout as error:
            raise UserError(
                f"another process is training into {path}; wait for it, or choose another folder"
                " with --out"
            ) from error
        except NotImplementedError as error:
            raise UserError(
                f"{path} is where files cannot be locked; choose another place with --out"
            ) from error
        except OSError as error:
            raise UserError(
                f"cannot make the run folder {path}: {error.strerror}; choose another place with"
                " --out"
            ) from error
        if not resume and (path / CHECKPOINT).exists() and self.load_checkpoint()["step"] > 0:
            self.close()
            raise UserError(
                f"{path} holds the checkpoint of a run without its {DESCRIPTION}; choose another"
                " folder with --out"
            )
        for name in OF_A_RUN:  # what a kill has left half-written
            for part in path.glob(f".{name}.*.tmp"):
                part.unlink(missing_ok=True)

    def begin(self, facts: dict[str, Any]) -> None:
        """Write run.json of a new run: its description and `facts`, which the trainer has
        chosen."""
        self._describe(self.description | facts)

    def go_on(self, facts: dict[str, Any], step: int) -> None:
        """Resume from the checkpoint of `step`: drop later reports, and write what is asked of the
        run now, and `facts`, into run.json."""
        self.cut_reports(step)
        before = self.read_description(self.path)
        now = before | self.description | facts | WRITTEN
        if now != before:
            self._describe(now)

    def _describe(self, description: dict[str, Any]) -> None:
        text = json.dumps(WRITTEN | description | WRITTEN, indent=1)
        write_text(self.path / DESCRIPTION, text + "\n")

    @staticmethod
    def read_description(path: Path) -> dict[str, Any]:
        """The contents of run.json of an earlier run. Raises UserError if there is none, if it
        cannot be read, or if another version of the program gave it another form."""
        target = path / DESCRIPTION
        try:
            value = json.loads(target.read_text(encoding="utf-8"))
            if not isinstance(value, dict):
                raise ValueError("not a description")
        except (FileNotFoundError, NotADirectoryError) as error:
            raise UserError(
                f"{path} holds no run to resume; leave out --resume to start one"
            ) from error
        except OSError as error:
            raise UserError(
                f"cannot read {target}: {error.strerror}; check its permissions"
            ) from error
        except (ValueError, RecursionError) as error:
            raise UserError(f"{target} is damaged; {ANEW}") from error
        _need_known_version(target, value)
        return value

    @staticmethod
    def read_config(path: Path, kind: str) -> dict[str, Any]:
        """What was asked of an earlier run of that kind: a RunConfig's `to_json` (see
        `gocnn.training.session`). Raises UserError."""
        description = RunFolder.read_description(path)
        if description.get("kind") != kind:
            raise UserError(
                f"{path} holds a run of the kind {description.get('kind')}, not {kind}; choose"
                " another folder with --out"
            )
        config = description.get("wishes")
        if not isinstance(config, dict):
            why = "it does not say what was asked of the run"
            raise unreadable(path / DESCRIPTION, why, description.get("program"), ANEW)
        return config

    def save_checkpoint(self, state: dict[str, Any]) -> None:
        """Replace the checkpoint; a failure leaves the one before and raises UserError."""
        buffer = io.BytesIO()
        torch.save(state | WRITTEN, buffer)
        write_bytes(self.path / CHECKPOINT, buffer.getvalue())

    def load_checkpoint(self) -> dict[str, Any]:
        """The checkpoint. Raises UserError if there is none, if it is damaged, or if another
        version of the program gave it another form."""
        target = self.path / CHECKPOINT
        if not target.exists():
            raise UserError(f"{self.path} has no {CHECKPOINT} to go on from; {ANEW}")
        try:
            state: dict[str, Any] = torch.load(target, map_location="cpu", weights_only=True)
            if not isinstance(state, dict):
                raise ValueError("not a checkpoint of a run")
        except Exception as error:
            usable = f"{self.path}/best.safetensors is still usable"
            wrote = self._writer()
            if wrote not in (None, __version__):
                raise unreadable(
                    target, "it is no checkpoint", wrote, f"{ANEW}; {usable}"
                ) from error
            raise UserError(f"{target} is damaged; {ANEW} ({usable})") from error
        _need_known_version(target, state)
        if "step" not in state:
            raise self.checkpoint_unreadable("it does not say its step", state)
        return state

    def _writer(self) -> object:
        """The version of gocnn that last wrote run.json, None if it does not say."""
        try:
            return self.read_description(self.path).get("program")
        except UserError:
            return None

    def checkpoint_unreadable(self, why: str, state: dict[str, Any]) -> UserError:
        """The refusal of a checkpoint that another version wrote, or that was altered: `why` it
        cannot be read."""
        return unreadable(self.path / CHECKPOINT, why, state.get("program"), ANEW)

    def report(self, line: dict[str, Any]) -> None:
        """Append one line to metrics.jsonl."""
        with (self.path / METRICS).open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(json.dumps(line) + "\n")

    def keep_predictions(self, step: int, samples: int, predictions: list[dict[str, Any]]) -> None:
        """Replace predictions.json: what was said at the validation of `step`, after so many
        samples (`gocnn.training.inputs.Predicting`)."""
        kind = self.description.get("kind")
        said = {"kind": kind, "step": step, "samples": samples, "predictions": predictions}
        write_text(self.path / PREDICTIONS, json.dumps(WRITTEN | said) + "\n")

    def reports(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl; a last line cut short by a kill is left out."""
        return read_reports(self.path)

    def cut_reports(self, step: int) -> None:
        """Drop reports later than `step`: the run is about to make them again."""
        if (self.path / METRICS).exists():
            kept = [line for line in self.reports() if line["step"] <= step]
            write_text(self.path / METRICS, "".join(json.dumps(line) + "\n" for line in kept))

    def close(self) -> None:
        """Release the folder, so that other processes may train into it."""
        if self._lock:
            self._lock.release()


def _need_known_version(target: Path, value: dict[str, Any]) -> None:
    """Raises UserError if run.json or a checkpoint is of another version of the format."""
    version = value.get("version", RUN_VERSION)
    if version != RUN_VERSION:
        why = f"it is of format version {str(version)[:20]}, not {RUN_VERSION}"
        raise unreadable(target, why, value.get("program"), ANEW)


class _Follower(RunFolder):
    """The run folder as processes other than the first see it: they read the checkpoint and write
    nothing."""

    def __init__(self, path: Path, description: dict[str, Any]) -> None:
        self.path, self.description, self._lock = path, description, None

    def go_on(self, facts: dict[str, Any], step: int) -> None:
        """The first process does this."""


def need_free(path: Path) -> None:
    """Raise UserError if the folder holds a run."""
    if (path / DESCRIPTION).exists():
        raise UserError(
            f"{path} already holds a run; add --resume to go on with it, or choose another"
            " folder with --out"
        )


def open_run(path: Path, resume: bool, description: dict[str, Any], first: bool) -> RunFolder:
    """The run folder for the first process, which alone writes to it, or for another one. Raises
    UserError as RunFolder does."""
    return RunFolder(path, resume, description) if first else _Follower(path, description)


def read_reports(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a run's metrics.jsonl; none if there is no such file."""
    lines: list[dict[str, Any]] = []
    target = path / METRICS
    for text in (
        target.read_text(encoding="utf-8", errors="replace").splitlines() if target.exists() else []
    ):
        try:
            lines.append(json.loads(text))
        except ValueError:
            break
    return lines
