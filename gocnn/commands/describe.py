"""describe: a network layer by layer."""

import json
from pathlib import Path
from typing import Any

import click

from gocnn import modelfile, program
from gocnn.console.heads import heads
from gocnn.console.shared_options import json_option
from gocnn.errors import UserError
from gocnn.policy import shipped


@click.command("describe")
@click.argument("model", metavar="MODEL-OR-PRESET")
@json_option
def command(model: str, as_json: bool) -> None:
    """Show a network layer by layer: kernel, stride, output, receptive field, parameters,
    multiply-accumulates, and the cost of fully connected layers instead.

    MODEL-OR-PRESET is a model file or the folder of a run, a policy preset (tiny, small, base,
    large), a network that ships (shipped:base, shipped:base8, shipped:small), a classifier (cnn,
    resnet, resnet101; for eleven classes), `food`, the classifier that ships, or `lecture`: one
    convolution of 64 3x3 filters on the lecture's 100x100x3 picture.
    """
    from gocnn._jit import interpret

    interpret()  # no position is looked at: numba is not worth its import
    from gocnn.nn.describe import describe
    from gocnn.policy.network import PRESETS

    network, shape = _network(model)
    if model in shipped.NAMES and model in PRESETS:
        click.echo(
            f"note: {model} is the preset here, as go-train --preset {model} begins; the network of"
            f" that name that ships: {program.name()} describe {shipped.ALIAS}:{model}",
            err=True,
        )
    description = describe(model, network, shape)
    click.echo(json.dumps(description.to_json(), indent=1) if as_json else description.table())


def _network(name: str) -> tuple[Any, tuple[int, int, int]]:
    if name == "lecture":
        from gocnn.nn import ConvNormAct

        return ConvNormAct(3, 64, 3), (3, 100, 100)
    found = next((each for head in heads() if (each := head.network(name)) is not None), None)
    if found is None:
        if not Path(name).exists():
            raise UserError(
                f"{name} does not exist; give a model file, the folder of a training run, or a name"
                f" that `{program.name()} describe --help` lists"
            )
        modelfile.locate(name)
        raise UserError(
            f"{name} is a model of another program; give a model file or a run of this one"
        )
    return found
