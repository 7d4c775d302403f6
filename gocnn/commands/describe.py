"""describe: a network layer by layer."""

import json
from typing import Any

import click

PRESETS = ("tiny", "small", "base", "large")
CLASSIFIERS = ("cnn", "resnet", "resnet101")


@click.command("describe")
@click.argument("model", metavar="MODEL-OR-PRESET")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(model: str, as_json: bool) -> None:
    """Show a network layer by layer: kernel, stride, output, receptive field, parameters, multiply-accumulates, and the cost of fully
    connected layers instead.

    MODEL-OR-PRESET is a model file or the folder of a run, a policy preset (tiny, small, base, large), a classifier (cnn, resnet, resnet101; for
    eleven classes), or `lecture`: one convolution of 64 3x3 filters on the lecture's 100x100x3 picture.
    """  # fmt: skip
    from gocnn.nn.describe import describe

    network, shape = _network(model)
    description = describe(model, network, shape)
    click.echo(json.dumps(description.to_json(), indent=1) if as_json else description.table())


def _network(name: str) -> tuple[Any, tuple[int, int, int]]:
    if name == "lecture":
        from gocnn.nn import ConvNormAct

        return ConvNormAct(3, 64, 3), (3, 100, 100)
    if name in CLASSIFIERS:
        from imagecls.models import ClassifierConfig, build

        size = 224 if name == "resnet101" else 128
        return build(ClassifierConfig(name, tuple("abcdefghijk"), size)), (3, size, size)  # type: ignore[arg-type]
    if name not in PRESETS and _is_classifier(name):
        from imagecls.model import load as load_classifier

        classifier = load_classifier(name)
        return classifier.network, (3, classifier.config.size, classifier.config.size)
    from gocnn.board.planes import plane_count
    from gocnn.policy.model import load
    from gocnn.policy.network import PolicyNetwork, preset

    network = PolicyNetwork(preset(name)) if name in PRESETS else load(name).network
    config = network.config
    return network, (plane_count(config.groups), config.size, config.size)


def _is_classifier(name: str) -> bool:
    from gocnn.training import modelfile

    return modelfile.read_metadata(modelfile.find(name)).get("kind") == "image-classifier"
