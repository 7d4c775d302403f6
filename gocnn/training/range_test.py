"""The learning-rate range test (Smith 2017, "Cyclical learning rates for training neural networks",
https://arxiv.org/abs/1506.01186): the rate rises by the same factor from step to step, over five
powers of ten, and the loss shows from where on the network learns and where it is torn apart.

It takes a few dozen steps, whose network is thrown away. The rate is that of `--learning-rate`, the
highest of the schedule, for all parameters: their factors (rate_factors) stay, and where Muon has
AdamW beside it, both rise alike.
"""

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gocnn.figures import pyplot, save_figure
from gocnn.files import make_folder, write_text
from gocnn.training.config import LEAST_RANGE_STEPS
from gocnn.training.names import CURVE, TABLE

LOWEST, HIGHEST = 1e-3, 1e2
"""The range, in multiples of the optimiser's own rate (`DEFAULT_RATES`)."""

SMOOTHING = 0.9
"""Decay of the average that smooths the loss, evened out at its beginning as Adam does."""

TORN = 4.0
"""The test ends where the smoothed loss is so many times its lowest."""

LOST = 0.25
"""The share of its fall that the smoothed loss must lose again for the test to have seen where
rates are too high. A share of the loss itself would pass over networks that learn little in so few
steps."""

ENOUGH_STEPS = 100
"""Steps over the whole range below which a single batch may decide where the loss is lowest: the
average is of about ten, which are half a power of ten here."""

RULE = "a tenth of the rate at which the smoothed loss is lowest"


@dataclass(frozen=True)
class RangeTest:
    """What a range test has found: rates and losses (nats) step by step, float64 `(steps,)`, the
    same smoothed, the optimiser's name, and whether the loss rose so far that the test ended."""

    rates: npt.NDArray[np.float64]
    losses: npt.NDArray[np.float64]
    smoothed: npt.NDArray[np.float64]
    optimiser: str
    torn: bool

    @property
    def lowest(self) -> int:
        """The step at which the smoothed loss is lowest."""
        return int(self.smoothed.argmin())

    @property
    def suggestion(self) -> float | None:
        """RULE, to two digits; None if the loss never fell by a hundredth of what it began with."""
        if self.smoothed[self.lowest] > 0.99 * self.smoothed[0]:
            return None
        return float(f"{self.rates[self.lowest] / 10:.1e}")

    @property
    def rose(self) -> bool:
        """Whether the smoothed loss, once it was lowest, lost LOST of its fall again, or the test
        ended for it."""
        lowest = self.smoothed[self.lowest]
        again = float(self.smoothed[self.lowest :].max() - lowest)
        return self.torn or again > LOST * float(self.smoothed[0] - lowest)

    @property
    def planned(self) -> int:
        """Steps of the whole range, of which a test that ended early did the first."""
        powers = math.log(self.rates[-1] / self.rates[0])
        return 1 + round((len(self.rates) - 1) * math.log(HIGHEST / LOWEST) / powers)

    @property
    def steepest(self) -> float:
        """The rate at which the smoothed loss falls fastest over the logarithm of the rate, up to
        where it is lowest, and after the first steps, whose average is of few."""
        end = max(self.lowest, 1) + 1
        begin = max(0, min(LEAST_RANGE_STEPS, end - 2))
        slopes = np.gradient(self.smoothed[begin:end], np.log(self.rates[begin:end]))
        return float(self.rates[begin + int(slopes.argmin())])

    def sentences(self) -> list[str]:
        """What a person should know, a line each."""
        lowest = self.rates[self.lowest]
        lines = [
            f"{len(self.rates)} steps with {self.optimiser}, rates {self.rates[0]:.1e} to"
            f" {self.rates[-1]:.1e}: the smoothed loss is lowest ({self.smoothed.min():.3f}) at"
            f" {lowest:.1e}, and falls fastest at {self.steepest:.1e}"
        ]
        if self.suggestion is None:
            lines.append(
                "no suggestion: the loss did not fall in these steps; give more of them with"
                " --steps"
            )
        else:
            lines.append(f"suggested: --learning-rate {self.suggestion:g} ({RULE})")
            if not self.rose:
                lines.append("the loss hardly rose again: higher rates may do as well")
            if self.planned < ENOUGH_STEPS:
                lines.append(
                    f"{self.planned} steps make this rough, for a single batch may decide it; give"
                    f" {ENOUGH_STEPS} or more with --steps"
                )
        return lines

    def save(self, folder: Path) -> None:
        """Write the table and draw the curve into the folder."""
        make_folder(folder)
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(["step", "learning_rate", "loss", "smoothed"])
        for i, values in enumerate(zip(self.rates, self.losses, self.smoothed, strict=True)):
            rows.writerow([i + 1, *(f"{value:.6g}" for value in values)])
        write_text(folder / TABLE, text.getvalue())
        self._draw(folder / CURVE)

    def _draw(self, target: Path) -> None:
        figure, axis = pyplot().subplots(figsize=(8.6, 4.9), constrained_layout=True)
        axis.plot(self.rates, self.losses, color="#9ab", linewidth=1, label="each step")
        axis.plot(self.rates, self.smoothed, color="#c33", linewidth=2, label="smoothed")
        best = self.lowest
        axis.plot(self.rates[best], self.smoothed[best], "o", color="#c33", label="lowest")
        if self.suggestion is not None:
            axis.axvline(
                self.suggestion,
                color="#06b",
                linestyle="--",
                label=f"suggested: {self.suggestion:g}\n({RULE})",
            )
        top, bottom = float(self.smoothed[0]), float(min(self.smoothed.min(), self.losses.min()))
        room = max(top - bottom, 1e-3)
        axis.set_ylim(bottom - 0.15 * room, top + 0.8 * room)
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(lambda rate, _place: f"{rate:g}")
        axis.set_xlabel(f"learning rate ({self.optimiser})")
        axis.set_ylabel("training loss (nats)")
        axis.set_title(f"Learning-rate range test, {len(self.rates)} steps")
        axis.grid(alpha=0.3, which="both")
        axis.legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=4, fontsize=9, frameon=False
        )
        save_figure(figure, target)


def suggestion_in(folder: Path) -> float | None:
    """The suggestion of the range test whose table is in the folder."""
    with (folder / TABLE).open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    rates, losses, smoothed = (
        np.array([float(row[name]) for row in rows])
        for name in ("learning_rate", "loss", "smoothed")
    )
    return RangeTest(rates, losses, smoothed, "", False).suggestion


def smooth(losses: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The running average of losses with decay SMOOTHING, divided by the weight that it has so
    far."""
    average, found = 0.0, []
    for i, loss in enumerate(losses.tolist()):
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        found.append(average / (1 - SMOOTHING ** (i + 1)))
    return np.array(found)
