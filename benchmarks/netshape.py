"""Which network, where photographs are few, at equal processor time: the recipe of --preset strong
with a small residual network, and the same with another width, depth, stem or shortcut, or a longer
average of the weights.

    python benchmarks/netshape.py PHOTOGRAPHS --out FOLDER [--seconds 400] [--seed 1] WAY ...

WAY: plain; widths=48,96,192; blocks=2; ema=0.9995; resnet-d: img-train --shrink mean
(He et al. 2019, https://arxiv.org/abs/1812.01187); blur: a stem that looks at every pixel, then a
binomial filter with stride 2 (Zhang 2019, https://arxiv.org/abs/1904.11486). Seconds
are of one core, not of the clock.
"""

import argparse
import json
import os
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from core_seconds import by_options, count_core_seconds, figures, options, trained
from gocnn.nn import ConvNormAct
from imagecls.classifier import training
from imagecls.classifier.models import ClassifierConfig, build
from imagecls.classifier.models.base import Classifier
from imagecls.classifier.models.resnet import ResidualClassifier
from imagecls.classifier.training import ClassifierRunConfig
from scripts import run_script

WAYS = ("plain", "resnet-d", "blur")
CHANGED = ("widths", "blocks", "ema")


class Blur(nn.Module):
    """Maps `(N, C, H, W)`, each smoothed by (1 2 1) / 4 both ways, every second pixel of it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        line = torch.tensor([0.25, 0.5, 0.25])
        filters = torch.outer(line, line).expand(channels, 1, 3, 3).clone()
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        padded = functional.pad(x, (1, 1, 1, 1), mode="reflect")
        return functional.conv2d(padded, self.get_buffer("filters"), stride=2, groups=x.shape[1])


def blurred(network: ClassifierConfig) -> Classifier:
    """A residual classifier as the trainer builds it, but for its stem."""
    model = build(network)
    assert isinstance(model, ResidualClassifier)
    first = model.stem[0]
    assert isinstance(first, nn.Conv2d)
    width = first.out_channels
    stem: nn.Module = nn.Sequential(ConvNormAct(3, width, 3), Blur(width))
    setattr(model, "stem", stem)  # noqa: B010
    return model


def way(text: str) -> tuple[str, str]:
    """A WAY and what stands behind its =. Raises argparse.ArgumentTypeError."""
    name, _, value = text.partition("=")
    if name not in WAYS + CHANGED or bool(value) != (name in CHANGED):
        raise argparse.ArgumentTypeError(
            f"{text!r} is none of {', '.join(WAYS)}, widths=N,N, blocks=N, ema=X"
        )
    return name, value


def changed(config: ClassifierRunConfig, name: str, value: str) -> ClassifierRunConfig:
    """The run with another width, depth, shortcut or average."""
    if name == "widths":
        widths = tuple(map(int, value.split(",")))
        return replace(config, network=replace(config.network, widths=widths))
    if name == "blocks":
        return replace(config, network=replace(config.network, blocks=int(value)))
    if name == "ema":
        return replace(config, train=replace(config.train, ema=float(value)))
    if name == "resnet-d":
        return replace(config, network=replace(config.network, shrink="mean"))
    return config


def main() -> None:
    parser = options(seconds=400)
    parser.add_argument("ways", nargs="+", type=way, metavar="WAY")
    arguments = parser.parse_args()
    count_core_seconds()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, value in arguments.ways:
        told = f"{name}={value}" if value else name
        setattr(training, "build", blurred if name == "blur" else build)  # noqa: B010
        config = changed(by_options(arguments, seconds=arguments.seconds), name, value)
        outcome, reports = trained(config, arguments.out / f"{told}-{arguments.seed}")
        said: dict[str, object] = {"way": told, "seed": arguments.seed}
        print(json.dumps(said | figures(outcome, reports)), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    run_script(main)
