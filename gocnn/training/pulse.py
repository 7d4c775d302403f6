"""The pulse of a run in several processes: a thread in each meets those of the others once a
second, so that all know at once when one has ended.

Without it they would wait for a process that is gone: NCCL does not notice that, and no process
that waits for its device can say what it has met.
"""

import contextlib
import os
import sys
import threading
from typing import Any

import torch.distributed as dist

PERIOD = 1.0
"""Seconds between two beats."""

GRACE = 20.0
"""Seconds after which a process whose run has failed is ended by force, if it waits for others, or
for its device, and cannot end by itself."""

GONE = (
    "another process of this run has ended (killed, out of memory, or its machine cannot be"
    " reached)"
)

_OVER = "\n"
"""What a process says that has come to its end in peace."""


class Pulse:
    """The thread of this process. `told`: what has gone wrong in any process: its rank (None if
    unknown) and the sentence."""

    def __init__(self, group: Any, world: int) -> None:
        """`group`: a group of processes that nothing else speaks through, over Gloo."""
        self._group, self._world = group, world
        self._word = ""
        self._wake, self._still = threading.Event(), threading.Event()
        self.told: list[tuple[int | None, str]] = []
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        words: list[Any] = []
        while not self.told and not (words and all(word == _OVER for word in words)):
            if self._word == "":
                self._wake.wait(PERIOD)
            try:
                words = self._beat()
                self.told = [
                    (rank, word) for rank, word in enumerate(words) if word not in ("", _OVER)
                ]
            except Exception:  # noqa: BLE001 - whatever its kind: the others are out of reach
                self.told = [(None, GONE)]
        # Once more, so that nobody goes before all have heard it. Whoever goes first closes the
        # connections, which is no news now.
        with contextlib.suppress(Exception):
            self._beat()
        self._still.set()
        if self.told:
            threading.Event().wait(GRACE)
            print(f"Error: {self.told[0][1]}", file=sys.stderr, flush=True)
            os._exit(1)

    def _beat(self) -> list[str]:
        words: list[Any] = [None] * self._world
        dist.all_gather_object(words, self._word, group=self._group)
        return words

    def _say(self, word: str, seconds: float | None) -> None:
        self._word = word
        self._wake.set()
        self._still.wait(seconds)

    def leave(self) -> None:
        """Wait until all processes have come to their end, or one of them has failed (see
        `told`)."""
        self._say(_OVER, None)

    def fail(self, sentence: str) -> None:
        """Tell the others that this process has failed, and see that they know (for a few seconds:
        some may be out of reach)."""
        self._say(sentence, 5 * PERIOD)

    def news(self) -> bool:
        """Whether another process has failed, which takes a moment to get here."""
        return self._still.wait(3 * PERIOD) and bool(self.told)
