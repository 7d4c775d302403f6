"""Pictures that grow (img-train --grow-from) beside pictures of one size, at equal processor time:
the recipe of --preset strong, a budget in seconds of one core (not of the clock, so that other work
on the machine takes nothing from anyone).

    python benchmarks/growing.py PHOTOGRAPHS --out FOLDER [--seconds 180] [--seed 1] FROM ...

FROM: pixels a side that training begins with, 0: those that it ends with. With --cost nothing is
trained: it says what a step costs at each size of `--grow-from FROM`.
"""

import json
import os
import time
from dataclasses import replace

import torch

from core_seconds import by_options, count_core_seconds, figures, options, trained
from gocnn.training import TrainConfig
from gocnn.training.batches import Again
from gocnn.training.stepping import Stepper
from imagecls.augment import RECIPES, Augmenter
from imagecls.classifier.growing import Growth
from imagecls.classifier.models import ClassifierConfig, build
from imagecls.classifier.task import ImageTask
from scripts import run_script

CLASSES = tuple("abcdefghij")
ROUNDS = 3
"""Of which each size has its fastest."""


def cost(network: ClassifierConfig, train: TrainConfig, first: int, last: int) -> None:
    """Print seconds of one core for a step at each size, sizes in turn, and the samples that a
    budget gives beside one of which every step is of the last size."""
    growth = Growth.between(first, last)
    augment = Augmenter(RECIPES["strong"], last, network.mean, network.std)
    task = ImageTask(augment, augment, train.label_smoothing, growth=growth)
    stepper = Stepper(build(network), task, train, torch.device("cpu"))
    stepper.precision = "fp32"
    side = network.store_size
    pixels = torch.randint(0, 256, (train.batch, 3, side, side), dtype=torch.uint8)
    batch = Again((pixels, torch.arange(train.batch) % len(CLASSES)))
    found = dict.fromkeys(growth.begins, float("inf"))
    for round_number in range(ROUNDS + 1):
        for done in growth.begins:
            began = time.process_time()
            stepper.step(stepper.model, batch, 1.0, done=done)
            if round_number:  # the first makes what is made once
                found[done] = min(found[done], time.process_time() - began)
    seconds = list(found.values())
    for size, each in zip(growth.sizes, seconds, strict=True):
        print(f"{size}: {each:.2f} s a step of {train.batch}, {each / seconds[-1]:.0%}")
    shares = [b - a for a, b in zip(growth.begins, (*growth.begins[1:], 1.0), strict=True)]
    times = sum(share * seconds[-1] / each for share, each in zip(shares, seconds, strict=True))
    print(f"{times:.2f} times the samples", flush=True)


def main() -> None:
    parser = options(seconds=180)
    parser.add_argument("sizes", nargs="+", type=int, metavar="FROM")
    parser.add_argument("--cost", action="store_true")
    arguments = parser.parse_args()
    count_core_seconds()
    for first in arguments.sizes:
        plain = by_options(
            arguments, classes=CLASSES if arguments.cost else (), seconds=arguments.seconds
        )
        config = replace(plain, grow_from=first)
        if arguments.cost:
            cost(config.network, config.train, first, config.size)
            continue
        outcome, reports = trained(config, arguments.out / f"grow-{first}-{arguments.seed}")
        said = {
            "from": first,
            "seed": arguments.seed,
            "seconds": round(outcome.seconds),
            **figures(outcome, reports),
        }
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    run_script(main)
