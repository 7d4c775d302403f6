"""Sends a run off in parts each time that it has a new checkpoint, while it runs."""

import sys
import threading
from pathlib import Path

from gocnn.errors import UserError
from gocnn.training.run import CHECKPOINT
from gpukit import luggage, travel


class Courier:
    """Writes the run in `run` into `folder` as parts of at most `part_bytes` bytes, in all at most
    `room` bytes."""

    PERIOD = 1.0
    """Seconds between two looks for a new checkpoint."""

    def __init__(
        self, run: Path, folder: Path, part_bytes: int, room: int, halves: bool = False
    ) -> None:
        self.run, self.folder, self.part_bytes, self.room, self.halves = (
            run,
            folder,
            part_bytes,
            room,
            halves,
        )
        self._sent: tuple[int, int] | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._said = ""

    def __enter__(self) -> "Courier":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(self.PERIOD):
            seen = self._checkpoint()
            if seen is None or seen == self._sent:
                continue
            try:
                self.send()
            except (UserError, OSError) as error:  # the run goes on; the last sending says it again
                if str(error) != self._said:
                    self._said = str(error)
                    print(f"{error}; training goes on", file=sys.stderr, flush=True)
            self._sent = seen

    def _checkpoint(self) -> tuple[int, int] | None:
        try:
            status = (self.run / CHECKPOINT).stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size

    def send(self, finished: bool = False) -> str:
        """Write the parts now; returns a line about them. Raises UserError."""
        files, facts = luggage.pack(self.run, self.room, self.halves, finished)
        written = travel.send(
            self.folder,
            luggage.KIND,
            files,
            facts | {"finished": finished},
            self.part_bytes,
            self.run,
        )
        return luggage.describe(self.run, files, facts, written)
