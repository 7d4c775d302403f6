"""The options of img-train for labels that are partly wrong, and for pictures without labels."""

from typing import TYPE_CHECKING, Any, NoReturn

import click

from gocnn.console.numbers import FloatRange
from gocnn.console.shared_options import choice_option, count_option, of_another, together

if TYPE_CHECKING:
    from imagecls.classifier.run_config import ClassifierRunConfig

HERE = "the layout's own folder"
"""What `--unlabelled` without a value stands for."""

OPTIONS = (
    choice_option(
        "--noisy",
        ["none", "elr", "correction", "sce", "small-loss"],
        "Labels are partly wrong: early-learning regularisation, label correction by the averaged"
        " network, symmetric cross-entropy, or small-loss selection.",
        default="none",
    ),
    click.option(
        "--noise-rate",
        type=FloatRange(0, 0.9),
        default=0.2,
        show_default=True,
        help="Share of wrong labels, which small-loss leaves out of each batch.",
    ),
    click.option(
        "--drop-listed",
        "drop_listed",
        multiple=True,
        metavar="FILE.csv",
        help="Training pictures to leave out: a list of img-clean, edited (also several times).",
    ),
    click.option(
        "--relabel",
        multiple=True,
        metavar="FILE.csv",
        help="Training pictures that get the list's likely class instead (also several times).",
    ),
    click.option(
        "--unlabelled",
        metavar="[PHOTOS]",
        is_flag=False,
        flag_value=HERE,
        help=(
            "Learn from pictures without labels too, by pseudo-labels (FixMatch): a folder, zip or"
            " tar; without PHOTOS: DATA's own unlabeled/."
        ),
    ),
    click.option(
        "--pseudo-threshold",
        type=FloatRange(0, 1),
        default=0.95,
        show_default=True,
        help=(
            "Probability from which on a pseudo-label counts (of the most that --label-smoothing"
            " allows)."
        ),
    ),
    count_option(
        "--unlabelled-ratio",
        1,
        16,
        "Unlabelled pictures in a batch for each labelled one.",
        default=1,
    ),
)

GUIDED = (
    "noisy",
    "noise_rate",
    "drop_listed",
    "relabel",
    "unlabelled",
    "pseudo_threshold",
    "unlabelled_ratio",
)
"""The names of their parameters, for the headings of the help."""

OF_ANOTHER = {
    "noise_rate": ("noisy", "small-loss"),
    "pseudo_threshold": ("unlabelled", None),
    "unlabelled_ratio": ("unlabelled", None),
}
"""Options that mean something beside another one only: its name, and the value it must have (None:
any)."""


guided_options = together(*OPTIONS)
"""All options of this module."""


def need_data(options: dict[str, Any]) -> NoReturn:
    """Raises click.UsageError: DATA is not there, which `--unlabelled` may have taken."""
    taken = options["unlabelled"]
    if taken in (None, HERE):
        raise click.UsageError("name the photographs to train on: a folder, zip or tar")
    raise click.UsageError(
        f"name the photographs to train on: --unlabelled has taken {taken} for its own; write DATA"
        " first, before the options"
    )


def guided(options: dict[str, Any]) -> dict[str, Any]:
    """The fields of ClassifierRunConfig that the options of this module say. Raises
    click.UsageError where one of them would be passed over."""
    from imagecls.classifier.noisy import Noisy
    from imagecls.classifier.pseudo import Unlabelled
    from imagecls.photos.listed import Listed

    for name, (other, value) in OF_ANOTHER.items():
        there = options[other] is not None if value is None else options[other] == value
        of_another(f"--{other}" + (f" {value}" if value else ""), there, name)
    return {
        "noisy": Noisy(options["noisy"], options["noise_rate"]),
        "unlabelled": Unlabelled(
            _place(options["unlabelled"]),
            options["pseudo_threshold"],
            ratio=options["unlabelled_ratio"],
        ),
        "listed": Listed(options["drop_listed"], options["relabel"]),
    }


def moved_guided(config: "ClassifierRunConfig", options: dict[str, Any]) -> "ClassifierRunConfig":
    """The configuration of a run that goes on, with its lists and its pictures without labels where
    they are now, if that was given. Raises click.UsageError if it has none."""
    from dataclasses import replace

    before = {
        "unlabelled": config.unlabelled.source is not None,
        "drop_listed": bool(config.listed.drop),
        "relabel": bool(config.listed.relabel),
    }
    for name, there in before.items():
        if options[name] and not there:
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(
                f"the run in {options['out']} began without {option}; leave it out, or start a new"
                " run"
            )
    unlabelled, listed = config.unlabelled, config.listed
    if options["unlabelled"]:
        unlabelled = replace(unlabelled, source=_place(options["unlabelled"]))
    listed = replace(
        listed,
        drop=options["drop_listed"] or listed.drop,
        relabel=options["relabel"] or listed.relabel,
    )
    return replace(config, unlabelled=unlabelled, listed=listed)


def _place(source: str | None) -> str | None:
    """What `--unlabelled` means, as `Unlabelled` has it."""
    return "" if source == HERE else source
