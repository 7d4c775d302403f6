"""What is kept of a classifier's validation, against the classifier asked by itself."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imagecls
from tests.conftest import ROOT

PHOTOS = ROOT / "data" / "images"


def test_the_pictures_of_a_validation(tmp_path: Path) -> None:
    run = tmp_path / "run"
    imagecls.train(
        PHOTOS,
        run,
        steps=2,
        validations=1,
        batch=8,
        size=32,
        store_size=32,
        widths=(8, 8),
        model="resnet",
    )
    said = json.loads((run / "predictions.json").read_text())
    assert (said["kind"], said["step"], said["samples"]) == ("image-classifier", 2, 16)
    assert len(said["predictions"]) == 12
    network = imagecls.load(run)
    for one in said["predictions"]:
        (file,) = PHOTOS.glob(f"validation/**/{one['label']}/{one['name']}")
        expected = {each.name: each.probability for each in network.predict(file, top=None)}
        assert one["probability"] == pytest.approx(expected[one["label"]], abs=2e-3)
        best = sorted(expected.values(), reverse=True)[:3]
        assert [each["probability"] for each in one["answers"]] == pytest.approx(best, abs=2e-3)
        head, _, data = one["picture"].partition(",")
        assert head == "data:image/jpeg;base64"
        small = Image.open(io.BytesIO(base64.b64decode(data)))
        whole = Image.open(file).convert("RGB").resize(small.size)
        assert np.abs(np.asarray(small, float) - np.asarray(whole, float)).mean() < 25
