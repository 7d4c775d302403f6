"""Options that several commands share."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from imagecls.classifier.ensemble import Asked, Ensemble

MODEL_HELP = "A model file (.safetensors or .onnx), a run folder, or food, which ships"
DEFAULT_HELP = "[default: $GOCNN_IMAGE_MODEL, else food]"

models_option = click.option(
    "--model",
    "models",
    multiple=True,
    help=f"{MODEL_HELP}; given several times, the models are averaged.  {DEFAULT_HELP}",
)
"""`models`: the classifiers that are asked; see `ensemble_of`."""

model_option = click.option("--model", help=f"{MODEL_HELP}.  {DEFAULT_HELP}")
"""`model`: the classifier that is asked; see `ensemble_of`."""

views_option = click.option(
    "--tta",
    type=click.IntRange(1, 12),
    default=1,
    show_default=True,
    help="Views of each picture that are averaged (2: also mirrored).",
)
"""`tta`: test-time augmentation."""


def note(text: str) -> None:
    """A line on standard error for the person."""
    click.echo(f"note: {text}", err=True)


def ensemble_of(
    models: Sequence[str], device: str, say: Callable[[str], None] = note
) -> "Ensemble":
    """The classifiers of those names, or the default one, of which `say` is told. Raises
    UserError."""
    from imagecls.classifier.ensemble import Ensemble
    from imagecls.classifier.runtime import open_classifier

    if models:
        return Ensemble([open_classifier(one, device) for one in models])
    asked = open_classifier(None, device)
    tell_default(asked, say)
    return Ensemble([asked])


def tell_default(asked: "Asked", say: Callable[[str], None] = note) -> None:
    """Say what the classifier knows that is asked because nobody has named one, if it is the one
    that ships."""
    from imagecls.classifier import shipped

    if shipped.is_shipped(asked.path):
        say(
            f"no --model is given, so {asked.path.stem} answers, which ships and knows nothing but"
            f" {', '.join(asked.config.classes)}"
        )
