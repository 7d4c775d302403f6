"""The options of img-train for knowledge distillation: trained networks that teach."""

from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from gocnn.console.numbers import FloatRange
from gocnn.console.shared_options import completed_by, together
from imagecls.commands.options import classifier_names

if TYPE_CHECKING:
    from imagecls.classifier.run_config import ClassifierRunConfig

OPTIONS = (
    click.option(
        "--teacher",
        multiple=True,
        metavar="MODEL",
        shell_complete=completed_by(classifier_names, files=True),
        help=(
            "Knowledge distillation: learn from the answers of a trained network, a run folder, a"
            " .safetensors file or food, which ships, to the very pictures that are learnt from"
            " (given several times: the mean of their answers)."
        ),
    ),
    click.option(
        "--teacher-share",
        type=FloatRange(0, 1),
        default=1.0,
        show_default=True,
        help="Share of the teachers in what is learnt; the rest is the labels'.",
    ),
    click.option(
        "--teacher-temperature",
        type=FloatRange(0.1, 100),
        default=1.0,
        show_default=True,
        help="By which logits are divided before answers are compared: above 1 they are softer.",
    ),
)

TAUGHT = ("teacher", "teacher_share", "teacher_temperature")
"""The names of their parameters, for the headings of the help."""

OF_LABELS = ("label_smoothing", "class_weights")
"""Options that change how labels are learnt."""

taught_options = together(*OPTIONS)
"""All options of this module."""


def taught(options: dict[str, Any]) -> dict[str, Any]:
    """The fields of ClassifierRunConfig that the options of this module say. Raises
    click.UsageError where an option would be passed over."""
    from imagecls.classifier.teaching import Teaching

    context = click.get_current_context()

    def given(names: tuple[str, ...]) -> list[str]:
        return [
            f"--{name.replace('_', '-')}"
            for name in names
            if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        ]

    teaching = Teaching(
        options["teacher"], options["teacher_share"], options["teacher_temperature"]
    )
    if not teaching.models:
        for option in given(TAUGHT):
            raise click.UsageError(
                f"{option} means something with --teacher only; add that, or leave it out"
            )
    elif teaching.share == 1:
        for option in given(tuple(name for name in OF_LABELS if context.params[name])):
            raise click.UsageError(
                f"{option} is of the labels, of which nothing is learnt where teachers have the"
                " whole share; give --teacher-share below 1 too, or leave it out"
            )
    return {"teaching": teaching}


def moved(config: "ClassifierRunConfig", options: dict[str, Any]) -> "ClassifierRunConfig":
    """The configuration of a run that goes on, with its teachers where they are now, if that was
    given. Raises click.UsageError if it has none, UserError if one of them is not there."""
    from dataclasses import replace

    from imagecls.classifier import shipped

    if not options["teacher"]:
        return config
    if not config.teaching.models:
        raise click.UsageError(
            f"the run in {options['out']} began without teachers; leave out --teacher, or start a"
            " new run"
        )
    for name in options["teacher"]:
        shipped.shelf().existing(name, ".safetensors")
    return replace(config, teaching=replace(config.teaching, models=options["teacher"]))
