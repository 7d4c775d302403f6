"""Options that several commands share."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gocnn.console.numbers import FloatRange, IntRange
from gocnn.console.shared_options import choice_option, completed_by, count_option, together

if TYPE_CHECKING:
    from imagecls.classifier.ensemble import Asked, Ensemble

F = TypeVar("F", bound=Callable[..., Any])

MODEL_HELP = "A model file (.safetensors or .onnx), a run folder, or food, which ships"
DEFAULT_HELP = "[default: $GOCNN_IMAGE_MODEL, else food]"


def classifier_names() -> tuple[str, ...]:
    """The names of the classifiers that ship."""
    from imagecls.classifier import shipped

    return shipped.NAMES


models_option = click.option(
    "--model",
    "models",
    multiple=True,
    shell_complete=completed_by(classifier_names, files=True),
    help=f"{MODEL_HELP}; given several times, the models are averaged.  {DEFAULT_HELP}",
)
"""`models`: the classifiers that are asked; see `ensemble_of`."""

model_option = click.option(
    "--model",
    shell_complete=completed_by(classifier_names, files=True),
    help=f"{MODEL_HELP}.  {DEFAULT_HELP}",
)
"""`model`: the classifier that is asked; see `ensemble_of`."""


torch_model_option = click.option(
    "--model",
    shell_complete=completed_by(classifier_names, files=True),
    help=(
        "A model file (.safetensors, whose layers can be looked at), a run folder, or food, which"
        f" ships.  {DEFAULT_HELP}"
    ),
)
"""`model`: the same where torch asks it."""


def views_of(default: int) -> Callable[[F], F]:
    """`tta`: test-time augmentation."""
    return count_option(
        "--tta", 1, 12, "Views of each picture that are averaged (2: also mirrored).", default
    )


part_option = click.option(
    "--part",
    type=click.Choice(["valid", "train", "test", "whole"]),
    help="Part of DATA.  [default: valid, else what has classes, train last]",
)
"""`part`: the part whose pictures are judged."""

cache_option = click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="Folder of the decoded pictures.  [default: $GOCNN_CACHE, else the system's cache folder]",
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
        "--shift",
        type=FloatRange(0, 0.5),
        help="Largest shift, as a share of the picture, instead of the recipe's (0: none).",
    ),
    click.option(
        "--scale",
        type=FloatRange(0, 0.9),
        help="Largest change of size, instead of the recipe's (0.2: 0.8 to 1.2 times).",
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

size_option = click.option(
    "--eval-size",
    "eval_size",
    type=IntRange(8, 1024),
    help=(
        "Show the networks pictures of so many pixels a side, if other than --size in training:"
        " 1.1 to 1.3 times as many are often better (FixRes).  [default: the training's]"
    ),
)
"""`eval_size`: see `ensemble_of`."""


def note(text: str) -> None:
    """A line on standard error for the person."""
    click.echo(f"note: {text}", err=True)


def ensemble_of(models: Sequence[str], device: str, size: int | None = None) -> "Ensemble":
    """The classifiers of those names, or the default one (once it has answered: `tell_default`),
    for pictures of another `size` if given (which takes torch). Raises UserError."""
    from imagecls.classifier.ensemble import Ensemble
    from imagecls.classifier.runtime import open_classifier, open_in_torch

    def opened(model: str | None) -> "Asked":
        if size is None:
            return open_classifier(model, device)
        return open_in_torch(model, device).at(size)

    return Ensemble([opened(one) for one in models] if models else [opened(None)])


def tell_default(asked: "Asked", say: Callable[[str], None] = note) -> None:
    """Say what the classifier knows that is asked because nobody has named one, if it is the one
    that ships."""
    from imagecls.classifier import shipped

    if shipped.is_shipped(asked.path):
        say(
            f"no --model is given, so {asked.path.stem} answers, which ships and knows nothing but"
            f" {', '.join(asked.config.classes)}"
        )


def _pattern(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        groups = re.compile(value).groups
    except re.error as error:
        raise click.BadParameter(f"{value!r} is no regular expression ({error})") from error
    if groups != 1:
        raise click.BadParameter(
            f"{value!r} has {groups or 'no'} groups: put the class, and nothing else, in"
            r" parentheses, as in '^(\w+)\.' for cat.0.jpg; (?:...) is no group"
        )
    return value


LABELLING = (
    click.option(
        "--labels",
        multiple=True,
        metavar="FILE.csv",
        help=(
            "Classes by a table instead of by folders: file and class in each line, separated by"
            " comma, semicolon or tab (also several times). A column split or is_valid says the"
            " parts."
        ),
    ),
    click.option(
        "--label-pattern",
        callback=_pattern,
        metavar="REGEX",
        help=(
            r"Classes by the names of files: the pattern's group is the class, as in '^(\w+)\.' for"
            " cat.0.jpg (with a / in it: by their paths)."
        ),
    ),
)
"""`labels` and `label_pattern`: what says the classes (see `take_labelling`)."""

labelling_options = together(*LABELLING)


def take_labelling(labels: tuple[str, ...], label_pattern: str | None) -> Any:
    """The `imagecls.photos.labelling.Labelling` that was asked for. Raises click.UsageError for
    both."""
    from imagecls.photos.labelling import Labelling

    if labels and label_pattern is not None:
        raise click.UsageError("give --labels or --label-pattern, not both")
    return Labelling(labels, label_pattern or "")
