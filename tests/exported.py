"""Classifiers of every kind beside their ONNX files."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from imagecls.classifier import KIND, export
from imagecls.classifier.model import Predictor
from imagecls.classifier.models import ClassifierConfig
from tests.classifiers import CLASSES, predictor
from tests.conftest import ROOT, once
from tests.photographs import colourful, encoded

PICTURE = ROOT / "data" / "images" / "validation" / "pizza" / "000.jpg"

LINEAR = ClassifierConfig(
    "resnet", CLASSES, size=32, store_size=40, widths=(8, 16), hidden=(), context="se"
)
CONFIGS = [
    LINEAR,
    ClassifierConfig(
        "resnet",
        CLASSES,
        size=48,
        store_size=40,
        fit="crop",
        widths=(8, 16),
        hidden=(12, 10),
        context="bias",
    ),
    ClassifierConfig("cnn", CLASSES, size=24, store_size=40, widths=(8, 16), hidden=(12, 10)),
    ClassifierConfig(
        "cnn",
        CLASSES,
        size=24,
        store_size=24,
        widths=(8, 16),
        hidden=(),
        pool="mean",
        mean=(0, 0, 0),
    ),
    ClassifierConfig(
        "resnet101", CLASSES, size=64, store_size=72, depths=(1, 1, 1, 1), base=4, hidden=(12, 10)
    ),
]


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Predictor, Path]]:
    """A classifier of every kind, and its file."""
    networks = [predictor(config, i) for i, config in enumerate(CONFIGS)]

    def make(folder: Path) -> None:
        for i, network in enumerate(networks):
            assert export.export(network, folder / f"{i}.onnx") < 1e-4

    folder = once(tmp_path_factory, "exported", make)
    return [(network, folder / f"{i}.onnx") for i, network in enumerate(networks)]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, exported: Any) -> tuple[Path, Path]:
    """A model file of torch's, and the ONNX file of the same network."""
    from gocnn import modelfile

    one, file = exported[0]
    path = tmp_path_factory.mktemp("pair") / "m.safetensors"
    modelfile.save(path, KIND, asdict(one.config), {"data": "none"}, one.network.state_dict())
    return path, file


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine labelled pictures of the three classes, one of them upright by its EXIF alone."""
    folder = tmp_path_factory.mktemp("photos")
    for i in range(9):
        image = colourful(i, (90, 60))
        exif = image.getexif()
        exif[0x0112] = 6 if i == 4 else 1
        (folder / CLASSES[i % 3]).mkdir(exist_ok=True)
        (folder / CLASSES[i % 3] / f"{i}.jpg").write_bytes(encoded(image, "JPEG", exif=exif))
    return folder
