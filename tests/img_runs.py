"""A few of the sample photographs, a short run that has learnt from them, and options of small
runs."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tests.conftest import ROOT, once
from tests.typed import good

IMAGES = ROOT / "data" / "images"
FAST = [
    "--size",
    "32",
    "--widths",
    "8,16",
    "--hidden",
    "16",
    "--batch",
    "16",
    "--precision",
    "fp32",
    "--validations",
    "1",
    "--quiet",
]
SMALL101 = [
    "--model",
    "resnet101",
    "--size",
    "32",
    "--depths",
    "1,1,1,1",
    "--base",
    "4",
    "--batch",
    "16",
    "--precision",
    "fp32",
    "--quiet",
]


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few of the sample pictures: 6 classes, 8 for training and 4 for validation each."""

    def make(target: Path) -> None:
        for part, count in (("training", 8), ("validation", 4)):
            for folder in sorted((IMAGES / part).iterdir()):
                (target / part / folder.name).mkdir(parents=True)
                for path in sorted(folder.iterdir())[:count]:
                    shutil.copy(path, target / part / folder.name)

    return once(tmp_path_factory, "few", make)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, few: Path) -> Path:
    """A short finished run."""

    def make(folder: Path) -> None:
        good("img-train", few, "--out", folder / "r", "--steps", 12, *FAST)

    return once(tmp_path_factory, "few-run", make) / "r"


def silent(model: Path) -> None:
    """A model file as versions before wrote it: without what it has learnt from."""
    with safe_open(model, "pt") as file:
        metadata = file.metadata()
    provenance = json.loads(metadata["provenance"])
    del provenance["learnt"]
    metadata["provenance"] = json.dumps(provenance)
    save_file(load_file(model), model, metadata)
