"""Options that several commands share."""

from pathlib import Path

import click

from gocnn.console.numbers import FloatRange
from gocnn.console.shared_options import choice_option, count_option

models_option = click.option(
    "--model",
    "models",
    multiple=True,
    required=True,
    help="A model file or run folder; given several times, the models are averaged.",
)
"""`models`: the classifiers that are asked."""

views_option = count_option(
    "--tta", 1, 12, "Views of each picture that are averaged (2: also mirrored).", default=1
)
"""`tta`: test-time augmentation."""

cache_option = click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="Folder of the decoded pictures.  [default: GOCNN_CACHE or ~/.cache/gocnn]",
)
"""`cache`: where pictures are kept once they are decoded."""

RECIPE = (
    choice_option(
        "--augment", ["none", "lecture", "strong"], "Recipe of augmentation.", default="lecture"
    ),
    click.option(
        "--crop",
        type=FloatRange(0.05, 1),
        help="Smallest area of a random resized crop, instead of the recipe's (1: no crop).",
    ),
    click.option(
        "--auto",
        type=click.Choice(["none", "trivial", "rand"]),
        help="TrivialAugment or RandAugment, instead of the recipe's.",
    ),
    click.option(
        "--erase",
        type=FloatRange(0, 1),
        help="Probability of random erasing, instead of the recipe's.",
    ),
)
"""A recipe of augmentation (`imagecls.augment.RECIPES`), and what is changed of it."""
