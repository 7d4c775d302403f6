"""What the lecture's change of hue is worth on photographs, whose colours say much of what a dish
is: its recipe with other largest changes of hue, at equal processor time.

    python benchmarks/hue.py PHOTOGRAPHS --out FOLDER [--seconds 200] [--seed 1] HUE ...

HUE: a share of the circle, 0 to 0.5; the lecture's is 0.2. Seconds are of one core, not of the
clock.
"""

import json
import os
from dataclasses import replace

from core_seconds import count_core_seconds, figures, options, share, short, trained
from scripts import run_script


def main() -> None:
    parser = options(seconds=200)
    parser.add_argument("hues", nargs="+", type=share(0.5), metavar="HUE")
    arguments = parser.parse_args()
    count_core_seconds()
    for hue in arguments.hues:
        config = short(arguments, arguments.photographs, augment="lecture")
        recipe = replace(config.recipe, jitter=(*config.recipe.jitter[:3], hue))
        outcome, reports = trained(
            replace(config, recipe=recipe), arguments.out / f"hue-{hue:g}-{arguments.seed}"
        )
        said = {"hue": hue, "seed": arguments.seed, **figures(outcome, reports)}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    run_script(main)
