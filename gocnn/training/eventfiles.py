"""Reports of a run as event files, which TensorBoard shows (extra `tensorboard`)."""

from pathlib import Path
from typing import Any

from gocnn import libraries
from gocnn.errors import UserError

HEAD = ("kind", "step", "samples", "seconds")
"""What a report says of itself; all else in it is figures."""


def need() -> None:
    """Make sure that event files can be written. Raises UserError if the package for it is
    missing."""
    _writer()


def _writer() -> Any:
    try:
        from torch.utils.tensorboard.writer import SummaryWriter
    except ImportError as error:
        sentence = libraries.package(error)
        if sentence is None:
            raise
        raise UserError(f"--tensorboard: {sentence}") from error
    return SummaryWriter


class EventFiles:
    """Event files in the folder of a run. Figures are there by kind and name, `train/loss`,
    `valid/loss`, over the steps."""

    def __init__(self, folder: Path, step: int) -> None:
        """`step`: of the checkpoint that the run goes on from; what earlier event files say of
        later ones no longer counts. Raises UserError if the package is missing."""
        self._writer = _writer()(str(folder), purge_step=step + 1 if step else None)

    def report(self, line: dict[str, Any]) -> None:
        """Write what a line of metrics.jsonl says."""
        for name, value in line.items():
            if name not in HEAD:
                self._writer.add_scalar(f"{line['kind']}/{name}", value, line["step"])
        self._writer.flush()

    def close(self) -> None:
        """End the file."""
        self._writer.close()
