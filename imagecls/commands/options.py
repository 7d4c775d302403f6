"""Options that several commands share."""

import click

models_option = click.option(
    "--model",
    "models",
    multiple=True,
    required=True,
    help="A model file or run folder; given several times, the models are averaged.",
)
"""`models`: the classifiers that are asked."""

views_option = click.option(
    "--tta",
    type=click.IntRange(1, 12),
    default=1,
    show_default=True,
    help="Views of each picture that are averaged (2: also mirrored).",
)
"""`tta`: test-time augmentation."""
