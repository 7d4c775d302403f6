"""What several processes decide as one while a run goes on, so that all of them do the same after
the same step."""

import time
from collections.abc import Callable, Sequence

from gocnn.training.distributed import Processes

MOST_STEPS = 8
"""Steps between two agreements, at most."""

SECONDS = 1.0
"""How long a process that is told to stop goes on, at most, unless one step takes longer."""

ENOUGH = 64
"""Samples in one process's share of a batch, from which on their statistics hardly differ from
those of the whole batch."""


class Consensus:
    """What all processes of a run have agreed on: how far the run is (`done`, 0 to 1, by the clock
    of process 0), whether to `stop` (if any process was told to), and whether to `save` a
    checkpoint (if process 0 wants to).

    A single process agrees with itself after each step. Several exchange what they want every
    MOST_STEPS steps, or about once a second where steps are slow; they wait for each other's
    programs then, not for their devices.
    """

    def __init__(
        self, processes: Processes, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._processes, self._clock = processes, clock
        self.done, self.stop, self.save = 0.0, False, False
        self._next: int | None = None
        self._before: tuple[int, float] | None = None

    def reach(self, step: int, done: float, stop: bool, save: bool, *, last: bool = False) -> None:
        """Agree, if it is time to, after `step` steps: `done`, `stop` and `save` are what this
        process would decide. All processes must call this after the same steps; `last`: this is the
        last step, as all of them know, so that they agree in any case."""
        if self._processes.world == 1:
            self.done, self.stop, self.save = done, stop, save
            return
        self.save = False
        if self._next is not None and step < self._next and not last:
            return
        now = self._clock()
        words = self._processes.gather((done, stop, save, self._steps(step, now)))
        (self.done, _, self.save, steps), self.stop = words[0], any(word[1] for word in words)
        self._next, self._before = step + steps, (step, now)

    def _steps(self, step: int, now: float) -> int:
        """Steps until the next agreement, so that about SECONDS pass: judged by how long those
        since the last one took."""
        if self._before is None or self._before[0] >= step:
            return 1
        seconds = (now - self._before[1]) / (step - self._before[0])
        return min(MOST_STEPS, max(1, int(SECONDS / max(seconds, 1e-9))))

    def figures(self, sums: Sequence[float], report: bool) -> tuple[list[float], bool]:
        """The sums over all processes, and whether process 0 wants to report them."""
        words = self._processes.gather((list(sums), report))
        return [sum(each) for each in zip(*(word[0] for word in words), strict=True)], words[0][1]


def sync_norms(wanted: bool | None, batch: int, parts: int, world: int) -> bool:
    """Whether `world` processes normalise over the whole batch, which is computed in `parts` parts.
    As `wanted`; None: only where one process's share of a part is less than ENOUGH samples."""
    return wanted if wanted is not None else batch // (parts * world) < ENOUGH
