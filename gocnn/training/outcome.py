"""What a run comes to."""

from dataclasses import dataclass

from gocnn.training.range_test import RangeTest


@dataclass(frozen=True)
class Outcome:
    """How a run ended: steps and samples seen, the best validation figures, seconds, share of time
    waited for data (0 to 1), whether it was interrupted, whether this process is the one to speak
    of it (of several, the first), what a range test found, if that was asked for instead, and what
    the next run should do otherwise, a sentence or nothing."""

    steps: int
    samples: int
    best: dict[str, float]
    seconds: float
    waited: float
    interrupted: bool
    first: bool = True
    rates: RangeTest | None = None
    advice: str = ""
