"""What a person sees of a run: a bar on standard error, or a line a minute where standard error is
not a terminal, or tqdm is not installed."""

import sys
import time
from typing import Any

from gocnn.bars import NoBar, bar

LINE_SECONDS = 60.0


class Progress:
    """Shows loss, accuracy, samples a second and time left. `show` may be called at any rate; it
    draws when it is time."""

    def __init__(self, name: str, quiet: bool = False) -> None:
        self._quiet, self._terminal = quiet, sys.stderr.isatty()
        self._bar: Any = None
        if self._terminal and not quiet:
            layout = "{desc} {percentage:3.0f}%|{bar:24}| {postfix}"
            drawn = bar(total=1.0, desc=name, bar_format=layout, mininterval=0.3)
            self._bar = None if isinstance(drawn, NoBar) else drawn
        self._last = time.perf_counter()

    def show(
        self,
        progress: float,
        step: int,
        figures: dict[str, float],
        *,
        rate: float | None = None,
        left: float | None = None,
    ) -> None:
        """`progress` 0 to 1; `rate` in samples a second and `left` in seconds, if they are known
        both."""
        text = " ".join(f"{key} {value:.4g}" for key, value in figures.items())
        text = f"step {step} {text}"
        if rate is not None and left is not None:
            text += f" {rate:.0f} samples/s, {clock(left)} left"
        if self._bar is not None:
            self._bar.n = progress
            self._bar.set_postfix_str(text)
        elif not self._quiet and time.perf_counter() - self._last >= LINE_SECONDS:
            self._last = time.perf_counter()
            print(f"{progress:4.0%} {text}", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """A line that stays; nothing if it is empty."""
        if self._quiet or not text:
            return
        if self._bar is not None:
            self._bar.write(text, file=sys.stderr)
        else:
            print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()


def clock(seconds: float) -> str:
    """`1:02:03` or `2:03`."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
