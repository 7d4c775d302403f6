"""How long an average of the weights is best: one training by the recipe of --preset strong that
keeps several averages at once, each judged at every validation. So nothing but the average
differs: not the seed, not the steps.

    python benchmarks/averages.py PHOTOGRAPHS --out FOLDER [--seconds 500] [--seed 1]
        [--ramps 2,5,10,20,50,200]

Seconds are of one core, not of the clock. RAMP: see `gocnn.training.ema.Ema`; of RAMP N the average
is over about the last Nth of the steps so far; 0 is the network as it is.
"""

import json
import os
from typing import Any

from torch import nn

from core_seconds import by_options, count_core_seconds, options, trained
from gocnn.training import judging, stepping, validation
from gocnn.training.ema import Ema
from scripts import run_script

RAMPS = "2,5,10,20,50,200"


class Averages(Ema):
    """The average of the training, and others of the same weights beside it."""

    ramps: tuple[int, ...] = ()
    one: "Averages"

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__(model, decay)
        self.others = {ramp: Ema(model, 1 - 1e-9, ramp) for ramp in self.ramps}
        self.others[0] = Ema(model, 0.0)
        Averages.one = self

    def update(self, model: nn.Module, step: int) -> None:
        super().update(model, step)
        for other in self.others.values():
            other.update(model, step)


def main() -> None:
    parser = options(seconds=500)
    parser.add_argument("--ramps", default=RAMPS)
    arguments = parser.parse_args()
    count_core_seconds()
    arguments.out.mkdir(parents=True, exist_ok=True)
    Averages.ramps = tuple(map(int, arguments.ramps.split(",")))
    judge = judging.evaluate_together
    found: dict[int, list[dict[str, float]]] = {ramp: [] for ramp in (*Averages.ramps, 0)}

    def judge_all(model: nn.Module, *given: Any, **more: Any) -> dict[str, float]:
        for ramp, other in Averages.one.others.items():
            found[ramp].append(judge(other.model, *given, **more))
        return judge(model, *given, **more)

    setattr(stepping, "Ema", Averages)  # noqa: B010
    setattr(validation, "evaluate_together", judge_all)  # noqa: B010
    config = by_options(arguments, seconds=arguments.seconds)
    outcome, _ = trained(config, arguments.out / f"averages-{arguments.seed}")
    for ramp, judged in found.items():
        said = {
            "ramp": ramp,
            "seed": arguments.seed,
            "steps": outcome.steps,
            "accuracy": [round(one["accuracy"], 4) for one in judged],
            "loss": [round(one["loss"], 4) for one in judged],
        }
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    run_script(main)
