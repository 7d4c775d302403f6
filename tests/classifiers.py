"""Small classifiers to test with."""

from pathlib import Path
from typing import TypedDict

import torch
from torch import nn

from imagecls.classifier.model import Predictor
from imagecls.classifier.models import ClassifierConfig, build

CLASSES = ("a", "b", "c")


class Small(TypedDict):
    """What makes a ResNet-101 small."""

    depths: tuple[int, ...]
    base: int


SMALL: Small = {"depths": (1, 1, 2, 1), "base": 8}


def predictor(config: ClassifierConfig, seed: int = 0) -> Predictor:
    torch.manual_seed(seed)
    network = build(config).eval()
    for module in network.modules():  # not the identity, so that mistakes in normalisation show
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, 0.1)
            nn.init.normal_(module.bias, 0, 0.1)
    return Predictor(network, config, {}, Path("m"), torch.device("cpu"))
