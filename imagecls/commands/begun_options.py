"""The option of img-train for transfer learning: a trained classifier to begin with."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from gocnn.console.shared_options import completed_by
from imagecls.commands.options import classifier_names

if TYPE_CHECKING:
    from imagecls.classifier.models import ClassifierConfig

begin_option = click.option(
    "--from",
    "begin",
    metavar="MODEL",
    shell_complete=completed_by(classifier_names, files=True),
    help=(
        "Transfer learning: begin with the network and the weights of a trained classifier (a run,"
        " a .safetensors file, or food, which ships) and, if its classes are others, a new head."
        " All of it learns."
    ),
)

OF_NETWORK = ("model", "dropout", "store_size", "fit")
"""Options that say what any network is, which --from says already."""


def need_no_network(of_models: Iterable[str]) -> None:
    """Raises click.UsageError if an option was given that says what the network is: one of
    OF_NETWORK, or of those that are of some models only."""
    context = click.get_current_context()
    for name in (*OF_NETWORK, *of_models):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(
                f"--from begins with a network as it is: leave out {option}, or --from"
            )


def begun_network(options: dict[str, Any]) -> "ClassifierConfig":
    """The network that --from names, its classes not yet known, for pictures of --size if that is
    given. Raises UserError if there is no such classifier, click.UsageError if it does not bear the
    size."""
    from dataclasses import replace

    from imagecls.classifier import init_from

    network = init_from.configuration(options["begin"], options["size"])
    if network.model == "cnn" and options["train_size"] not in (None, network.size):
        raise click.UsageError(
            "cnn sees pictures of one size only: leave out --train-size, or begin with a resnet"
        )
    return replace(network, classes=())
